package liveview

import (
	"fmt"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/figures"
)

// Totals are sums over the nodes of a run.
type Totals struct {
	Read, Written, Rejected      int64
	Requests, Retries, Throttles int64
	bytes, bytesTotal            int64
	rowsTotal                    int64
	segments, segmentsDone       int64 // of sources read in several parts
	ready                        bool  // sources are open
}

// TotalsOf adds up a report's nodes. How much there is to read is known when it
// is known of every source.
func TotalsOf(r *engine.Report) Totals {
	t := Totals{Rejected: r.Rejects}
	sources, sized, counted := 0, 0, 0
	for i := range r.Nodes {
		n := &r.Nodes[i]
		t.Read += n.Read
		t.Written += n.Written + n.WouldWrite
		t.Requests += n.Requests
		t.Retries += n.Retries
		t.Throttles += n.Throttles
		if n.Kind != "source" {
			continue
		}
		sources++
		t.ready = t.ready || n.Partitions > 0
		t.bytes += n.BytesRead
		t.bytesTotal += n.BytesTotal
		t.rowsTotal += n.RowsTotal
		if n.Partitions > 1 {
			t.segments += n.Partitions
			t.segmentsDone += n.PartitionsDone
		}
		if n.BytesTotal > 0 {
			sized++
		}
		if n.RowsTotal > 0 {
			counted++
		}
	}
	if sized < sources {
		t.bytesTotal = 0
	}
	if counted < sources {
		t.rowsTotal = 0
	}
	return t
}

// share is how much of the input has been read; empty when that is not known.
func (t *Totals) share() string { return share(t.bytes, t.bytesTotal, t.Read, t.rowsTotal) }

// share is a part of bytes or rows. An estimate, as that of a table's size, may
// be too low, and then says nothing more.
func share(bytes, bytesTotal, rows, rowsTotal int64) string {
	switch {
	case bytesTotal > 0:
		return fmt.Sprintf("%.0f%% of %s", min(100*float64(bytes)/float64(bytesTotal), 100), figures.Size(bytesTotal))
	case rowsTotal > 0 && rows <= rowsTotal:
		return fmt.Sprintf("%.0f%% of about %s", 100*float64(rows)/float64(rowsTotal), figures.Count(rowsTotal))
	}
	return ""
}

// read is how much of the input has been read, of how much: bytes where they are
// known, else rows.
func (t *Totals) read() (done, total int64) {
	if t.bytesTotal > 0 {
		return t.bytes, t.bytesTotal
	}
	return t.Read, t.rowsTotal
}
