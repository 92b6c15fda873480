package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// sum is the first 128 bits of a SHA-256: of a key with its target, or of an
// item.
type sum [16]byte

func sumOf(text []byte) (s sum) {
	whole := sha256.Sum256(text)
	copy(s[:], whole[:])
	return s
}

// prefix is the part of a key's sum that says whether the key is in a sample.
// buckets are chosen by other parts.
func (s sum) prefix() uint64 { return binary.BigEndian.Uint64(s[:8]) }

// keySum is that of a key of a target.
func keySum(scratch []byte, target int, key []byte) (sum, []byte) {
	scratch = append(binary.AppendUvarint(scratch[:0], uint64(target)), key...)
	return sumOf(scratch), scratch
}

// digester makes sums of items that are equal exactly when DynamoDB deems the
// items equal: attributes in the order of their names, each with bytes that are
// the same for every spelling of a number and every order of a set or map
// (attr.KeyBytes). An attribute that is absent and one that is NULL differ.
type digester struct {
	ignored map[string]bool // attributes that are left out
	batch   *record.Batch
	columns []record.Column // of the batch, by name
	text    []byte
	fields  []attr.Field
}

// begin says which batch the rows to come are of.
func (d *digester) begin(b *record.Batch) {
	d.batch, d.columns = b, d.columns[:0]
	for i := range b.Columns() {
		d.columns = append(d.columns, b.Column(i))
	}
	slices.SortFunc(d.columns, func(a, b record.Column) int { return strings.Compare(a.Name, b.Name) })
}

// end forgets the batch.
func (d *digester) end() {
	d.batch = nil
	clear(d.columns)
	clear(d.fields[:cap(d.fields)])
}

// row is the sum of a row of the batch.
func (d *digester) row(row int) sum {
	if len(d.batch.Overflow(row)) > 0 {
		d.fields = append(d.fields[:0], attr.Fields(d.batch, row)...)
		return d.item(d.fields)
	}
	d.text = d.text[:0]
	for _, c := range d.columns {
		if !c.Absent(row) {
			d.add(c.Name, attr.At(c, row))
		}
	}
	return sumOf(d.text)
}

// item is the sum of an item, whose fields it sorts.
func (d *digester) item(fields []attr.Field) sum {
	slices.SortFunc(fields, func(a, b attr.Field) int { return strings.Compare(a.Name, b.Name) })
	d.text = d.text[:0]
	for _, f := range fields {
		if f.Value.Kind() != attr.Absent {
			d.add(f.Name, f.Value)
		}
	}
	return sumOf(d.text)
}

func (d *digester) add(name string, v attr.Value) {
	if d.ignored[name] {
		return
	}
	d.text = binary.AppendUvarint(d.text, uint64(len(name)))
	d.text = append(d.text, name...)
	d.text = attr.KeyBytes(d.text, v)
}

// parseItem is the attributes of an item in DynamoDB JSON.
func parseItem(text []byte) ([]attr.Field, error) {
	v, err := attr.ParseDynamoJSON(slices.Concat([]byte(`{"M":`), text, []byte(`}`)))
	return v.Fields(), err
}
