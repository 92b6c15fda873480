package deliver

import "time"

const (
	// patience is the time in which the limit rises by one request once a table
	// has pushed back; a longer round trip takes its place.
	patience = 100 * time.Millisecond
	// quiet is how long a table has to take nearly everything before the limit
	// doubles again in each round trip.
	quiet = time.Second
	// breath is how long a table is left alone at most. Its capacity comes back
	// within a second.
	breath = 500 * time.Millisecond
)

// limiter finds how many requests of a table may be in flight: additive
// increase, multiplicative decrease. Until the table pushes back, and again
// when it has been quiet, the limit doubles in each round trip.
//
// What a table gives back tells of its capacity only by how much it is: a
// network or a hot key that gives back the same share of whatever is sent asks
// for no fewer requests. So a share is tolerated, and beyond it the limit is
// cut in proportion.
//
// Below one, the limit is the part of the time in which a request is in
// flight: a table of 500 units per second 5 ms away takes one of 25 every
// 50 ms.
type limiter struct {
	max     int
	limit   float64
	probing bool
	share   float64   // of rows given back, averaged over about a window
	trend   float64   // the same over several
	pressed time.Time // when the limit was last reached
	pushed  time.Time // when the table last gave something back
	loaded  time.Time // when it last gave back a good part of what is tolerated
	cutAt   time.Time
	resumes time.Time // when the next request may go
	latency latency
}

func newLimiter(max int) limiter { return limiter{max: max, limit: 1, probing: true} }

func (l *limiter) allowed() int { return max(1, int(l.limit)) }

// refill is how many requests there are in flight, of all that may be, when more
// are sent. A near service and this program wait for each other's next piece of
// work: several requests in a row cost one waking, on either side, and there is
// no trip for which all of them would be needed.
func (l *limiter) refill() int {
	if l.latency.near() {
		return l.allowed() * 3 / 4
	}
	return l.allowed()
}

// sent is told how many requests are in flight after one was sent.
func (l *limiter) sent(inFlight int, now time.Time) {
	if inFlight >= l.allowed() {
		l.pressed = now
	}
}

// answered is told of a request of whose rows the table gave back a share,
// from none to all of them.
func (l *limiter) answered(sent time.Time, share float64, now time.Time) {
	l.average(share)
	if share > 0 {
		l.pushed = now
	}
	tolerated := l.tolerated()
	if l.trend > tolerated/2 {
		l.loaded = now
	}
	switch {
	case l.share <= tolerated:
		l.raise(sent, share, now)
	case share > 0:
		l.cut(sent, (l.share-tolerated)/2, now)
	}
	l.limit = min(l.latency.answered(sent, now, l.limit), float64(l.max))
	if l.limit < 1 {
		l.resumes = now.Add(l.gap())
	}
}

// average takes in what a request gave back. A window has as many answers as
// requests may be in flight, and not so few that one of them alone is too much;
// below one request, where answers are rare, they count for more.
func (l *limiter) average(share float64) {
	window, several := max(l.limit, 8), max(l.limit, 64)
	if l.limit < 1 {
		window, several = 4, 8
	}
	l.share += (share - l.share) / window
	l.trend += (share - l.trend) / several
}

// tolerated is the share that may be given back: a tenth of many requests, half
// of one at a time. It is what it costs to notice that a table takes more, and
// the more there are in flight, the less of them that needs.
func (l *limiter) tolerated() float64 { return 0.1 + 0.4/max(l.limit, 1) }

// raise lets more be sent, unless nothing has pressed against the limit since
// the request was sent: then its answer says nothing of a higher one.
func (l *limiter) raise(sent time.Time, share float64, now time.Time) {
	if l.pressed.Before(sent) || l.latency.trial != noTrial {
		return
	}
	l.probing = (l.probing || now.Sub(l.loaded) >= quiet && now.Sub(l.cutAt) >= quiet) && !l.latency.doubts(now)
	took := now.Sub(sent)
	switch {
	case l.probing && share > 0:
	case l.probing:
		l.limit += min(l.limit, 1)
	case l.limit < 1:
		l.limit *= 1 + 1.0/16
	default:
		l.limit += min(1, took.Seconds()/patience.Seconds()) / l.limit
	}
	l.limit = min(l.limit, float64(l.max))
}

// cut takes a part off, once per window: what was sent before the last cut
// tells of the same congestion.
func (l *limiter) cut(sent time.Time, part float64, now time.Time) {
	l.probing = false
	if sent.Before(l.cutAt) {
		return
	}
	l.cutAt = now
	l.limit = max(l.limit*(1-part), l.least())
}

// least is the limit at which a table is left alone for a breath between two
// requests.
func (l *limiter) least() float64 {
	trip := l.trip()
	return trip.Seconds() / (trip + breath).Seconds()
}

// gap is how long a table is left alone after an answer, at a limit below one.
func (l *limiter) gap() time.Duration {
	return min(time.Duration(float64(l.trip())*(1/l.limit-1)), breath)
}

// trip is how long an answer takes; one too short to be measured still gives
// room for a limit below one.
func (l *limiter) trip() time.Duration { return max(l.latency.smooth, time.Millisecond) }
