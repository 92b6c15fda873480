//go:build unix

package wire

import "syscall"

// canAsk: whether a connection that was idle is still open can be seen here.
const canAsk = true

// ask prepares the question whether the server has closed the connection, or
// sent something unasked. Nothing reads from an idle connection, so it is asked
// before each request: reading must find nothing and not the end.
func (c *conn) ask() {
	if plain, ok := c.plain.(syscall.Conn); ok {
		c.raw, _ = plain.SyscallConn()
	}
	c.probe = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), c.one[:])
		c.quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
}

// open reports that the connection can take a request.
func (c *conn) open() bool {
	return c.raw == nil || c.raw.Read(c.probe) == nil && c.quiet
}
