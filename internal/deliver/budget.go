package deliver

import (
	"math"
	"time"
)

// WriteUnits is what writing an item of that many bytes to a table takes: one
// unit for each KB begun (AWS: "DynamoDB provisioned capacity mode").
func WriteUnits(size int) float64 {
	return math.Max(1, math.Ceil(float64(size)/1024))
}

// window is a budget of capacity units per second (promise 7). A request
// counts from its sending until a second after its answer.
type window struct {
	limit   float64 // 0: no budget
	flying  int
	sent    float64 // units of requests in flight, estimated
	cooling []spent // by time
	cooled  float64 // their sum
	short   bool    // the last request asked about had to wait
}

type spent struct {
	units float64
	until time.Time
}

// crumb is the share of the budget that has to be left for a request to be made
// which is smaller than a whole one.
const crumb = 1.0 / 16

// room is the units that a request made now should take at most, 0 for any
// number: what is left, so that a budget which is no multiple of a whole
// request is used all the same. whole is what a whole one took last, 0 if there
// was none. If too little is left, at is when to ask again, as fits has it.
func (w *window) room(whole float64, now time.Time) (units float64, at time.Time, ok bool) {
	least := w.limit * crumb
	if whole > 0 {
		least = min(least, whole)
	}
	at, ok = w.fits(least, now)
	if !ok || w.limit == 0 {
		return 0, at, ok
	}
	return w.limit - w.sent - w.cooled, at, true
}

// fits reports whether a request may be sent now. If not, at is when it may;
// zero means that it depends on an answer. A request larger than the budget
// goes alone.
func (w *window) fits(units float64, now time.Time) (at time.Time, ok bool) {
	w.expire(now)
	w.short = w.limit > 0 && (w.flying > 0 || len(w.cooling) > 0) && w.sent+w.cooled+units > w.limit
	if !w.short {
		return time.Time{}, true
	}
	left := w.cooled
	for i, s := range w.cooling {
		left -= s.units
		last := i == len(w.cooling)-1
		if last {
			left = 0
		}
		if w.sent+left+units <= w.limit || last && w.flying == 0 {
			return s.until, false
		}
	}
	return time.Time{}, false
}

func (w *window) send(units float64) {
	w.flying++
	w.sent += units
}

// answered replaces what a request was estimated at by what it took.
func (w *window) answered(estimate, units float64, now time.Time) {
	w.flying--
	w.sent -= estimate
	if w.flying == 0 {
		w.sent = 0
	}
	if w.limit > 0 {
		w.cooling = append(w.cooling, spent{units: units, until: now.Add(time.Second)})
		w.cooled += units
	}
}

func (w *window) expire(now time.Time) {
	n := 0
	for n < len(w.cooling) && !w.cooling[n].until.After(now) {
		w.cooled -= w.cooling[n].units
		n++
	}
	w.cooling = w.cooling[n:]
	if len(w.cooling) == 0 {
		w.cooling, w.cooled = nil, 0
	}
}

// estimator learns how much more or less a table takes than its rows' units
// say: indexes, and what the rows replace, are not known before the answer. It
// rises at once and falls slowly, since the budget is hard.
type estimator map[string]float64

func (e estimator) factor(table string) float64 {
	if f, known := e[table]; known {
		return f
	}
	return 1
}

func (e estimator) learn(table string, expected, took float64) {
	if expected <= 0 {
		return
	}
	ratio := took / expected
	f, known := e[table]
	if known && ratio < f {
		ratio = f + (ratio-f)/8
	}
	e[table] = ratio
}
