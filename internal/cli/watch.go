package cli

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

const (
	// redraw is how often the progress line is drawn on a terminal: often
	// enough to look alive, too seldom to cost anything.
	redraw = 200 * time.Millisecond
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
	// step, when there are several, is the one that goes on, and wrote what it
	// does with rows.
	step, wrote string

	done   chan struct{}
	waiter sync.WaitGroup

	warned   map[string]bool // by node and key
	speed    speed
	lastLine time.Duration // since the start
}

func (w *watch) begin() {
	w.done, w.warned = make(chan struct{}), map[string]bool{}
	every := time.Second
	if w.show && w.console.terminal {
		every = redraw
	}
	w.waiter.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		started := time.Now()
		for {
			select {
			case <-w.done:
				return
			case <-ticker.C:
				w.look(time.Since(started))
			}
		}
	})
}

// end stops watching and removes the progress line.
func (w *watch) end() {
	close(w.done)
	w.waiter.Wait()
	w.console.erase()
}

func (w *watch) look(elapsed time.Duration) {
	r := w.engine.Report()
	w.warnings(r)
	p := advanceOf(r)
	p.rate = w.speed.at(elapsed, p.read)
	if w.step != "" {
		p.pipeline, p.wrote = p.pipeline+", "+w.step, w.wrote
	}
	switch {
	case !w.show:
	case w.console.terminal:
		w.console.draw(p.line(elapsed))
	case elapsed-w.lastLine >= lineEvery:
		w.lastLine = elapsed
		fmt.Fprintln(w.console, p.line(elapsed))
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
