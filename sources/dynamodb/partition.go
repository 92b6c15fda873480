package dynamodb

import (
	"context"
	"io"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// partition is one segment of a scan, or a query.
type partition struct {
	source  *source
	segment int
	place   *record.Place
	builder *attr.Builder

	page    dynamo.Page
	answer  []byte // the memory that the page is in
	last    []byte // and that of where the next one starts
	next    int    // item of the page that comes next
	started bool   // there has been a page
	seq     int64
}

func newPartition(s *source, segment int) *partition {
	place := &record.Place{Source: s.env.Node, Segment: segment}
	if s.operation == "Query" {
		place.Segment = -1
	}
	return &partition{source: s, segment: segment, place: place, builder: attr.NewBuilder(s.env.Mem)}
}

// Next gives the next items of the page at hand, or of the next page that has
// any: a filter may leave whole pages empty.
func (p *partition) Next(ctx context.Context) (sources.Chunk, error) {
	for {
		if ctx.Err() != nil {
			return sources.Chunk{}, ctx.Err()
		}
		if p.source.exhausted() {
			return sources.Chunk{}, io.EOF
		}
		if p.next < len(p.page.Items) {
			if c := p.cut(); c.Batch != nil || len(c.Rejects) > 0 {
				return c, nil
			}
			continue
		}
		if p.started && p.page.Last == nil {
			return sources.Chunk{}, io.EOF
		}
		if err := p.fetch(ctx); err != nil {
			return sources.Chunk{}, err
		}
		p.started, p.next = true, 0
	}
}

// cut takes items of the page up to the limits of a chunk.
func (p *partition) cut() sources.Chunk {
	var c sources.Chunk
	limits := p.source.env.Limits
	limits.Bytes = min(limits.Bytes, attr.MaxBatchBytes/2)
	for p.next < len(p.page.Items) && p.builder.Rows()+len(c.Rejects) < limits.Rows {
		item := p.page.Items[p.next]
		// The text of an item is no shorter than its values.
		if p.builder.Rows() > 0 && int64(p.builder.Bytes()+len(item)) > limits.Bytes {
			break
		}
		if !p.source.take() {
			p.next = len(p.page.Items)
			break
		}
		p.next++
		if err := p.builder.AddItem(item); err != nil {
			p.builder.Drop()
			c.Rejects = append(c.Rejects, p.reject(item, err))
		} else {
			p.builder.EndRow(record.Pos{File: -1, Seq: p.seq})
		}
		p.seq++
	}
	if p.builder.Rows() > 0 {
		c.Batch = p.builder.Batch(p.place)
	}
	return c
}

// reject keeps an item that breaks DynamoDB's own rules, as only a faulty
// server can send one.
func (p *partition) reject(item []byte, why error) record.Rejection {
	return record.Rejection{
		Origin: record.Origin{Source: p.place.Source, Segment: p.place.Segment, Seq: p.seq},
		Raw:    append([]byte(nil), item...), Operation: "read", Code: "InvalidItem",
		Message: why.Error(), Attempts: 1,
	}
}
