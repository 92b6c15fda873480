package faultproxy

import "time"

// bucket is capacity that refills at a rate up to a depth. What turns out to
// cost more than was known beforehand puts it into debt. Time is passed in.
type bucket struct {
	rate, depth float64
	level       float64
	at          time.Time
}

// newBucket is full, as that of a table nobody used for a while.
func newBucket(rate float64, burst time.Duration, now time.Time) bucket {
	depth := depthOf(rate, burst)
	return bucket{rate: rate, depth: depth, level: depth, at: now}
}

func depthOf(rate float64, burst time.Duration) float64 {
	return rate * max(1, burst.Seconds())
}

// change gives the bucket another rate from now on.
func (b *bucket) change(rate float64, burst time.Duration, now time.Time) {
	if b.rate == 0 {
		*b = newBucket(rate, burst, now)
		return
	}
	b.refill(now)
	b.rate, b.depth = rate, depthOf(rate, burst)
	b.level = min(b.level, b.depth)
}

func (b *bucket) refill(now time.Time) {
	// Requests are booked by several goroutines, which may come out of order.
	if past := now.Sub(b.at).Seconds(); past > 0 {
		b.level = min(b.depth, b.level+past*b.rate)
		b.at = now
	}
}

// has reports that so much can be spent now. What is more than the bucket ever
// holds needs it full. A rate of 0 is no limit.
func (b *bucket) has(units float64, now time.Time) bool {
	if b.rate == 0 {
		return true
	}
	b.refill(now)
	return b.level > 0 && b.level >= min(units, b.depth)
}

// spend takes units, or gives them back when they are below zero.
func (b *bucket) spend(units float64) {
	if b.rate != 0 {
		b.level = min(b.depth, b.level-units)
	}
}
