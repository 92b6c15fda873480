package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/dynapipe/dynapipe/internal/bench/content"
)

// Counts is what was asked since the last reset.
type Counts struct {
	Requests map[string]int64 // by operation
	Items    map[string]int64 // that requests wrote or asked for, or that answers had
	Content  content.Sum      // of what was put, if it was asked for
	// Connections are those that clients of DynamoDB have opened.
	Connections int64
}

// counts are Counts under way.
type counts struct {
	operations  sync.Map // of names to *tally
	connections atomic.Int64
	summing     atomic.Bool

	mu  sync.Mutex
	sum content.Sum
}

type tally struct{ requests, items atomic.Int64 }

func (c *counts) add(operation string, items int) {
	t, ok := c.operations.Load(operation)
	if !ok {
		t, _ = c.operations.LoadOrStore(operation, &tally{})
	}
	t.(*tally).requests.Add(1)
	t.(*tally).items.Add(int64(items))
}

// put adds an item to the content.
func (c *counts) put(item []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum.Add(item)
}

func (c *counts) reset(summing bool) {
	c.operations.Clear()
	c.connections.Store(0)
	c.summing.Store(summing)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum = content.Sum{}
}

func (c *counts) get() Counts {
	out := Counts{Requests: map[string]int64{}, Items: map[string]int64{}, Connections: c.connections.Load()}
	for name, t := range c.operations.Range {
		out.Requests[name.(string)] = t.(*tally).requests.Load()
		out.Items[name.(string)] = t.(*tally).items.Load()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Content = c.sum
	return out
}

// The paths of requests that are the benchmark's and not DynamoDB's.
const (
	countsPath = "/counts"
	resetPath  = "/reset"
	sumPath    = "/reset-and-sum"
)

// Reset has a server count from zero, and sum the content too when asked to,
// which takes its time.
func Reset(endpoint string, summing bool) error {
	path := resetPath
	if summing {
		path = sumPath
	}
	return get(endpoint+path, &struct{}{})
}

// Ask gives a server's counts.
func Ask(endpoint string) (c Counts, err error) {
	err = get(endpoint+countsPath, &c)
	return c, err
}

func get(url string, into any) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
