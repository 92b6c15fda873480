package faultproxy

import "time"

// usage is capacity that was consumed, as time goes by. Time is passed in.
type usage struct {
	start     time.Time // of second 0
	total     float64
	seconds   []float64 // by second since start
	indexes   map[string]float64
	window    []spending // of the last second
	sum, peak float64    // of the window, and the most that it has been
}

type spending struct {
	at    time.Time
	units float64
}

func newUsage(start time.Time) *usage {
	return &usage{start: start, indexes: map[string]float64{}}
}

// add books what one answer said.
func (u *usage) add(c consumed, now time.Time) {
	if c.CapacityUnits == 0 {
		return
	}
	u.total += c.CapacityUnits
	for name, index := range c.GlobalSecondaryIndexes {
		u.indexes[name] += index.CapacityUnits
	}
	second := max(0, int(now.Sub(u.start)/time.Second))
	for len(u.seconds) <= second {
		u.seconds = append(u.seconds, 0)
	}
	u.seconds[second] += c.CapacityUnits
	u.slide(now, c.CapacityUnits)
}

// slide moves the window to the second that ends now.
func (u *usage) slide(now time.Time, units float64) {
	old := 0
	for old < len(u.window) && now.Sub(u.window[old].at) >= time.Second {
		u.sum -= u.window[old].units
		old++
	}
	u.window = append(u.window[old:], spending{now, units})
	u.sum += units
	u.peak = max(u.peak, u.sum)
}
