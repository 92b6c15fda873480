package arrowio

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/dynapipe/dynapipe/internal/format/formattest"
)

// A file that is taken over at any checkpoint, again and again, has the rows of
// one that is not.
func TestGoesOn(t *testing.T) {
	first := formattest.Batch(t, `{"s":{"S":"a"},"n":{"N":"1"},"d":{"N":"0.5"},"ok":{"BOOL":true},"b":{"B":"AAE="}}`)
	defer first.Release()
	for _, zstd := range []bool{false, true} {
		o := WriterOptions{Layout: learn(first), Zstd: zstd}
		var out bytes.Buffer
		w, err := NewWriter(&out, o)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 30 {
			if i%4 > 0 { // else there is nothing new
				text := strings.Repeat("x", i*37%200)
				b := formattest.Batch(t, fmt.Sprintf(`{"s":{"S":"%s"},"n":{"N":"%d"}}`, text, i))
				want = append(want, fmt.Sprint(i))
				if err := w.Write(b, func(_ int, err error) error { return err }); err != nil {
					t.Fatal(err)
				}
				b.Release()
			}
			if _, err := w.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			length := out.Len()
			out.WriteString("what came after the checkpoint")
			o.Resume, o.Length = bytes.NewReader(bytes.Clone(out.Bytes())), int64(length)
			out.Truncate(length)
			if w, err = NewWriter(&out, o); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, cells := read(t, out.Bytes()); !slices.Equal(cells["n"], want) {
			t.Errorf("zstd %v: %v, not %v", zstd, cells["n"], want)
		}
		// The same bytes without the frame of a file are a stream.
		s, err := ipc.NewReader(bytes.NewReader(out.Bytes()[alignment:]))
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for s.Next() {
			rows += int(s.Record().NumRows())
		}
		if s.Err() != nil || rows != len(want) {
			t.Errorf("zstd %v: as a stream it has %d rows, %v", zstd, rows, s.Err())
		}
		s.Release()
	}
}

// A file of other columns is not gone on with.
func TestOtherColumnsAreDamage(t *testing.T) {
	a, b := formattest.Batch(t, `{"a":{"S":"x"}}`), formattest.Batch(t, `{"b":{"S":"x"}}`)
	defer a.Release()
	defer b.Release()
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: learn(a)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(a, func(_ int, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	w, err = NewWriter(&out, WriterOptions{Layout: learn(b), Resume: bytes.NewReader(out.Bytes()), Length: int64(out.Len())})
	if err == nil {
		err = w.Close()
	}
	if !errors.Is(err, errDamaged) {
		t.Errorf("%v", err)
	}
}

// Whatever a file has become, it is either taken over and whole in the end, or
// the damage is an error.
func FuzzResume(f *testing.F) {
	b := formattest.Batch(f, `{"s":{"S":"a"},"n":{"N":"1"}}`, `{"n":{"N":"2"}}`)
	defer b.Release()
	l := learn(b)
	var out bytes.Buffer
	w, err := NewWriter(&out, WriterOptions{Layout: l})
	if err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if err := w.Write(b, func(_ int, err error) error { return err }); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Checkpoint(); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(out.Bytes()))
	}
	f.Add([]byte{})
	f.Add([]byte("ARROW1\x00\x00"))
	f.Add([]byte("ARROW1\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte("ARROW1\x00\x00\xff\xff\xff\xff\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		whole := bytes.NewBuffer(bytes.Clone(file))
		w, err := NewWriter(whole, WriterOptions{Layout: l, Resume: bytes.NewReader(file), Length: int64(len(file))})
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("%v is no damage", err)
			}
			return
		}
		if _, err := ipc.NewFileReader(bytes.NewReader(whole.Bytes())); err != nil {
			t.Errorf("taken over, and then: %v", err)
		}
	})
}
