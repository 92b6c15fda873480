package record

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
)

// Pos is where a row stands within its source.
type Pos struct {
	File int32 `json:"file"`           // index into Place.Files; -1 when the source reads no file
	Line int64 `json:"line,omitempty"` // 1-based line on which the row starts; 0 when there are no lines
	Seq  int64 `json:"seq"`            // 0-based number of the row in its file or partition
	Sub  int64 `json:"sub,omitempty"`  // which of several rows made of one; 0 for the first, and for the row itself
}

// MaxChildren is how many rows may be made of one, so that each has a place of
// its own.
const MaxChildren = 1 << childBits

const childBits = 20

// Child is the place of the i-th row made of the one at p, i below MaxChildren.
// Rows made of different rows, or by different i, are at different places, also
// when rows are made of rows that were made; their places rise as i does, for
// three times in a row.
func (p Pos) Child(i int) Pos {
	if p.Sub >= 1<<(63-childBits) {
		h := fnv.New64a()
		h.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(p.Sub)), uint64(i)))
		p.Sub = int64(h.Sum64()>>1 | 1<<62)
		return p
	}
	p.Sub = p.Sub<<childBits | int64(i)
	return p
}

// Compare orders places of one partition as its rows were read: -1, 0 or 1.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Sub, q.Sub))
}

// Place is what the rows of one partition of a source share. It is immutable.
type Place struct {
	Source  string   // address of the source, as source.csv.users
	Files   []string // every file of the partition, in reading order
	Segment int      // number of the scan segment; -1 when the source has none
}

// Origins says where the rows of a batch came from.
type Origins struct {
	Place *Place
	Pos   []Pos
}

// Len is the number of rows.
func (o Origins) Len() int { return len(o.Pos) }

// At is the origin of one row.
func (o Origins) At(row int) Origin {
	p := o.Pos[row]
	at := Origin{Line: p.Line, Seq: p.Seq, Sub: p.Sub, Segment: -1}
	if o.Place != nil {
		at.Source, at.Segment = o.Place.Source, o.Place.Segment
		if p.File >= 0 && int(p.File) < len(o.Place.Files) {
			at.File = o.Place.Files[p.File]
		}
	}
	return at
}

// Select is the origins of the chosen rows, in that order.
func (o Origins) Select(rows []int) Origins {
	pos := make([]Pos, len(rows))
	for i, r := range rows {
		pos[i] = o.Pos[r]
	}
	return Origins{Place: o.Place, Pos: pos}
}

// Slice is the origins of the rows from (included) to to (excluded).
func (o Origins) Slice(from, to int) Origins {
	return Origins{Place: o.Place, Pos: slices.Clone(o.Pos[from:to])}
}

// Origin is where one row came from. It identifies the row within its source:
// the same row of the same input has the same origin in every run.
type Origin struct {
	Source  string
	File    string
	Line    int64
	Segment int // -1 when the source has no segments
	Seq     int64
	Sub     int64
}

// String is the origin for a message: file and line, or segment and number. Of
// several rows made of one it says which, but for the first.
func (o Origin) String() string {
	if o.Sub > 0 {
		of := o
		of.Sub = 0
		return fmt.Sprintf("%s, part %d", of, o.Sub+1)
	}
	switch {
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	case o.File != "":
		return fmt.Sprintf("%s, row %d", o.File, o.Seq+1)
	case o.Segment >= 0:
		return fmt.Sprintf("%s, segment %d, item %d", o.Source, o.Segment, o.Seq+1)
	}
	return fmt.Sprintf("%s, row %d", o.Source, o.Seq+1)
}
