package bench

import (
	"context"
	"fmt"
)

// What a run may have resident (README, promise 6: memory does not grow with
// the input).
const (
	streamingMB = 100
	parquetMB   = 150
)

// compareMemory runs some pipelines on Rows rows and on ten times as many.
func (r *rig) compareMemory(ctx context.Context) error {
	if !r.Memory {
		return nil
	}
	fmt.Fprintf(r.Out, "\n| peak memory of dynapipe, MB | %s rows | %s rows | wanted |\n|---|---|---|---|\n", count(r.Rows), count(10*r.Rows))
	for _, c := range cases() {
		limit := streamingMB
		switch c.id() {
		case "csv-parquet":
			limit = parquetMB
		case "csv-jsonl", "csv-batchwrite", "dynamodb-batchwrite":
		default:
			continue
		}
		var peaks [2]int64
		for i, rows := range []int{r.Rows, 10 * r.Rows} {
			var err error
			if peaks[i], err = r.peak(ctx, &c, rows); err != nil {
				return fmt.Errorf("%s: %w", c.id(), err)
			}
		}
		fmt.Fprintf(r.Out, "| %s | %d | %d | ≤ %d |\n", c.title, peaks[0]>>20, peaks[1]>>20, limit)
	}
	return nil
}

// peak is the largest of three runs.
func (r *rig) peak(ctx context.Context, c *benchCase, rows int) (most int64, err error) {
	dir, err := r.folder(rows)
	if err != nil {
		return 0, err
	}
	kept, scanned := c.kept(rows), 0
	if c.input == "" {
		scanned = rows
	}
	err = r.withServer(ctx, scanned, 0, func() error {
		for range min(r.Repeat, 3) {
			u, err := r.turn(ctx, dir, c, r.dynapipe(c), false, kept)
			if err != nil {
				return err
			}
			most = max(most, u.peak)
		}
		return nil
	})
	return most, err
}
