package faultproxy

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// maxBody is well past what DynamoDB takes and gives (16 MB, AWS, "Quotas").
const maxBody = 64 << 20

// Proxy is an http.Handler before a DynamoDB server.
type Proxy struct {
	transport *http.Transport
	catalog   *catalog
	meter     *meter
	recorder  *recorder

	mu       sync.Mutex
	config   Config
	deciders []Decider
}

var _ http.Handler = (*Proxy)(nil)

// New makes a proxy. Close it when it is no longer served.
func New(c Config) (*Proxy, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Proxy{
		transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		catalog:   newCatalog(), meter: newMeter(c.Limits), recorder: newRecorder(time.Now()),
		config: c, deciders: c.deciders(),
	}
	return p, nil
}

// Close closes the connections to the server.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

// Stats is what happened so far.
func (p *Proxy) Stats() Stats { return p.recorder.snapshot(p.config.Seed) }

// SetLimits changes what tables take from now on, as when a table is scaled.
func (p *Proxy) SetLimits(l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.Limits = l
	p.meter.change(l, time.Now())
	return nil
}

// SetFaults changes what goes wrong from now on.
func (p *Proxy) SetFaults(f Faults) error {
	if err := f.Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.Faults = f
	p.deciders = p.config.deciders()
	return nil
}

func (p *Proxy) current() (Config, []Decider) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config, p.deciders
}

// ServeHTTP handles one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		panic(http.ErrAbortHandler) // the client has gone
	}
	operation := operationOf(r.Header)
	n := p.recorder.arrive(operation)
	x := &exchange{proxy: p, in: r, body: body, id: fmt.Sprintf("FAULTPROXY-%s-%d", operation, n)}
	x.config, x.deciders = p.current()
	x.rng = random(x.config.Seed, operation, n)
	// What can't be parsed is passed on: the server says what is wrong with it.
	x.request, _ = parse(operation, body)
	x.serve(w)
}

// random are the random numbers of the nth request of an operation.
func random(seed uint64, operation string, n uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, operation) // never an error (package hash)
	return rand.New(rand.NewPCG(seed, h.Sum64()+n))
}
