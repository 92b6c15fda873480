package dynamodb

import (
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/sources"
)

// Whole is a source that reads all of a table, as a block with these arguments
// would. readCapacity is 0 for none.
func Whole(connection *dynamo.Connection, table string, readCapacity float64, consistent bool) sources.Config {
	return &Config{
		connection: connection, table: table, readCapacity: readCapacity, consistent: consistent,
		everything: true, use: expr.Everything(),
	}
}
