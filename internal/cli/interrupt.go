package cli

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// interrupts turns signals and --max-duration into the two requests that a run
// understands (promise 9): to stop and finish what is under way, and to end at
// once.
type interrupts struct {
	*app
	limit  time.Duration // 0 for none
	stop   chan struct{} // closed to stop
	cancel context.CancelFunc
	waiter sync.WaitGroup
}

// listen begins to listen, until finish is called. The context ends when the
// run is to end at once.
func (a *app) listen(ctx context.Context, limit time.Duration) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancel(ctx)
	i := &interrupts{app: a, limit: limit, stop: make(chan struct{}), cancel: cancel}
	i.waiter.Go(func() { i.wait(ctx) })
	return ctx, i
}

func (i *interrupts) finish() {
	i.cancel()
	i.waiter.Wait()
}

func (i *interrupts) wait(ctx context.Context) {
	var over <-chan time.Time
	if i.limit > 0 {
		timer := time.NewTimer(i.limit)
		defer timer.Stop()
		over = timer.C
	}
	stopping, signals := false, 0
	stop := func(why string) {
		i.say(slog.LevelWarn, "", why+": finishing what is under way; press Ctrl-C again to end at once")
		if !stopping {
			stopping = true
			close(i.stop)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			if !stopping {
				stop(fmt.Sprintf("stopping after %s (--max-duration)", i.limit))
			}
		case <-i.Signals:
			if signals++; signals == 1 {
				stop("stopping")
				continue
			}
			i.say(slog.LevelWarn, "", "ending at once")
			// Should even that take long, the next signal is the system's.
			i.LastSignal()
			i.cancel()
			return
		}
	}
}
