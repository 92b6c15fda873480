package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks"
	"github.com/dynapipe/dynapipe/sources"
	"github.com/dynapipe/dynapipe/transforms"
)

// numberPlace is where a partition of numbers goes on.
type numberPlace struct {
	Unit int   `json:"unit"`
	Seq  int64 `json:"seq"`
}

func (p *numberPartition) Position() (json.RawMessage, error) {
	return json.Marshal(numberPlace{p.unit, p.seq})
}

func (o *openNumbers) Identity() (json.RawMessage, error) {
	return json.Marshal(fmt.Sprintf("%d partitions", max(o.partitions, 1)))
}

// goOn sets the partitions to where an earlier run had got to.
func (o *openNumbers) goOn(parts []sources.Partition) {
	for i, p := range parts {
		var at numberPlace
		if o.env.Resume != nil {
			if err := json.Unmarshal(o.env.Resume.Positions[i], &at); err != nil {
				panic(err)
			}
		}
		part := p.(*numberPartition)
		part.unit, part.seq = at.Unit, at.Seq
	}
}

// listed is numbers as a file source has them.
type listed struct{ numbers }

func (*listed) ReadsFiles() []string { return []string{"numbers"} }

// disk is what outlives a run: what sinks have written, and the saved state.
type disk struct {
	mu    sync.Mutex
	files map[string][]string // by sink
	table map[string]map[string]int
	state []byte
	saves int
}

func newDisk() *disk {
	return &disk{files: map[string][]string{}, table: map[string]map[string]int{}}
}

