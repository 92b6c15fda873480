package cli

import (
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

func TestProgressSaysWhatIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		nodes   []engine.NodeReport
		elapsed time.Duration
		want    string
	}{
		"a file": {
			[]engine.NodeReport{{Kind: "source", Read: 1000, BytesRead: 25 << 20, BytesTotal: 100 << 20, Partitions: 1}, {Kind: "sink", Written: 900, Requests: 40, Retries: 2, Throttles: 1}},
			20 * time.Second, "p: 20s  read 1,000 (25% of 100 MB)  about 1m0s left  written 900  0 rows/s  requests 40  retries 2  throttled 1",
		},
		"a scan": {
			[]engine.NodeReport{{Kind: "source", Read: 500, RowsTotal: 1000, Partitions: 4, PartitionsDone: 1}},
			10 * time.Second, "p: 10s  read 500 (50% of about 1,000)  about 10s left  written 0  0 rows/s  segments 1 of 4",
		},
		"too early to say": {
			[]engine.NodeReport{{Kind: "source", Read: 500, RowsTotal: 1000}},
			time.Second, "p: 1s  read 500 (50% of about 1,000)  written 0  0 rows/s",
		},
		"a count that was too low": {
			[]engine.NodeReport{{Kind: "source", Read: 1500, RowsTotal: 1000}},
			10 * time.Second, "p: 10s  read 1,500  written 0  0 rows/s",
		},
		"of one source the total is not known": {
			[]engine.NodeReport{{Kind: "source", Read: 500, RowsTotal: 1000}, {Kind: "source", Read: 5}},
			10 * time.Second, "p: 10s  read 505  written 0  0 rows/s",
		},
	} {
		if got := advanceOf(&engine.Report{Pipeline: "p", Nodes: c.nodes}).line(c.elapsed); got != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", name, got, c.want)
		}
	}
}
