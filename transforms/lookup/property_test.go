package lookup

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// oracle says what becomes of rows, by a join in memory.
type oracle struct {
	users, cities map[string][]attr.Field // the tables' items by key
	flatten       bool                    // the cities
	missing       string
}

// row is the row with its items; why not, when it does not go on.
func (o *oracle) row(row []attr.Field) (out []attr.Field, why string) {
	user, why := o.item(row, "u", o.users)
	if attrOf(row, "who").Kind() != attr.Absent {
		why = "NameConflict"
	}
	if why != "" {
		return nil, why
	}
	city, why := o.item(row, "c", o.cities)
	if why == "" && !o.flatten && attrOf(row, "where").Kind() != attr.Absent {
		why = "NameConflict"
	}
	if why != "" {
		return nil, why
	}
	if (user == nil || city == nil) && o.missing != missingNull {
		return nil, map[string]string{missingDrop: "filtered", missingReject: codeNotFound}[o.missing]
	}
	out = slices.Clone(row)
	if user != nil {
		out = append(out, attr.Field{Name: "who", Value: attr.MapValue(user)})
	}
	switch {
	case city == nil:
	case !o.flatten:
		out = append(out, attr.Field{Name: "where", Value: attr.MapValue(city)})
	default:
		for _, f := range city {
			switch own := attrOf(out, f.Name); {
			case own.Kind() == attr.Absent:
				out = append(out, f)
			case !attr.Equal(own, f.Value):
				return nil, codeConflict
			}
		}
	}
	return out, ""
}

// item is that of the key in an attribute; nil when there is none.
func (o *oracle) item(row []attr.Field, name string, table map[string][]attr.Field) (item []attr.Field, why string) {
	switch v := attrOf(row, name); {
	case v.IsNull():
		return nil, ""
	case v.Kind() != attr.String:
		return nil, "WrongKeyType"
	case v.Text() == "":
		return nil, "EmptyKey"
	default:
		return table[v.Text()], ""
	}
}

func attrOf(row []attr.Field, name string) attr.Value {
	return attr.MapValue(slices.Clone(row)).Get(name)
}

// known makes a table of items that differ in their attributes.
func known(t *testing.T, server *dynamotest.Server, prefix string, n int) (table string, items map[string][]attr.Field) {
	t.Helper()
	table, items = server.CreateTable(t, dynamotest.S("id")), map[string][]attr.Field{}
	var all []dynamotest.Item
	for i := range n {
		id := fmt.Sprintf("%s%d", prefix, i)
		item := dynamotest.Item{"id": &types.AttributeValueMemberS{Value: id}}
		text := fmt.Sprintf(`{"M":{"id":{"S":%q},"n":{"N":"%d"}}}`, id, i%3)
		if i%2 == 0 {
			text = fmt.Sprintf(`{"M":{"id":{"S":%q},"tags":{"SS":["a","b%d"]},"deep":{"L":[{"NULL":true}]}}}`, id, i)
			item["tags"] = &types.AttributeValueMemberSS{Value: []string{"a", fmt.Sprintf("b%d", i)}}
			item["deep"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberNULL{Value: true}}}
		} else {
			item["n"] = &types.AttributeValueMemberN{Value: fmt.Sprint(i % 3)}
		}
		v, err := attr.ParseDynamoJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		items[id] = v.Fields()
		all = append(all, item)
	}
	server.Put(t, table, all...)
	return table, items
}

// Whatever rows come and however the block is written, the rows that leave are
// those of a join in memory, and the others end as it says.
func TestLookupIsAJoin(t *testing.T) {
	server := start(t)
	o := &oracle{}
	var users, cities string
	users, o.users = known(t, server, "u", 40)
	cities, o.cities = known(t, server, "c", 7)
	rapid.Check(t, func(rt *rapid.T) {
		o.flatten = rapid.Bool().Draw(rt, "flatten")
		o.missing = rapid.SampledFrom([]string{missingNull, missingDrop, missingReject}).Draw(rt, "missing")
		mode := rapid.SampledFrom([]string{modeBatch, modeTransaction}).Draw(rt, "mode")
		cache := 0
		if mode == modeBatch {
			cache = rapid.SampledFrom([]int{0, 3, 100}).Draw(rt, "cache")
		}
		body := fmt.Sprintf("mode = %q\non_missing = %q\ncache = %d\nget \"who\" {\ntable = %q\nkey = { id = row.u }\n}\nget \"where\" {\ntable = %q\nkey = { id = row.c }\nflatten = %t\n}",
			mode, o.missing, cache, users, cities, o.flatten)
		if mode == modeTransaction {
			body = strings.Replace(body, "cache = 0\n", "", 1)
		}
		lookup := open(t, body)
		for range rapid.IntRange(1, 3).Draw(rt, "batches") {
			var rows []string
			var want []attr.Value
			ends := map[string]int{}
			for range rapid.IntRange(1, 300).Draw(rt, "rows") {
				row := drawRow(rt)
				rows = append(rows, string(attr.AppendDynamoJSON(nil, attr.MapValue(slices.Clone(row)))[len(`{"M":`):]))
				rows[len(rows)-1] = strings.TrimSuffix(rows[len(rows)-1], "}")
				out, why := o.row(row)
				ends[why]++
				if why == "" {
					want = append(want, attr.MapValue(out))
				}
			}
			r, err := lookup.batch(t, 0, rows...)
			if err != nil {
				rt.Fatal(err)
			}
			if !slices.EqualFunc(r.values, want, attr.Equal) {
				rt.Fatalf("%s\ngives %s", body, r.rows)
			}
			got := map[string]int{"": len(r.rows), "filtered": int(r.filtered)}
			for _, reject := range r.rejects {
				got[reject.Code]++
			}
			for _, why := range []string{"", "filtered", codeNotFound, codeConflict, "WrongKeyType", "EmptyKey"} {
				if got[why] != ends[why] {
					rt.Fatalf("%s\nends rows as %v, want %v", body, got, ends)
				}
			}
		}
	})
}

func drawRow(t *rapid.T) []attr.Field {
	var row []attr.Field
	add := func(name string, values ...attr.Value) {
		if v := rapid.SampledFrom(values).Draw(t, name); v.Kind() != attr.Absent {
			row = append(row, attr.Field{Name: name, Value: v})
		}
	}
	number, err := attr.NumberValue("1.0")
	if err != nil {
		t.Fatal(err)
	}
	key := func(prefix string, n int) attr.Value {
		return attr.StringValue(fmt.Sprintf("%s%d", prefix, rapid.IntRange(0, n).Draw(t, prefix)))
	}
	u, c := key("u", 45), key("c", 8)
	add("u", u, u, u, u, u, u, attr.Value{}, attr.NullValue(), number, attr.StringValue(""))
	add("c", c, c, c, c, c, c, c, attr.Value{}, attr.NullValue())
	add("n", attr.Value{}, attr.Value{}, number, attr.StringValue("text"))
	add("who", attr.Value{}, attr.Value{}, attr.Value{}, attr.Value{}, attr.Value{}, attr.Value{}, attr.Value{}, attr.NullValue())
	return row
}
