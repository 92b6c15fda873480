package liveview

import (
	"testing"
	"time"
)

// BenchmarkFrame is what a frame costs, of which there are some six in a second.
func BenchmarkFrame(b *testing.B) {
	v := watched(72, imported)
	r, live := imported(73)
	b.ReportAllocs()
	for i := range b.N {
		v.Take(73*time.Second+time.Duration(i)*150*time.Millisecond, r, live)
		v.Lines(79, 23, true)
	}
}
