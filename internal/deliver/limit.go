package deliver

import "time"

const (
	// noise is the share of rows that may be given back without it being a reason
	// to send less: a table that takes nearly everything is not at its end.
	noise = 0.05
	// sample is how many answers, at least, the share is averaged over.
	sample = 32
)

// limiter finds how many requests to one table may be in flight: additive
// increase, multiplicative decrease, from one request up. Until something says
// that it is enough it doubles in each round trip. A cut is in proportion to the
// share of rows that were given back of late.
type limiter struct {
	max     int
	limit   float64
	probing bool
	pressed time.Time // when the limit was last reached
	cutAt   time.Time
	share   float64 // of rows given back, averaged
	delay   latency
}

func newLimiter(max int) limiter { return limiter{max: max, limit: 1, probing: true} }

func (l *limiter) allowed() int { return int(l.limit) }

// sent is told how many requests are in flight after one was sent.
func (l *limiter) sent(inFlight int, now time.Time) {
	if inFlight >= l.allowed() {
		l.pressed = now
	}
}

// answered is told which share of a request's rows the table gave back, and
// which share it would give back however little it were sent. It cuts once per
// window: what was sent before the last cut tells of the same congestion. A
// limit that nothing has pressed against since the request was sent says
// nothing, and is not raised.
func (l *limiter) answered(sent time.Time, share, usual float64, now time.Time) {
	l.share += (share - l.share) / max(l.limit, sample)
	switch {
	case share > 0 && l.share > usual+noise:
		l.probing = false
		if !sent.Before(l.cutAt) {
			l.cutAt = now
			l.limit = max(1, l.limit*(1-l.share/2))
		}
	case l.pressed.Before(sent) || l.delay.suspected():
	case l.probing:
		l.limit++
	default:
		l.limit += 1 / l.limit
	}
	l.limit = min(l.limit, float64(l.max))
}

// took is told how long a request took that was carried out.
func (l *limiter) took(sent time.Time, d time.Duration, now time.Time) {
	before := l.limit
	l.limit = l.delay.took(l.limit, sent, d, now)
	if l.limit < before {
		l.probing = false
	}
}

const (
	// patience is how many times the least latency an answer may take.
	patience = 2
	// jitter is latency that says nothing.
	jitter = time.Millisecond
	// few is how many answers say something about the latency.
	few = 8
)

// latency tells a server that slows down because it is sent too much from one
// that is slow. When answers take more than twice what they took at best, more
// of them wait than are worked on, so half of the requests in flight do as well.
// Should halving them not help, it is the server that has changed: its latency
// is the new measure, and the limit is restored.
type latency struct {
	least  time.Duration // mean of the best window
	since  time.Time     // when the window began
	size   int           // answers that make it
	sum    time.Duration
	n      int
	held   bool          // the limit is not raised until another window says more
	before float64       // the limit that was halved; 0: none
	mean   time.Duration // the mean that it was halved for
}

// suspected reports that the limit is to stay as it is until a window has passed.
func (l *latency) suspected() bool { return l.held || l.before > 0 }

// took takes in an answer, and says what the limit is to be.
func (l *latency) took(limit float64, sent time.Time, d time.Duration, now time.Time) float64 {
	if sent.Before(l.since) {
		return limit
	}
	l.sum += d
	l.n++
	if l.n == 1 {
		l.size = max(few, int(limit))
	}
	if l.n < l.size {
		return limit
	}
	mean := l.sum / time.Duration(l.n)
	l.sum, l.n, l.since = 0, 0, now
	if l.least == 0 || mean < l.least {
		l.least = mean
	}
	before, held := l.before, l.held
	l.before, l.held = 0, false
	switch {
	case before > 0 && mean > l.mean*3/4:
		l.least = mean
		return max(limit, before)
	case mean <= patience*l.least+jitter:
		return limit
	case limit < 2: // less is not possible
		l.least = mean
		return limit
	case !held:
		l.held = true
		return limit
	}
	l.before, l.mean = limit, mean
	return limit / 2
}
