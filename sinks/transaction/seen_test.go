package transaction

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/deliver"
)

// A draft's actions are found as by a map, also where many share a place.
func TestSeenIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s seen
		for range 2 { // the second draft knows nothing of the first
			var marks []deliver.Mark
			want := map[deliver.Mark]int{}
			for range rapid.IntRange(0, 100).Draw(t, "actions") {
				m := deliver.Mark(rapid.SampledFrom([]uint64{0, 1, 2, 511, 512, 1024, 1<<63 + 511}).Draw(t, "mark"))
				if rapid.Bool().Draw(t, "other") {
					m = deliver.Mark(rapid.Uint64().Draw(t, "mark"))
				}
				got, found := s.find(m, marks)
				if at, ok := want[m]; ok != found || found && at != got {
					t.Fatalf("found %d, %v; want %d, %v", got, found, at, ok)
				}
				if !found {
					want[m] = len(marks)
				}
				s.add(m, marks)
				marks = append(marks, m)
			}
			s.clear()
		}
	})
}
