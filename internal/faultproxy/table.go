package faultproxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// Table is what the proxy knows of a table.
type Table struct {
	Name    string
	ARN     string
	Key     string   // its partition key; empty when it is not known
	Indexes []string // the names of its global secondary indexes
}

func (t *Table) indexARN(index string) string { return t.ARN + "/index/" + index }

func (t *Table) indexARNs() []string {
	arns := make([]string, len(t.Indexes))
	for i, name := range t.Indexes {
		arns[i] = t.indexARN(name)
	}
	return arns
}

// catalog remembers tables that the server has described.
type catalog struct {
	mu    sync.Mutex
	known map[string]Table // by name
}

func newCatalog() *catalog { return &catalog{known: map[string]Table{}} }

// changes forgets a table that an operation creates, changes or deletes.
func (c *catalog) changes(operation string, body []byte) {
	switch operation {
	case "CreateTable", "UpdateTable", "DeleteTable":
	default:
		return
	}
	var e entry
	if json.Unmarshal(body, &e) == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.known, tableName(e.TableName))
	}
}

// describe gives a table, asking the server with ask when it is new. Of one that
// the server does not describe only the name is known.
func (c *catalog) describe(name string, ask func(name string) ([]byte, error)) Table {
	c.mu.Lock()
	t, ok := c.known[tableName(name)]
	c.mu.Unlock()
	if ok {
		return t
	}
	body, err := ask(name)
	if err == nil {
		t, ok = described(body)
	}
	if !ok {
		return Table{Name: tableName(name), ARN: "arn:aws:dynamodb:us-east-1:000000000000:table/" + tableName(name)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[t.Name] = t
	return t
}

// described reads the answer of DescribeTable.
func described(body []byte) (Table, bool) {
	var answer struct {
		Table struct {
			TableName, TableArn string
			KeySchema           []struct{ AttributeName, KeyType string }

			GlobalSecondaryIndexes []struct{ IndexName string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Table.TableName == "" {
		return Table{}, false
	}
	t := Table{Name: answer.Table.TableName, ARN: answer.Table.TableArn}
	for _, k := range answer.Table.KeySchema {
		if k.KeyType == "HASH" {
			t.Key = k.AttributeName
		}
	}
	for _, index := range answer.Table.GlobalSecondaryIndexes {
		t.Indexes = append(t.Indexes, index.IndexName)
	}
	return t, true
}

// targetHeader names the operation: DynamoDB_20120810.PutItem.
const targetHeader = "X-Amz-Target"

// operationOf is the operation of a request.
func operationOf(h http.Header) string {
	target := h.Get(targetHeader)
	return target[strings.LastIndexByte(target, '.')+1:]
}
