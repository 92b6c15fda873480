package main

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// transcript is what a process has written so far.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed with the next write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// waitFor waits until the text is there. That it never comes is a failure, which
// the limit only makes readable.
func (w *transcript) waitFor(t interface{ Fatalf(string, ...any) }, text string) {
	limit := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		found, changed := strings.Contains(w.text.String(), text), w.changed
		w.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%q does not come in\n%s", text, w)
		}
	}
}
