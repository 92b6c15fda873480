package delivery

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Limits of a table's indexes (AWS: "Quotas in Amazon DynamoDB", secondary
// indexes).
const (
	maxGlobal     = 20
	maxLocal      = 5
	maxProjection = 100 // attributes, over all indexes
)

// check finds what is wrong with the table. What is wrong with one of its
// indexes alone, the index's own check finds.
func (c *CreateTable) check(at schema.Ranges) hcl.Diagnostics {
	diags := c.key.check(at)
	for _, argument := range []string{"read_capacity", "write_capacity"} {
		if at.Has(argument) && c.billing != dynamo.BillingProvisioned {
			diags = append(diags, diag.Error(at.Of(argument), "Capacity of an on-demand table",
				"An on-demand table has no capacity of its own. Write billing = \"provisioned\", or leave %q out.", argument))
		}
	}
	for _, argument := range []string{"max_read_capacity", "max_write_capacity"} {
		if at.Has(argument) && c.billing == dynamo.BillingProvisioned {
			diags = append(diags, diag.Error(at.Of(argument), "Maximum of a provisioned table",
				"A provisioned table takes what is provisioned. %q is for billing = \"on_demand\".", argument))
		}
	}
	return append(diags, c.checkIndexes(at)...)
}

func (c *CreateTable) checkIndexes(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Block(), summary, detail, args...))
	}
	if len(c.global) > maxGlobal || len(c.local) > maxLocal {
		report("Too many indexes", "A table has at most %d global and %d local indexes.", maxGlobal, maxLocal)
	}
	if len(c.local) > 0 && c.sortKey == "" {
		report("Local index without a sort key", "A local index is another sort key: the table needs a sort_key too.")
	}
	spec := c.spec("")
	kinds := map[string]dynamo.Key{}
	for _, k := range spec.Keys {
		kinds[k.Name] = k
	}
	names, projected := map[string]bool{}, 0
	for _, x := range spec.Indexes {
		if names[x.Name] {
			report("Index named twice", "There are two indexes named %q.", x.Name)
		}
		names[x.Name] = true
		projected += len(x.Attributes)
		for _, k := range x.Keys {
			if other, known := kinds[k.Name]; known && other.Kind != k.Kind {
				report("Key of two types", "%q is a key of type %s and of type %s: an attribute has one type as a key, in the table and in all of its indexes.",
					k.Name, other.Kind.Descriptor(), k.Kind.Descriptor())
			}
			kinds[k.Name] = k
		}
	}
	if projected > maxProjection {
		report("Too many projected attributes", "The indexes name %d attributes; DynamoDB takes %d over all indexes. projection = \"ALL\" has no such limit.", projected, maxProjection)
	}
	return diags
}

func (x *index) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if !validName(x.name) {
		diags = append(diags, diag.Error(at.Block(), "Not an index name", "%q is no name of an index: it has 3 to 255 letters, digits, '_', '-' or '.'.", x.name))
	}
	switch some := x.projection == projectSome; {
	case some && len(x.attributes) == 0:
		diags = append(diags, diag.Error(at.Of("projection"), "No attributes", "projection = \"INCLUDE\" needs attributes = [...]; without any it is KEYS_ONLY."))
	case !some && at.Has("attributes"):
		diags = append(diags, diag.Error(at.Of("attributes"), "Attributes of another projection", "attributes is for projection = \"INCLUDE\"; here it is %q.", x.projection))
	}
	if !x.key.partitioned(at) {
		if !at.Has("sort_key") || x.sortKey == "" {
			diags = append(diags, diag.Error(at.Block(), "No sort key", "A local index is another sort key: name it with sort_key."))
		}
		return diags
	}
	return append(diags, x.key.check(at)...)
}

// partitioned reports that the key has a partition key of its own: that of a
// local index is the table's.
func (k *key) partitioned(at schema.Ranges) bool { return at.Has("partition_key") }

func (k *key) check(at schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if k.partitionKey == "" || at.Has("sort_key") && k.sortKey == "" {
		diags = append(diags, diag.Error(at.Block(), "Key without a name", "A key attribute has a name of 1 to 255 characters."))
	}
	if k.partitionKey != "" && k.partitionKey == k.sortKey {
		diags = append(diags, diag.Error(at.Of("sort_key"), "One attribute as both keys", "%q is the partition key already.", k.sortKey))
	}
	if at.Has("sort_type") && k.sortKey == "" {
		diags = append(diags, diag.Error(at.Of("sort_type"), "Type without a key", "\"sort_type\" is for a key with a \"sort_key\"."))
	}
	return diags
}
