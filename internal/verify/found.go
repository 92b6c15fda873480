package verify

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
)

// finding is the sink at the end of the scan of a table: it keeps what items
// there are.
type finding struct {
	target  *target
	sampler *sampler
	spill   *spill
}

var _ sinks.Config = (*finding)(nil)

// Schema declares nothing: no pipeline has such a block.
func (*finding) Schema() schema.Block { return schema.Block{} }

// Facts is nothing.
func (*finding) Facts(context.Context) (schema.Facts, error) { return schema.Facts{}, nil }

// Open has nothing to open.
func (c *finding) Open(context.Context, sinks.Env) (sinks.Sink, error) {
	return &findSink{finding: c, digester: digester{ignored: c.target.ignored}}, nil
}

type findSink struct {
	*finding
	digester digester
	key      delivery.Key
	entry    entry
	scratch  []byte
}

// Write keeps the items of the sample.
func (s *findSink) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	view := delivery.NewPage(b).View(s.target.table)
	s.digester.begin(b)
	defer s.digester.end()
	for row := range b.Rows() {
		if no := view.Key(&s.key, row); no.Refused() {
			return fmt.Errorf("an item of table %s is not one of its own: %s", s.target.table.Name, no.Message)
		}
		e := &s.entry
		*e = entry{target: uint64(s.target.number), text: e.text[:0]}
		e.key, s.scratch = keySum(s.scratch, s.target.number, s.key.Bytes())
		if !s.sampler.has(e.key) {
			continue
		}
		e.text = s.key.Append(e.text)
		e.digest = s.digester.row(row)
		if err := s.spill.add(e); err != nil {
			return err
		}
	}
	r.EndAll(record.Written)
	return nil
}

// Flush has nothing to flush.
func (*findSink) Flush(context.Context, sinks.Ending) error { return nil }

// Close has nothing to close.
func (*findSink) Close() error { return nil }
