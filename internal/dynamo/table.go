package dynamo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Table is what DynamoDB says of a table.
type Table struct {
	Name, ARN          string
	ID                 string    // of this table, not of one of its name before; may be empty
	Created            time.Time // zero when that is not said
	Keys               []Key     // partition key, then sort key if there is one
	Indexes            []Index
	ItemCount          int64 // DynamoDB counts every six hours or so
	SizeBytes          int64
	Status             string
	Billing            string // BillingOnDemand or BillingProvisioned
	ProvisionedRead    int64  // 0 on demand
	ProvisionedWrite   int64
	DeletionProtection bool
	// ToBe says that there is no such table: it is described as it would be
	// created, with the attribute of its time to live, empty for none.
	ToBe       bool
	TimeToLive string
}

// How a table is paid for.
const (
	BillingOnDemand    = "on_demand"
	BillingProvisioned = "provisioned"
)

// Key is a key attribute: String, Number or Binary.
type Key struct {
	Name string
	Kind attr.Kind
}

// Index is a secondary index.
type Index struct {
	Name   string
	Keys   []Key
	Global bool
	// Provisioned capacity of a global index; 0 on demand.
	ProvisionedRead, ProvisionedWrite int64
	ItemCount                         int64 // as Table's
	// Projection is ALL, KEYS_ONLY or INCLUDE, and then of Included.
	Projection string
	Included   []string
}

// Index is the table's index of that name.
func (t *Table) Index(name string) (Index, bool) {
	for _, x := range t.Indexes {
		if x.Name == name {
			return x, true
		}
	}
	return Index{}, false
}

// TableName is the name in a table's ARN, or the name itself:
// arn:aws:dynamodb:eu-west-1:123456789012:table/users.
func TableName(table string) string {
	if !strings.HasPrefix(table, "arn:") {
		return table
	}
	_, name, ok := strings.Cut(table, ":table/")
	if !ok {
		return table
	}
	name, _, _ = strings.Cut(name, "/")
	return name
}

// Describe asks for a table's description. table is its name or its ARN.
func (c *Client) Describe(ctx context.Context, table string) (*Table, error) {
	ctx, cancel := c.tableCall(ctx, "DescribeTable")
	defer cancel()
	out, err := c.sdk.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table)})
	if err != nil {
		return nil, c.tableError(ctx, "DescribeTable", table, err)
	}
	c.contacts.answered("DescribeTable")
	if out.Table == nil {
		return nil, c.placed("DescribeTable", &Error{Operation: "DescribeTable", Code: CodeNotDynamoDB, Class: Permanent,
			Status: http.StatusOK, Message: "the answer describes no table", Advice: advice(CodeNotDynamoDB)})
	}
	return tableOf(out.Table), nil
}

// tableCall bounds a call of the SDK, its retries included.
func (c *Client) tableCall(ctx context.Context, operation string) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.contacts.try(operation, max(c.timeout, noAnswer), time.Now()))
}

func tableOf(d *types.TableDescription) *Table {
	kinds := map[string]attr.Kind{}
	for _, a := range d.AttributeDefinitions {
		kinds[aws.ToString(a.AttributeName)] = keyKinds[a.AttributeType]
	}
	t := &Table{
		Name: aws.ToString(d.TableName), ARN: aws.ToString(d.TableArn),
		ID: aws.ToString(d.TableId), Created: aws.ToTime(d.CreationDateTime),
		Keys:      keysOf(d.KeySchema, kinds),
		ItemCount: aws.ToInt64(d.ItemCount), SizeBytes: aws.ToInt64(d.TableSizeBytes),
		Status: string(d.TableStatus), Billing: BillingProvisioned,
		DeletionProtection: aws.ToBool(d.DeletionProtectionEnabled),
	}
	t.ProvisionedRead, t.ProvisionedWrite = capacityOf(d.ProvisionedThroughput)
	if d.BillingModeSummary != nil && d.BillingModeSummary.BillingMode == types.BillingModePayPerRequest {
		t.Billing, t.ProvisionedRead, t.ProvisionedWrite = BillingOnDemand, 0, 0
	}
	for _, x := range d.LocalSecondaryIndexes {
		index := Index{Name: aws.ToString(x.IndexName), Keys: keysOf(x.KeySchema, kinds), ItemCount: aws.ToInt64(x.ItemCount)}
		index.project(x.Projection)
		t.Indexes = append(t.Indexes, index)
	}
	for _, x := range d.GlobalSecondaryIndexes {
		index := Index{Name: aws.ToString(x.IndexName), Keys: keysOf(x.KeySchema, kinds), Global: true, ItemCount: aws.ToInt64(x.ItemCount)}
		index.project(x.Projection)
		index.ProvisionedRead, index.ProvisionedWrite = capacityOf(x.ProvisionedThroughput)
		t.Indexes = append(t.Indexes, index)
	}
	return t
}

