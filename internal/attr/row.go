package attr

import "github.com/dynapipe/dynapipe/internal/record"

// AppendRow appends a row as an item in compact DynamoDB JSON,
// {"id":{"S":"1"}}: what is absent is left out. For many rows of one batch an
// Encoder is faster.
func AppendRow(dst []byte, b *record.Batch, row int) []byte {
	dst = append(dst, '{')
	n := 0
	for i := range b.Columns() {
		c := b.Column(i)
		if c.Absent(row) {
			continue
		}
		dst = AppendJSONString(appendComma(dst, n), c.Name)
		dst = AppendCell(append(dst, ':'), c, row)
		n++
	}
	for name, cell := range record.Cells(b.Overflow(row)) {
		dst = AppendJSONString(appendComma(dst, n), name)
		dst = append(dst, ':')
		dst = append(dst, cell...)
		n++
	}
	return append(dst, '}')
}

// AppendCell appends the value that a row has in a column, as compact DynamoDB
// JSON. The row has one.
func AppendCell(dst []byte, c record.Column, row int) []byte {
	if c.Null(row) {
		return append(dst, `{"NULL":true}`...)
	}
	switch c.Type {
	case record.String:
		return appendEncoded(dst, c.Type, bytesOf(c.Text(row)))
	case record.Number:
		return appendEncoded(dst, c.Type, bytesOf(c.Text(row)))
	case record.Bool:
		return append(appendBool(append(dst, `{"BOOL":`...), c.Bool(row)), '}')
	case record.Binary:
		return appendEncoded(dst, c.Type, c.Bytes(row))
	}
	return append(dst, c.Bytes(row)...)
}

// AppendRowJSON appends a row as a plain JSON object, {"id":"1"}. lost, which
// may be nil, is told each attribute that AppendJSON gives its plainest form.
func AppendRowJSON(dst []byte, b *record.Batch, row int, lost func(attribute string)) []byte {
	dst = append(dst, '{')
	n := 0
	for i := range b.Columns() {
		c := b.Column(i)
		if c.Absent(row) {
			continue
		}
		var plainest bool
		dst = AppendJSONString(appendComma(dst, n), c.Name)
		dst, plainest = appendCellJSON(append(dst, ':'), c, row)
		if plainest && lost != nil {
			lost(c.Name)
		}
		n++
	}
	for name, cell := range record.Cells(b.Overflow(row)) {
		var plainest bool
		dst = AppendJSONString(appendComma(dst, n), name)
		dst, plainest = appendEncodedJSON(append(dst, ':'), cell)
		if plainest && lost != nil {
			lost(name)
		}
		n++
	}
	return append(dst, '}')
}
