package sourcetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// Reading is what reading a source gave, partition by partition, and where it
// could have gone on.
type Reading struct {
	Identity json.RawMessage
	Parts    []Part
	Meter    progress.Snapshot
}

// Part is what one partition gave.
type Part struct {
	Output
	// Cuts are its positions, at the start, which may be null, and then after
	// each chunk.
	Cuts []Cut
}

// Cut is a position and how much had been read before it.
type Cut struct {
	Position      json.RawMessage
	Rows, Rejects int
}

// Start reads a source from its beginning to its end, which may be an error.
func (s Suite) Start(t testing.TB, limits record.Limits) (Reading, error) {
	t.Helper()
	return s.reading(t, limits, nil)
}

// Resume reads a source from a cut in each partition of an earlier reading to
// its end. What the engine saves goes through a file.
func (s Suite) Resume(t testing.TB, limits record.Limits, whole Reading, cut func(partition, cuts int) int) (Reading, error) {
	t.Helper()
	saved := sources.Resume{Identity: whole.Identity}
	for i, part := range whole.Parts {
		saved.Positions = append(saved.Positions, part.Cuts[cut(i, len(part.Cuts))].Position)
	}
	text, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	var back sources.Resume
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return s.reading(t, limits, &back)
}

func (s Suite) reading(t testing.TB, limits record.Limits, resume *sources.Resume) (out Reading, err error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	c := s.New()
	if diags := Decode(t, c, s.Body, s.Blocks); diags.HasErrors() {
		t.Fatal(diags)
	}
	env := Env(mem, limits)
	env.Resume = resume
	open, err := c.Open(t.Context(), env)
	if err != nil {
		return out, err
	}
	defer func() {
		out.Meter = env.Meter.Snapshot()
		if closed := open.Close(); closed != nil {
			t.Errorf("Close: %v", closed)
		}
	}()
	resumable, ok := open.(sources.Resumable)
	if !ok {
		return out, errors.New("the source does not implement sources.Resumable")
	}
	if out.Identity, err = resumable.Identity(); err != nil {
		return out, err
	}
	for _, p := range open.Partitions() {
		part, err := readPositions(t, p, resume != nil)
		if err != nil {
			return out, err
		}
		out.Parts = append(out.Parts, part)
	}
	return out, nil
}

// readPositions reads a partition to its end and asks after each chunk where it
// is; where it was resumed also before the first.
func readPositions(t testing.TB, p sources.Partition, resumed bool) (Part, error) {
	part := Part{Cuts: []Cut{{Position: json.RawMessage("null")}}}
	positioned, ok := p.(sources.Positioned)
	if !ok {
		return part, errors.New("the partition does not implement sources.Positioned")
	}
	if resumed {
		at, err := positioned.Position()
		if err != nil {
			return part, fmt.Errorf("the position before the first chunk: %w", err)
		}
		part.Cuts[0].Position = at
	}
	for {
		chunk, err := p.Next(t.Context())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				part.Err = err
			}
			return part, nil
		}
		part.add(chunk)
		release(chunk)
		at, err := positioned.Position()
		if err != nil {
			return part, fmt.Errorf("the position after a chunk: %w", err)
		}
		part.Cuts = append(part.Cuts, Cut{Position: at, Rows: len(part.Rows), Rejects: len(part.Rejects)})
	}
}

// Differ is how a reading that was resumed at a cut, together with what came
// before it, differs from one that was not interrupted; nil when they are the
// same to the row.
func Differ(t testing.TB, whole, resumed Reading, cut func(partition, cuts int) int) error {
	t.Helper()
	if len(resumed.Parts) != len(whole.Parts) {
		return fmt.Errorf("%d partitions were %d", len(resumed.Parts), len(whole.Parts))
	}
	for i, want := range whole.Parts {
		at := want.Cuts[cut(i, len(want.Cuts))]
		got := resumed.Parts[i].Output
		err := got.differs(t, Output{
			Rows: want.Rows[at.Rows:], Origins: want.Origins[at.Rows:], Rejects: want.Rejects[at.Rejects:], Err: want.Err,
		})
		if err != nil {
			return fmt.Errorf("partition %d, resumed at %s: %w", i, at.Position, err)
		}
	}
	return nil
}

func (o Output) differs(t testing.TB, want Output) error {
	if fmt.Sprint(o.Err) != fmt.Sprint(want.Err) {
		return fmt.Errorf("it ends with %v, not with %v", o.Err, want.Err)
	}
	if got, wanted := spelled(t, o.Rows), spelled(t, want.Rows); !slices.Equal(got, wanted) {
		return fmt.Errorf("rows %q\nwant %q", got, wanted)
	}
	if !slices.Equal(o.Origins, want.Origins) {
		return fmt.Errorf("origins %v\nwant %v", o.Origins, want.Origins)
	}
	if got, wanted := fmt.Sprintf("%+v", o.Rejects), fmt.Sprintf("%+v", want.Rejects); got != wanted {
		return fmt.Errorf("rejects %s\nwant %s", got, wanted)
	}
	return nil
}

// resumed cuts a reading at each chunk, reads on from there and demands what an
// uninterrupted one gives. Partitions are cut at different places.
func (s Suite) resumed(t *testing.T, limits record.Limits) {
	whole, err := s.Start(t, limits)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, part := range whole.Parts {
		most = max(most, len(part.Cuts))
	}
	for n := range most {
		cut := func(partition, cuts int) int { return min(n*(partition+1), cuts-1) }
		got, err := s.Resume(t, limits, whole, cut)
		if err != nil {
			t.Fatal(err)
		}
		if err := Differ(t, whole, got, cut); err != nil {
			t.Error(err)
		}
		if !slices.Equal(got.Identity, whole.Identity) {
			t.Errorf("what is read was %s and became %s", whole.Identity, got.Identity)
		}
		if got.Meter.BytesTotal != whole.Meter.BytesTotal || got.Meter.RowsTotal != whole.Meter.RowsTotal {
			t.Errorf("the total was %d bytes, %d rows and became %d, %d", whole.Meter.BytesTotal, whole.Meter.RowsTotal, got.Meter.BytesTotal, got.Meter.RowsTotal)
		}
		if total := whole.Meter.BytesTotal; total > 0 && got.Meter.BytesRead != total {
			t.Errorf("at %d: %d bytes of %d read in all", n, got.Meter.BytesRead, total)
		}
	}
}
