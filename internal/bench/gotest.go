package bench

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The pair of benchmarks that tells how much faster expressions are than
// go-cty's: three on a row.
const (
	expressionsPackage   = "./internal/expr"
	expressionsBenchmark = "BenchmarkThreeExpressions"
	compiledWay, ctyWay  = "compiled", "go-cty"
	expressionsTimes     = 30
)

// compareExpressions runs the pair.
func (r *rig) compareExpressions(ctx context.Context) error {
	if r.Module == "" {
		return nil
	}
	argv := r.clientPin.wrap([]string{
		"go", "test", "-run=^$", "-bench=^" + expressionsBenchmark + "$", "-count=" + strconv.Itoa(r.Repeat), expressionsPackage,
	})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = r.Module
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	times, err := benchmarkTimes(string(out))
	if err != nil {
		return err
	}
	ours, theirs := times[compiledWay], times[ctyWay]
	if len(ours) != r.Repeat || len(theirs) != r.Repeat {
		return fmt.Errorf("%s: no %d results for each of %s and %s:\n%s", expressionsBenchmark, r.Repeat, compiledWay, ctyWay, out)
	}
	mid, least, most := ratio(theirs, ours)
	fmt.Fprintf(r.Out, "\n| expressions | go-cty, ns a row | dynapipe, ns a row | ratio | of any round | wanted |\n|---|---|---|---|---|---|\n"+
		"| three on a row | %d | %d | %s | %s to %s | ≥ %dx |\n",
		median(theirs), median(ours), times3(mid), times3(least), times3(most), expressionsTimes)
	return nil
}

// benchmarkTimes reads the times of the parts of a benchmark, in the order of
// their runs, from what `go test -bench` prints.
func benchmarkTimes(text string) (map[string][]time.Duration, error) {
	out := map[string][]time.Duration{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" || !strings.HasPrefix(fields[0], expressionsBenchmark+"/") {
			continue
		}
		part := strings.TrimPrefix(fields[0], expressionsBenchmark+"/")
		if dash := strings.LastIndexByte(part, '-'); dash > 0 {
			if _, err := strconv.Atoi(part[dash+1:]); err == nil { // GOMAXPROCS, which is left out when 1
				part = part[:dash]
			}
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, fmt.Errorf("not a benchmark's line: %q", line)
		}
		out[part] = append(out[part], time.Duration(ns))
	}
	return out, nil
}
