package jsonio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/format/formattest"
	"github.com/dynapipe/dynapipe/internal/format/layout"
)

func columns(names ...string) layout.Layout {
	l := layout.Layout{Fixed: true}
	for _, n := range names {
		l.Columns = append(l.Columns, layout.Column{Name: n})
	}
	return l
}

func TestWriter(t *testing.T) {
	typed := columns("tags", "n")
	typed.Columns[0].Type.Kind = attr.List
	typed.Columns[0].Type.Elem = &layout.Type{Kind: attr.Number}
	typed.Columns[1].Type.Kind = attr.Number
	for _, c := range []struct {
		name    string
		options WriterOptions
		items   []string
		want    string
		warned  map[string]int
		refused map[int]string
	}{
		{name: "lines", items: []string{`{"id":{"S":"a\"b\\\n\u0001é"},"n":{"N":"1.50"}}`, `{}`, `{"id":{"NULL":true},"t":{"BOOL":false}}`},
			want: `{"id":"a\"b\\\n\u0001é","n":1.50}` + "\n{}\n" + `{"id":null,"t":false}` + "\n"},
		{name: "array", options: WriterOptions{Array: true}, items: []string{`{"a":{"N":"1"}}`, `{"a":{"N":"2"}}`},
			want: "[\n{\"a\":1},\n{\"a\":2}\n]\n"},
		{name: "empty array", options: WriterOptions{Array: true}, want: "[]\n"},
		{name: "spellings JSON does not have", items: []string{`{"a":{"N":"007"},"b":{"N":".5"},"c":{"N":"+1e3"},"d":{"N":"-1E-7"}}`},
			want: `{"a":7,"b":0.5,"c":1e3,"d":-1E-7}` + "\n"},
		{name: "mixed types in one attribute", items: []string{`{"a":{"N":"1"}}`, `{"a":{"S":"x"}}`, `{"a":{"L":[{"N":"1.0"},{"NULL":true}]}}`},
			want: "{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":[1.0,null]}\n"},
		{name: "plainest forms are counted", items: []string{`{"s":{"SS":["x","y"]},"b":{"B":"AQI="}}`, `{"s":{"M":{"k":{"NS":["1"]}}}}`},
			want: `{"s":["x","y"],"b":"AQI="}` + "\n" + `{"s":{"k":[1]}}` + "\n", warned: map[string]int{"s": 2, "b": 1}},
		{name: "strict refuses them", options: WriterOptions{Array: true, Losses: layout.Losses{Strict: true}},
			items: []string{`{"s":{"SS":["x"]}}`, `{"a":{"N":"1"}}`, `{"b":{"B":"AQI="}}`, `{"a":{"N":"2"}}`},
			want:  "[\n{\"a\":1},\n{\"a\":2}\n]\n", refused: map[int]string{0: "string_set", 2: "binary"}},
		{name: "chosen columns", options: WriterOptions{Layout: columns("b", "a")},
			items: []string{`{"a":{"N":"1"},"b":{"S":"x"},"c":{"S":"gone"}}`, `{"a":{"N":"2"}}`, `{"c":{"S":"gone"}}`},
			want:  "{\"b\":\"x\",\"a\":1}\n{\"a\":2}\n{}\n"},
		{name: "declared types", options: WriterOptions{Layout: typed},
			items: []string{`{"tags":{"NS":["1"]},"n":{"S":"5"}}`, `{"tags":{"L":[{"S":"2"}]}}`, `{"tags":{"L":[{"S":"x"}]}}`, `{"n":{"M":{}}}`},
			want:  "{\"tags\":[1],\"n\":5}\n{\"tags\":[2]}\n", refused: map[int]string{2: "tags[0]", 3: "declared number"}},
		{name: "DynamoDB JSON", options: WriterOptions{DynamoDB: true},
			items: []string{`{"id":{"S":"x"},"n":{"N":"1.50"},"s":{"SS":["b","a"]},"z":{"NULL":true},"t":{"BOOL":true},"b":{"B":"AQI="}}`},
			want:  `{"Item":{"id":{"S":"x"},"n":{"N":"1.50"},"s":{"SS":["b","a"]},"z":{"NULL":true},"t":{"BOOL":true},"b":{"B":"AQI="}}}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			warned := map[string]int{}
			var out bytes.Buffer
			c.options.Losses.Warn = func(attribute, _ string) { warned[attribute]++ }
			refused := formattest.Write(t, NewWriter(&out, c.options), formattest.Batch(t, c.items...))
			if out.String() != c.want {
				t.Errorf("wrote %s\nwant  %s", out.String(), c.want)
			}
			if fmt.Sprint(warned) != fmt.Sprint(c.warned) {
				t.Errorf("warned %v, want %v", warned, c.warned)
			}
			if len(refused) != len(c.refused) {
				t.Errorf("refused %v", refused)
			}
			for row, part := range c.refused {
				if !strings.Contains(refused[row], part) {
					t.Errorf("row %d refused with %q, want %q in it", row, refused[row], part)
				}
			}
		})
	}
}

// Batches of different columns follow each other in one file; the keys of the
// one before must not stick.
func TestWriterChangingColumns(t *testing.T) {
	var out bytes.Buffer
	formattest.Write(t, NewWriter(&out, WriterOptions{}),
		formattest.Batch(t, `{"a":{"S":"1"},"b":{"S":"2"},"c":{"S":"3"}}`),
		formattest.Batch(t, `{"a":{"S":"1"},"x":{"S":"2"}}`),
		formattest.Batch(t, `{"y":{"S":"1"}}`),
		formattest.Batch(t, `{"a":{"S":"1"},"b":{"S":"2"},"c":{"S":"3"},"d":{"S":"4"}}`))
	want := `{"a":"1","b":"2","c":"3"}` + "\n" + `{"a":"1","x":"2"}` + "\n" + `{"y":"1"}` + "\n" + `{"a":"1","b":"2","c":"3","d":"4"}` + "\n"
	if out.String() != want {
		t.Errorf("wrote %s", out.String())
	}
}

// A row of 300 attributes has 256 in columns and the rest in the overflow.
func TestWriterOverflow(t *testing.T) {
	var item []string
	for i := range 300 {
		item = append(item, fmt.Sprintf(`"c%03d":{"N":"%d"}`, i, i))
	}
	row := "{" + strings.Join(item, ",") + "}"
	for _, options := range []WriterOptions{{}, {DynamoDB: true}, {Layout: columns("c299", "c000")}} {
		var out bytes.Buffer
		formattest.Write(t, NewWriter(&out, options), formattest.Batch(t, row, `{"c001":{"N":"5"}}`))
		first, rest, _ := strings.Cut(out.String(), "\n")
		var got map[string]json.RawMessage
		if err := json.Unmarshal([]byte(first), &got); err != nil {
			t.Fatal(err)
		}
		switch {
		case options.DynamoDB:
			if string(got["Item"]) != row {
				t.Errorf("item %s", got["Item"])
			}
		case options.Layout.Fixed:
			if first != `{"c299":299,"c000":0}` || rest != "{}\n" {
				t.Errorf("wrote %s and %s", first, rest)
			}
		case len(got) != 300 || string(got["c299"]) != "299":
			t.Errorf("%d attributes, c299 = %s", len(got), got["c299"])
		}
	}
}

// What is written as DynamoDB JSON comes back as it was, whatever it holds;
// what is written as plain JSON is JSON and means the same to any reader.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		number := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(rt, "number")
		flag := rapid.Bool().Draw(rt, "flag")
		data := string(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "data"))
		n, err := attr.NumberValue(number)
		if err != nil {
			rt.Fatal(err)
		}
		b := formattest.Row(t, attr.Field{Name: "s", Value: attr.StringValue(text)}, attr.Field{Name: "n", Value: n},
			attr.Field{Name: "t", Value: attr.BoolValue(flag)}, attr.Field{Name: "b", Value: attr.BinaryValue(data)},
			attr.Field{Name: text + "x", Value: attr.ListValue([]attr.Value{n, attr.StringValue(text)})})
		defer b.Release()

		var exact, plain bytes.Buffer
		formattest.Write(t, NewWriter(&exact, WriterOptions{DynamoDB: true}), b)
		formattest.Write(t, NewWriter(&plain, WriterOptions{Array: true}), b)
		var wrapped struct{ Item json.RawMessage }
		if err := json.Unmarshal(exact.Bytes(), &wrapped); err != nil {
			rt.Fatalf("%v: %s", err, exact.Bytes())
		}
		if want := attr.AppendRow(nil, b, 0); string(wrapped.Item) != string(want) {
			rt.Fatalf("wrote %s\nwant  %s", wrapped.Item, want)
		}
		var rows []map[string]any
		decoder := json.NewDecoder(&plain)
		decoder.UseNumber()
		if err := decoder.Decode(&rows); err != nil || len(rows) != 1 {
			rt.Fatalf("%d rows, %v", len(rows), err)
		}
		if rows[0]["s"] != text || rows[0]["t"] != flag {
			rt.Fatalf("read %v", rows[0])
		}
		if got := rows[0]["n"].(json.Number).String(); attr.CompareNumbers(got, number) != 0 {
			rt.Fatalf("number %s became %s", number, got)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	for name, options := range map[string]WriterOptions{"plain": {}, "dynamodb": {DynamoDB: true}} {
		b.Run(name, func(b *testing.B) {
			batch := formattest.Wide(b, 2048)
			size := &counter{}
			w := NewWriter(size, options)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(batch, func(_ int, err error) error { return err }); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(size.n / int64(b.N))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Rows()), "ns/row")
		})
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }
