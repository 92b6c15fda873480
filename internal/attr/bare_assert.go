//go:build assert

package attr

// checkBare fails where a column is said to be bare and is not.
func (c *encodedColumn) checkBare() {
	if c.Bare && !JSONHoldsBare(c.offsets, c.data) {
		panic("attr: column " + c.Name + " is said to be bare")
	}
}
