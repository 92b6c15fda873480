// Package sample lets through a fraction of the rows, chosen by a hash of a
// seed and of where each row came from: the same rows in every run.
package sample

import (
	"context"
	"encoding/binary"
	"hash/fnv"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/transforms"
)

// Config is a transform "sample" block.
type Config struct {
	fraction float64
	seed     int64
}

var _ transforms.Config = (*Config)(nil)

// New is an empty block.
func New() transforms.Config { return &Config{} }

// Schema declares the block.
func (c *Config) Schema() schema.Block {
	return schema.Block{
		Summary: "Lets through a fraction of the rows, the same ones in every run.",
		Example: examples,
		Doc:     "Whether a row is chosen depends on the seed and on where the row came from (its file or segment and its place there), not on the other rows. A changed seed gives another sample.",
		Args: []schema.Arg{
			schema.Float("fraction", &c.fraction, "How large a part to let through: 0.01 is one row in a hundred, on average.").Require().Between(0, 1),
			schema.Int64("seed", &c.seed, "Any whole number; it chooses the sample."),
		},
	}
}

// Shape is that of the rows that come.
func (c *Config) Shape(in expr.Shape) expr.Shape { return in }

// Uses is what the rows that pass are used for.
func (c *Config) Uses(out expr.Use) expr.Use { return out }

// Open makes the transform ready.
func (c *Config) Open(_ context.Context, env transforms.Env) (transforms.Transform, error) {
	return &sample{fraction: c.fraction, seed: c.seed, mem: env.Mem}, nil
}

type sample struct {
	fraction float64
	seed     int64
	mem      memory.Allocator
}

// Apply emits the rows of the sample.
func (s *sample) Apply(_ context.Context, in *record.Batch, out *transforms.Out) error {
	keep := make([]int, 0, int(float64(in.Rows())*s.fraction)+1)
	for row := range in.Rows() {
		if s.chosen(in.Origins().At(row)) {
			keep = append(keep, row)
			continue
		}
		out.Filtered++
	}
	out.Emit(transforms.Keep(s.mem, in, keep))
	return nil
}

// chosen places the row at a point of [0, 1) and compares it to the fraction.
func (s *sample) chosen(o record.Origin) bool {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(s.seed)))
	h.Write([]byte(o.Source))
	h.Write([]byte{0})
	h.Write([]byte(o.File))
	place := binary.LittleEndian.AppendUint64([]byte{0}, uint64(o.Segment))
	place = binary.LittleEndian.AppendUint64(place, uint64(o.Seq))
	place = binary.LittleEndian.AppendUint64(place, uint64(o.Sub))
	h.Write(place)
	return float64(mix(h.Sum64())>>11)/(1<<53) < s.fraction
}

// mix spreads the hash over all bits: FNV's high bits change little between
// inputs that differ only at the end. It is the finaliser of SplitMix64
// (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
