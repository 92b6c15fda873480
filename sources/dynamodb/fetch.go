package dynamodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// stillThrottled is how long nothing may come before there is a warning.
const stillThrottled = time.Minute

// fetch asks for the next page until it is there. Throttling is waited out
// however long it takes; other errors that pass use up the attempts.
func (p *partition) fetch(ctx context.Context) error {
	s := p.source
	number := s.number.Add(1)
	began := time.Now()
	failures, throttles := 0, 0
	for attempt := 1; ; attempt++ {
		err := p.attempt(ctx, number, attempt)
		if err == nil {
			return nil
		}
		var e *dynamo.Error
		if !errors.As(err, &e) {
			return err // ctx is done
		}
		wait := 0
		switch e.Class {
		case dynamo.Throttled:
			throttles++
			wait = throttles
			if time.Since(began) > stillThrottled {
				s.env.Meter.Warn("throttled", "a read has been throttled for over a minute: "+e.Error())
			}
		case dynamo.Retryable, dynamo.Conflict:
			failures++
			wait = failures
		default:
			return fmt.Errorf("reading table %s: %w", s.table, err)
		}
		if failures >= s.retry.MaxAttempts {
			return fmt.Errorf("reading table %s failed %d times: %w", s.table, failures, err)
		}
		if err := sleep(ctx, s.retry.Delay(wait, rand.Float64())); err != nil {
			return err
		}
	}
}

// texts is memory for the text of pages. A page needs it only until its rows are
// in batches: while these wait for what comes after the source, it serves
// another segment.
type texts struct {
	mu   sync.Mutex
	free [][]byte
}

// take is memory of a page before; nil when there is none to spare.
func (t *texts) take() (memory []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.free) - 1; last >= 0 {
		memory, t.free = t.free[last], t.free[:last]
	}
	return memory
}

func (t *texts) give(memory []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if memory != nil {
		t.free = append(t.free, memory)
	}
}

// pageLimit is how many items a page may read; 0 when nothing bounds it. Where
// no filter drops any, none beyond the limit is read.
func (s *source) pageLimit() int {
	if s.probe != nil {
		return s.probe.page()
	}
	left := s.remaining.Load()
	if !s.limited || s.filtered || s.pageSize > 0 && int64(s.pageSize) < left {
		return s.pageSize
	}
	return int(min(max(left, 1), math.MaxInt32))
}

// attempt asks once and keeps the page. What it was and took goes to the meter.
func (p *partition) attempt(ctx context.Context, number int64, attempt int) error {
	s := p.source
	s.saving.Add(1)
	ask, err := s.budget.take(ctx, s.pageLimit())
	s.saving.Add(-1)
	if err != nil {
		return err
	}
	start := time.Now()
	memory := s.texts.take()
	defer func() { s.texts.give(memory) }()
	s.asked.Add(1)
	answer, err := s.client.CallInto(ctx, s.operation, p.body(ask.limit), memory)
	s.asked.Add(-1)
	var page dynamo.Page
	p.rows.start(p.seq)
	if err == nil {
		memory = answer
		if bad := dynamo.ParsePage(answer, &page, &p.rows); bad != nil {
			err = s.client.BadAnswer(s.operation, bad)
		}
	}
	r := progress.Request{
		Number: number, Operation: s.operation, Attempt: attempt, Duration: time.Since(start),
		Items: page.Items, Bytes: len(answer),
	}
	took := 0.0
	var e *dynamo.Error
	switch {
	case err == nil:
		took = page.Consumed.CapacityUnits
	case errors.As(err, &e):
		r.Err, r.Throttled = e.Error(), e.Class == dynamo.Throttled
		if e.Sent {
			took = ask.units
		}
	default:
		r.Err, took = err.Error(), ask.units
	}
	s.budget.answered(ask, p.told(&page, took))
	r.Units = page.Consumed.CapacityUnits
	s.env.Meter.Requested(r)
	if err != nil {
		return err
	}
	s.env.Meter.Read(int64(len(answer)))
	s.record(page.Consumed)
	p.ready = p.rows.finish(s.claim(page.Items))
	p.seq += int64(page.Items)
	p.last = bytes.Clone(page.Last)
	s.probe.answered(page.Scanned, took, p.last == nil)
	return nil
}

// measures reports that the budget learns from the lengths of items.
func (s *source) measures() bool { return s.budget != nil && s.whole }

// told is what a page tells the budget.
func (p *partition) told(page *dynamo.Page, units float64) told {
	t := told{items: page.Scanned, units: units}
	if p.source.measures() {
		t.items, t.texts = int64(len(p.rows.lengths)), p.rows.lengths
	}
	return t
}

// record tells the meter what was consumed of the table and of each index.
func (s *source) record(c dynamo.Consumed) {
	if c.Table == nil && len(c.GlobalSecondaryIndexes) == 0 && len(c.LocalSecondaryIndexes) == 0 {
		s.env.Meter.Capacity(s.table, "", c.CapacityUnits)
		return
	}
	if c.Table != nil && c.Table.CapacityUnits > 0 {
		s.env.Meter.Capacity(s.table, "", c.Table.CapacityUnits)
	}
	for name, u := range c.GlobalSecondaryIndexes {
		s.env.Meter.Capacity(s.table, name, u.CapacityUnits)
	}
	for name, u := range c.LocalSecondaryIndexes {
		s.env.Meter.Capacity(s.table, name, u.CapacityUnits)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
