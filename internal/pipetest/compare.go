package pipetest

import (
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// compare holds what reached a sink against what was expected.
func (e *expectation) compare(r *Result) {
	got := e.node.Sink.(*keeping).rows
	at := e.at.Start.Line
	if e.counts && int64(len(got)) != e.count {
		r.fail(Failure{Kind: WrongCount, Node: e.node.Address, Line: at, Message: fmt.Sprintf("%s got %s, not %d", e.node.Address, rows(len(got)), e.count)})
	}
	if !e.expectsRows() {
		return
	}
	want, have := e.compared(e.rows), e.compared(got)
	pairs := align(want, have, e.ordered)
	var different []RowDifference
	for _, p := range pairs {
		if d, differs := difference(want, have, p); differs {
			different = append(different, d)
		}
	}
	if len(different) == 0 {
		return
	}
	r.fail(Failure{
		Kind: WrongRows, Node: e.node.Address, Line: at, Rows: different,
		Message: fmt.Sprintf("%s got %s, and not the %d that were expected%s", e.node.Address, rows(len(got)), len(e.rows), inOrder(different)),
	})
}

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// inOrder adds, where it is so, that the rows are right and their order is not.
func inOrder(all []RowDifference) string {
	for _, d := range all {
		if d.Kind != Moved {
			return ""
		}
	}
	return ": they come in another order (ordered = false takes any)"
}

// compared is rows with the attributes that are compared.
func (e *expectation) compared(all []attr.Value) []attr.Value {
	if e.only == nil && e.ignore == nil {
		return all
	}
	out := make([]attr.Value, len(all))
	for i, row := range all {
		fields := slices.DeleteFunc(slices.Clone(row.Fields()), func(f attr.Field) bool {
			return e.only != nil && !slices.Contains(e.only, f.Name) || slices.Contains(e.ignore, f.Name)
		})
		out[i] = attr.MapValue(fields)
	}
	return out
}

// pair is an expected row and one that came, by their numbers; -1 for none.
type pair struct {
	want, have int
	moved      bool // equal, and out of order
}

// align finds which rows belong together: first those that are equal, then, of the
// rest, those that have the most in common.
func align(want, have []attr.Value, ordered bool) []pair {
	var pairs []pair
	wants, haves := numbers(len(want)), numbers(len(have))
	if ordered {
		pairs = inSequence(want, have)
	} else {
		byKey := map[string][]int{}
		for j, v := range have {
			k := string(attr.KeyBytes(nil, v))
			byKey[k] = append(byKey[k], j)
		}
		for i, v := range want {
			k := string(attr.KeyBytes(nil, v))
			if same := byKey[k]; len(same) > 0 {
				pairs, byKey[k] = append(pairs, pair{want: i, have: same[0]}), same[1:]
			}
		}
	}
	for _, p := range pairs {
		wants, haves = without(wants, p.want), without(haves, p.have)
	}
	for _, equal := range []bool{true, false} { // rows out of place go before those that are alike
		for _, i := range slices.Clone(wants) {
			if j := closest(want[i], have, haves, equal); j >= 0 {
				pairs = append(pairs, pair{i, j, equal})
				wants, haves = without(wants, i), without(haves, j)
			}
		}
	}
	if len(wants) == 1 && len(haves) == 1 { // what else could it be
		pairs, wants, haves = append(pairs, pair{want: wants[0], have: haves[0]}), nil, nil
	}
	for _, i := range wants {
		pairs = append(pairs, pair{want: i, have: -1})
	}
	for _, j := range haves {
		pairs = append(pairs, pair{want: -1, have: j})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return a.place() - b.place() })
	return pairs
}

// place sorts pairs by the expected row; rows that none expects come last.
func (p pair) place() int {
	if p.want < 0 {
		return 1<<30 + p.have
	}
	return p.want
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func without(list []int, n int) []int {
	if i := slices.Index(list, n); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// largestTable bounds what inSequence holds in memory.
const largestTable = 4 << 20

// inSequence is a longest common subsequence: as many equal rows as come in the
// same order on both sides.
func inSequence(want, have []attr.Value) (pairs []pair) {
	n, m := len(want), len(have)
	if n*m > largestTable {
		for i := range min(n, m) {
			if attr.Equal(want[i], have[i]) {
				pairs = append(pairs, pair{want: i, have: i})
			}
		}
		return pairs
	}
	longest := make([][]int32, n+1)
	for i := range longest {
		longest[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if attr.Equal(want[i], have[j]) {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case attr.Equal(want[i], have[j]):
			pairs = append(pairs, pair{want: i, have: j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// closest is, among rows, one that is equal to another, or else the one with the
// most attributes in common; -1 when there is none.
func closest(want attr.Value, have []attr.Value, among []int, equal bool) int {
	best, most := -1, 0
	for _, j := range among {
		if equal && attr.Equal(want, have[j]) {
			return j
		}
		common := 0
		for _, f := range want.Fields() {
			if attr.Equal(f.Value, have[j].Get(f.Name)) {
				common++
			}
		}
		if !equal && common > most {
			best, most = j, common
		}
	}
	return best
}

// difference is what is different in a pair. Equal rows in order are not.
func difference(want, have []attr.Value, p pair) (RowDifference, bool) {
	d := RowDifference{Expected: p.want + 1, Actual: p.have + 1}
	switch {
	case p.have < 0:
		d.Kind, d.Row = Missing, Spell(want[p.want])
	case p.want < 0:
		d.Kind, d.Row = Extra, Spell(have[p.have])
	case p.moved:
		d.Kind, d.Row = Moved, Spell(want[p.want])
	default:
		d.Attributes = attributes(want[p.want], have[p.have])
		d.Kind, d.Row = Changed, Spell(want[p.want])
		return d, len(d.Attributes) > 0
	}
	return d, true
}

// attributes is what two rows have different, in the order of the names.
func attributes(want, have attr.Value) (out []AttributeDifference) {
	var names []string
	for _, f := range append(want.Sorted(), have.Sorted()...) {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w, h := want.Get(name), have.Get(name)
		if !attr.Equal(w, h) {
			out = append(out, AttributeDifference{name, Spell(w), Spell(h)})
		}
	}
	return out
}
