// Package sourcetest is what every source is tested with: Run holds one to its
// contract with the engine, and Diagnose, Open and Read are the means to write
// a block as text and to see what comes out of it.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/sources"
)

// Suite is a source and what it is known to give.
type Suite struct {
	New  func() sources.Config
	Body string // of the source block
	// Blocks are what references in Body name, by address; usually none.
	Blocks map[string]any
	// Rows and Rejects are how many the source gives. Several of each show more.
	Rows, Rejects int
}

// Run holds a source to its contract with the engine.
func Run(t *testing.T, s Suite) {
	t.Helper()
	t.Run("plan", func(t *testing.T) { s.plan(t) })
	whole := s.read(t, DefaultLimits)
	if len(whole.Rows) != s.Rows || len(whole.Rejects) != s.Rejects {
		t.Fatalf("the source gave %d rows and %d rejects, want %d and %d", len(whole.Rows), len(whole.Rejects), s.Rows, s.Rejects)
	}
	for name, limits := range map[string]record.Limits{
		"one row at a time":    {Rows: 1, Bytes: DefaultLimits.Bytes},
		"three rows at a time": {Rows: 3, Bytes: DefaultLimits.Bytes},
		"one byte at a time":   {Rows: DefaultLimits.Rows, Bytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.read(t, limits)
			if !slices.Equal(canonical(t, got.Rows), canonical(t, whole.Rows)) || len(got.Rejects) != s.Rejects {
				t.Errorf("%d rows and %d rejects are not the same as %d and %d in large batches",
					len(got.Rows), len(got.Rejects), len(whole.Rows), len(whole.Rejects))
			}
			t.Run("resumed", func(t *testing.T) { s.resumed(t, limits) })
		})
	}
	t.Run("cancelled before it is read", func(t *testing.T) { s.cancelled(t, 0) })
	t.Run("cancelled while it is read", func(t *testing.T) { s.cancelled(t, 1) })
	t.Run("closed unread", func(t *testing.T) {
		s.opened(t, DefaultLimits, func(sources.Source) {})
	})
	t.Run("closed half read", func(t *testing.T) {
		s.opened(t, record.Limits{Rows: 1, Bytes: 1}, func(open sources.Source) {
			chunk, err := open.Partitions()[0].Next(t.Context())
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			release(chunk)
		})
	})
}

// plan asks for what the plan says before anything is opened.
func (s Suite) plan(t *testing.T) {
	c := s.New()
	if diags := Decode(t, c, s.Body, s.Blocks); diags.HasErrors() {
		t.Fatal(diags)
	}
	c.Shape()
	if _, err := c.Facts(t.Context()); err != nil {
		t.Error(err)
	}
}

// opened opens the source, lends it, closes it, and checks that its memory
// came back.
func (s Suite) opened(t *testing.T, limits record.Limits, use func(sources.Source)) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	c := s.New()
	if diags := Decode(t, c, s.Body, s.Blocks); diags.HasErrors() {
		t.Fatal(diags)
	}
	open, err := c.Open(t.Context(), Env(mem, limits))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := open.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	use(open)
}

// cancelled cancels the context after some chunks.
func (s Suite) cancelled(t *testing.T, chunks int) {
	s.opened(t, record.Limits{Rows: 1, Bytes: 1}, func(open sources.Source) {
		for _, p := range open.Partitions() {
			ctx, cancel := context.WithCancel(t.Context())
			for range chunks {
				chunk, err := p.Next(ctx)
				if err != nil && !errors.Is(err, io.EOF) {
					t.Errorf("before it was cancelled: %v", err)
				}
				release(chunk)
			}
			cancel()
			chunk, err := p.Next(ctx)
			if !errors.Is(err, context.Canceled) || chunk.Batch != nil || chunk.Rejects != nil {
				t.Errorf("a cancelled Next gave %+v, %v", chunk, err)
			}
			release(chunk)
		}
	})
}

// read reads all partitions at once, as the engine does.
func (s Suite) read(t *testing.T, limits record.Limits) (all Output) {
	t.Helper()
	s.opened(t, limits, func(open sources.Source) {
		partitions := open.Partitions()
		if len(partitions) == 0 {
			t.Error("a source has at least one partition")
		}
		parts := make([]Output, len(partitions))
		var group sync.WaitGroup
		for i, p := range partitions {
			group.Go(func() { parts[i] = readPartition(t, p, limits) })
		}
		group.Wait()
		for _, part := range parts {
			all.Rows = append(all.Rows, part.Rows...)
			all.Origins = append(all.Origins, part.Origins...)
			all.Rejects = append(all.Rejects, part.Rejects...)
			if part.Err != nil {
				all.Err = part.Err
				t.Errorf("reading: %v", part.Err)
			}
		}
	})
	checkUnique(t, all)
	return all
}

