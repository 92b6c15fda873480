package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// introduce says what the figures stand on.
func (r *rig) introduce() {
	fmt.Fprintf(r.Out, "%s, %s/%s, %d cores%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor())
	fmt.Fprintf(r.Out, "%s rows, %d rounds, content compared on %s rows\n", count(r.Rows), r.Repeat, count(r.CheckRows))
	if r.clientPin == nil {
		fmt.Fprintln(r.Out, "not pinned: there is no taskset, or one core only")
	} else {
		fmt.Fprintln(r.Out, "pinned by taskset: clients to core 0, the stand-in to core 1")
	}
	if r.DuckDB == "" {
		fmt.Fprintln(r.Out, "without DuckDB: its packages could not be installed by npm")
	}
	fmt.Fprintln(r.Out)
}

// processor is the machine's, where Linux says so.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return ", " + strings.TrimSpace(value)
		}
	}
	return ""
}

// report prints the tables of the cases.
func (r *rig) report(results []result) {
	r.table(results, cpuTime, "CPU time of the process, medians")
	r.table(results, wallTime, "time on the clock, medians")
}

func (r *rig) table(results []result, by measure, title string) {
	first := true
	for _, res := range results {
		if res.by != by {
			continue
		}
		if first {
			fmt.Fprintf(r.Out, "\n| %s | compared with | its µs a row | dynapipe's | rows a second | ratio | of any round | wanted | peak MB, its and dynapipe's |\n"+
				"|---|---|---|---|---|---|---|---|---|\n", title)
			first = false
		}
		best := res.best()
		for i := range res.peers {
			fmt.Fprintln(r.Out, res.line(i, i == best || !res.peers[i].bestOf))
		}
	}
}

// best is the fastest of the peers.
func (res *result) best() int {
	best := 0
	for i := range res.theirs {
		if res.peers[i].bestOf && median(res.by.of(res.theirs[i])) < median(res.by.of(res.theirs[best])) {
			best = i
		}
	}
	return best
}

// line is the table's line of one peer, with the target when it counts.
func (res *result) line(i int, counts bool) string {
	p, theirs, ours := res.peers[i], res.by.of(res.theirs[i]), res.by.of(res.own)
	mid, least, most := ratio(theirs, ours)
	text := func(x float64) string { return times3(x) }
	if p.target.share > 0 {
		// Of a peer whose time is what is counted in, ours is said as a part of it.
		mid, least, most = 1/mid, 1/most, 1/least
		text = func(x float64) string { return fmt.Sprintf("%.2f of its time", x) }
	}
	wanted := p.target.String()
	if !counts {
		wanted = ""
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s to %s | %s | %d, %d |",
		res.title, p.name, res.perRow(theirs), res.perRow(ours),
		count(int(float64(res.rows)/median(ours).Seconds())),
		text(mid), text(least), text(most), wanted, peakMB(res.theirs[i]), peakMB(res.own))
}

func (res *result) perRow(times []time.Duration) string {
	return fmt.Sprintf("%.2f", float64(median(times).Nanoseconds())/1e3/float64(res.rows))
}

func peakMB(runs []usage) (most int64) {
	for _, u := range runs {
		most = max(most, u.peak>>20)
	}
	return most
}

// times3 is a ratio in three digits or so.
func times3(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.1fx", x)
	}
	return fmt.Sprintf("%.2fx", x)
}

// count is a number with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
