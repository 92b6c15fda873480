package delivery

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// CreateTable is a decoded create_table block.
type CreateTable struct {
	partitionKey, partitionType string
	sortKey, sortType           string
	billing                     string
	readCapacity, writeCapacity int64
}

// CreateTableBlock declares the block, whose target stays nil without one.
func CreateTableBlock(target **CreateTable) schema.Nested {
	return schema.Optional("create_table", target, declareCreateTable)
}

func declareCreateTable(c *CreateTable) schema.Block {
	c.partitionType, c.sortType, c.billing = "S", "S", dynamo.BillingOnDemand
	c.readCapacity, c.writeCapacity = 5, 5
	types := []string{"S", "N", "B"}
	return schema.Block{
		Summary: "Creates the table when there is none, and waits until it is active.",
		Args: []schema.Arg{
			schema.String("partition_key", &c.partitionKey, "Name of the partition key.").Require(),
			schema.Choice("partition_type", &c.partitionType, types, "Type of the partition key."),
			schema.String("sort_key", &c.sortKey, "Name of the sort key; left out, the table has none."),
			schema.Choice("sort_type", &c.sortType, types, "Type of the sort key."),
			schema.Choice("billing", &c.billing, []string{dynamo.BillingOnDemand, dynamo.BillingProvisioned}, "How the table is paid for."),
			schema.Int64("read_capacity", &c.readCapacity, "Read capacity of a provisioned table.").Unit("RCU").AtLeast(1),
			schema.Int64("write_capacity", &c.writeCapacity, "Write capacity of a provisioned table.").Unit("WCU").AtLeast(1),
		},
		Check: c.check,
	}
}

func (c *CreateTable) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if c.partitionKey == "" || at.Has("sort_key") && c.sortKey == "" {
		diags = append(diags, diag.Error(at.Block(), "Key without a name", "A key attribute has a name of 1 to 255 characters."))
	}
	if c.partitionKey != "" && c.partitionKey == c.sortKey {
		diags = append(diags, diag.Error(at.Of("sort_key"), "One attribute as both keys", "%q is the partition key already.", c.sortKey))
	}
	if at.Has("sort_type") && c.sortKey == "" {
		diags = append(diags, diag.Error(at.Of("sort_type"), "Type without a key", "\"sort_type\" is for a table with a \"sort_key\"."))
	}
	for _, argument := range []string{"read_capacity", "write_capacity"} {
		if at.Has(argument) && c.billing != dynamo.BillingProvisioned {
			diags = append(diags, diag.Error(at.Of(argument), "Capacity of an on-demand table",
				"An on-demand table has no capacity of its own. Write billing = \"provisioned\", or leave %q out.", argument))
		}
	}
	return diags
}

func (c *CreateTable) keys() []dynamo.Key {
	kind := func(descriptor string) attr.Kind {
		k, _ := dynamo.KeyKind(descriptor) // the block takes only such
		return k
	}
	keys := []dynamo.Key{{Name: c.partitionKey, Kind: kind(c.partitionType)}}
	if c.sortKey != "" {
		keys = append(keys, dynamo.Key{Name: c.sortKey, Kind: kind(c.sortType)})
	}
	return keys
}

func (c *CreateTable) spec(name string) dynamo.TableSpec {
	spec := dynamo.TableSpec{Name: name, Keys: c.keys(), Billing: c.billing}
	if c.billing == dynamo.BillingProvisioned {
		spec.Read, spec.Write = c.readCapacity, c.writeCapacity
	}
	return spec
}

// Fits reports a table that was there already and has other keys.
func (c *CreateTable) Fits(t *dynamo.Table) error {
	if slices.Equal(t.Keys, c.keys()) {
		return nil
	}
	return fmt.Errorf("table %s exists, with the key %s, and create_table says %s: change create_table or write to another table",
		t.Name, DescribeKeys(t.Keys), DescribeKeys(c.keys()))
}
