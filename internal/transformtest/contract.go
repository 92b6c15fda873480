package transformtest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// batches is how many units of the shapes the suite gives.
const batches = 24

// Contract holds a transform to its contract with the engine, over batches of
// rows of many shapes: input unchanged, memory given back, every row accounted
// for, origins kept, different and in order, only declared outputs, no batch
// beyond the limits where it makes rows, and the same result whether batches
// come one by one or, unless it is Sequential, several at once. One that holds
// rows back completes every unit by the end, in order, and gives all back when
// the run ends before that. One that says which attributes it uses makes the
// same of rows that have no others.
func Contract(t *testing.T, create func() transforms.Config, body string) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	config := create()
	open := Open(t, config, mem, body)
	if _, holds := open.(transforms.Flusher); holds {
		contractOfFlusher(t, create, body)
		return
	}
	contractOfUser(t, create, body)
	outputs := []string{""}
	if o, several := config.(plan.Outputs); several {
		outputs = o.Outputs()
	}
	one := make([]Result, batches)
	for i := range one {
		one[i] = apply(t, open, mem, i*len(shapes), shapes)
		one[i].inOrder(t, outputs)
	}
	if _, sequential := open.(transforms.Sequential); sequential {
		return
	}
	again := make([]Result, batches)
	open = Open(t, create(), mem, body)
	var group sync.WaitGroup
	for i := range again {
		group.Go(func() { again[i] = apply(t, open, mem, i*len(shapes), shapes) })
	}
	group.Wait()
	for i := range one {
		if !slices.EqualFunc(one[i].Rows, again[i].Rows, func(a, b string) bool { return sameItem(t, a, b) }) || len(one[i].Rejects) != len(again[i].Rejects) {
			t.Errorf("batch %d differs when batches are worked on at once:\n%v\n%v", i, one[i].Rows, again[i].Rows)
		}
	}
}

// inOrder checks that the rows on each output are in the order they came, that
// no two are from one place, and that what was made was cut.
func (r *Result) inOrder(t testing.TB, outputs []string) {
	t.Helper()
	last := map[string]record.Pos{}
	for i, pos := range r.pos {
		name := r.Outputs[i]
		if !slices.Contains(outputs, name) {
			t.Errorf("a row left on the output %q, and there is none", name)
		}
		if before, ok := last[name]; ok && before.Compare(pos) >= 0 {
			t.Errorf("a row from %+v left after one from %+v", pos, before)
		}
		last[name] = pos
	}
	if limit := max(Limits.Rows, len(shapes)); r.largest > limit {
		t.Errorf("a batch of %d rows left, and the limit is %d", r.largest, limit)
	}
}

func contractOfFlusher(t *testing.T, create func() transforms.Config, body string) {
	t.Helper()
	units := make([][]string, batches)
	for i := range units {
		units[i] = shapes
	}
	for _, r := range Run(t, create(), body, units...) {
		r.inOrder(t, []string{""})
	}
	for n := range batches {
		Stop(t, create(), body, units[:n]...)
	}
}

// Run applies a block that holds rows back to batches, and flushes. It gives
// what became of each batch, and last what came at the end of input.
func Run(t testing.TB, c transforms.Config, body string, units ...[]string) []Result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := Open(t, c, mem, body).(transforms.Flusher)
	q := giveAll(t, open, mem, units)
	var end Result
	out := transforms.NewOut(func(piece transforms.Out) error {
		end.add(&piece)
		return nil
	})
	if err := open.Flush(context.Background(), out); err != nil {
		t.Fatal(err)
	}
	q.settle()
	if len(q.results) != len(units) {
		t.Errorf("%d units of %d are complete at the end", len(q.results), len(units))
	}
	end.add(out)
	ended := end.ended()
	for i, r := range q.results {
		if q.held[i] {
			r.check(t, int64(len(units[i])))
		}
		ended += r.ended()
	}
	if came := q.came; ended != came {
		t.Errorf("%d rows came in, %d are accounted for", came, ended)
	}
	if left := open.Drop(); left != 0 {
		t.Errorf("%d rows are held after Flush", left)
	}
	return append(q.results, end)
}

// Stop applies a block that holds rows back to batches of a run that does not
// come to its end (promise 9). It gives what became of the units that were
// complete.
func Stop(t testing.TB, c transforms.Config, body string, units ...[]string) []Result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	open := Open(t, c, mem, body).(transforms.Flusher)
	q := giveAll(t, open, mem, units)
	ended := open.Drop()
	for _, r := range q.results {
		ended += r.ended()
	}
	for i, out := range q.outs {
		out.Release()
		ended += int64(len(units[len(q.results)+i]))
	}
	if ended != q.came {
		t.Errorf("%d rows came in, %d are accounted for or dropped", q.came, ended)
	}
	return q.results
}

// queue is units that a transform was given, as the engine keeps them.
type queue struct {
	results []Result          // of the units that are complete
	held    []bool            // by unit: it was held
	outs    []*transforms.Out // of those that are not complete
	came    int64
}

func giveAll(t testing.TB, open transforms.Flusher, mem memory.Allocator, units [][]string) *queue {
	t.Helper()
	q := &queue{}
	first := 0
	for _, rows := range units {
		out := &transforms.Out{}
		give(t, open, mem, first, rows, out)
		q.outs = append(q.outs, out)
		q.held = append(q.held, out.Held())
		q.settle()
		first += len(rows)
		q.came += int64(len(rows))
	}
	return q
}

// settle takes the units that are complete and have none before them.
func (q *queue) settle() {
	for len(q.outs) > 0 && !q.outs[0].Held() {
		var r Result
		r.add(q.outs[0])
		q.results = append(q.results, r)
		q.outs = q.outs[1:]
	}
}
