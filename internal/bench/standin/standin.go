// Package standin answers DynamoDB requests at once, so that a benchmark
// measures its client. It keeps nothing: writes are counted, and a Scan serves
// pages that were made beforehand.
//
//	standin.go   connections, requests and answers on the wire
//	answer.go    what each operation is answered
//	pages.go     the table that is scanned
//	counts.go    what was asked, by operation, and its content when wanted
//
// It speaks just as much HTTP/1.1 as clients of DynamoDB need, over plain
// connections of this machine only.
package standin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// SourceTable is the table that a Scan finds rows in. Any other is empty, with
// the same key.
const SourceTable = "source"

// Options are what a server is like.
type Options struct {
	Rows    int           // of SourceTable
	Latency time.Duration // of each request
}

// Server is a running stand-in.
type Server struct {
	listener net.Listener
	latency  time.Duration
	pages    *pages
	counts   counts

	mu          sync.Mutex
	connections map[net.Conn]struct{} // nil when closed
	serving     sync.WaitGroup
}

// Start listens on a free port of the loopback interface and serves until Close.
func Start(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, latency: o.Latency, pages: newPages(o.Rows), connections: map[net.Conn]struct{}{}}
	s.serving.Go(s.accept)
	return s, nil
}

// Endpoint is the server's URL.
func (s *Server) Endpoint() string { return "http://" + s.listener.Addr().String() }

// Close ends all connections and waits for them.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.connections {
		c.Close()
	}
	s.connections = nil
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		s.mu.Lock()
		if s.connections == nil {
			c.Close()
		} else {
			s.connections[c] = struct{}{}
			s.serving.Go(func() { s.serve(c) })
		}
		s.mu.Unlock()
	}
}

// serve answers the requests of one connection, one after the other.
func (s *Server) serve(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.connections, c)
		s.mu.Unlock()
	}()
	in := bufio.NewReaderSize(c, 64<<10)
	var r request
	known := false
	for {
		if err := r.read(in); err != nil {
			if !errors.Is(err, io.EOF) {
				fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			}
			return
		}
		if r.operation != "" {
			if !known {
				known = true
				s.counts.connections.Add(1)
			}
			if s.latency > 0 {
				time.Sleep(s.latency)
			}
		}
		if s.answer(&r).write(c, &r) != nil {
			return
		}
	}
}

// request is one request; its memory serves the next one too.
type request struct {
	path      string // of requests that are not DynamoDB's
	operation string
	body      []byte
	head      []byte // scratch of the answer
}

// maxBody is what DynamoDB takes at most.
const maxBody = 16 << 20

func (r *request) read(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return errors.New("no request line")
	}
	r.path, r.operation = string(fields[1]), ""
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > maxBody {
				return fmt.Errorf("length %s of a body", value)
			}
		case bytes.EqualFold(name, []byte("X-Amz-Target")):
			_, operation, _ := bytes.Cut(value, []byte("."))
			r.operation = string(operation)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return errors.New("a body of unknown length")
		}
	}
	if cap(r.body) < length {
		r.body = make([]byte, length)
	}
	r.body = r.body[:length]
	_, err = io.ReadFull(in, r.body)
	return err
}

// answer is the body of an answer in parts, of which the first may be large
// and shared by all connections.
type answer struct {
	status string // "200 OK" when empty
	parts  [2][]byte
}

func (a answer) write(to io.Writer, r *request) error {
	status := a.status
	if status == "" {
		status = "200 OK"
	}
	sum := crc32.Update(crc32.ChecksumIEEE(a.parts[0]), crc32.IEEETable, a.parts[1])
	head := append(append(r.head[:0], "HTTP/1.1 "...), status...)
	head = append(head, "\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-RequestId: STANDIN\r\nX-Amz-Crc32: "...)
	head = strconv.AppendUint(head, uint64(sum), 10)
	head = append(head, "\r\nContent-Length: "...)
	head = strconv.AppendInt(head, int64(len(a.parts[0])+len(a.parts[1])), 10)
	head = append(head, "\r\n\r\n"...)
	r.head = head
	if len(a.parts[0]) < 1<<10 {
		r.head = append(append(head, a.parts[0]...), a.parts[1]...)
		_, err := to.Write(r.head)
		return err
	}
	all := net.Buffers{head, a.parts[0], a.parts[1]}
	_, err := all.WriteTo(to)
	return err
}
