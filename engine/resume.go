package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
)

// resume sets the run up: to go on from a state, or from the beginning.
func (e *Engine) resume() error {
	o := e.options.Checkpoints
	if o == nil {
		return e.dead.setAside()
	}
	if o.Resume == nil {
		return e.dead.setAside()
	}
	if e.how.Never != "" {
		return fmt.Errorf("the run can't go on: %s", e.how.Never)
	}
	if o.Resume.Done {
		e.how = plan.Resumption{}
	}
	if err := e.restore(o.Resume, e.how); err != nil {
		return err
	}
	return e.dead.goOn(o.Resume, func(node string) bool {
		return !e.how.Again || slices.ContainsFunc(e.stages, func(s *stage) bool { return s.node.Kind == plan.Sink && s.node.Address == node })
	})
}

// publishAgain puts results in their places in a run that goes on with one that
// had come so far.
func (e *Engine) publishAgain(ctx context.Context, opened *int) error {
	for _, s := range e.stages {
		s.skipped = s.node.Kind != plan.Sink
		if !s.skipped {
			if err := s.run.open(ctx); err != nil {
				return e.cause(ctx, s.failed(err))
			}
		}
		*opened++
	}
	if err := e.dead.open(); err != nil {
		return err
	}
	return e.publish(ctx)
}

// restore begins the stages with what a state has of them.
func (e *Engine) restore(state *checkpoint.State, how plan.Resumption) error {
	for _, s := range e.stages {
		saved, ok := state.Nodes[s.node.Address]
		if !ok && !e.options.Checkpoints.Force {
			return fmt.Errorf("the saved state has nothing of %s", s.node.Address)
		}
		s.barriers = state.Number
		switch run := s.run.(type) {
		case *sourceStage:
			of, known := state.Sources[s.node.Address]
			switch {
			case !known && e.options.Checkpoints.Force:
				continue
			case !known:
				return fmt.Errorf("the saved state does not say how far %s was read", s.node.Address)
			}
			run.env.Resume = &sources.Resume{Identity: of.Identity}
			run.resume = slices.Clone(of.Partitions)
			for i := range run.resume {
				if how.Again { // Last stays: sinks have had the rows up to there
					run.resume[i].Position, run.resume[i].Done = nothing, false
				}
				run.env.Resume.Positions = append(run.env.Resume.Positions, run.resume[i].Position)
			}
		case *transformStage:
			if !how.Again {
				run.in, run.env.Resume = saved.In, saved.State
			}
		case *sinkStage:
			run.restore(state, saved, how)
			carry(&s.tally, saved)
			continue
		}
		if !how.Again {
			carry(&s.tally, saved)
		}
	}
	if !how.Again {
		return e.restoreEdges(state)
	}
	return nil
}

func (e *Engine) restoreEdges(state *checkpoint.State) error {
	for _, link := range e.edges {
		i := slices.IndexFunc(state.Edges, func(of checkpoint.Edge) bool {
			return of.From == link.from.node.Address && of.Output == link.output && of.To == link.to.node.Address
		})
		if i < 0 && e.options.Checkpoints.Force {
			continue
		}
		if i < 0 {
			return fmt.Errorf("the saved state has nothing of what goes from %s to %s", link.from.node.Address, link.to.node.Address)
		}
		link.sent.Store(state.Edges[i].Rows)
		link.received.Store(state.Edges[i].Rows)
	}
	return nil
}

func (s *sinkStage) restore(state *checkpoint.State, saved checkpoint.Node, how plan.Resumption) {
	of := state.Sinks[s.node.Address]
	s.env.Resume, s.env.Done, s.held = of.State, state.Done, of.Held
	s.in = saved.In
	s.before = record.Counts{Written: saved.Written, Filtered: saved.Filtered, Coalesced: saved.Coalesced, Rejected: saved.Rejected}
	if !how.Again {
		return
	}
	s.had = saved.In + int64(len(of.Held))
	s.passed = map[string][]checkpoint.Partition{}
	for address, source := range state.Sources {
		s.passed[address] = source.Partitions
	}
}

// unseen is the rows of a unit that come after those that the sink had in an
// earlier run, and how many it leaves out. The caller releases the batch.
func (s *sinkStage) unseen(u unit) (b *record.Batch, skipped int64) {
	if s.passed == nil || u.tail {
		u.batch.Retain()
		return u.batch, 0
	}
	last := s.passed[u.source.node.Address][u.partition].Last
	if last == nil {
		u.batch.Retain()
		return u.batch, 0
	}
	var rows []int
	for row, pos := range u.batch.Origins().Pos {
		pos.Sub = 0
		if pos.Compare(record.Pos{File: last.File, Seq: last.Seq}) > 0 {
			rows = append(rows, row)
		}
	}
	if len(rows) == u.batch.Rows() {
		u.batch.Retain()
		return u.batch, 0
	}
	return attr.Select(s.env.Mem, u.batch, rows), int64(u.batch.Rows() - len(rows))
}

// holds is the rows that the sink holds back, by receipt, and as a checkpoint
// has them.
func (s *sinkStage) holds() (held []holding, rows []checkpoint.Row) {
	holder, ok := s.sink.(sinks.Holder)
	if !ok || !s.saves {
		return nil, nil
	}
	for _, h := range holder.Held() {
		if n := len(held); n == 0 || held[n-1].receipt != h.Receipt {
			held = append(held, holding{receipt: h.Receipt})
		}
		of := &held[len(held)-1]
		of.rows = append(of.rows, h.Row)
		o := h.Receipt.Origin(h.Row)
		rows = append(rows, checkpoint.Row{Item: h.Item, Origin: checkpoint.Origin{
			Source: o.Source, File: o.File, Line: o.Line, Segment: o.Segment, Seq: o.Seq, Sub: o.Sub,
		}})
	}
	return held, rows
}

// holding is rows of one receipt that a sink holds back.
type holding struct {
	receipt *record.Receipt
	rows    []int
}

// writeHeld gives the sink the rows that it held back in the earlier run.
func (s *sinkStage) writeHeld(ctx context.Context) error {
	for len(s.held) > 0 {
		row := s.held[0]
		b, err := s.batchOf(row)
		if err != nil {
			return fmt.Errorf("a row that was held back is damaged in the saved state: %w", err)
		}
		s.held = s.held[1:]
		s.tally.In.Add(1)
		err = s.write(ctx, b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// batchOf is a saved row as a batch of one.
func (s *sinkStage) batchOf(row checkpoint.Row) (*record.Batch, error) {
	builder := attr.NewBuilder(s.env.Mem)
	defer builder.Release()
	if err := builder.AddItem(row.Item); err != nil {
		return nil, err
	}
	o := row.Origin
	pos, place := record.Pos{File: -1, Line: o.Line, Seq: o.Seq, Sub: o.Sub}, &record.Place{Source: o.Source, Segment: o.Segment}
	if o.File != "" {
		pos.File, place.Files = 0, []string{o.File}
	}
	builder.EndRow(pos)
	return builder.Batch(place), nil
}
