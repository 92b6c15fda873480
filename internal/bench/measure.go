package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/dynapipe/dynapipe/internal/bench/content"
	"github.com/dynapipe/dynapipe/internal/bench/standin"
)

// Run compares everything and prints the tables.
func Run(ctx context.Context, o Options) error {
	r, err := newRig(o)
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.Only)
	if err != nil {
		return fmt.Errorf("which cases: %w", err)
	}
	r.introduce()
	var results []result
	for _, c := range cases() {
		if !only.MatchString(c.id()) {
			continue
		}
		if why := r.without(ctx, &c); why != "" {
			fmt.Fprintf(o.Out, "left out: %s: %s\n", c.title, why)
			continue
		}
		if o.Base != "" {
			c.peers = append(slices.Clip(c.peers), peer{name: "dynapipe, another build", base: true})
		}
		if err := r.check(ctx, &c); err != nil {
			return fmt.Errorf("%s: %w", c.id(), err)
		}
		res, err := r.measure(ctx, &c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.id(), err)
		}
		results = append(results, res)
		fmt.Fprintf(o.Out, "measured: %s\n", c.title)
	}
	r.report(results)
	if only.MatchString("expressions") {
		err = r.compareExpressions(ctx)
	}
	if only.MatchString("memory") {
		err = errors.Join(err, r.compareMemory(ctx))
	}
	return err
}

// without says why a case can't run here; "" when it can.
func (r *rig) without(ctx context.Context, c *benchCase) string {
	if c.needs[0] != "" && exec.CommandContext(ctx, r.Dynapipe, "docs", c.needs[0], c.needs[1]).Run() != nil {
		return fmt.Sprintf("this dynapipe has no %s %q", c.needs[0], c.needs[1])
	}
	if r.DuckDB == "" {
		c.peers = slices.DeleteFunc(slices.Clone(c.peers), func(p peer) bool { return p.duckdb })
	}
	if len(c.peers) == 0 {
		return "no DuckDB here (it is installed by npm)"
	}
	return ""
}

// check has every program of a case make the same of a smaller input.
func (r *rig) check(ctx context.Context, c *benchCase) error {
	dir, err := r.folder(r.CheckRows)
	if err != nil {
		return err
	}
	return r.withServer(ctx, r.CheckRows, 0, func() error {
		want, err := r.made(ctx, dir, c, r.dynapipe(c))
		if err != nil {
			return err
		}
		if kept := c.kept(r.CheckRows); want.Objects != kept {
			return fmt.Errorf("dynapipe made %d rows, and should have made %d", want.Objects, kept)
		}
		for _, p := range c.peers {
			got, err := r.made(ctx, dir, c, r.peer(c, p))
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%s made something else: %+v, dynapipe %+v", p.name, got, want)
			}
		}
		return nil
	})
}

// made runs a program and sums what it made.
func (r *rig) made(ctx context.Context, dir string, c *benchCase, p program) (content.Sum, error) {
	if _, err := r.turn(ctx, dir, c, p, true, c.kept(r.CheckRows)); err != nil {
		return content.Sum{}, err
	}
	if c.output == "" {
		counts, err := standin.Ask(r.endpoint)
		return counts.Content, err
	}
	path := filepath.Join(dir, c.output)
	if filepath.Ext(path) == ".parquet" {
		if err := r.toJSONL(ctx, dir, path); err != nil {
			return content.Sum{}, err
		}
		path += ".jsonl"
	}
	return content.OfLines(path)
}

// turn runs a program once and makes sure that it wrote so many rows.
func (r *rig) turn(ctx context.Context, dir string, c *benchCase, p program, summing bool, rows int) (usage, error) {
	if err := standin.Reset(r.endpoint, summing); err != nil {
		return usage{}, err
	}
	path := filepath.Join(dir, c.output)
	if c.output != "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return usage{}, err
		}
	}
	u, err := r.run(ctx, dir, p)
	if err != nil {
		return usage{}, err
	}
	wrote, err := r.wrote(c, path)
	if err == nil && wrote != rows {
		err = fmt.Errorf("%s wrote %d rows, and should have written %d", strings.Join(p.argv, " "), wrote, rows)
	}
	return u, err
}

// wrote is how many rows have come where a case's rows go.
func (r *rig) wrote(c *benchCase, path string) (int, error) {
	switch {
	case c.output == "":
		counts, err := standin.Ask(r.endpoint)
		return int(counts.Items[c.operation]), err
	case filepath.Ext(path) == ".parquet":
		f, err := file.OpenParquetFile(path, false)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return int(f.NumRows()), nil
	}
	return content.CountLines(path)
}

// result is what the rounds of a case gave.
type result struct {
	benchCase
	rows   int // read
	own    []usage
	theirs [][]usage // by peer
}

// measure runs the programs of a case in turn.
func (r *rig) measure(ctx context.Context, c *benchCase) (result, error) {
	res := result{benchCase: *c, rows: r.Rows, theirs: make([][]usage, len(c.peers))}
	dir, err := r.folder(r.Rows)
	if err != nil {
		return res, err
	}
	kept := c.kept(r.Rows)
	err = r.withServer(ctx, r.Rows, c.latency, func() error {
		for range r.Repeat {
			for i, p := range c.peers {
				u, err := r.turn(ctx, dir, c, r.peer(c, p), false, kept)
				if err != nil {
					return err
				}
				res.theirs[i] = append(res.theirs[i], u)
			}
			u, err := r.turn(ctx, dir, c, r.dynapipe(c), false, kept)
			if err != nil {
				return err
			}
			res.own = append(res.own, u)
		}
		return r.profile(ctx, dir, c, kept)
	})
	return res, err
}

// profile writes a CPU profile of a case's run and prints what costs most.
func (r *rig) profile(ctx context.Context, dir string, c *benchCase, kept int) error {
	if r.Profiles == "" {
		return nil
	}
	if err := os.MkdirAll(r.Profiles, 0o777); err != nil {
		return err
	}
	path, err := filepath.Abs(filepath.Join(r.Profiles, c.id()+".pprof"))
	if err != nil {
		return err
	}
	p := r.dynapipe(c)
	p.argv[0] = r.Profiled
	p.env = []string{"CPU_PROFILE=" + path}
	if _, err := r.turn(ctx, dir, c, p, false, kept); err != nil {
		return err
	}
	top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=40", r.Profiled, path).Output()
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(path, ".pprof")+".txt", top, 0o666)
	}
	return err
}

// of is what runs are compared by.
func (m measure) of(runs []usage) []time.Duration {
	out := make([]time.Duration, len(runs))
	for i, u := range runs {
		if out[i] = u.cpu; m == wallTime {
			out[i] = u.wall
		}
	}
	return out
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is how many times as long theirs took as ours did: of the medians, and
// the least and the most of any round.
func ratio(theirs, ours []time.Duration) (mid, least, most float64) {
	mid = float64(median(theirs)) / float64(median(ours))
	for i := range ours {
		one := float64(theirs[i]) / float64(ours[i])
		if i == 0 || one < least {
			least = one
		}
		most = max(most, one)
	}
	return mid, least, most
}

// toJSONL writes the rows of a Parquet file as JSON lines beside it, by DuckDB.
func (r *rig) toJSONL(ctx context.Context, dir, path string) error {
	_, err := r.run(ctx, dir, program{argv: []string{"node", filepath.Join(r.DuckDB, "run.mjs"), "to-jsonl", path, path + ".jsonl"}})
	return err
}
