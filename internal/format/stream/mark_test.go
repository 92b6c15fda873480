package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// opened is a Reader of a file with these bytes, and what it counted of them.
func opened(t *testing.T, name string, data []byte) (*Reader, *int64) {
	t.Helper()
	files, err := List([]string{write(t, t.TempDir(), name, data)}, false)
	if err != nil {
		t.Fatal(err)
	}
	counted := new(int64)
	r, err := Open(files[0], Options{Count: func(n int64) { *counted += n }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, counted
}

// lines are a text of n bytes in which no place looks like another.
func lines(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), i%97))
		b.WriteString("\n")
	}
	return b.String()[:n]
}

// take reads on until the window holds n bytes, and moves behind them.
func take(t *testing.T, b *Buffer, n int) {
	t.Helper()
	for len(b.Bytes()) < n {
		if err := b.More(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.Advance(n)
}

// TestMarks goes from mark to mark of a text, whatever had been read before.
func TestMarks(t *testing.T) {
	text := lines(1 << 19)
	for name, data := range map[string][]byte{
		"plain": []byte(text), "bom": []byte("\ufeff" + text), "a.gz": gzipped(t, text), "a.zst": zstandard(t, text),
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := opened(t, name, data)
			b := NewBuffer(r)
			var marks []Mark
			for i := 0; i < len(text); i = int(b.Offset()) {
				m := b.Mark(0)
				m.Line = 1
				if m.Offset != int64(i) || m.Checked != min(i, lookBehind) {
					t.Fatalf("the mark at %d is %+v", i, m)
				}
				marks = append(marks, m)
				take(t, b, min(1+i, 150_000, len(text)-i))
			}
			end := b.Mark(0)
			end.Line = 1
			for _, m := range append(marks, end) {
				for _, before := range []int{0, 1 << 17} {
					if int64(before) > m.Offset {
						continue
					}
					r, counted := opened(t, name, data)
					b := NewBuffer(r)
					take(t, b, before)
					if err := b.Go(t.Context(), m); err != nil {
						t.Fatalf("%+v, having read %d: %v", m, before, err)
					}
					rest := rest(t, b)
					if rest != text[m.Offset:] {
						t.Fatalf("%+v, having read %d: %d bytes follow, not %d", m, before, len(rest), len(text)-int(m.Offset))
					}
					if *counted != int64(len(data)) {
						t.Errorf("%+v: counted %d bytes of %d", m, *counted, len(data))
					}
				}
			}
		})
	}
}

func rest(t *testing.T, b *Buffer) string {
	t.Helper()
	var out bytes.Buffer
	for {
		out.Write(b.Bytes())
		b.Advance(len(b.Bytes()))
		if err := b.More(t.Context()); errors.Is(err, io.EOF) {
			return out.String()
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSkip passes over what is not wanted of a file that is its own text, and
// of no other.
func TestSkip(t *testing.T) {
	text := lines(1 << 20)
	for name, c := range map[string]struct {
		data []byte
		want int64
	}{"plain": {[]byte(text), 800_000}, "a.gz": {gzipped(t, text), 0}} {
		r, _ := opened(t, name, c.data)
		buf := make([]byte, 1000)
		if _, err := io.ReadFull(reading{r, t.Context()}, buf); err != nil {
			t.Fatal(err)
		}
		n, err := r.Skip(t.Context(), 800_000)
		if n != c.want || err != nil {
			t.Errorf("%s: skipped %d, %v", name, n, err)
		}
		if n, err := r.Skip(t.Context(), 10); n != 0 && n != 10 || err != nil {
			t.Errorf("%s: a few bytes: %d, %v", name, n, err)
		}
	}
	r, _ := opened(t, "plain", []byte(text))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Skip(ctx, 800_000); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	zipped, _ := opened(t, "b.gz", gzipped(t, text))
	if err := NewBuffer(zipped).Go(ctx, Mark{Offset: 1 << 19, Line: 1, Checked: lookBehind}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, compressed: %v", err)
	}
}

type reading struct {
	r   *Reader
	ctx context.Context
}

func (r reading) Read(p []byte) (int, error) { return r.r.Read(r.ctx, p) }

func TestMarksOfAnotherText(t *testing.T) {
	text := lines(1 << 18)
	r, _ := opened(t, "plain", []byte(text))
	b := NewBuffer(r)
	take(t, b, 200_000)
	good := b.Mark(0)
	good.Line = 7
	for name, change := range map[string]func(*Mark){
		"other bytes":     func(m *Mark) { m.CRC32++ },
		"elsewhere":       func(m *Mark) { m.Offset++ },
		"after the end":   func(m *Mark) { m.Offset = 1 << 40 },
		"unchecked":       func(m *Mark) { m.Offset, m.Checked = 1<<18+1, 0 },
		"before":          func(m *Mark) { m.Offset = 99 },
		"negative":        func(m *Mark) { m.Offset = -1 },
		"no line":         func(m *Mark) { m.Line = 0 },
		"too much before": func(m *Mark) { m.Checked = 65 },
	} {
		m := good
		change(&m)
		r, _ := opened(t, "plain", []byte(text))
		b := NewBuffer(r)
		take(t, b, 100)
		err := b.Go(t.Context(), m)
		if !errors.Is(err, ErrChanged) && !errors.As(err, new(*MarkError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMarksOfLongRows has windows that fill the memory there is.
func TestMarksOfLongRows(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 1<<16)
	r, _ := opened(t, "plain", []byte(text))
	b := NewBuffer(r)
	for _, n := range []int{100, firstRoom - 100, firstRoom, 2*firstRoom - 64, 3 * firstRoom, 65} {
		for len(b.Bytes()) < n {
			before := b.Mark(0)
			if err := b.More(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := b.Mark(0); after.Offset != before.Offset || after.Checked == 0 != (before.Checked == 0) {
				t.Fatalf("the mark was %+v and became %+v", before, after)
			}
		}
		if !strings.HasPrefix(text[b.Offset():], string(b.Bytes())) {
			t.Fatalf("the window at %d is not the text there", b.Offset())
		}
		b.Advance(n)
		if m := b.Mark(0); m.Checked != lookBehind {
			t.Errorf("after %d bytes: %+v", n, m)
		}
	}
}
