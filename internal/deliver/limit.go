package deliver

import "time"

// limiter finds how many requests may be in flight: additive increase,
// multiplicative decrease. Until the first push back it doubles in each round
// trip. A cut is in proportion to the share of rows that were given back of
// late: a table that takes nearly everything is not left idle for the little
// that it gives back.
type limiter struct {
	max     int
	limit   float64
	probing bool
	pressed time.Time // when the limit was last reached
	pushed  time.Time // when the table last gave something back
	cutAt   time.Time
	share   float64 // of rows given back, averaged over about a window
	// refused counts the requests in a row of which the table took nothing.
	refused int
	// resumes is when the next request may go, after the table took nothing
	// even from one request at a time.
	resumes time.Time
}

func newLimiter(max int) limiter { return limiter{max: max, limit: 1, probing: true} }

func (l *limiter) allowed() int { return int(l.limit) }

// sent is told how many requests are in flight after one was sent.
func (l *limiter) sent(inFlight int, now time.Time) {
	if inFlight >= l.allowed() {
		l.pressed = now
	}
}

// accepted is told of a request that the table took whole. A limit that
// nothing has pressed against since it was sent says nothing, and is not
// raised.
func (l *limiter) accepted(sent time.Time) {
	l.refused = 0
	l.average(0)
	switch {
	case l.pressed.Before(sent):
		return
	case l.probing:
		l.limit++
	default:
		l.limit += 1 / l.limit
	}
	l.limit = min(l.limit, float64(l.max))
}

// pushedBack is told of a request of whose rows the table gave back a share,
// up to all of them. It cuts once per window: what was sent before the last
// cut tells of the same congestion.
func (l *limiter) pushedBack(sent time.Time, share float64, now time.Time) {
	l.probing = false
	l.pushed = now
	l.average(share)
	if share < 1 {
		l.refused = 0
	} else {
		l.refused++
	}
	if sent.Before(l.cutAt) {
		return
	}
	l.cutAt = now
	l.limit = max(1, l.limit*(1-l.share/2))
}

// average takes in what a request gave back. A window has as many answers as
// requests may be in flight.
func (l *limiter) average(share float64) {
	l.share += (share - l.share) / max(l.limit, 2)
}

// exhausted reports that one request at a time is still too many.
func (l *limiter) exhausted() bool { return l.refused > 0 && l.limit < 2 }
