package deliver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

type senderFunc func(ctx context.Context, r *Request) (Answer, error)

func (f senderFunc) Send(ctx context.Context, r *Request) (Answer, error) { return f(ctx, r) }

func throttle() error {
	return &Fault{Class: Throttled, Code: "ThrottlingException", Message: "slow down", Answered: true, Err: errors.New("slow down")}
}

func failing() error {
	return &Fault{Class: Retryable, Code: "InternalServerError", Answered: true, Err: errors.New("internal server error")}
}

// deliver submits rows and flushes.
func deliver(ctx context.Context, c *Core, rows []Row) error {
	if err := c.Submit(ctx, rows); err != nil {
		return err
	}
	return c.Flush(ctx)
}

func wantTally(t *testing.T, l *ledger, written, coalesced, rejected int64) {
	t.Helper()
	if w, c, r := l.tally.Written.Load(), l.tally.Coalesced.Load(), l.tally.Rejected.Load(); w != written || c != coalesced || r != rejected {
		t.Errorf("written %d, coalesced %d, rejected %d; want %d, %d, %d", w, c, r, written, coalesced, rejected)
	}
}

func TestErrorsOfOneRequestUseUpAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Retry = DefaultRetry()
		cfg.Retry.MaxAttempts = 3
		sends := 0
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) {
			sends++
			return Answer{}, failing()
		}))
		defer core.Close()
		err := deliver(t.Context(), core, l.puts(5, unique))
		if err == nil || !strings.Contains(err.Error(), "failed 3 times") || !strings.Contains(err.Error(), "internal server error") {
			t.Errorf("error: %v", err)
		}
		if sends != 3 {
			t.Errorf("%d attempts", sends)
		}
		wantTally(t, &l, 0, 0, 0)
	})
}

// The warning that nothing moves says what does not.
func TestWhatHasStalled(t *testing.T) {
	for want, operations := range map[string][]Operation{
		"written":   {UpdateItem, UpdateItem},
		"looked up": {Get, Get},
		"deleted":   {Delete, Delete},
		"written ":  {Delete, Put},
	} {
		cfg := testConfig()
		m := newMachine(cfg.withDefaults())
		for i, o := range operations {
			m.admit(&Row{Table: "t", Key: unique(i), Operation: o}, noon)
		}
		m.watch(noon.Add(stall))
		w := cfg.Meter.Snapshot().Warnings
		if len(w) != 1 || !strings.Contains(w[0].Message, "no row was "+strings.TrimSpace(want)+" for 1m0s while 2 wait") {
			t.Errorf("%s: %+v", want, w)
		}
	}
}

func TestThrottlingUsesUpNoAttemptsAndIsWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Retry = DefaultRetry()
		cfg.Retry.MaxAttempts = 1
		start := time.Now()
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) {
			if time.Since(start) < 150*time.Second {
				return Answer{}, throttle()
			}
			return Answer{}, nil
		}))
		defer core.Close()
		if err := deliver(t.Context(), core, l.puts(5, unique)); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 5, 0, 0)
		w := cfg.Meter.Snapshot().Warnings
		if len(w) != 1 || w[0].Count != 2 || !strings.Contains(w[0].Message, "no row was written for 1m0s while 5 wait; the last error: slow down") {
			t.Errorf("warnings: %+v", w)
		}
		if s := cfg.Meter.Snapshot(); s.Throttles == 0 || s.Throttles != s.Retries || s.Requests != s.Throttles+1 {
			t.Errorf("counted: %+v", s)
		}
	})
}

// Past the deadline the survivor of a key is rejected, and what it superseded
// gets no deadline of its own.
func TestDeadlineRejectsThrottledRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Retry = DefaultRetry()
		cfg.Retry.Deadline = time.Minute
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, throttle() }))
		defer core.Close()
		start := time.Now()
		if err := deliver(t.Context(), core, l.puts(3, func(int) string { return "k" })); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 0, 0, 3)
		if took := time.Since(start); took < time.Minute || took > 80*time.Second {
			t.Errorf("took %v", took)
		}
		// The newest row is rejected first, but rows of different requests reach
		// the dead letter as their requests' goroutines get there.
		slices.SortFunc(l.rejects, func(a, b record.Rejection) int { return cmp.Compare(b.Origin.Seq, a.Origin.Seq) })
		for i, r := range l.rejects {
			if r.Code != "ThrottlingException" || r.Message != "slow down (tried until retry.deadline, 1m0s)" || r.Origin.Seq != int64(2-i) {
				t.Errorf("reject %d: %+v", i, r)
			}
		}
		if l.rejects[0].Attempts < 3 || l.rejects[1].Attempts != 1 {
			t.Errorf("attempts: %d, %d", l.rejects[0].Attempts, l.rejects[1].Attempts)
		}
	})
}

func TestDeadlineFailsARequestThatKeepsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.Retry = DefaultRetry()
		cfg.Retry.MaxAttempts, cfg.Retry.Deadline = 1000, 30*time.Second
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, failing() }))
		defer core.Close()
		err := deliver(t.Context(), core, l.puts(3, unique))
		if err == nil || !strings.Contains(err.Error(), "retry.deadline (30s)") {
			t.Errorf("error: %v", err)
		}
		wantTally(t, &l, 0, 0, 0)
	})
}

// deaf gives the rows with an even index back, once or for ever.
func deaf(forever bool) senderFunc {
	var given atomic.Bool
	return func(_ context.Context, r *Request) (Answer, error) {
		var a Answer
		if forever || !given.Swap(true) {
			for i := 0; i < len(r.Rows); i += 2 {
				a.Unprocessed = append(a.Unprocessed, i)
			}
		}
		return a, nil
	}
}

func TestUnprocessedRowsGoAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		core := New(t.Context(), cfg, deaf(false))
		defer core.Close()
		if err := deliver(t.Context(), core, l.puts(10, unique)); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 10, 0, 0)
		if s := cfg.Meter.Snapshot(); s.Unprocessed != 5 || s.Requests != 2 {
			t.Errorf("counted: %+v", s)
		}
	})
}

func TestUnprocessedRowsAreRejectedWhenAskedTo(t *testing.T) {
	for name, retry := range map[string]Retry{
		"retry_unprocessed": {MaxAttempts: 1, Factor: 2},
		"deadline":          {MaxAttempts: 1, Factor: 2, Unprocessed: true, Deadline: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				cfg := testConfig()
				cfg.Retry = retry
				core := New(t.Context(), cfg, senderFunc(func(ctx context.Context, r *Request) (Answer, error) {
					time.Sleep(time.Second)
					return deaf(true)(ctx, r)
				}))
				defer core.Close()
				if err := deliver(t.Context(), core, l.puts(10, unique)); err != nil {
					t.Fatal(err)
				}
				wantTally(t, &l, 5, 0, 5)
				for _, r := range l.rejects {
					if r.Code != "Unprocessed" || r.Origin.Seq%2 != 0 || !strings.Contains(r.Message, name) || r.Attempts != 1 {
						t.Errorf("reject: %+v", r)
					}
				}
			})
		})
	}
}

// What is in flight when the run fails is still counted, if its answer comes.
func TestPermanentErrorFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		denied := errors.New("AccessDeniedException")
		core := New(t.Context(), testConfig(), senderFunc(func(_ context.Context, r *Request) (Answer, error) {
			switch r.Number {
			case 2:
				time.Sleep(time.Second)
			case 3:
				return Answer{}, denied
			}
			return Answer{}, nil
		}))
		start := time.Now()
		if err := deliver(t.Context(), core, l.puts(100, unique)); !errors.Is(err, denied) {
			t.Errorf("error: %v", err)
		}
		if time.Since(start) != 0 {
			t.Errorf("failed after %v", time.Since(start))
		}
		if err := core.Submit(t.Context(), l.puts(1, unique)); !errors.Is(err, denied) {
			t.Errorf("error: %v", err)
		}
		core.Close()
		wantTally(t, &l, 50, 0, 0)
	})
}

func TestEndpointThatNeverAnswersFailsTheRun(t *testing.T) {
	for name, send := range map[string]senderFunc{
		"silent": func(ctx context.Context, _ *Request) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		},
		"refusing": func(context.Context, *Request) (Answer, error) {
			return Answer{}, &Fault{Class: Retryable, Err: errors.New("connection refused")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				cfg := testConfig()
				cfg.Retry = DefaultRetry()
				cfg.Retry.MaxAttempts = 1000
				core := New(t.Context(), cfg, send)
				defer core.Close()
				start := time.Now()
				err := deliver(t.Context(), core, l.puts(60, unique))
				if err == nil || !strings.Contains(err.Error(), "no answer within 15s") {
					t.Errorf("error: %v", err)
				}
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("took %v", took)
				}
				wantTally(t, &l, 0, 0, 0)
			})
		})
	}
}

// A request cut short by the time that a first answer has is tried again when
// another one was answered meanwhile.
func TestSlowFirstAnswerIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		core := New(t.Context(), testConfig(), senderFunc(func(ctx context.Context, r *Request) (Answer, error) {
			if r.Number == 1 && r.Attempt == 1 {
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}
			return Answer{}, nil
		}))
		defer core.Close()
		rows := l.puts(60, unique)
		for i := range rows[30:] {
			rows[30+i].Table = "u"
		}
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 60, 0, 0)
	})
}

