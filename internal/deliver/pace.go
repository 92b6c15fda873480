package deliver

import "time"

const (
	// period is how long, at least, the rate that a table takes is measured.
	period = 250 * time.Millisecond
	// portionOfSecond is the part of a second's rate that a request may have.
	portionOfSecond = 1.0 / 2
	// leastRate is what a table that takes nothing is tried with, in units per
	// second.
	leastRate = 10
	// gap is how long a paced table is sent nothing, at most.
	gap = time.Second / 2
	// most is the largest share given back that can be a table's usual one.
	most = 0.9
)

// pace is how fast a table is sent units once it has pushed back: as fast as it
// was seen to take them, and a little faster as long as it takes that too. One
// request in flight can be many times what a small table takes.
type pace struct {
	rate    float64   // units per second; 0: as fast as they come
	next    time.Time // when the next request may go
	gain    float64   // of the rate, for the next period that goes well
	pressed bool      // something waited for its time
	idle    int       // periods in a row in which nothing did

	since      time.Time // when the period began
	answers    int
	took, back float64 // units accepted and given back in it
	accepted   float64 // units per second in the last period with any that was cut for

	// usual is the share given back however little is sent. It is learned from
	// cuts that did not help: stubborn counts those.
	usual    float64
	last     float64 // share given back in the last period that was cut for
	stubborn int
}

// paced reports that the table is sent less than could be.
func (p *pace) paced() bool { return p.rate > 0 }

// open reports whether a request may go now; if not, at is when.
func (p *pace) open(now time.Time) (at time.Time, ok bool) {
	if p.rate == 0 || !now.Before(p.next) {
		return time.Time{}, true
	}
	p.pressed = true
	return p.next, false
}

// room is the units that a request should have at most; 0: any number.
func (p *pace) room() float64 {
	if p.rate == 0 {
		return 0
	}
	return max(1, p.rate*portionOfSecond)
}

// sent is told of the units of a request. What was missed by less than a
// request is caught up with.
func (p *pace) sent(units float64, now time.Time) {
	if p.rate == 0 {
		return
	}
	wait := min(time.Duration(units/p.rate*float64(time.Second)), gap)
	if start := now.Add(-wait); p.next.Before(start) {
		p.next = start
	}
	p.next = p.next.Add(wait)
}

// answered takes in how many of a request's units the table took and how many
// it gave back.
func (p *pace) answered(took, back float64, now time.Time) {
	if p.since.IsZero() {
		p.since = now
		return
	}
	p.took += took
	p.back += back
	p.answers++
	if p.answers >= 4 && now.Sub(p.since) >= period {
		p.review(now.Sub(p.since).Seconds())
		p.since, p.answers, p.took, p.back, p.pressed = now, 0, 0, 0, false
	}
}

// review sets the rate by a period of so many seconds.
func (p *pace) review(seconds float64) {
	share := p.back / (p.took + p.back)
	if share > p.usual+noise {
		p.learn(share)
		p.slow(seconds)
		return
	}
	p.stubborn = 0
	if share < p.usual {
		p.usual += (share - p.usual) / 8
	}
	switch {
	case p.rate == 0:
	case p.pressed:
		p.idle = 0
		p.rate = max(p.rate, p.took/seconds) * p.gain
		p.gain = min(2, 1+2*(p.gain-1))
	default:
		if p.idle++; p.idle == 4 {
			p.rate, p.idle = 0, 0
		}
	}
}

// learn finds a share that stays the same though less is sent: it has other
// reasons than how much that is.
func (p *pace) learn(share float64) {
	if alike := p.last - share; p.rate > 0 && share < most && alike < share/4 && -alike < share/4 {
		p.stubborn++
	} else {
		p.stubborn = 0
	}
	p.last = share
	if p.stubborn >= 2 {
		p.usual, p.stubborn = share, 0
	}
}

// slow sets the rate to what the table took. To one that took nothing some is
// sent all the same, by what it took before, to see that it takes rows again;
// then the rate goes up fast.
func (p *pace) slow(seconds float64) {
	if p.took > 0 {
		p.accepted = p.took / seconds
		p.rate, p.gain = p.accepted/(1-p.usual), 1+noise
	} else {
		p.rate, p.gain = max(p.back/4/seconds, p.accepted/32, leastRate), 2
	}
	p.idle = 0
}
