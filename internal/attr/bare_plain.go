//go:build !assert

package attr

// checkBare is for builds with the tag assert.
func (c *encodedColumn) checkBare() {}
