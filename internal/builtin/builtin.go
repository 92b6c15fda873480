// Package builtin is the list of the components that dynapipe is built with.
// A new one is a folder of its own and one line here.
package builtin

import (
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
	"github.com/dynapipe/dynapipe/sinks/batchwrite"
	"github.com/dynapipe/dynapipe/sinks/file"
	"github.com/dynapipe/dynapipe/sinks/transaction"
	"github.com/dynapipe/dynapipe/sinks/update"
	"github.com/dynapipe/dynapipe/sources/csv"
	"github.com/dynapipe/dynapipe/sources/dynamodb"
	"github.com/dynapipe/dynapipe/sources/json"
	"github.com/dynapipe/dynapipe/sources/jsonl"
	"github.com/dynapipe/dynapipe/transforms/aggregate"
	"github.com/dynapipe/dynapipe/transforms/dedupe"
	"github.com/dynapipe/dynapipe/transforms/explode"
	"github.com/dynapipe/dynapipe/transforms/filter"
	"github.com/dynapipe/dynapipe/transforms/limit"
	"github.com/dynapipe/dynapipe/transforms/lookup"
	"github.com/dynapipe/dynapipe/transforms/mapper"
	"github.com/dynapipe/dynapipe/transforms/route"
	"github.com/dynapipe/dynapipe/transforms/sample"
	"github.com/dynapipe/dynapipe/transforms/validate"
)

// Catalog is every component, in the order that documentation lists them.
func Catalog() plan.Catalog {
	return plan.Catalog{
		Sources: []plan.SourceKind{
			{Type: "csv", New: csv.New},
			{Type: "json", New: json.New},
			{Type: "jsonl", New: jsonl.New},
			{Type: "dynamodb", New: dynamodb.New},
		},
		Transforms: []plan.TransformKind{
			{Type: "filter", New: filter.New},
			{Type: "map", New: mapper.New},
			{Type: "lookup", New: lookup.New},
			{Type: "explode", New: explode.New},
			{Type: "route", New: route.New},
			{Type: "dedupe", New: dedupe.New},
			{Type: "aggregate", New: aggregate.New},
			{Type: "validate", New: validate.New},
			{Type: "limit", New: limit.New},
			{Type: "sample", New: sample.New},
		},
		Sinks: []plan.SinkKind{
			{Type: "batch_write", New: batchwrite.New},
			{Type: "update", New: update.New},
			{Type: "transaction", New: transaction.New},
			{Type: "file", New: file.New},
		},
		Connections: []plan.ConnectionKind{
			{Type: "dynamodb", New: func() schema.Declarer { return dynamo.NewConnection() }},
		},
	}
}