func (d *disk) save(s *checkpoint.State) error {
	s.Version = checkpoint.Version
	text, err := json.Marshal(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = text
	d.saves++
	return err
}

func (d *disk) load(t *testing.T) *checkpoint.State {
	if d.state == nil {
		return nil
	}
	s := &checkpoint.State{}
	if err := json.Unmarshal(d.state, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// lasting is a sink that writes to a disk: a file, which is cut back to where
// the checkpoint was, or a table, in which rows that come again are the same.
type lasting struct {
	disk   *disk
	file   bool
	groups int             // writes so many rows together, when it has them
	never  func() bool     // no checkpoint now
	each   func()          // is called for each batch
	late   *sync.WaitGroup // ends rows from other goroutines
	bad    func(row string) bool
	whole  bool // nothing more is to come
	kept   bool
	node   string
	held   []sinks.Held
	names  []string
}

func (l *lasting) Schema() schema.Block                        { return schema.Block{} }
func (l *lasting) Facts(context.Context) (schema.Facts, error) { return schema.Facts{}, nil }
func (l *lasting) Open(_ context.Context, env sinks.Env) (sinks.Sink, error) {
	l.node, l.held, l.names, l.whole, l.kept = env.Node, nil, nil, false, false
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if l.disk.table[l.node] == nil {
		l.disk.table[l.node] = map[string]int{}
	}
	if l.file {
		var n int
		if env.Resume != nil {
			if err := json.Unmarshal(env.Resume, &n); err != nil {
				return nil, err
			}
		}
		if n > len(l.disk.files[l.node]) {
			return nil, fmt.Errorf("the file has %d rows, and had %d", len(l.disk.files[l.node]), n)
		}
		l.disk.files[l.node] = l.disk.files[l.node][:n]
	}
	switch {
	case l.file:
		return (*lastingFile)(l), nil
	case l.groups > 0:
		return (*lastingGroups)(l), nil
	}
	return l, nil
}

func (l *lasting) Write(_ context.Context, b *record.Batch, r *record.Receipt) error {
	l.each()
	var names []string
	for row := range b.Rows() {
		name := attr.Get(b, "n", row).Text()
		if e := attr.Get(b, "e", row); !e.IsNull() {
			name += "+" + e.Text()
		}
		names = append(names, name)
	}
	end := func() {
		for row, name := range names {
			if l.bad != nil && l.bad(name) {
				if r.Reject(row, record.Rejection{Operation: "lasting", Code: "No", Message: "not wanted"}) != nil {
					return
				}
				continue
			}
			l.put(name)
			r.End(row, record.Written)
		}
	}
	switch {
	case l.groups > 0:
		for row, name := range names {
			l.hold(sinks.Held{Receipt: r, Row: row, Item: attr.AppendRow(nil, b, row)}, name)
		}
	case l.late != nil:
		l.late.Go(end)
	default:
		end()
	}
	return nil
}

func (l *lasting) put(name string) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if l.file {
		l.disk.files[l.node] = append(l.disk.files[l.node], name)
		return
	}
	l.disk.table[l.node][name]++
}

func (l *lasting) hold(h sinks.Held, name string) {
	l.held, l.names = append(l.held, h), append(l.names, name)
	if len(l.held) == l.groups {
		l.writeGroup()
	}
}

func (l *lasting) writeGroup() {
	l.put(strings.Join(l.names, ","))
	for _, h := range l.held {
		h.Receipt.End(h.Row, record.Written)
	}
	l.held, l.names = nil, nil
}

func (l *lasting) Flush(_ context.Context, how sinks.Ending) error {
	if l.late != nil {
		l.late.Wait()
	}
	l.whole = how == sinks.EndOfInput
	if l.whole && len(l.held) > 0 {
		l.writeGroup()
	}
	return nil
}

func (l *lasting) Close() error {
	if l.late != nil {
		l.late.Wait()
	}
	return nil
}

// lastingFile is cut back to its length.
type lastingFile lasting

func (l *lastingFile) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	return (*lasting)(l).Write(ctx, b, r)
}
func (l *lastingFile) Flush(ctx context.Context, how sinks.Ending) error {
	return (*lasting)(l).Flush(ctx, how)
}
func (l *lastingFile) Keep() { l.kept = true }

// Close removes a file that is not whole, unless it was to be kept.
func (l *lastingFile) Close() error {
	err := (*lasting)(l).Close()
	if !l.whole && !l.kept {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		delete(l.disk.files, l.node)
	}
	return err
}

func (l *lastingFile) Checkpoint(context.Context) (json.RawMessage, error) {
	if l.late != nil {
		l.late.Wait()
	}
	if l.never() {
		return nil, sinks.ErrNotNow
	}
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return json.Marshal(len(l.disk.files[l.node]))
}

// lastingGroups holds rows back.
type lastingGroups lasting

func (l *lastingGroups) Write(ctx context.Context, b *record.Batch, r *record.Receipt) error {
	return (*lasting)(l).Write(ctx, b, r)
}
func (l *lastingGroups) Flush(ctx context.Context, how sinks.Ending) error {
	return (*lasting)(l).Flush(ctx, how)
}
func (l *lastingGroups) Close() error       { return (*lasting)(l).Close() }
func (l *lastingGroups) Held() []sinks.Held { return l.held }

// resumed runs a plan until it is done, with a crash or a stop now and then.
type resumed struct {
	*pipe
	disk    *disk
	crashIn int // batches until the run ends; 0 for never
	stops   bool
	mu      sync.Mutex
	crash   func()
}

// batch is called by sinks for each batch.
func (r *resumed) batch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.crashIn > 0 {
		if r.crashIn--; r.crashIn == 0 {
			r.crash()
		}
	}
}

func (r *resumed) once() (*engine.Report, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	r.crash = cancel
	if r.stops {
		r.crash = func() { close(stop) }
	}
	e := engine.New(r.plan, engine.Options{Run: &expr.Run{ID: "run-1", Start: time.Unix(1, 0)}, Stop: stop, Mem: r.mem, Checkpoints: &engine.Checkpoints{
		Every: 50 * time.Microsecond, Save: r.disk.save, Resume: r.disk.load(r.t), Notice: func(string) {},
	}})
	report, err := e.Run(ctx)
	for _, n := range report.Nodes {
		if came, went := n.In+n.Read+n.Made, n.Out+n.Written+n.Filtered+n.Coalesced+n.Rejected+n.Unsettled; came != went {
			r.t.Errorf("ledger of %s: %d came, %d went: %+v", n.Node, came, went, n)
		}
	}
	var ledger *engine.LedgerError
	if errors.As(err, &ledger) {
		r.t.Errorf("%v", err)
	}
	return report, err
}

