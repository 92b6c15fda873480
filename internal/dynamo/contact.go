package dynamo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// noAnswer is how long an operation that has never been answered is tried. An
// endpoint may answer one and not another: descriptions, but no scan.
const noAnswer = 15 * time.Second

// contacts is what has been heard of an endpoint, by operation.
type contacts struct {
	mu  sync.Mutex
	ops map[string]*contact
}

type contact struct {
	answered    bool
	first, last time.Time // tries, as long as nothing has come
	tries       int
}

// try counts an attempt that may usually take so much time, and says how much
// it may take now.
func (c *contacts) try(operation string, usual time.Duration, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.ops[operation]
	if o == nil {
		o = &contact{first: now}
		if c.ops == nil {
			c.ops = map[string]*contact{}
		}
		c.ops[operation] = o
	}
	if o.answered {
		return usual
	}
	if now.Sub(o.last) > noAnswer {
		o.first, o.tries = now, 0 // what went wrong long ago is another story
	}
	o.last = now
	o.tries++
	return min(max(o.first.Add(noAnswer).Sub(now), time.Second), usual)
}

// answered notes that something has come back.
func (c *contacts) answered(operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.ops[operation]; o != nil {
		o.answered = true
	}
}

// silence is how often and since when an operation has been tried in vain, and
// another one that was answered, if there is one. No tries: it has been
// answered, or has not had all its time.
func (c *contacts) silence(operation string, now time.Time) (tries int, since time.Duration, other string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.ops[operation]
	if o == nil || o.answered || now.Sub(o.first) < noAnswer-time.Second {
		return 0, 0, ""
	}
	for name, x := range c.ops {
		if x.answered && (other == "" || name < other) {
			other = name
		}
	}
	return o.tries, now.Sub(o.first), other
}

// placed completes an error. One of an operation that has never been answered,
// in all the time it gets, is permanent.
func (c *Client) placed(operation string, e *Error) *Error {
	e.Place = c.place
	if e.Status != 0 {
		c.contacts.answered(operation)
		return e
	}
	if e.Class != Retryable {
		return e
	}
	tries, since, other := c.contacts.silence(operation, time.Now())
	if tries == 0 {
		return e
	}
	attempts := "1 attempt"
	if tries > 1 {
		attempts = fmt.Sprintf("%d attempts", tries)
	}
	endpoint := strings.TrimSuffix(c.endpoint.Redacted(), "/")
	said := fmt.Sprintf("%s never answered, in %s over %s: %s", endpoint, attempts, spell(since), e.Message)
	advice := "check the endpoint, the region and the network"
	if other != "" {
		said = fmt.Sprintf("%s answers %s, but has answered no %s, in %s over %s: %s", endpoint, other, operation, attempts, spell(since), e.Message)
		advice = "check the server's own log, and what stands between here and it (a proxy, a firewall, a VPC endpoint)"
	}
	e.Code, e.Class, e.Message, e.Advice = CodeUnreachable, Permanent, said, advice
	return e
}

// spell is a time as a message says it.
func spell(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(100 * time.Millisecond)
	} else {
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

// ended is ctx's error when the caller has no more use for an answer. A time
// that it set is another matter: nothing came in it, which is an error to tell.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != context.DeadlineExceeded {
		return err
	}
	return nil
}
