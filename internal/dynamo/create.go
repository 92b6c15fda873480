package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// TableSpec describes a table to create.
type TableSpec struct {
	Name string
	Keys []Key // partition key, then sort key if there is one
	// Billing is BillingOnDemand or BillingProvisioned, then with capacities.
	Billing     string
	Read, Write int64
}

const (
	// activeTimeout bounds the wait for a new table; DynamoDB takes seconds.
	activeTimeout = 5 * time.Minute
	activePoll    = 500 * time.Millisecond
)

// CreateTable creates the table unless it is there, and returns when it can be
// used, with its description. A table that somebody else creates at the same
// moment is as good.
func (c *Client) CreateTable(ctx context.Context, spec TableSpec) (*Table, error) {
	t, err := c.Describe(ctx, spec.Name)
	if isMissing(err) {
		err = c.create(ctx, spec)
		if err == nil {
			t, err = c.Describe(ctx, spec.Name)
		}
	}
	if err != nil && !isMissing(err) {
		return nil, err
	}
	return c.waitActive(ctx, spec.Name, t)
}

func isMissing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "ResourceNotFoundException"
}

func (c *Client) create(ctx context.Context, spec TableSpec) error {
	in := &dynamodb.CreateTableInput{TableName: aws.String(spec.Name), BillingMode: types.BillingModePayPerRequest}
	if spec.Billing == BillingProvisioned {
		in.BillingMode = types.BillingModeProvisioned
		in.ProvisionedThroughput = &types.ProvisionedThroughput{
			ReadCapacityUnits: aws.Int64(spec.Read), WriteCapacityUnits: aws.Int64(spec.Write),
		}
	}
	for i, k := range spec.Keys {
		role := types.KeyTypeHash
		if i > 0 {
			role = types.KeyTypeRange
		}
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: aws.String(k.Name), KeyType: role})
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(k.Name), AttributeType: types.ScalarAttributeType(k.Kind.Descriptor()),
		})
	}
	ctx, cancel := c.tableCall(ctx, "CreateTable")
	defer cancel()
	_, err := c.sdk.CreateTable(ctx, in)
	if err == nil {
		c.contacts.answered("CreateTable")
		return nil
	}
	err = c.tableError(ctx, "CreateTable", spec.Name, err)
	var e *Error
	if errors.As(err, &e) && e.Code == "ResourceInUseException" {
		return nil
	}
	return err
}

// waitActive asks until the table is ACTIVE. t, which may be nil, is what was
// last known of it. A table that was just created may be unknown for a moment.
func (c *Client) waitActive(ctx context.Context, name string, t *Table) (*Table, error) {
	ctx, cancel := context.WithTimeout(ctx, activeTimeout)
	defer cancel()
	var err error
	for t == nil || t.Status != string(types.TableStatusActive) && t.Status != string(types.TableStatusUpdating) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("table %s (%s) is still not active: %w", name, c.place, ctx.Err())
		case <-time.After(activePoll):
		}
		if t, err = c.Describe(ctx, name); err != nil && !isMissing(err) {
			return nil, err
		}
	}
	return t, nil
}

// KeyKind is the kind of a type descriptor that a key may have: S, N or B.
func KeyKind(descriptor string) (attr.Kind, bool) {
	kind, ok := keyKinds[types.ScalarAttributeType(descriptor)]
	return kind, ok
}
