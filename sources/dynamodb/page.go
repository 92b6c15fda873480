package dynamodb

import (
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// pageRows makes the items of a page into chunks while its text is read. None
// is given before the whole page has proved to be in order: a page that is
// asked for again would bring its rows twice.
type pageRows struct {
	source  *source
	place   *record.Place
	builder *attr.Builder

	first   int64 // number of the page's first item
	items   int
	lengths []int              // of the items, where the budget asks for them
	rejects []record.Rejection // since the last chunk
	chunks  []sources.Chunk
}

var _ dynamo.ItemReader = (*pageRows)(nil)

// start begins a page whose first item has that number.
func (p *pageRows) start(first int64) {
	p.discard()
	p.first, p.items, p.lengths = first, 0, nil
}

// ReadItem implements dynamo.ItemReader.
func (p *pageRows) ReadItem(text []byte) (int, error) {
	limits := p.source.env.Limits
	if p.builder.Rows()+len(p.rejects) >= limits.Rows {
		p.cut()
	}
	length, err := p.builder.TakeItem(text)
	// The text of an item is no shorter than its values.
	if err == nil && p.builder.Rows() > 0 && int64(p.builder.Bytes()+length) > min(limits.Bytes, attr.MaxBatchBytes/2) {
		p.builder.Drop()
		p.cut()
		length, err = p.builder.TakeItem(text)
	}
	if err != nil {
		p.builder.Drop()
		return 0, err
	}
	p.builder.EndRow(record.Pos{File: -1, Seq: p.first + int64(p.items)})
	p.count(length)
	return length, nil
}

// RefuseItem keeps an item that breaks DynamoDB's own rules, as only a faulty
// server can send one.
func (p *pageRows) RefuseItem(item []byte, why error) {
	p.rejects = append(p.rejects, record.Rejection{
		Origin: record.Origin{Source: p.place.Source, Segment: p.place.Segment, Seq: p.first + int64(p.items)},
		Raw:    append([]byte(nil), item...), Operation: "read", Code: "InvalidItem",
		Message: why.Error(), Attempts: 1,
	})
	p.count(len(item))
}

func (p *pageRows) count(length int) {
	p.items++
	if p.source.measures() {
		p.lengths = append(p.lengths, length)
	}
}

// cut makes a chunk of the items since the last one.
func (p *pageRows) cut() {
	if p.builder.Rows()+len(p.rejects) == 0 {
		return
	}
	c := sources.Chunk{Rejects: p.rejects}
	if p.builder.Rows() > 0 {
		c.Batch = p.builder.Batch(p.place)
	}
	p.rejects = nil
	p.chunks = append(p.chunks, c)
}

// finish is the chunks of the page's first items, so many of them. They are the
// caller's.
func (p *pageRows) finish(items int) []sources.Chunk {
	p.cut()
	var out []sources.Chunk
	for _, c := range p.chunks {
		if c = p.before(c, p.first+int64(items)); c.Batch != nil || len(c.Rejects) > 0 {
			out = append(out, c)
		}
	}
	p.chunks = p.chunks[:0]
	return out
}

// before is what of a chunk stands before the item of that number.
func (p *pageRows) before(c sources.Chunk, number int64) sources.Chunk {
	c.Rejects = slices.DeleteFunc(c.Rejects, func(r record.Rejection) bool { return r.Origin.Seq >= number })
	if c.Batch == nil {
		return c
	}
	places := c.Batch.Origins().Pos
	if places[len(places)-1].Seq < number {
		return c
	}
	var rows []int
	for row, at := range places {
		if at.Seq < number {
			rows = append(rows, row)
		}
	}
	whole := c.Batch
	defer whole.Release()
	c.Batch = nil
	if len(rows) > 0 {
		c.Batch = attr.Select(p.source.env.Mem, whole, rows)
	}
	return c
}

// discard forgets the page.
func (p *pageRows) discard() {
	p.cut()
	release(p.chunks)
	p.chunks = nil
}

func release(chunks []sources.Chunk) {
	for _, c := range chunks {
		if c.Batch != nil {
			c.Batch.Release()
		}
	}
}