// untilDone runs until nothing ends the run. It fails when some run fails for
// another reason.
func (r *resumed) untilDone(rt *rapid.T) *engine.Report {
	for again := range 20 {
		r.crashIn = 0
		if again < 19 && rapid.IntRange(0, 4).Draw(rt, "crashes") > 0 {
			r.crashIn = rapid.IntRange(1, 12).Draw(rt, "batches until the run ends")
		}
		r.stops = rapid.Bool().Draw(rt, "stops")
		report, err := r.once()
		switch {
		case report.Status == engine.Done || report.Status == engine.DoneWithRejects:
			return report
		case r.crashIn > 0 || err != nil && !errors.Is(err, engine.ErrAborted):
			rt.Fatalf("%s: %v", report.Status, err)
		}
	}
	rt.Fatalf("never done")
	return nil
}

// rejects is what the dead letter has, each row once.
func (r *resumed) rejects() (lines []string) {
	text, err := os.ReadFile(r.plan.Settings.DeadLetter)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var e struct {
			Node   string
			Origin json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.t.Errorf("%s: %v", line, err)
		}
		lines = append(lines, e.Node+" "+string(e.Origin))
	}
	slices.Sort(lines)
	return lines
}

// ledger is the counts of a report that a resumed run has in common with one
// that was not interrupted.
func ledger(r *engine.Report) map[string][8]int64 {
	all := map[string][8]int64{}
	for _, n := range r.Nodes {
		all[n.Node] = [8]int64{n.In, n.Read, n.Made, n.Out, n.Written, n.Filtered, n.Coalesced, n.Rejected}
	}
	for _, e := range r.Edges {
		all[e.From+" to "+e.To] = [8]int64{e.Sent, e.Received}
	}
	return all
}

// drawLasting gives every sink of a graph one that writes to a disk.
func drawLasting(rt *rapid.T, g *graph, r *resumed) {
	for _, n := range g.plan.Nodes {
		if n.Kind != plan.Sink {
			continue
		}
		was := g.sinks[n]
		l := &lasting{disk: r.disk, each: r.batch, bad: was.rejectIf, never: func() bool { return false }}
		switch rapid.SampledFrom([]string{"file", "table", "groups"}).Draw(rt, "sink") {
		case "file":
			l.file = true
			if rapid.Bool().Draw(rt, "not always") {
				asked := 0
				l.never = func() bool { asked++; return asked%3 == 1 }
			}
		case "groups":
			l.groups, l.bad = rapid.IntRange(1, 5).Draw(rt, "group"), nil
		}
		if was.late && l.groups == 0 {
			l.late = &sync.WaitGroup{}
		}
		n.Sink = l
	}
}

// wanted is what a sink should have.
func wanted(g *graph, n *plan.Node, l *lasting) []string {
	want := slices.Clone(g.want[n])
	if l.groups > 0 {
		want = g.union(n.Inputs)
	}
	slices.Sort(want)
	return want
}