// readPartition reads a partition to its end and checks each chunk.
func readPartition(t *testing.T, p sources.Partition, limits record.Limits) (out Output) {
	var last record.Pos
	first := true
	for {
		chunk, err := p.Next(t.Context())
		if err != nil {
			checkEnd(t, p, chunk, err)
			if !errors.Is(err, io.EOF) {
				out.Err = err
			}
			return out
		}
		checkSize(t, chunk, limits)
		if chunk.Batch != nil {
			for _, pos := range chunk.Batch.Origins().Pos {
				if !first && !before(last, pos) {
					t.Errorf("the row at %+v comes after the one at %+v", pos, last)
				}
				last, first = pos, false
			}
		}
		out.add(chunk)
		release(chunk)
	}
}

// checkEnd checks that an error comes alone, and that the end stays the end.
func checkEnd(t *testing.T, p sources.Partition, chunk sources.Chunk, err error) {
	if chunk.Batch != nil || chunk.Rejects != nil {
		t.Errorf("an error came with rows or rejects: %v", err)
	}
	if !errors.Is(err, io.EOF) {
		return
	}
	for range 2 {
		if chunk, err := p.Next(t.Context()); !errors.Is(err, io.EOF) || chunk.Batch != nil || chunk.Rejects != nil {
			t.Errorf("after the end came %+v, %v", chunk, err)
		}
	}
}

func checkSize(t *testing.T, chunk sources.Chunk, limits record.Limits) {
	rows := 0
	if chunk.Batch != nil {
		rows = chunk.Batch.Rows()
	}
	switch n := rows + len(chunk.Rejects); {
	case n == 0:
		t.Error("a chunk without rows and rejects")
	case chunk.Batch != nil && rows == 0:
		t.Error("an empty batch: without rows there is none")
	case n > limits.Rows:
		t.Errorf("a chunk of %d rows and rejects, the limit is %d", n, limits.Rows)
	case limits.Bytes == 1 && rows > 1:
		t.Errorf("a batch of %d rows, although one row reached the limit of bytes", rows)
	}
	for _, r := range chunk.Rejects {
		if r.Origin.Source != Node || r.Operation == "" || r.Code == "" || r.Message == "" || r.Attempts < 1 || len(r.Raw)+len(r.Item) == 0 {
			t.Errorf("a reject lacks what the dead letter needs: %+v", r)
		}
	}
}

// before reports that a row at a comes before one at b in a partition.
func before(a, b record.Pos) bool {
	switch {
	case a.File != b.File:
		return a.File < b.File
	case a.Line > b.Line:
		return false
	case a.Seq != b.Seq:
		return a.Seq < b.Seq
	}
	return a.Sub < b.Sub
}

// checkUnique checks that an origin identifies a row of the source.
func checkUnique(t *testing.T, all Output) {
	t.Helper()
	seen := map[record.Origin]bool{}
	origins := slices.Clone(all.Origins)
	for _, r := range all.Rejects {
		origins = append(origins, r.Origin)
	}
	for _, o := range origins {
		if seen[o] {
			t.Errorf("two rows have the origin %+v", o)
		}
		if o.Source != Node {
			t.Errorf("a row of %s has the origin %+v", Node, o)
		}
		seen[o] = true
	}
}

func release(chunk sources.Chunk) {
	if chunk.Batch != nil {
		chunk.Batch.Release()
	}
}

// canonical is rows spelled so that equal ones have equal text, sorted: in a
// row, attributes stand in the order of its batch's columns, which another cut
// of the batches may change.
func canonical(t *testing.T, rows []string) []string {
	t.Helper()
	out := spelled(t, rows)
	slices.Sort(out)
	return out
}

// spelled is canonical in the order of the rows.
func spelled(t testing.TB, rows []string) []string {
	t.Helper()
	out := make([]string, len(rows))
	for i, row := range rows {
		v, err := attr.ParseDynamoJSON([]byte(`{"M":` + row + `}`))
		if err != nil {
			t.Fatalf("%v in %s", err, row)
		}
		out[i] = spell(v)
	}
	return out
}

func spell(v attr.Value) string {
	var parts []string
	switch v.Kind() {
	case attr.Map:
		for _, f := range v.Sorted() {
			parts = append(parts, fmt.Sprintf("%q=%s", f.Name, spell(f.Value)))
		}
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
		for _, e := range v.Elems() {
			parts = append(parts, spell(e))
		}
		if v.Kind() != attr.List {
			slices.Sort(parts)
		}
	default:
		return string(attr.AppendDynamoJSON(nil, v))
	}
	return fmt.Sprint(v.Kind(), parts)
}

// Output is what came out of a source.
type Output struct {
	Rows    []string // as DynamoDB JSON maps
	Origins []record.Origin
	Rejects []record.Rejection
	Err     error // nil at the end of the input
}

func (o *Output) add(chunk sources.Chunk) {
	o.Rejects = append(o.Rejects, chunk.Rejects...)
	if chunk.Batch == nil {
		return
	}
	for row := range chunk.Batch.Rows() {
		o.Rows = append(o.Rows, string(attr.AppendRow(nil, chunk.Batch, row)))
		o.Origins = append(o.Origins, chunk.Batch.Origins().At(row))
	}
}