func TestSubmitBlocksWhileFull(t *testing.T) {
	for name, bound := range map[string]func(*Config){
		"rows":  func(c *Config) { c.MaxRows = 4 },
		"bytes": func(c *Config) { c.MaxBytes = 1 }, // each row is held alone
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				cfg := testConfig()
				bound(&cfg)
				gate := make(chan struct{})
				core := New(t.Context(), cfg, senderFunc(func(_ context.Context, r *Request) (Answer, error) {
					if len(r.Rows) > 4 {
						t.Errorf("%d rows held", len(r.Rows))
					}
					<-gate
					return Answer{}, nil
				}))
				defer core.Close()
				var returned atomic.Bool
				done := make(chan error)
				go func() {
					err := core.Submit(t.Context(), l.puts(9, unique))
					returned.Store(true)
					done <- err
				}()
				synctest.Wait()
				if returned.Load() {
					t.Error("Submit took more than may be held")
				}
				close(gate)
				if err := <-done; err != nil {
					t.Error(err)
				}
				if err := core.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				wantTally(t, &l, 9, 0, 0)
			})
		})
	}
}

func TestCancelReturnsPromptlyWithRowsOpen(t *testing.T) {
	for _, during := range []string{"Submit", "Flush"} {
		t.Run(during, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				cfg := testConfig()
				if during == "Submit" {
					cfg.MaxRows = 2
				}
				ctx, cancel := context.WithCancel(t.Context())
				core := New(t.Context(), cfg, senderFunc(func(ctx context.Context, _ *Request) (Answer, error) {
					cancel()
					<-ctx.Done()
					return Answer{}, ctx.Err()
				}))
				start := time.Now()
				if err := deliver(ctx, core, l.puts(5, unique)); !errors.Is(err, context.Canceled) || time.Since(start) > linger {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
				core.Close()
				if time.Since(start) > linger+grace {
					t.Errorf("Close returned after %v", time.Since(start))
				}
				wantTally(t, &l, 0, 0, 0)
			})
		})
	}
}

func TestRowsThatWaitForAKeyAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		table := newTable(BatchWriteCaps(), faults{}, 1)
		core := New(t.Context(), testConfig(), table)
		defer core.Close()
		if err := deliver(t.Context(), core, l.puts(7, func(i int) string { return unique(i % 2) })); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 2, 5, 0)
		if len(table.log) != 1 || table.log[0].rows != 2 || table.items[Key{"t", "0"}] != 6 {
			t.Errorf("requests %+v, items %v", table.log, table.items)
		}
	})
}

func TestDuplicatesCanBeRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		cfg := testConfig()
		cfg.RejectDuplicates = true
		table := newTable(BatchWriteCaps(), faults{}, 1)
		core := New(t.Context(), cfg, table)
		defer core.Close()
		rows := l.puts(3, func(i int) string { return unique(i % 2) })
		if err := deliver(t.Context(), core, rows); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 2, 0, 1)
		if r := l.rejects[0]; r.Code != "DuplicateKey" || r.Origin.Seq != 2 ||
			!strings.Contains(r.Message, "the row at source.test.s, row 1 has the same key") {
			t.Errorf("reject: %+v", r)
		}
		if err := deliver(t.Context(), core, l.puts(1, unique)); err != nil {
			t.Fatal(err)
		}
		wantTally(t, &l, 3, 0, 1)
	})
}

// A row that the dead letter can't take stays open; the others of its request
// are counted all the same.
func TestDeadLetterThatIsFullFailsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ledger{full: errors.New("max_rejects")}
		cfg := testConfig()
		cfg.Retry = Retry{MaxAttempts: 1, Factor: 2}
		core := New(t.Context(), cfg, deaf(true))
		defer core.Close()
		if err := deliver(t.Context(), core, l.puts(10, unique)); !errors.Is(err, l.full) {
			t.Errorf("error: %v", err)
		}
		wantTally(t, &l, 5, 0, 0)
	})
}

// A defect neither hangs nor hides.
func TestPanicSurfacesInClose(t *testing.T) {
	answers := func(a Answer) senderFunc {
		return func(context.Context, *Request) (Answer, error) { return a, nil }
	}
	for name, c := range map[string]struct {
		send senderFunc
		want string
	}{
		"in the sender":          {func(context.Context, *Request) (Answer, error) { panic("a defect") }, "a defect"},
		"in the machine":         {answers(Answer{Unprocessed: []int{99}}), "index out of range"},
		"of a row ended already": {answers(Answer{}), "ended twice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l ledger
				core := New(t.Context(), testConfig(), c.send)
				defer func() {
					if caught, ok := recover().(interface{ String() string }); !ok || !strings.Contains(caught.String(), c.want) {
						t.Errorf("caught %v", caught)
					}
				}()
				rows := l.puts(2, unique)
				rows[1].Index = 0
				if err := deliver(t.Context(), core, rows); !errors.Is(err, errDefect) {
					t.Errorf("error: %v", err)
				}
				core.Close()
			})
		})
	}
}

// Rows that don't fill a request don't wait for the end of the input.
func TestFewRowsGoSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		core := New(t.Context(), testConfig(), senderFunc(func(context.Context, *Request) (Answer, error) { return Answer{}, nil }))
		defer core.Close()
		if err := core.Submit(t.Context(), l.puts(3, unique)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * linger)
		synctest.Wait()
		wantTally(t, &l, 3, 0, 0)
	})
}