// Promise 5, for any graph: a run that crashed or was stopped, at any moment and
// as often as you like, and went on each time, has written what one that was
// left in peace has. Files have each row exactly once, and the ledger and the
// dead letter of the last run are those of the whole.
func TestAnyGraphGoesOn(t *testing.T) {
	saves := 0
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(t, rt)
		r := &resumed{pipe: g.pipe, disk: newDisk()}
		drawLasting(rt, g, r)
		report := r.untilDone(rt)
		saves += r.disk.saves
		got, rejects := ledger(report), r.rejects()
		for _, n := range g.plan.Nodes {
			l, ok := n.Sink.(*lasting)
			if !ok {
				continue
			}
			var has []string
			if l.file {
				has = r.disk.files[l.node]
			} else {
				for row := range maps.Keys(r.disk.table[l.node]) {
					has = append(has, strings.Split(row, ",")...)
				}
			}
			has = slices.Clone(has)
			slices.Sort(has)
			if !l.file {
				has = slices.Compact(has)
			}
			want := wanted(g, n, l)
			if !l.file {
				want = slices.Compact(want)
			}
			if !slices.Equal(has, want) {
				rt.Fatalf("%s has %d rows, of %d:\n%q\n%q", n.Address, len(has), len(want), has, want)
			}
		}
		r.disk = newDisk()
		for _, n := range g.plan.Nodes {
			if l, ok := n.Sink.(*lasting); ok {
				l.disk = r.disk
			}
		}
		r.crashIn = 0
		peace, err := r.once()
		if err != nil {
			rt.Fatal(err)
		}
		if want := ledger(peace); !maps.Equal(got, want) {
			rt.Fatalf("ledger %v, of a run left in peace %v", got, want)
		}
		if want := r.rejects(); !slices.Equal(rejects, want) {
			rt.Fatalf("rejects %q, of a run left in peace %q", rejects, want)
		}
	})
	if saves < 10 {
		t.Errorf("only %d checkpoints were saved in all", saves)
	}
}

// everyThird lets every third row through that it has seen, which it remembers.
type everyThird struct{ *step }

func (everyThird) Remembers() (saved bool) { return false }

func (everyThird) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	seen := 0
	s := &step{sequential: true, apply: func(in *record.Batch, out *transforms.Out, mem memory.Allocator) error {
		var rows []int
		for row := range in.Rows() {
			switch seen++; seen % 3 {
			case 0:
				rows = append(rows, row)
			case 1:
				out.Rejects = append(out.Rejects, transforms.Reject(in, row, "third", "No", "not wanted"))
			default:
				out.Filtered++
			}
		}
		out.Emit(transforms.Keep(mem, in, rows))
		return nil
	}}
	return s.Open(context.Background(), env)
}

// A transform that remembers rows is fed them again; sinks pass over what they
// have had, exactly.
func TestRememberedRowsAreReadAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPipe(t)
		p.plan.Settings.MaxRejects = plan.Limit{Count: 1 << 40}
		r := &resumed{pipe: p, disk: newDisk()}
		src := &listed{numbers{units: rapid.IntRange(1, 30).Draw(rt, "units"), rows: rapid.IntRange(1, 5).Draw(rt, "rows")}}
		from := p.source(src)
		third := p.transform(everyThird{&step{}}, from)
		l := &lasting{disk: r.disk, each: r.batch, file: true, never: func() bool { return false }, bad: func(n string) bool { return strings.HasSuffix(n, "5") }}
		all := &lasting{disk: r.disk, each: r.batch, groups: 4}
		p.sink(l, third)
		p.sink(all, from)
		report := r.untilDone(rt)
		var want, groups []string
		for i := range int64(src.units * src.rows) {
			name := fmt.Sprintf("%s/0-%d", from.Address, i)
			if i%3 == 2 && !l.bad(name) {
				want = append(want, name)
			}
			if i%4 == 0 {
				groups = append(groups, "")
			}
			last := &groups[len(groups)-1]
			*last = strings.TrimPrefix(*last+","+name, ",")
		}
		if got := r.disk.files[l.node]; !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
		slices.Sort(groups)
		if got := slices.Sorted(maps.Keys(r.disk.table[all.node])); !slices.Equal(got, groups) {
			rt.Fatalf("groups %q, want %q", got, groups)
		}
		got, rejects := ledger(report), r.rejects()
		r.disk = newDisk()
		l.disk, all.disk, r.crashIn = r.disk, r.disk, 0
		peace, err := r.once()
		if err != nil {
			rt.Fatal(err)
		}
		if want := ledger(peace); !maps.Equal(got, want) {
			rt.Fatalf("ledger %v, of a run left in peace %v", got, want)
		}
		if want := r.rejects(); !slices.Equal(rejects, want) {
			rt.Fatalf("rejects %q, of a run left in peace %q", rejects, want)
		}
	})
}
