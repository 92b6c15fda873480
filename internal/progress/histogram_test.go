package progress

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestRequestsAreCountedBySize(t *testing.T) {
	m := NewMeter("n", nil)
	if s := m.Snapshot(); s.Seconds != nil || s.Items != nil {
		t.Errorf("of no request: %v %v", s.Seconds, s.Items)
	}
	for _, d := range []time.Duration{0, time.Millisecond, 1001 * time.Microsecond, time.Minute} {
		m.Requested(Request{Attempt: 1, Duration: d, Items: 25})
	}
	s := m.Snapshot()
	if s.Seconds.Count != 4 || s.Seconds.Sum != 60.002001 {
		t.Errorf("%+v", s.Seconds)
	}
	// A bound has what is equal to it, and what smaller ones have; a minute is beyond the last.
	if got := s.Seconds.Buckets[:2]; !reflect.DeepEqual(got, []Bucket{{0.001, 2}, {0.0025, 3}}) {
		t.Errorf("%v", got)
	}
	if last := s.Seconds.Buckets[len(s.Seconds.Buckets)-1]; last != (Bucket{30, 3}) {
		t.Errorf("%v", last)
	}
	if s.Items.Sum != 100 {
		t.Errorf("%+v", s.Items)
	}
	for _, b := range s.Items.Buckets {
		if want := map[bool]int64{true: 4}[b.Bound >= 25]; b.Count != want {
			t.Errorf("%v items: %d requests", b.Bound, b.Count)
		}
	}
	for _, bounds := range [][]float64{secondsBounds(), itemsBounds()} {
		if !slices.IsSorted(bounds) {
			t.Errorf("not in order: %v", bounds)
		}
	}
}
