package progress

// Histogram is how many values there were, by how large they were.
type Histogram struct {
	Count   int64    `json:"count" doc:"How many values there were."`
	Sum     float64  `json:"sum" doc:"Their sum."`
	Buckets []Bucket `json:"buckets" doc:"How many of them were no larger than each of several bounds; the others are beyond the last."`
}

// Bucket counts values up to a bound, those of smaller bounds among them.
type Bucket struct {
	Bound float64 `json:"le" doc:"The bound."`
	Count int64   `json:"count" doc:"Values that were less or equal."`
}

// The bounds of a meter's histograms: of a request in DynamoDB's few milliseconds up to
// what a timeout allows, and of what AWS's caps let into one (25 writes, 100 reads).
func secondsBounds() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
}

func itemsBounds() []float64 {
	return []float64{1, 5, 10, 15, 20, 24, 25, 50, 75, 99, 100, 250, 1000, 5000}
}

// spread is a histogram that is counted in.
type spread struct {
	bounds []float64
	counts []int64 // up to each bound, without those of smaller bounds; one more for the rest
	sum    float64
}

func newSpread(bounds []float64) spread {
	return spread{bounds: bounds, counts: make([]int64, len(bounds)+1)}
}

func (s *spread) add(value float64) {
	i := 0
	for i < len(s.bounds) && value > s.bounds[i] {
		i++
	}
	s.counts[i]++
	s.sum += value
}

// histogram is what has been counted; nil when that is nothing.
func (s *spread) histogram() *Histogram {
	h := &Histogram{Sum: s.sum}
	for i, n := range s.counts {
		h.Count += n
		if i < len(s.bounds) {
			h.Buckets = append(h.Buckets, Bucket{s.bounds[i], h.Count})
		}
	}
	if h.Count == 0 {
		return nil
	}
	return h
}
