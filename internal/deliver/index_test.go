package deliver

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// An index finds what was added and not removed, also where marks and places
// are shared.
func TestIndexFindsWhatIsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		in := map[int32]Mark{}
		marks := rapid.Custom(func(t *rapid.T) Mark {
			// The last bits say where an entry belongs: few of them differ.
			return Mark(rapid.Uint64Range(0, 3).Draw(t, "high")<<40 | rapid.Uint64Range(0, 20).Draw(t, "low")<<rapid.SampledFrom([]int{0, 3}).Draw(t, "shift"))
		})
		for n := range int32(rapid.IntRange(0, 300).Draw(t, "steps")) {
			if m := marks.Draw(t, "mark"); rapid.IntRange(0, 2).Draw(t, "step") > 0 || len(in) == 0 {
				x.add(cell{mark: m, first: n + 1})
				in[n+1] = m
			} else if i := x.find(m); i >= 0 {
				delete(in, x.cells[i].first)
				x.remove(i)
			}
			found := map[int32]Mark{}
			for _, m := range in {
				for i := x.find(m); i >= 0; i = x.next(i) {
					found[x.cells[i].first] = x.cells[i].mark
				}
			}
			if !maps.Equal(in, found) || x.used != len(in) {
				t.Fatalf("found %v of %v, %d used", found, in, x.used)
			}
		}
	})
}
