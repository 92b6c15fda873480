package parquetio

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/parquet/metadata"
)

// A journal is what a later run needs besides the row groups of a file that is
// not whole: one line of JSON for each row group, and lines of rows that are in
// no row group yet. It is only ever added to. The reasons are in
// docs/adr/20261127-unfinished-files.md.
//
// A checkpoint that finds this much of a row group writes it as one of its own,
// which readers handle well; less than that stays pending.
const (
	decentGroupRows  = maxGroupRows / 8
	decentGroupBytes = maxGroupBytes / 8
)

// entry is a line of the journal.
type entry struct {
	Group   *groupEntry   `json:"group,omitempty"`
	Pending *pendingEntry `json:"pending,omitempty"`
}

// groupEntry is what the footer says of a row group.
type groupEntry struct {
	Rows    int           `json:"rows"`
	Columns []columnEntry `json:"columns"`
}

// columnEntry is encoded, without its bytes.
type columnEntry struct {
	Bytes      int    `json:"bytes"`
	Dictionary int    `json:"dictionary,omitempty"`
	Plain      int    `json:"plain"`
	Pages      int32  `json:"pages"`
	Nulls      int64  `json:"nulls,omitempty"`
	Min        []byte `json:"min"` // null for none
	Max        []byte `json:"max"`
}

// pendingEntry is rows that came after those of the line before.
type pendingEntry struct {
	Rows    int             `json:"rows"`
	Columns []pendingColumn `json:"columns"`
}

// pendingColumn is a chunk's values.
type pendingColumn struct {
	Valid   []byte   `json:"valid,omitempty"`   // bitmap of the rows with a value; none for all
	Lengths []uint32 `json:"lengths,omitempty"` // of text and binary
	Data    []byte   `json:"data,omitempty"`
}

// Checkpoint makes what has been written such that a later run can go on from
// it: from the bytes handed on so far and the lines that this and earlier calls
// gave, in that order.
func (w *Writer) Checkpoint() ([]byte, error) {
	if w.rows >= decentGroupRows || w.bytes() >= decentGroupBytes {
		if err := w.writeGroup(); err != nil {
			return nil, err
		}
	}
	var lines bytes.Buffer
	encode := json.NewEncoder(&lines)
	for i := range w.groups {
		if err := encode.Encode(entry{Group: &w.groups[i]}); err != nil {
			return nil, err
		}
	}
	w.groups = w.groups[:0]
	if w.rows > w.noted {
		lines.Grow(w.bytes() * 3 / 2) // base64, and the lengths
		if err := encode.Encode(entry{Pending: w.pending(w.noted)}); err != nil {
			return nil, err
		}
		w.noted = w.rows
	}
	return lines.Bytes(), nil
}

func (e *encoded) entry() columnEntry {
	c := columnEntry{Bytes: e.size, Dictionary: e.dictSize, Plain: e.plain, Pages: e.pages, Nulls: e.stats.NullCount}
	if e.stats.HasMin {
		c.Min = append([]byte{}, e.stats.Min...)
	}
	if e.stats.HasMax {
		c.Max = append([]byte{}, e.stats.Max...)
	}
	return c
}

// pending is the rows held, but for the first ones.
func (w *Writer) pending(from int) *pendingEntry {
	p := &pendingEntry{Rows: w.rows - from}
	for _, c := range w.chunks {
		p.Columns = append(p.Columns, c.after(from))
	}
	return p
}

// after is the values of the rows from a row on.
func (c *chunk) after(row int) (p pendingColumn) {
	value := row
	if c.nulls > 0 {
		value = bitutil.CountSetBits(c.valid, 0, row)
		p.Valid = make([]byte, bitutil.BytesForBits(int64(c.rows-row)))
		for i := row; i < c.rows; i++ {
			bitutil.SetBitTo(p.Valid, i-row, bitutil.BitIsSet(c.valid, i))
		}
	}
	if value == c.values() {
		return p
	}
	start, _ := c.span(value)
	p.Data = c.data[start:]
	if c.physical.width() == 0 {
		for _, end := range c.ends[value:] {
			p.Lengths = append(p.Lengths, end-start)
			start = end
		}
	}
	return p
}

var errJournal = errors.New("what was noted of its row groups is damaged")

// resume takes over from an earlier run: its journal, and the length of its
// file.
func (w *Writer) resume(journal io.Reader, length int64) error {
	lines := bufio.NewReader(journal)
	var held [][]byte // pending since the last row group
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errJournal, err)
		}
		if bytes.HasPrefix(line, []byte(`{"pending"`)) {
			held = append(held, line)
			continue
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%w: %w", errJournal, err)
		}
		if err := w.resumeGroup(e.Group); err != nil {
			return err
		}
		held = nil
	}
	if w.file.at != length {
		return fmt.Errorf("%w: row groups end at %d, and the file at %d", errJournal, w.file.at, length)
	}
	for _, line := range held {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%w: %w", errJournal, err)
		}
		if err := w.resumePending(e.Pending); err != nil {
			return err
		}
	}
	w.noted = w.rows
	return nil
}

func (w *Writer) resumeGroup(g *groupEntry) error {
	if g == nil || g.Rows <= 0 || len(g.Columns) != len(w.chunks) {
		return errJournal
	}
	columns := make([]encoded, len(g.Columns))
	for i, c := range g.Columns {
		if c.Bytes < 0 || c.Dictionary < 0 || c.Dictionary > c.Bytes || c.Plain < 0 || c.Pages < 0 {
			return errJournal
		}
		physical := w.chunks[i].physical
		columns[i] = encoded{size: c.Bytes, dictSize: c.Dictionary, plain: c.Plain, pages: c.Pages, stats: metadata.EncodedStatistics{
			HasNullCount: true, NullCount: c.Nulls, Signed: physical.signed(),
			HasMin: c.Min != nil, Min: c.Min, HasMax: c.Max != nil, Max: c.Max,
		}}
	}
	return w.file.noteGroup(columns, g.Rows, func(c *encoded) error {
		w.file.at += int64(c.size)
		return nil
	})
}

func (w *Writer) resumePending(p *pendingEntry) error {
	if p == nil || p.Rows <= 0 || p.Rows > maxGroupRows-w.rows || len(p.Columns) != len(w.chunks) {
		return errJournal
	}
	for i, c := range w.chunks {
		if err := c.restore(p.Columns[i], p.Rows); err != nil {
			return err
		}
	}
	w.rows += p.Rows
	return nil
}

// restore adds the values that after gave for so many rows.
func (c *chunk) restore(p pendingColumn, rows int) error {
	values := rows
	if p.Valid != nil {
		if len(p.Valid) != int(bitutil.BytesForBits(int64(rows))) {
			return errJournal
		}
		values = bitutil.CountSetBits(p.Valid, 0, rows)
	}
	if w := c.physical.width(); w > 0 {
		if len(p.Lengths) > 0 || len(p.Data) != values*w {
			return errJournal
		}
	} else {
		if len(p.Lengths) != values {
			return errJournal
		}
		total, base := uint64(0), uint32(len(c.data))
		for _, n := range p.Lengths {
			if total += uint64(n); total > uint64(len(p.Data)) {
				return errJournal
			}
			c.ends = append(c.ends, base+uint32(total))
		}
		if total != uint64(len(p.Data)) {
			return errJournal
		}
	}
	c.data = append(c.data, p.Data...)
	for i := range rows {
		c.row(p.Valid == nil || bitutil.BitIsSet(p.Valid, i))
	}
	return nil
}
