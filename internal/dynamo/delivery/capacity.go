package delivery

import "github.com/dynapipe/dynapipe/internal/deliver"

// Units is a part of Capacity.
type Units struct{ CapacityUnits float64 }

// Capacity is ConsumedCapacity in an answer (AWS: API reference,
// "ConsumedCapacity").
type Capacity struct {
	TableName              string
	CapacityUnits          float64
	Table                  *Units
	LocalSecondaryIndexes  map[string]Units
	GlobalSecondaryIndexes map[string]Units
}

// Append appends what the table took and what each of its indexes did, under
// the name that the request's rows have for it. A server that does not tell
// them apart has all of it counted for the table.
func (c *Capacity) Append(dst []deliver.Consumed, rows []*deliver.Row) []deliver.Consumed {
	table, own := RequestName(c.TableName, rows), c.CapacityUnits
	if c.Table != nil {
		own = c.Table.CapacityUnits
	}
	dst = append(dst, deliver.Consumed{Table: table, Units: own})
	for _, indexes := range []map[string]Units{c.LocalSecondaryIndexes, c.GlobalSecondaryIndexes} {
		for name, u := range indexes {
			dst = append(dst, deliver.Consumed{Table: table, Index: name, Units: u.CapacityUnits})
		}
	}
	return dst
}