// project notes what the index holds of an item; without an answer, all.
func (x *Index) project(p *types.Projection) {
	x.Projection = string(types.ProjectionTypeAll)
	if p != nil && p.ProjectionType != "" {
		x.Projection, x.Included = string(p.ProjectionType), p.NonKeyAttributes
	}
}

func capacityOf(p *types.ProvisionedThroughputDescription) (read, write int64) {
	if p == nil {
		return 0, 0
	}
	return aws.ToInt64(p.ReadCapacityUnits), aws.ToInt64(p.WriteCapacityUnits)
}

// keysOf keeps DescribeTable's order, which is partition key first.
func keysOf(schema []types.KeySchemaElement, kinds map[string]attr.Kind) []Key {
	keys := make([]Key, 0, len(schema))
	for _, k := range schema {
		name := aws.ToString(k.AttributeName)
		keys = append(keys, Key{Name: name, Kind: kinds[name]})
	}
	return keys
}

// keyKinds are the types that a key may have.
var keyKinds = map[types.ScalarAttributeType]attr.Kind{
	types.ScalarAttributeTypeS: attr.String,
	types.ScalarAttributeTypeN: attr.Number,
	types.ScalarAttributeTypeB: attr.Binary,
}

// ContinuousBackups reports whether the table can be restored to any moment of
// its last days. A server that does not know the question answers no.
func (c *Client) ContinuousBackups(ctx context.Context, table string) (bool, error) {
	ctx, cancel := c.tableCall(ctx, "DescribeContinuousBackups")
	defer cancel()
	out, err := c.sdk.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String(table)})
	if err != nil {
		var e *Error
		err = c.tableError(ctx, "DescribeContinuousBackups", table, err)
		if errors.As(err, &e) && e.Code == "UnknownOperationException" {
			return false, nil
		}
		return false, err
	}
	c.contacts.answered("DescribeContinuousBackups")
	d := out.ContinuousBackupsDescription
	return d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled, nil
}

// TimeToLive is the attribute with the time, in seconds since 1970, from which
// an item is expired; empty when the table has none.
func (c *Client) TimeToLive(ctx context.Context, table string) (string, error) {
	ctx, cancel := c.tableCall(ctx, "DescribeTimeToLive")
	defer cancel()
	out, err := c.sdk.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(table)})
	if err != nil {
		return "", c.tableError(ctx, "DescribeTimeToLive", table, err)
	}
	c.contacts.answered("DescribeTimeToLive")
	d := out.TimeToLiveDescription
	if d == nil || d.TimeToLiveStatus == types.TimeToLiveStatusDisabled {
		return "", nil
	}
	return aws.ToString(d.AttributeName), nil
}

// unknownCode is what the SDK calls an answer that has no error code.
const unknownCode = "UnknownError"

// tableError makes an Error of what the SDK returns.
func (c *Client) tableError(ctx context.Context, operation, table string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	var response *awshttp.ResponseError
	// The SDK makes a response without a status of a request that got none.
	if !errors.As(err, &response) || response.HTTPStatusCode() == 0 {
		return c.placed(operation, transportError(operation+" "+table, err))
	}
	e := &Error{
		Operation: operation + " " + table, RequestID: response.ServiceRequestID(),
		Status: response.HTTPStatusCode(), Err: err,
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != unknownCode {
		e.Code, e.Message = bareCode(api.ErrorCode()), oneLine(api.ErrorMessage())
	} else {
		e.withoutCode(nil)
	}
	e.Class, e.Advice, e.Sent = classOf(e.Code, e.Status), advice(e.Code), e.Status >= http.StatusInternalServerError
	return c.placed(operation, e)
}
