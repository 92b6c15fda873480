package delivery

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// Table is a table that rows go to, with what is checked before they are sent.
type Table struct {
	Name    string // as requests name it
	ARN     string
	Keys    []KeyAttribute
	Indexes []IndexAttribute // one for each attribute and index
	Count   float64          // of indexes
	// Described is what DynamoDB says of the table, or would of one that is still
	// to be created.
	Described *dynamo.Table
}

// KeyAttribute is an attribute of a table's key.
type KeyAttribute struct {
	dynamo.Key
	Role string // partition key, sort key
	max  int    // bytes
}

// IndexAttribute is an attribute of the key of an index.
type IndexAttribute struct {
	dynamo.Key
	Index string
}

// The longest keys (AWS: "Service, account, and table quotas", "Partition keys
// and sort keys").
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

// NewTable is a table as it was described, by the name that requests use.
func NewTable(name string, t *dynamo.Table) *Table {
	out := &Table{Name: name, ARN: t.ARN, Count: float64(len(t.Indexes)), Described: t}
	for i, k := range t.Keys {
		key := KeyAttribute{Key: k, Role: "partition key", max: maxPartitionKey}
		if i > 0 {
			key.Role, key.max = "sort key", maxSortKey
		}
		out.Keys = append(out.Keys, key)
	}
	for _, x := range t.Indexes {
		for _, k := range x.Keys {
			if !slices.Contains(t.Keys, k) { // else the table's own check is enough
				out.Indexes = append(out.Indexes, IndexAttribute{Key: k, Index: x.Name})
			}
		}
	}
	return out
}

// IsKey reports that an attribute is part of the table's key.
func (t *Table) IsKey(name string) bool {
	return slices.ContainsFunc(t.Keys, func(k KeyAttribute) bool { return k.Name == name })
}

// usual reports that a text passes checkKey.
func (k *KeyAttribute) usual(text string) bool {
	return k.Kind == attr.String && text != "" && len(text) <= k.max
}

// checkKey checks a value of the table's key. argument is what gave
// it, when it is not the row's attribute.
func (t *Table) checkKey(k *KeyAttribute, v attr.Value, argument string) Refusal {
	switch {
	case v.Kind() == attr.Absent && argument != "":
		return Refuse(CodeMissingKey, "%s gives nothing for %q, the %s of table %s", argument, k.Name, k.Role, t.Name)
	case v.Kind() == attr.Absent:
		return Refuse(CodeMissingKey, "the row has no attribute %q, the %s of table %s", k.Name, k.Role, t.Name)
	case v.Kind() != k.Kind && argument != "":
		return Refuse(CodeWrongType, "%q is the %s of table %s and must be %s, but %s gives %s",
			k.Name, k.Role, t.Name, article(k.Kind), argument, article(v.Kind()))
	case v.Kind() != k.Kind:
		return Refuse(CodeWrongType, "attribute %q is the %s of table %s and must be %s, but the row has %s%s",
			k.Name, k.Role, t.Name, article(k.Kind), article(v.Kind()), conversion(k.Key, v.Kind()))
	case k.Kind == attr.Number:
		return Refusal{}
	case v.Text() == "":
		return Refuse(CodeEmptyKey, "attribute %q is the %s of table %s and is empty", k.Name, k.Role, t.Name)
	case len(v.Text()) > k.max:
		return Refuse(CodeTooLong, "attribute %q is the %s of table %s and has %d bytes, more than the %d that one may have",
			k.Name, k.Role, t.Name, len(v.Text()), k.max)
	}
	return Refusal{}
}

// CheckIndex checks a value that is part of an index's key. An item without it
// is not in the index, which is fine; DynamoDB refuses one with a wrong value.
func (t *Table) CheckIndex(x *IndexAttribute, v attr.Value) Refusal {
	switch {
	case v.Kind() == attr.Absent:
		return Refusal{}
	case v.Kind() != x.Kind:
		return Refuse(CodeWrongType, "attribute %q is a key of index %s of table %s and must be %s or absent, but the row has %s%s",
			x.Name, x.Index, t.Name, article(x.Kind), article(v.Kind()), conversion(x.Key, v.Kind()))
	case x.Kind != attr.Number && v.Text() == "":
		return Refuse(CodeEmptyKey, "attribute %q is a key of index %s of table %s and is empty: leave it out, or give it a value",
			x.Name, x.Index, t.Name)
	}
	return Refusal{}
}

// article is a kind for a message: a string (S).
func article(k attr.Kind) string {
	if k == attr.Null {
		return "NULL"
	}
	return fmt.Sprintf("a %s (%s)", k, k.Descriptor())
}

// conversion is the hint for text that should be a number, and the reverse.
func conversion(k dynamo.Key, got attr.Kind) string {
	convert := ""
	switch {
	case k.Kind == attr.Number && got == attr.String:
		convert = "tonumber"
	case k.Kind == attr.String && got == attr.Number:
		convert = "tostring"
	default:
		return ""
	}
	return fmt.Sprintf(": convert it in a map transform, set = { %s = %s(row[%q]) }, or declare its type in the source's columns",
		k.Name, convert, k.Name)
}

// tablePattern is a table's name or ARN (AWS: "Naming rules and data types",
// "Amazon DynamoDB resources" of the service authorization reference), and namePattern
// the name alone, which an index may have as well. How long a name is stands in
// validName: {3,255} takes a millisecond to compile, in every command.
var (
	tablePattern = regexp.MustCompile(`^(?:arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?([A-Za-z0-9_.-]+)$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

func validName(name string) bool {
	return len(name) >= 3 && len(name) <= 255 && namePattern.MatchString(name)
}

// TableNames says what a table's name looks like.
const TableNames = "a name has 3 to 255 letters, digits, '_', '-' or '.', and an ARN is like arn:aws:dynamodb:eu-west-1:123456789012:table/NAME"

// ValidTable reports that the text can be a table's name or ARN.
func ValidTable(name string) bool {
	m := tablePattern.FindStringSubmatch(name)
	return m != nil && validName(m[1])
}

// DescribeKeys is a key for a message or the plan: pk (S), sk (N).
func DescribeKeys(keys []dynamo.Key) string {
	text := ""
	for i, k := range keys {
		if i > 0 {
			text += ", "
		}
		text += keyText(k)
	}
	return text
}

func keyText(k dynamo.Key) string { return fmt.Sprintf("%s (%s)", k.Name, k.Kind.Descriptor()) }

func keyTexts(keys []dynamo.Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = keyText(k)
	}
	return out
}
