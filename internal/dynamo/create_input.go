package dynamo

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// input is the spec as CreateTable takes it.
func (s *TableSpec) input() *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: aws.String(s.Name), KeySchema: keySchema(s.Keys), AttributeDefinitions: s.definitions(),
		BillingMode: types.BillingModePayPerRequest, TableClass: types.TableClass(s.Class),
	}
	if s.DeletionProtection {
		in.DeletionProtectionEnabled = aws.Bool(true)
	}
	if s.Billing == BillingProvisioned {
		in.BillingMode = types.BillingModeProvisioned
		in.ProvisionedThroughput = s.Throughput.provisioned()
	} else {
		in.OnDemandThroughput = s.Throughput.most()
	}
	if s.Warm != (Throughput{}) {
		in.WarmThroughput = &types.WarmThroughput{ReadUnitsPerSecond: positive(s.Warm.Read), WriteUnitsPerSecond: positive(s.Warm.Write)}
	}
	if s.Stream != "" {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(s.Stream)}
	}
	if s.KMSKey != "" {
		in.SSESpecification = &types.SSESpecification{Enabled: aws.Bool(true), SSEType: types.SSETypeKms, KMSMasterKeyId: aws.String(s.KMSKey)}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(name), Value: aws.String(s.Tags[name])})
	}
	for _, x := range s.Indexes {
		s.addIndex(in, x)
	}
	return in
}

func (s *TableSpec) addIndex(in *dynamodb.CreateTableInput, x IndexSpec) {
	projection := &types.Projection{ProjectionType: types.ProjectionType(x.Projection), NonKeyAttributes: x.Attributes}
	if !x.Global {
		in.LocalSecondaryIndexes = append(in.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: aws.String(x.Name), KeySchema: keySchema(x.Keys), Projection: projection,
		})
		return
	}
	index := types.GlobalSecondaryIndex{IndexName: aws.String(x.Name), KeySchema: keySchema(x.Keys), Projection: projection}
	if s.Billing == BillingProvisioned {
		index.ProvisionedThroughput = x.Throughput.provisioned()
	} else {
		index.OnDemandThroughput = x.Throughput.most()
	}
	in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, index)
}

// definitions is every key attribute of the table and its indexes, once.
func (s *TableSpec) definitions() []types.AttributeDefinition {
	keys := slices.Clone(s.Keys)
	for _, x := range s.Indexes {
		for _, k := range x.Keys {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	var out []types.AttributeDefinition
	for _, k := range keys {
		out = append(out, types.AttributeDefinition{
			AttributeName: aws.String(k.Name), AttributeType: types.ScalarAttributeType(k.Kind.Descriptor()),
		})
	}
	return out
}

func keySchema(keys []Key) []types.KeySchemaElement {
	roles := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	var out []types.KeySchemaElement
	for i, k := range keys {
		out = append(out, types.KeySchemaElement{AttributeName: aws.String(k.Name), KeyType: roles[i]})
	}
	return out
}

func (t Throughput) provisioned() *types.ProvisionedThroughput {
	return &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(t.Read), WriteCapacityUnits: aws.Int64(t.Write)}
}

// most is an on-demand maximum; nil when there is none.
func (t Throughput) most() *types.OnDemandThroughput {
	if t == (Throughput{}) {
		return nil
	}
	return &types.OnDemandThroughput{MaxReadRequestUnits: positive(t.Read), MaxWriteRequestUnits: positive(t.Write)}
}

func positive(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return aws.Int64(n)
}
