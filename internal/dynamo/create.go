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

// TableSpec describes a table to create. What is left zero is as DynamoDB has it
// by default.
type TableSpec struct {
	Name    string
	Keys    []Key // partition key, then sort key if there is one
	Indexes []IndexSpec
	// Billing is BillingOnDemand or BillingProvisioned.
	Billing    string
	Throughput Throughput
	// Warm is the throughput that the table is ready for from the start.
	Warm               Throughput
	Class              string // STANDARD, STANDARD_INFREQUENT_ACCESS
	Stream             string // what a stream record holds: NEW_IMAGE
	KMSKey             string
	DeletionProtection bool
	Tags               map[string]string
	TimeToLive         string // attribute
	PointInTime        bool   // recovery
}

// Throughput is capacity units per second: provisioned, or on demand the most
// that is taken.
type Throughput struct{ Read, Write int64 }

// IndexSpec describes an index of a table to create.
type IndexSpec struct {
	Name   string
	Keys   []Key
	Global bool
	// Projection is ALL, KEYS_ONLY or INCLUDE, then with attributes.
	Projection string
	Attributes []string
	Throughput Throughput // of a global index
}

const (
	// activeTimeout bounds the wait for a new table; DynamoDB takes seconds.
	activeTimeout = 5 * time.Minute
	activePoll    = 500 * time.Millisecond
)

// CreateTable creates the table unless it is there, and returns when it and its
// indexes can be used, with its description. One that is there is left as it is.
func (c *Client) CreateTable(ctx context.Context, spec TableSpec) (*Table, error) {
	t, err := c.Describe(ctx, spec.Name)
	switch {
	case err == nil && t.usable():
		return t, nil
	case err == nil:
		return c.waitActive(ctx, spec.Name)
	case !IsMissing(err):
		return nil, err
	}
	created, err := c.create(ctx, spec)
	if err != nil {
		return nil, err
	}
	if t, err = c.waitActive(ctx, spec.Name); err != nil || !created {
		return t, err
	}
	return t, c.finish(ctx, spec)
}

// IsMissing reports an error that says that there is no such table.
func IsMissing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "ResourceNotFoundException"
}

// create makes the call. A table that somebody else creates at the same moment
// is as good.
func (c *Client) create(ctx context.Context, spec TableSpec) (created bool, err error) {
	ctx, cancel := c.tableCall(ctx, "CreateTable")
	defer cancel()
	_, err = c.sdk.CreateTable(ctx, spec.input())
	if err == nil {
		c.contacts.answered("CreateTable")
		return true, nil
	}
	err = c.tableError(ctx, "CreateTable", spec.Name, err)
	var e *Error
	if errors.As(err, &e) && e.Code == "ResourceInUseException" {
		return false, nil
	}
	return false, err
}

// finish sets what a table can't be created with.
func (c *Client) finish(ctx context.Context, spec TableSpec) error {
	if spec.TimeToLive != "" {
		if err := c.enableTimeToLive(ctx, spec); err != nil {
			return fmt.Errorf("table %s was created, but its time to live could not be set: %w", spec.Name, err)
		}
	}
	if spec.PointInTime {
		if err := c.enablePointInTime(ctx, spec); err != nil {
			return fmt.Errorf("table %s was created, but point-in-time recovery could not be switched on: %w", spec.Name, err)
		}
	}
	return nil
}

func (c *Client) enableTimeToLive(ctx context.Context, spec TableSpec) error {
	const operation = "UpdateTimeToLive"
	ctx, cancel := c.tableCall(ctx, operation)
	defer cancel()
	_, err := c.sdk.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               aws.String(spec.Name),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(spec.TimeToLive), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return c.tableError(ctx, operation, spec.Name, err)
	}
	c.contacts.answered(operation)
	return nil
}

// enablePointInTime leaves a server as it is that does not know what that is: a
// local one.
func (c *Client) enablePointInTime(ctx context.Context, spec TableSpec) error {
	const operation = "UpdateContinuousBackups"
	ctx, cancel := c.tableCall(ctx, operation)
	defer cancel()
	_, err := c.sdk.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName:                        aws.String(spec.Name),
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	})
	if err != nil {
		var e *Error
		err = c.tableError(ctx, operation, spec.Name, err)
		if !errors.As(err, &e) || e.Code != "UnknownOperationException" {
			return err
		}
	}
	c.contacts.answered(operation)
	return nil
}

// waitActive asks until the table can be used. One that was just created may be
// unknown for a moment.
func (c *Client) waitActive(ctx context.Context, name string) (*Table, error) {
	ctx, cancel := context.WithTimeout(ctx, activeTimeout)
	defer cancel()
	for {
		t, err := c.Describe(ctx, name)
		switch {
		case err == nil && t.usable():
			return t, nil
		case err != nil && !IsMissing(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("table %s (%s) is still not active: %w", name, c.place, ctx.Err())
		case <-time.After(activePoll):
		}
	}
}

// usable reports that the table takes items.
func (t *Table) usable() bool {
	return t.Status == string(types.TableStatusActive) || t.Status == string(types.TableStatusUpdating)
}

// KeyKind is the kind of a type descriptor that a key may have: S, N or B.
func KeyKind(descriptor string) (attr.Kind, bool) {
	kind, ok := keyKinds[types.ScalarAttributeType(descriptor)]
	return kind, ok
}
