package deliver

import (
	"math"
	"time"
)

// Retry is when to try again, and when no more.
type Retry struct {
	// MaxAttempts is how often one request may fail with a Retryable error
	// before the run fails.
	MaxAttempts int
	BaseDelay   time.Duration
	MaxDelay    time.Duration
	Factor      float64
	// Unprocessed has rows that the service gave back sent again; without it
	// they are rejected.
	Unprocessed bool
	// Deadline is how long after a row was first sent it is still tried again.
	// Past it a throttled or unprocessed row is rejected, and a request that
	// fails otherwise fails the run. 0: for as long as it takes.
	Deadline time.Duration
}

// DefaultRetry is the policy of a sink without a retry block.
func DefaultRetry() Retry {
	return Retry{
		MaxAttempts: 10, BaseDelay: 50 * time.Millisecond, MaxDelay: 5 * time.Second, Factor: 2, Unprocessed: true,
	}
}

// Delay is how long to wait after the n-th failure, from 1: exponential with
// full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
// random is from [0, 1).
func (r Retry) Delay(n int, random float64) time.Duration {
	ceiling := float64(r.BaseDelay) * math.Pow(r.Factor, float64(n-1))
	return time.Duration(random * min(ceiling, float64(r.MaxDelay)))
}

// expired reports that a row first sent so long ago may not be tried again.
func (r Retry) expired(after time.Duration) bool { return r.Deadline > 0 && after >= r.Deadline }
