package deliver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

// group closes its channel when all of its rows have ended.
type group struct {
	ledger
	left int
	done chan struct{}
}

func (g *group) rows(n int) []Row {
	g.left, g.done = n, make(chan struct{})
	rows := g.puts(n, unique)
	for i := range rows {
		rows[i].Receipt = groupReceipt{Receipt: rows[i].Receipt, group: g}
	}
	return rows
}

type groupReceipt struct {
	Receipt
	group *group
}

func (r groupReceipt) EndEach(rows []int, o record.Outcome) {
	r.Receipt.EndEach(rows, o)
	if r.group.left -= len(rows); r.group.left == 0 {
		close(r.group.done)
	}
}

// Rows that somebody awaits don't wait for others to fill their request, and
// nobody waits for rows of others.
func TestAwaitedRowsDontLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mine group
		var others ledger
		core := New(t.Context(), testConfig(), senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			if r.Rows[0].Table == "slow" {
				time.Sleep(time.Hour)
			}
			return Answer{}, nil
		}))
		defer core.Close()
		slow := others.puts(3, unique)
		for i := range slow {
			slow[i].Table = "slow"
		}
		if err := core.Submit(t.Context(), slow); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * linger)
		start := time.Now()
		if err := core.Submit(t.Context(), mine.rows(3)); err != nil {
			t.Fatal(err)
		}
		if err := core.Await(t.Context(), mine.done); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		wantTally(t, &mine.ledger, 3, 0, 0)
		wantTally(t, &others, 0, 0, 0)
		if err := core.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// While rows are being submitted, those before them don't leave alone because
// somebody awaits others.
func TestAwaitedRowsAreFilledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		requests := 0
		core := New(t.Context(), testConfig(), senderFunc(func(context.Context, *Request) (Answer, error) {
			requests++
			return Answer{}, nil
		}))
		defer core.Close()
		never := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = core.Await(ctx, never) }()
		synctest.Wait()
		submitting := func(n int) {
			core.mu.Lock()
			defer core.mu.Unlock()
			core.machine.submitting += n
		}
		submitting(1)
		rows := g.rows(20)
		for i := range rows {
			if err := core.Submit(t.Context(), rows[i:i+1]); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		submitting(-1)
		if err := core.Await(t.Context(), g.done); err != nil {
			t.Fatal(err)
		}
		if requests != 1 {
			t.Errorf("%d requests", requests)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAwaitEndsWithWhatEndsTheCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := errors.New("denied")
		var g group
		core := New(t.Context(), testConfig(), senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, denied }))
		defer core.Close()
		if err := core.Submit(t.Context(), g.rows(3)); err != nil {
			t.Fatal(err)
		}
		if err := core.Await(t.Context(), g.done); !errors.Is(err, denied) {
			t.Errorf("error: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var g group
		core := New(t.Context(), testConfig(), senderFunc(func(ctx context.Context, _ *Request) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}))
		defer core.Close()
		if err := core.Submit(t.Context(), g.rows(3)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := core.Await(ctx, g.done); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
	})
}
