package dynamodb

import "math"

// cost is what items take, as far as pages have told: how much on average, how
// much they differ, and how much the costliest.
type cost struct {
	mean     float64 // units
	variance float64
	seen     float64    // items that the two are of, at most window
	pages    float64    // pages that the variance is of, while only sums are known
	page     float64    // items in the largest page
	largest  [2]float64 // units of the costliest item: of the last ones, and of those before them
	since    float64    // number of the last ones
}

const (
	// window is the number of items after which older ones count less.
	window = 2000
	// pages is the same of the variance while only the sums of pages are known.
	pages = 30
	// generation is the number of items after which the costliest is forgotten,
	// unless one like it has come: at once it counts, and long.
	generation = 10000
	// doubt is how often a page may take more than it was reckoned to.
	doubt = 1e-5
	// apart is how far the costliest item is taken to be above the average while
	// only sums are known: once the variance in averages is what it is when there
	// are no items but those and free ones, and some more.
	apart = 1.5
)

func (c *cost) known() bool { return c.seen > 0 }

// of is what so many items take at most, as well as one can tell: as many like
// the costliest as chance hardly ever brings together, if it were they alone
// that make items differ (which is the worst case of Bennett's inequality).
func (c *cost) of(items int) float64 {
	n := float64(items)
	above := max(c.largest[0], c.largest[1]) - c.mean
	if c.pages > 0 {
		above = max(above, apart*c.variance/c.mean)
	}
	if above <= 0 {
		return n * c.mean
	}
	expected := n * c.variance / (above * above)
	return n*c.mean + above*min(n, atMost(expected)-expected)
}

// atMost is the number that a Poisson variable of that mean exceeds no more
// often than doubt.
func atMost(mean float64) float64 {
	if mean > 50 {
		// Bernstein's inequality is close enough, and more.
		third := -math.Log(doubt) / 3
		return mean + third + math.Sqrt(third*third-2*mean*math.Log(doubt))
	}
	k, p := 0.0, math.Exp(-mean)
	for rest := 1 - p; rest > doubt && k < 200; rest -= p {
		k++
		p *= mean / k
	}
	return k
}

// told is what the answer to a page tells.
type told struct {
	items int64   // that were read
	units float64 // they took, rounded up to a step
	// texts are the lengths of the items, as they came; nil when they did not
	// come whole, or not all of them.
	texts []int
}

// learn takes in a page. An item that takes more than the limit can't be
// provided for, and does not count as the costliest.
func (c *cost) learn(t told, step, limit float64) {
	if t.items <= 0 || t.units <= 0 {
		return
	}
	n := float64(t.items)
	c.page = max(c.page, n)
	mean, variance, largest := c.ofPage(t, step, limit)
	if c.since += n; c.since > generation {
		c.largest, c.since = [2]float64{0, c.largest[0]}, n
	}
	weight := n / (n + c.seen)
	off := mean - c.mean
	c.mean += weight * off
	if t.texts != nil {
		c.variance += weight * (variance + (1-weight)*off*off - c.variance)
	} else {
		c.pages = min(c.pages+1, pages)
		c.variance += (variance - c.variance) * min(weight, 1/c.pages)
	}
	c.largest[0] = max(c.largest[0], largest)
	c.seen = min(c.seen+n, window)
}

// ofPage is the mean and variance of a page's items, and what the costliest takes.
func (c *cost) ofPage(t told, step, limit float64) (mean, variance, largest float64) {
	if len(t.texts) > 0 {
		return t.ofTexts(step, limit)
	}
	// Only their sum is known, and that to a step.
	n := float64(t.items)
	took, expected := t.units-step/2, n*c.mean
	switch {
	case !c.known():
		mean = took / n
		// One item may have taken it all, as far as it can.
		return mean, mean * min(t.units, step*itemBytes/unitBytes) / apart, 0
	case expected > t.units-step && expected <= t.units:
		took = expected // for all that one can tell
	case expected > t.units:
		took = t.units
	}
	mean = took / n
	off := mean - c.mean
	if off <= 0 {
		// The first small pages, rounded up, look costlier than all that follow:
		// only costlier pages tell how much items differ, for both sides.
		return mean, 0, 0
	}
	if t.units > c.of(int(t.items))+step && t.units-expected <= limit {
		largest = c.mean + t.units - expected + step // more than it was reckoned to: put down to one item
	}
	return mean, 2 * n * off * off, largest
}

// ofTexts takes an item's share of the units for that of its text. The costliest
// is taken for as long as its text, which names and brackets make no shorter
// than the item: one with a long string is hardly shorter.
func (t *told) ofTexts(step, limit float64) (mean, variance, largest float64) {
	unit := step / unitBytes // of a byte
	sum, squares := 0.0, 0.0
	for _, text := range t.texts {
		x := float64(text) * unit
		sum += x
		squares += x * x
	}
	share := min(1, t.units/sum)
	longest := 0
	for _, text := range t.texts {
		if float64(text)*unit*share <= limit {
			longest = max(longest, text)
		}
	}
	n := float64(len(t.texts))
	mean = sum / n
	variance = max(0, squares/n-mean*mean) * share * share
	mean *= share
	return mean, variance, min(float64(longest)*unit, t.units, step*itemBytes/unitBytes, limit)
}
