package bench

import (
	"embed"
	"fmt"
	"time"

	"github.com/dynapipe/dynapipe/internal/bench/dataset"
)

//go:embed pipelines
var pipelines embed.FS

// measure is what programs are compared by.
type measure int

const (
	cpuTime  measure = iota
	wallTime         // where waiting is what is to be seen
)

// target is what a comparison is to come to.
type target struct {
	times float64 // as fast as the peer, at least
	share float64 // of the peer's time, at most
}

func (t target) String() string {
	switch {
	case t.times > 0:
		return fmt.Sprintf("≥ %gx", t.times)
	case t.share > 0:
		return fmt.Sprintf("≤ %g of its time", t.share)
	}
	return ""
}

// benchCase is something that dynapipe and its peers do.
type benchCase struct {
	name  string // of the pipeline, and of the naive program
	title string
	needs [2]string // kind and type of a block without which it is left out
	input string    // file that is made beforehand
	// Where the rows go: a file, or items of an operation.
	output    string
	operation string
	kept      func(rows int) int
	by        measure
	latency   time.Duration
	peers     []peer
}

// peer is another program that does the same.
type peer struct {
	name        string
	duckdb      bool // else a naive program
	base        bool // or another build of dynapipe
	concurrency int  // of a naive program's writes
	target      target
	bestOf      bool // one of several, the best of which counts
}

func allRows(rows int) int { return rows }

// activeRows is how many rows the filter of the pipelines keeps.
func activeRows(rows int) (n int) {
	for i := range rows {
		if dataset.At(i).Status == "active" {
			n++
		}
	}
	return n
}

const usualConcurrency = 8

func naivePeer(times float64) peer {
	return peer{name: "naive Go", concurrency: usualConcurrency, target: target{times: times}}
}

func duckDBPeer(share float64) peer {
	return peer{name: "DuckDB, 1 thread", duckdb: true, target: target{share: share}}
}

// cases are what `make bench` compares.
func cases() []benchCase {
	return []benchCase{
		{
			name: "csv-batchwrite", title: "CSV to BatchWriteItem",
			input: "users.csv", operation: "BatchWriteItem", kept: allRows,
			peers: []peer{naivePeer(3.5)},
		}, {
			name: "csv-cty-batchwrite", title: "the same with a filter and three computed attributes (naive: go-cty)",
			input: "users.csv", operation: "BatchWriteItem", kept: activeRows,
			peers: []peer{naivePeer(8)},
		}, {
			name: "jsonl-batchwrite", title: "JSONL to BatchWriteItem",
			input: "users.jsonl", operation: "BatchWriteItem", kept: allRows,
			peers: []peer{naivePeer(7)},
		}, {
			name: "csv-transactwrite", title: "CSV to TransactWriteItems of 100", needs: [2]string{"sink", "transaction"},
			input: "users.csv", operation: "TransactWriteItems", kept: allRows,
			peers: []peer{naivePeer(3)},
		}, {
			name: "dynamodb-jsonl", title: "parallel scan to JSONL",
			output: "out.jsonl", kept: allRows,
			peers: []peer{naivePeer(10)},
		}, {
			name: "dynamodb-batchwrite", title: "parallel scan to BatchWriteItem",
			operation: "BatchWriteItem", kept: allRows,
			peers: []peer{naivePeer(6)},
		}, {
			name: "csv-jsonl", title: "CSV to JSONL with a filter and two computed columns",
			input: "users.csv", output: "out.jsonl", kept: activeRows,
			peers: []peer{naivePeer(0), duckDBPeer(0.6)},
		}, {
			name: "csv-parquet", title: "CSV to Parquet",
			input: "users.csv", output: "out.parquet", kept: allRows,
			peers: []peer{duckDBPeer(1)},
		}, {
			name: "csv-batchwrite", title: "CSV to BatchWriteItem at 5 ms of latency, concurrency left alone (time on the clock)",
			input: "users.csv", operation: "BatchWriteItem", kept: allRows,
			by: wallTime, latency: 5 * time.Millisecond,
			peers: concurrencies(4, 8, 32, 64, 128),
		},
	}
}

// concurrencies is a naive program with each of those numbers of requests in
// flight.
func concurrencies(times float64, numbers ...int) []peer {
	var out []peer
	for _, n := range numbers {
		out = append(out, peer{
			name: fmt.Sprintf("naive Go, %d in flight", n), concurrency: n, target: target{times: times}, bestOf: true,
		})
	}
	return out
}

// id tells a case from all others.
func (c *benchCase) id() string {
	if c.by == wallTime {
		return c.name + "-latency"
	}
	return c.name
}
