package dynamodb

import (
	"context"
	"io"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// partition is one segment of a scan, or a query.
type partition struct {
	source  *source
	segment int
	rows    pageRows        // of the page being read
	ready   []sources.Chunk // of the page before, still to be given
	seq     int64           // number of the next page's first item
	last    []byte          // where the next page starts; nil after the last one
	started bool            // there has been a page
	at      position        // after the last chunk
	lost    error           // why that is not known
}

func newPartition(s *source, segment int) *partition {
	place := &record.Place{Source: s.env.Node, Segment: segment}
	if s.operation == "Query" {
		place.Segment = -1
	}
	return &partition{
		source: s, segment: segment,
		rows: pageRows{source: s, place: place, builder: attr.NewBuilder(s.env.Mem)},
		at:   position{Segment: segment},
	}
}

// read gives the next chunk of the page at hand, or of the next page that has
// any: a filter may leave whole pages empty.
func (p *partition) read(ctx context.Context) (sources.Chunk, error) {
	for {
		if ctx.Err() != nil {
			return sources.Chunk{}, ctx.Err()
		}
		if len(p.ready) > 0 {
			chunk := p.ready[0]
			p.ready = p.ready[1:]
			return chunk, nil
		}
		if p.source.exhausted() || p.started && p.last == nil || p.source.probe.enough() {
			return sources.Chunk{}, io.EOF
		}
		if err := p.fetch(ctx); err != nil {
			return sources.Chunk{}, err
		}
		p.started = true
	}
}

// release frees what was read and not given.
func (p *partition) release() {
	release(p.ready)
	p.rows.discard()
	p.rows.builder.Release()
}
