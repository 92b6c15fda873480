package sample_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms/sample"
)

func TestContract(t *testing.T) {
	for _, body := range []string{"fraction = 0", "fraction = 0.5", "fraction = 1", "fraction = 0.3\nseed = 7"} {
		t.Run(body, func(t *testing.T) { transformtest.Contract(t, sample.New, body) })
	}
}

func rows(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"n":{"N":"%d"}}`, i)
	}
	return out
}

// The sample's size is what was asked, within four standard deviations, also
// for rows that differ in their number alone.
func TestFraction(t *testing.T) {
	const n = 20000
	for _, seed := range []int{0, 1, 2} {
		for _, percent := range []int{1, 10, 50, 90} {
			r := transformtest.Apply(t, sample.New(), fmt.Sprintf("fraction = %d / 100\nseed = %d", percent, seed), rows(n)...)
			mean := n * percent / 100
			variance := n * percent * (100 - percent) / 10000
			if off := len(r.Rows) - mean; off*off > 16*variance {
				t.Errorf("seed %d: %d rows of %d at %d %%", seed, len(r.Rows), n, percent)
			}
		}
	}
}

func TestSameSeedSameSample(t *testing.T) {
	first := transformtest.Apply(t, sample.New(), "fraction = 0.2\nseed = 5", rows(500)...)
	again := transformtest.Apply(t, sample.New(), "fraction = 0.2\nseed = 5", rows(500)...)
	other := transformtest.Apply(t, sample.New(), "fraction = 0.2\nseed = 6", rows(500)...)
	if !slices.Equal(first.Rows, again.Rows) {
		t.Error("the same seed gave another sample")
	}
	if slices.Equal(first.Rows, other.Rows) {
		t.Error("another seed gave the same sample")
	}
}

func TestWrongBlocks(t *testing.T) {
	for _, body := range []string{``, `fraction = 1.1`, `fraction = -0.1`, `fraction = "x"`} {
		if diags := transformtest.Diagnose(t, sample.New(), body); !diags.HasErrors() {
			t.Errorf("%q is accepted", body)
		}
	}
}
