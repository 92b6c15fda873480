package cli

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/liveview"
)

const (
	// redraw is how often the progress is drawn on a terminal: often enough to
	// look alive, too seldom to cost anything.
	redraw = 150 * time.Millisecond
	// lineEvery is how often a plain line says how far a run is where there
	// is no terminal. A run shorter than that says nothing.
	lineEvery = 10 * time.Second
)

// watch looks at a run while it goes on: it shows progress, and logs warnings
// as they come, because a warning like "nothing has moved for a minute" is of
// use before the run ends.
type watch struct {
	*app
	engine *engine.Engine
	log    *slog.Logger
	show   bool // progress
	view   *liveview.View
	// plain has it shown on lines of their own also on a terminal.
	plain bool

	done   chan struct{}
	waiter sync.WaitGroup

	warned   map[string]bool // by node and key
	lastLine time.Duration   // since the start
}

func (w *watch) begin() {
	w.done, w.warned = make(chan struct{}), map[string]bool{}
	every := time.Second
	if w.draws() {
		every = redraw
	}
	again, stop := continued()
	w.waiter.Go(func() {
		defer stop()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		started := time.Now()
		for {
			select {
			case <-w.done:
				return
			case <-again:
				w.console.leave() // a shell has written below
			case <-ticker.C:
				w.look(time.Since(started))
			}
		}
	})
}

// end stops watching and removes the progress.
func (w *watch) end() {
	close(w.done)
	w.waiter.Wait()
	w.console.erase()
}

// draws is whether progress is drawn, and not told on plain lines.
func (w *watch) draws() bool { return w.show && !w.plain && w.console.terminal }

func (w *watch) look(elapsed time.Duration) {
	r := w.engine.Report()
	w.warnings(r)
	if !w.show {
		return
	}
	w.view.Take(elapsed, r, w.engine.Live())
	switch {
	case w.draws() && !foreground(w.console.fd):
		w.console.leave()
	case w.draws():
		columns, lines, _ := w.console.size()
		// The last column stays free: some terminals wrap as soon as it is used.
		w.console.draw(w.view.Lines(columns-1, lines-1, w.console.color))
	case elapsed-w.lastLine >= lineEvery:
		w.lastLine = elapsed
		fmt.Fprintln(w.console, w.view.Line())
	}
}

// warnings logs those that are new.
func (w *watch) warnings(r *engine.Report) {
	for _, n := range r.Nodes {
		for _, warning := range n.Warnings {
			key := n.Node + " " + warning.Key
			if !w.warned[key] {
				w.warned[key] = true
				w.log.Warn(warning.Message, "node", n.Node)
			}
		}
	}
}
