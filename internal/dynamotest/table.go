package dynamotest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
)

// Item is an item of a table.
type Item = map[string]types.AttributeValue

// Key is a key attribute. The first of a table or an index is its partition
// key, the second, if there is one, its sort key.
type Key struct {
	Name string
	Type types.ScalarAttributeType
}

// S is a key attribute of type string.
func S(name string) Key { return Key{name, types.ScalarAttributeTypeS} }

// N is a key attribute of type number.
func N(name string) Key { return Key{name, types.ScalarAttributeTypeN} }

// B is a key attribute of type binary.
func B(name string) Key { return Key{name, types.ScalarAttributeTypeB} }

// Index is a global secondary index of all attributes.
type Index struct {
	Name string
	Keys []Key
}

// Table describes a table to create.
type Table struct {
	Keys    []Key
	Indexes []Index
}

const (
	// tableTimeout is for tables of the real service; emulators take moments.
	tableTimeout = 2 * time.Minute
	// maxBatch is what BatchWriteItem takes (AWS API reference, BatchWriteItem).
	maxBatch = 25
)

var notInTableNames = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// TableName is a name that no other test uses. A table of that name, whoever
// creates it, is deleted when the test ends.
func (s *Server) TableName(t testing.TB) string {
	t.Helper()
	test := notInTableNames.ReplaceAllString(t.Name(), "-")
	// A table's name has up to 255 characters (AWS, "Naming rules and data types").
	name := fmt.Sprintf("dynapipe-test-%.100s-%s", test, uuid.NewString())
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), tableTimeout)
		defer cancel()
		_, err := s.Client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		if missing := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &missing) {
			t.Errorf("deleting table %s: %v", name, err)
		}
	})
	return name
}

// CreateTable creates a table with these keys under a name of its own.
func (s *Server) CreateTable(t testing.TB, keys ...Key) string {
	t.Helper()
	return s.Create(t, Table{Keys: keys})
}

// Create creates a table under a name of its own and waits until it is there.
func (s *Server) Create(t testing.TB, table Table) string {
	t.Helper()
	name := s.TableName(t)
	in := &dynamodb.CreateTableInput{
		TableName:            &name,
		KeySchema:            keySchema(table.Keys),
		AttributeDefinitions: definitions(table),
		BillingMode:          types.BillingModePayPerRequest,
	}
	for _, index := range table.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  aws.String(index.Name),
			KeySchema:  keySchema(index.Keys),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		})
	}
	if _, err := s.Client.CreateTable(t.Context(), in); err != nil {
		t.Fatalf("creating table %s: %v", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(s.Client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay = 100 * time.Millisecond
	})
	if err := waiter.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, tableTimeout); err != nil {
		t.Fatalf("waiting for table %s: %v", name, err)
	}
	return name
}

func keySchema(keys []Key) []types.KeySchemaElement {
	roles := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	var out []types.KeySchemaElement
	for i, key := range keys {
		out = append(out, types.KeySchemaElement{AttributeName: aws.String(key.Name), KeyType: roles[i]})
	}
	return out
}

// definitions lists every key attribute of the table and its indexes once.
func definitions(table Table) []types.AttributeDefinition {
	keys := slices.Clone(table.Keys)
	for _, index := range table.Indexes {
		keys = append(keys, index.Keys...)
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	var out []types.AttributeDefinition
	for _, key := range slices.Compact(keys) {
		out = append(out, types.AttributeDefinition{AttributeName: aws.String(key.Name), AttributeType: key.Type})
	}
	return out
}

// Put writes items.
func (s *Server) Put(t testing.TB, table string, items ...Item) {
	t.Helper()
	for chunk := range slices.Chunk(items, maxBatch) {
		var writes []types.WriteRequest
		for _, item := range chunk {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		for pending := map[string][]types.WriteRequest{table: writes}; len(pending) > 0; {
			out, err := s.Client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: pending})
			if err != nil {
				t.Fatalf("putting items into %s: %v", table, err)
			}
			pending = out.UnprocessedItems
		}
	}
}

// Items is every item of a table, in no order.
func (s *Server) Items(t testing.TB, table string) []Item {
	t.Helper()
	var items []Item
	pages := dynamodb.NewScanPaginator(s.Client, &dynamodb.ScanInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatalf("reading table %s: %v", table, err)
		}
		items = append(items, page.Items...)
	}
	return items
}

// ItemsBy is every item of a table by the text of its key attributes, joined
// with "/".
func (s *Server) ItemsBy(t testing.TB, table string, keys ...string) map[string]Item {
	t.Helper()
	byKey := map[string]Item{}
	for _, item := range s.Items(t, table) {
		var parts []string
		for _, key := range keys {
			parts = append(parts, keyText(t, item, key))
		}
		byKey[strings.Join(parts, "/")] = item
	}
	return byKey
}

func keyText(t testing.TB, item Item, name string) string {
	t.Helper()
	switch v := item[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return string(v.Value)
	}
	t.Fatalf("attribute %s of an item is no key: %#v", name, item[name])
	return ""
}
