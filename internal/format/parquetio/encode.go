package parquetio

import (
	"bytes"
	"encoding/binary"

	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
)

// order is the byte order of Parquet's encodings.
var order = binary.LittleEndian

// encoded is a column chunk as it stands in the file.
type encoded struct {
	bytes    []byte // its pages
	size     int    // of them
	dictSize int    // bytes of the dictionary page at their beginning; 0 for none
	plain    int    // bytes of the pages before compression, headers included
	pages    int32  // of data
	stats    metadata.EncodedStatistics
}

// encoder turns chunks into pages, one after the other. One goroutine uses it.
type encoder struct {
	codec      codec
	out        *encoded
	page       []byte
	dictionary dictionary
}

// pageBytes is about how many bytes of values a page holds, as is usual.
const pageBytes = 1 << 20

// encode makes the pages of a chunk, in place of what out had.
func (e *encoder) encode(c *chunk, out *encoded) error {
	*out = encoded{bytes: out.bytes[:0]}
	e.out = out
	coded := e.dictionary.build(c)
	e.out.stats = statistics(c, e.dictionary.entries(coded))
	if coded {
		e.page = e.dictionary.appendPage(e.page[:0], c)
		if err := e.flush(pageHeader{dictionary: true, values: len(e.dictionary.first)}); err != nil {
			return err
		}
		e.out.dictSize = len(e.out.bytes)
	}
	perPage := c.rows
	if total := len(c.data) + 4*len(c.ends); total > pageBytes {
		perPage = max(8, int(int64(c.rows)*pageBytes/int64(total))&^7) // levels are cut at whole bytes
	}
	value := 0
	for row := 0; row < c.rows; row += perPage {
		rows := min(perPage, c.rows-row)
		values := rows
		if c.nulls > 0 {
			values = bitutil.CountSetBits(c.valid, row, rows)
		}
		e.page = appendLevels(e.page[:0], c.valid[row/8:], rows, values)
		if coded {
			e.page = e.dictionary.appendIndexes(e.page, value, value+values)
		} else {
			e.page = appendPlain(e.page, c, value, value+values)
		}
		if err := e.flush(pageHeader{coded: coded, values: rows}); err != nil {
			return err
		}
		e.out.pages++
		value += values
	}
	e.out.size = len(e.out.bytes)
	return nil
}

// flush compresses the page at hand and adds it.
func (e *encoder) flush(h pageHeader) error {
	h.plain = len(e.page)
	packed, err := e.codec.compress(e.page)
	if err != nil {
		return err
	}
	h.packed = len(packed)
	before := len(e.out.bytes)
	e.out.bytes = h.append(e.out.bytes)
	e.out.plain += len(e.out.bytes) - before + h.plain
	e.out.bytes = append(e.out.bytes, packed...)
	return nil
}

// pageHeader is a PageHeader (Apache Parquet, parquet.thrift) of the two kinds
// that are written here.
type pageHeader struct {
	dictionary    bool
	coded         bool // the values are indexes into the dictionary
	values        int
	plain, packed int // bytes, before and after compression
}

// append appends the header in Thrift's compact protocol, in which a field is
// the distance of its number from the one before, its type, and its value.
func (h pageHeader) append(dst []byte) []byte {
	const dataPage, dictionaryPage = 0, 2
	kind, field := int64(dataPage), byte(5-3)
	if h.dictionary {
		kind, field = dictionaryPage, 7-3
	}
	dst = appendInt(dst, kind)
	dst = appendInt(dst, int64(h.plain))
	dst = appendInt(dst, int64(h.packed))
	dst = append(dst, field<<4|12) // a struct
	dst = appendInt(dst, int64(h.values))
	if h.dictionary {
		dst = appendInt(dst, int64(parquet.Encodings.Plain))
	} else {
		values := parquet.Encodings.Plain
		if h.coded {
			values = parquet.Encodings.RLEDict
		}
		dst = appendInt(dst, int64(values))
		dst = appendInt(dst, int64(parquet.Encodings.RLE)) // of definition levels
		dst = appendInt(dst, int64(parquet.Encodings.RLE)) // of repetition levels, of which there are none
	}
	return append(dst, 0, 0)
}

// appendInt appends the next field of a struct, an i32.
func appendInt(dst []byte, v int64) []byte { return binary.AppendVarint(append(dst, 1<<4|5), v) }

// appendLevels appends the definition levels of rows, of which so many have a
// value: a run when all are alike, else the bits that they are.
func appendLevels(dst, valid []byte, rows, values int) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	switch {
	case values == rows || values == 0:
		dst = binary.AppendUvarint(dst, uint64(rows)<<1)
		dst = append(dst, byte(min(values, 1)))
	default:
		groups := (rows + 7) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		dst = append(dst, valid[:groups]...)
	}
	order.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// appendPlain appends the values from (included) to to (excluded) in PLAIN
// encoding.
func appendPlain(dst []byte, c *chunk, from, to int) []byte {
	if from == to {
		return dst
	}
	switch w := c.physical.width(); w {
	case 0:
		start, _ := c.span(from)
		for _, end := range c.ends[from:to] {
			dst = order.AppendUint32(dst, end-start)
			dst = append(dst, c.data[start:end]...)
			start = end
		}
		return dst
	case 1:
		var bits byte
		for i, b := range c.data[from:to] {
			bits |= b << (i % 8)
			if i%8 == 7 || i == to-from-1 {
				dst = append(dst, bits)
				bits = 0
			}
		}
		return dst
	default:
		return append(dst, c.data[from*w:to*w]...)
	}
}

func (p physical) signed() bool { return p == integer || p == boolean }

// maxStatistic is how long a value may be to stand in the statistics.
const maxStatistic = 4096

// statistics is the least and the greatest value of a chunk, by the order that
// its type has, and how many are null. The values are those of the entries, or
// all when entries is nil.
func statistics(c *chunk, entries []uint32) metadata.EncodedStatistics {
	s := metadata.EncodedStatistics{HasNullCount: true, NullCount: int64(c.nulls), Signed: c.physical.signed()}
	n := c.values()
	if entries != nil {
		n = len(entries)
	}
	if n == 0 {
		return s
	}
	var least, greatest []byte
	var low, high uint64
	for i := range n {
		at := i
		if entries != nil {
			at = int(entries[i])
		}
		v := c.value(at)
		rank := c.physical.rank(v)
		if i == 0 || rank < low || rank == low && c.physical.less(v, least) {
			least, low = v, rank
		}
		if i == 0 || rank > high || rank == high && c.physical.less(greatest, v) {
			greatest, high = v, rank
		}
	}
	s.HasMin, s.HasMax = len(least) <= maxStatistic, len(greatest) <= maxStatistic
	s.Min, s.Max = bytes.Clone(least), bytes.Clone(greatest)
	return s
}

// rank orders values as far as their first bytes do.
func (p physical) rank(v []byte) uint64 {
	switch p {
	case integer:
		return order.Uint64(v) ^ 1<<63
	case decimal:
		return binary.BigEndian.Uint64(v) ^ 1<<63
	}
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	rank := uint64(0)
	for i, b := range v {
		rank |= uint64(b) << (56 - 8*i)
	}
	return rank
}

// less compares values of one rank.
func (p physical) less(a, b []byte) bool {
	if p == integer {
		return false
	}
	return bytes.Compare(a, b) < 0
}
