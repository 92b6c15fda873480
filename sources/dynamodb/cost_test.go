package dynamodb

import (
	"math"
	"slices"
	"testing"
)

// page is an answer of so many items that take so much; whole gives it texts.
func page(items int, units float64) told { return told{items: int64(items), units: units} }

func (t told) whole(texts ...int) told {
	t.texts = texts
	return t
}

func TestCostFollowsThePages(t *testing.T) {
	var c cost
	c.learn(page(0, 0.5), 0.5, 1000)
	if c.known() {
		t.Error("an empty page told something")
	}
	for range 50 {
		c.learn(page(100, 100), 0.5, 1000)
	}
	if math.Abs(c.mean-1) > 0.01 || c.variance > 1 || c.page != 100 {
		t.Errorf("of equal items: %+v", c)
	}
	for range 100 {
		c.learn(page(100, 300), 0.5, 1000)
	}
	if math.Abs(c.mean-3) > 0.05 {
		t.Errorf("items that grew: %+v", c)
	}
}

func TestCostliestItem(t *testing.T) {
	const step, limit = 0.5, 20
	var c cost
	texts := slices.Repeat([]int{1 << 13}, 500) // a unit each
	texts[7] = 1 << 15
	c.learn(page(500, 503).whole(texts...), step, limit)
	if got := c.largest[0]; got != 4 {
		t.Errorf("32 KB take %v units, want 4", got)
	}
	if c.of(1) < 3.9 || c.of(100) < 104 {
		t.Errorf("one takes up to %v, a hundred %v", c.of(1), c.of(100))
	}
	// It counts long, however few like it come.
	for range window / 100 {
		c.learn(page(100, 100).whole(texts[100:200]...), step, limit)
	}
	if c.of(1) < 3.9 {
		t.Errorf("after %d items: %+v", window, c)
	}
	for range 3 * generation / 100 {
		c.learn(page(100, 100).whole(texts[100:200]...), step, limit)
	}
	if c.of(1) > 3 {
		t.Errorf("after many more: %+v", c)
	}
	// What no page of the budget can hold does not keep the others small.
	c.learn(page(2, 51).whole(1<<13, 400<<10), step, limit)
	if c.largest[0] > limit {
		t.Errorf("over the limit: %+v", c)
	}
}

// A page that takes more than was reckoned, by its sum alone.
func TestSurprise(t *testing.T) {
	var c cost
	for range 40 {
		c.learn(page(64, 64), 0.5, 100)
	}
	before := c.of(1)
	c.learn(page(10, 60), 0.5, 100)
	if before > 3 || c.of(1) < 50 {
		t.Errorf("one item takes up to %v, and after one of 51 up to %v", before, c.of(1))
	}
}

func TestAtMost(t *testing.T) {
	for _, mean := range []float64{0, 1e-9, 0.001, 0.1, 1, 7, 49.9, 50.1, 1000, 1e6} {
		k := atMost(mean)
		p, sum := math.Exp(-mean), 0.0
		for i := 0.0; mean < 700 && i <= k; i++ {
			sum += p
			p *= mean / (i + 1)
		}
		if mean < 700 && 1-sum > 1.01*doubt || k < math.Floor(mean) || k > mean+6*math.Sqrt(mean)+10 {
			t.Errorf("of %v at most %v", mean, k)
		}
	}
	if atMost(0) != 0 {
		t.Errorf("of nothing %v", atMost(0))
	}
}
