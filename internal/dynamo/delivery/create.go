package delivery

import (
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// The choices of a create_table block.
const (
	projectAll      = "ALL"
	projectKeys     = "KEYS_ONLY"
	projectSome     = "INCLUDE"
	classStandard   = "STANDARD"
	classInfrequent = "STANDARD_INFREQUENT_ACCESS"
)

// CreateTable is a decoded create_table block.
type CreateTable struct {
	key
	billing            string
	provisioned        dynamo.Throughput
	most, warm         dynamo.Throughput
	class              string
	stream             string
	ttl                string
	kmsKey             string
	deletionProtection bool
	pointInTime        bool
	tags               map[string]string
	global             []index
	local              []index
}

// key is the key attributes of a table or index.
type key struct {
	partitionKey, partitionType string
	sortKey, sortType           string
}

// index is a decoded global_index or local_index block.
type index struct {
	name string
	key
	projection        string
	attributes        []string
	provisioned, most dynamo.Throughput
}

// CreateTableBlock declares the block, whose target stays nil without one.
func CreateTableBlock(target **CreateTable) schema.Nested {
	return schema.Optional("create_table", target, declareCreateTable)
}

func declareCreateTable(c *CreateTable) schema.Block {
	c.partitionType, c.sortType, c.billing, c.class = "S", "S", dynamo.BillingOnDemand, classStandard
	c.provisioned = dynamo.Throughput{Read: 5, Write: 5}
	args := append(c.key.partitionArgs(), c.key.sortArgs()...)
	args = append(args, schema.Choice("billing", &c.billing, []string{dynamo.BillingOnDemand, dynamo.BillingProvisioned}, "How the table is paid for."))
	args = append(args, capacityArgs(&c.provisioned, &c.most)...)
	args = append(args,
		schema.Int64("warm_read_capacity", &c.warm.Read, "Read throughput that the table is ready for from the start, which costs once.").
			Unit("RCU per second").AtLeast(1).DefaultDoc("DynamoDB's"),
		schema.Int64("warm_write_capacity", &c.warm.Write, "Write throughput that the table is ready for from the start, which costs once.").
			Unit("WCU per second").AtLeast(1).DefaultDoc("DynamoDB's"),
		schema.Choice("table_class", &c.class, []string{classStandard, classInfrequent}, "What storage and requests cost."),
		schema.String("ttl", &c.ttl, "Attribute that says when an item expires, in seconds since 1970: the table's time to live."),
		schema.Choice("stream", &c.stream, []string{"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"},
			"What the records of the table's stream hold.").DefaultDoc("no stream"),
		schema.String("kms_key", &c.kmsKey, "Key of AWS KMS that encrypts the table: an ID, an ARN or an alias.").DefaultDoc("a key that DynamoDB owns"),
		schema.Bool("deletion_protection", &c.deletionProtection, "Whether the table can't be deleted until that is switched off."),
		schema.Bool("point_in_time_recovery", &c.pointInTime, "Whether the table can be restored to any second of its last 35 days. A local server that does not know of it is left without."),
		schema.StringMap("tags", &c.tags, "The table's tags.").DefaultDoc("none"),
	)
	return schema.Block{
		Summary: "Creates the table when there is none, and waits until it is active. One that is there is left as it is.",
		Example: createExample,
		Args:    args,
		Blocks:  []schema.Nested{schema.List("global_index", &c.global, declareGlobal), schema.List("local_index", &c.local, declareLocal)},
		Check:   c.check,
	}
}

func declareGlobal(x *index) schema.Block {
	x.partitionType, x.sortType, x.provisioned = "S", "S", dynamo.Throughput{Read: 5, Write: 5}
	b := x.declare("A global secondary index: another key of the table's items.", append(x.key.partitionArgs(), x.key.sortArgs()...))
	b.Args = append(b.Args, capacityArgs(&x.provisioned, &x.most)...)
	return b
}

func declareLocal(x *index) schema.Block {
	x.sortType = "S"
	return x.declare("A local secondary index: another sort key of the table's items.", x.key.sortArgs())
}

func (x *index) declare(summary string, keys []schema.Arg) schema.Block {
	x.projection = projectAll
	return schema.Block{
		Summary: summary,
		Labels:  []schema.Label{{Name: "name", Target: &x.name}},
		Args: append(keys,
			schema.Choice("projection", &x.projection, []string{projectAll, projectKeys, projectSome}, "Which attributes are in the index."),
			schema.Strings("attributes", &x.attributes, "With `projection = \"INCLUDE\"`, those beside the keys.").DefaultDoc("none"),
		),
		Check: x.check,
	}
}

func keyTypes() []string { return []string{"S", "N", "B"} }

func (k *key) partitionArgs() []schema.Arg {
	return []schema.Arg{
		schema.String("partition_key", &k.partitionKey, "Name of the partition key.").Require(),
		schema.Choice("partition_type", &k.partitionType, keyTypes(), "Type of the partition key."),
	}
}

func (k *key) sortArgs() []schema.Arg {
	return []schema.Arg{
		schema.String("sort_key", &k.sortKey, "Name of the sort key; left out, there is none."),
		schema.Choice("sort_type", &k.sortType, keyTypes(), "Type of the sort key."),
	}
}

func capacityArgs(provisioned, most *dynamo.Throughput) []schema.Arg {
	return []schema.Arg{
		schema.Int64("read_capacity", &provisioned.Read, "Read capacity when it is provisioned.").Unit("RCU").AtLeast(1),
		schema.Int64("write_capacity", &provisioned.Write, "Write capacity when it is provisioned.").Unit("WCU").AtLeast(1),
		schema.Int64("max_read_capacity", &most.Read, "The most that is read in a second on demand.").Unit("RCU").AtLeast(1).DefaultDoc("the account's limit"),
		schema.Int64("max_write_capacity", &most.Write, "The most that is written in a second on demand.").Unit("WCU").AtLeast(1).DefaultDoc("the account's limit"),
	}
}

// keys are the attributes, those of a local index with the table's partition
// key.
func (k *key) keys() []dynamo.Key {
	kind := func(descriptor string) attr.Kind {
		kind, _ := dynamo.KeyKind(descriptor) // the block takes only such
		return kind
	}
	keys := []dynamo.Key{{Name: k.partitionKey, Kind: kind(k.partitionType)}}
	if k.sortKey != "" {
		keys = append(keys, dynamo.Key{Name: k.sortKey, Kind: kind(k.sortType)})
	}
	return keys
}

func (c *CreateTable) spec(name string) dynamo.TableSpec {
	spec := dynamo.TableSpec{
		Name: name, Keys: c.keys(), Billing: c.billing, Throughput: c.most, Warm: c.warm, Stream: c.stream, KMSKey: c.kmsKey,
		DeletionProtection: c.deletionProtection, Tags: c.tags, TimeToLive: c.ttl, PointInTime: c.pointInTime,
	}
	if c.class != classStandard {
		spec.Class = c.class
	}
	if c.billing == dynamo.BillingProvisioned {
		spec.Throughput = c.provisioned
	}
	for _, x := range c.global {
		spec.Indexes = append(spec.Indexes, x.spec(true, c.billing))
	}
	for _, x := range c.local {
		x.partitionKey, x.partitionType = c.partitionKey, c.partitionType
		spec.Indexes = append(spec.Indexes, x.spec(false, c.billing))
	}
	return spec
}

func (x *index) spec(global bool, billing string) dynamo.IndexSpec {
	spec := dynamo.IndexSpec{Name: x.name, Keys: x.keys(), Global: global, Projection: x.projection, Attributes: x.attributes, Throughput: x.most}
	if billing == dynamo.BillingProvisioned {
		spec.Throughput = x.provisioned
	}
	return spec
}

// toBe is the table as it would be described.
func (c *CreateTable) toBe(name string) *dynamo.Table {
	spec := c.spec(name)
	t := &dynamo.Table{Name: name, Keys: spec.Keys, Billing: c.billing, TimeToLive: c.ttl, ToBe: true}
	provisioned := c.billing == dynamo.BillingProvisioned
	if provisioned {
		t.ProvisionedRead, t.ProvisionedWrite = spec.Throughput.Read, spec.Throughput.Write
	}
	for _, x := range spec.Indexes {
		index := dynamo.Index{Name: x.Name, Keys: x.Keys, Global: x.Global, Projection: x.Projection, Included: x.Attributes}
		if provisioned && x.Global {
			index.ProvisionedRead, index.ProvisionedWrite = x.Throughput.Read, x.Throughput.Write
		}
		t.Indexes = append(t.Indexes, index)
	}
	return t
}

// Calls are the API operations that create the table.
func (c *CreateTable) Calls() []string {
	calls := []string{"CreateTable"}
	if len(c.tags) > 0 {
		calls = append(calls, "TagResource")
	}
	if c.ttl != "" {
		calls = append(calls, "UpdateTimeToLive")
	}
	if c.pointInTime {
		calls = append(calls, "UpdateContinuousBackups")
	}
	return calls
}

// Fits reports a table that was there already and has other keys.
func (c *CreateTable) Fits(t *dynamo.Table) error {
	if slices.Equal(t.Keys, c.keys()) {
		return nil
	}
	return fmt.Errorf("table %s exists, with the key %s, and create_table says %s: change create_table or write to another table",
		t.Name, DescribeKeys(t.Keys), DescribeKeys(c.keys()))
}
