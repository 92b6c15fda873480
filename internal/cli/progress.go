package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// advance is how far a run is.
type advance struct {
	pipeline                    string
	wrote                       string // what is done with rows at the end: written
	read, written, rejected     int64
	rate                        float64 // rows read per second, lately
	requests, retries, throttle int64
	bytes, bytesTotal           int64
	rowsTotal                   int64
	segments, segmentsDone      int64 // of sources read in several parts
}

// advanceOf adds up a report's nodes. A total is known when it is known of
// every source.
func advanceOf(r *engine.Report) advance {
	p := advance{pipeline: r.Pipeline, wrote: "written", rejected: r.Rejects}
	sources, sized, counted := 0, 0, 0
	for _, n := range r.Nodes {
		p.read += n.Read
		p.written += n.Written + n.WouldWrite
		p.requests += n.Requests
		p.retries += n.Retries
		p.throttle += n.Throttles
		if n.Kind != "source" {
			continue
		}
		sources++
		p.bytes += n.BytesRead
		p.bytesTotal += n.BytesTotal
		p.rowsTotal += n.RowsTotal
		if n.Partitions > 1 {
			p.segments += n.Partitions
			p.segmentsDone += n.PartitionsDone
		}
		if n.BytesTotal > 0 {
			sized++
		}
		if n.RowsTotal > 0 {
			counted++
		}
	}
	if sized < sources {
		p.bytesTotal = 0
	}
	if counted < sources {
		p.rowsTotal = 0
	}
	return p
}

// line is the progress on one line, the most telling first: what does not fit
// the terminal is cut off.
func (p advance) line(elapsed time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s  read %s", p.pipeline, elapsed.Truncate(time.Second), figures.Count(p.read))
	if share := p.share(); share != "" {
		b.WriteString(" (" + share + ")")
	}
	if left, ok := p.left(elapsed); ok {
		fmt.Fprintf(&b, "  about %s left", left)
	}
	fmt.Fprintf(&b, "  %s %s", p.wrote, figures.Count(p.written))
	if p.rejected > 0 {
		fmt.Fprintf(&b, "  rejected %s", figures.Count(p.rejected))
	}
	fmt.Fprintf(&b, "  %s rows/s", figures.Count(int64(p.rate)))
	if p.segments > 0 {
		fmt.Fprintf(&b, "  segments %s of %s", figures.Count(p.segmentsDone), figures.Count(p.segments))
	}
	for _, c := range []struct {
		name  string
		count int64
	}{{"requests", p.requests}, {"retries", p.retries}, {"throttled", p.throttle}} {
		if c.count > 0 {
			fmt.Fprintf(&b, "  %s %s", c.name, figures.Count(c.count))
		}
	}
	return b.String()
}

// share is how much of the input has been read. An estimate, as that of a
// table's size, may be too low, and then says nothing more.
func (p advance) share() string {
	switch {
	case p.bytesTotal > 0:
		percent := min(100*float64(p.bytes)/float64(p.bytesTotal), 100)
		return fmt.Sprintf("%.0f%% of %s", percent, size(p.bytesTotal))
	case p.rowsTotal > 0 && p.read <= p.rowsTotal:
		return fmt.Sprintf("%.0f%% of about %s", 100*float64(p.read)/float64(p.rowsTotal), figures.Count(p.rowsTotal))
	}
	return ""
}

// left is how long the rest takes at the pace so far; nothing is said before
// there has been a pace, nor of a total that proved too low.
func (p advance) left(elapsed time.Duration) (time.Duration, bool) {
	done, total := p.bytes, p.bytesTotal
	if total == 0 {
		done, total = p.read, p.rowsTotal
	}
	if elapsed < window || done <= 0 || done >= total {
		return 0, false
	}
	rest := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
	return max(rest.Round(time.Second), time.Second), true
}

// window is the time that a speed is measured over: long enough to be steady,
// short enough to follow.
const window = 5 * time.Second

// speed is the rows per second over the last window.
type speed struct {
	samples []sample // the first is at least a window old, or the oldest there is
}

type sample struct {
	at   time.Duration
	rows int64
}

func (s *speed) at(now time.Duration, rows int64) float64 {
	if len(s.samples) == 0 {
		s.samples = append(s.samples, sample{})
	}
	s.samples = append(s.samples, sample{now, rows})
	for len(s.samples) > 2 && now-s.samples[1].at >= window {
		s.samples = s.samples[1:]
	}
	first := s.samples[0]
	if now <= first.at {
		return 0
	}
	return float64(rows-first.rows) / (now - first.at).Seconds()
}

// size is a number of bytes, rounded.
func size(n int64) string {
	value, unit := float64(n), "bytes"
	for _, u := range []string{"KB", "MB", "GB", "TB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, u
	}
	if unit == "bytes" || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
