package delivery

import (
	"bytes"
	"fmt"
	"testing"
)

// What was kept stays, whatever is kept after it, of any size and in any way.
func TestArenaKeepsRows(t *testing.T) {
	var a Arena
	var kept, want [][]byte
	var texts []string
	for i := range 3000 {
		row := bytes.Repeat([]byte{byte(i)}, i*i%977+1)
		switch {
		case i%100 == 99:
			row = bytes.Repeat([]byte{byte(i)}, 3*arenaSize)
		case i%1000 > 700: // for a time, they don't fit where others would
			row = bytes.Repeat(row, 20)
		}
		want = append(want, row)
		if i%3 == 0 {
			kept = append(kept, a.Keep(bytes.Clone(row)))
		} else {
			kept = append(kept, a.Keep(append(a.Room(), row...)))
		}
		if i%7 == 0 {
			_ = append(a.Room(), "what is never kept"...)
		}
		texts = append(texts, a.KeepText(fmt.Append(nil, i)))
	}
	for i := range kept {
		if !bytes.Equal(kept[i], want[i]) || texts[i] != fmt.Sprint(i) {
			t.Fatalf("row %d has changed: %d bytes of %x, and %q", i, len(kept[i]), kept[i][0], texts[i])
		}
		if cap(kept[i]) != len(kept[i]) {
			t.Fatalf("row %d: what is appended to it goes into the next", i)
		}
	}
}

// A row that fits is not copied, and takes no memory of its own.
func TestArenaOfUsualRows(t *testing.T) {
	var a Arena
	row := make([]byte, 350)
	a.Keep(row)
	room := append(a.Room(), row...)
	if kept := a.Keep(room); &kept[0] != &room[0] {
		t.Error("copied")
	}
	if n := testing.AllocsPerRun(1000, func() { a.Keep(append(a.Room(), row...)) }); n > 0.1 {
		t.Errorf("%v allocations a row", n)
	}
}
