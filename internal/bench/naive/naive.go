// Package naive has the programs that one writes in an afternoon, with the
// standard library and the AWS SDK, which dynapipe is compared with. They are
// plain, not slow on purpose: one pass, several requests in flight, buffered
// files, a connection kept for every request in flight.
//
//	naive.go        the programs by name; clients
//	rows.go         CSV and JSON to items, items to JSON
//	expressions.go  a filter and three attributes by go-cty
//	write.go        items to BatchWriteItem or TransactWriteItems
//	read.go         a parallel scan
package naive

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Options are what the programs are told.
type Options struct {
	In, Out     string // files
	Table       string // that is written
	Source      string // that is scanned
	Segments    int    // of a scan
	Concurrency int    // of writes
}

// Run runs a program by its name.
func Run(ctx context.Context, name string, o Options) error {
	programs := map[string]func(context.Context, Options) error{
		"csv-batchwrite":      csvToBatchWrite,
		"csv-cty-batchwrite":  csvWithExpressions,
		"jsonl-batchwrite":    jsonlToBatchWrite,
		"csv-transactwrite":   csvToTransactWrite,
		"csv-jsonl":           csvToJSONL,
		"dynamodb-jsonl":      scanToJSONL,
		"dynamodb-batchwrite": scanToBatchWrite,
	}
	program, ok := programs[name]
	if !ok {
		return fmt.Errorf("no program %q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
	}
	return program(ctx, o)
}

// client is the SDK's, as the environment says, which keeps a connection for
// each request in flight: by default it keeps ten of a host.
func client(ctx context.Context, connections int) (*dynamodb.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(
		awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = max(t.MaxIdleConnsPerHost, connections)
			t.MaxIdleConns = max(t.MaxIdleConns, connections)
		})))
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(cfg), nil
}
