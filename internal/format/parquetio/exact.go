package parquetio

import "encoding/binary"

// The widest decimal that is exact in 16 bytes and that every common reader
// holds: a number column of a Parquet or Arrow file is DECIMAL(Precision, Scale).
const (
	Precision = precision
	Scale     = scale
)

// Integer is a valid number's text as a 64-bit integer; false when it is none.
func Integer(number string) (int64, bool) { return parseInteger(number) }

// Decimal is a valid number's text in units of ten to the minus Scale, as the
// two halves of a 128-bit integer; false when that would round it.
func Decimal(number string) (high int64, low uint64, ok bool) {
	b, ok := parseDecimal(number)
	return int64(binary.BigEndian.Uint64(b[:8])), binary.BigEndian.Uint64(b[8:]), ok
}

// Pending is about how many bytes are held that are not written yet.
func (w *Writer) Pending() int { return w.bytes() }
