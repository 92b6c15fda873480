package deliver

import "time"

const (
	// minQueue is the least number of requests that a limit is left with because
	// answers take long.
	minQueue = 2
	// minRound is how many answers make an average that can be compared.
	minRound = 16
	// nearby is how far a service is at most that is near: less than a table in
	// the cloud.
	nearby = 2 * time.Millisecond
	// memory is how long the least latency is remembered, at least, and how long
	// a queue that was found keeps the limit from doubling.
	memory = 10 * time.Second
)

// latency tells a service that answers more slowly the more it is asked from
// one that has become slower. It compares the average of a round of answers
// with the least that was seen of late. When it is twice that, half of the
// requests may be waiting for the other half, and with half as many in flight
// as much would get done. That is tried: the limit is held for a round, then
// halved for one. If that does not shorten the answers, their length has
// another reason, and is the new measure.
type latency struct {
	smooth time.Duration // averaged over some answers

	began   time.Time // of the round
	sum     time.Duration
	count   int
	drained bool // in a trial: what was in flight when it began has been answered

	least  [2]time.Duration // average of a round in this span of memory, and in the one before
	turned time.Time        // when the span began

	trial  trial
	held   time.Duration // the average while the limit was held
	before float64       // the limit before it was halved
	queued time.Time     // when a queue was last found
}

// trial is how far it is known whether requests wait for each other.
type trial uint8

const (
	noTrial trial = iota
	holding       // the limit stays as it is
	halved        // the limit is half of what it was
)

// answered takes in an answer, and returns the limit that there should be.
func (l *latency) answered(sent, now time.Time, limit float64) float64 {
	took := now.Sub(sent)
	if l.began.IsZero() {
		l.began, l.turned, l.smooth = sent, now, took
	}
	l.smooth += (took - l.smooth) / 8
	if sent.Before(l.began) {
		return limit // of the round before
	}
	if l.trial != noTrial && !l.drained {
		l.drained, l.began = true, now // it may have waited for what was in flight before
		return limit
	}
	l.sum += took
	l.count++
	if l.count < minRound {
		return limit
	}
	average := l.sum / time.Duration(l.count)
	l.began, l.sum, l.count, l.drained = now, 0, 0, false
	return l.judge(average, limit, now)
}

// judge looks at the average of a round.
func (l *latency) judge(average time.Duration, limit float64, now time.Time) float64 {
	switch l.trial {
	case holding:
		if average <= l.usual() || limit < 2*minQueue {
			l.trial = noTrial
			return limit
		}
		l.trial, l.held, l.before = halved, average, limit
		return limit / 2
	case halved:
		l.trial = noTrial
		if average >= l.held*3/4 {
			l.least, l.turned = [2]time.Duration{average, 0}, now
			return max(limit, l.before)
		}
		l.queued = now
	}
	l.remember(average, now)
	if average > l.usual() && limit >= 2*minQueue {
		l.trial = holding
	}
	return limit
}

// usual is how long the answers of a round may take, on average, without
// suspicion.
func (l *latency) usual() time.Duration { return 2*l.lowest() + time.Millisecond }

// lowest is the least average that is remembered; 0 when there is none.
func (l *latency) lowest() time.Duration {
	if l.least[1] > 0 {
		return min(l.least[0], l.least[1])
	}
	return l.least[0]
}

// near reports that an answer takes little more than the work of making it.
func (l *latency) near() bool { return l.lowest() > 0 && l.lowest() < nearby }

func (l *latency) remember(average time.Duration, now time.Time) {
	if now.Sub(l.turned) >= memory {
		l.least, l.turned = [2]time.Duration{0, l.least[0]}, now
	}
	if l.least[0] == 0 || average < l.least[0] {
		l.least[0] = average
	}
}

// doubts reports that the limit must not be doubled, since requests that wait
// for each other were found of late.
func (l *latency) doubts(now time.Time) bool {
	return !l.queued.IsZero() && now.Sub(l.queued) < memory
}
