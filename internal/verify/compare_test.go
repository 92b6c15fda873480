package verify

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drawNumber is a number of few values in many spellings.
func drawNumber(rt *rapid.T) attr.Value {
	text := rapid.SampledFrom([]string{
		"1", "1.0", "1e0", "01", "10", "1e1", "-1", "0", "-0", "0.00",
		"12345678901234567890123456789012345678", "12345678901234567890123456789012345679", "1.2345678901234567890123456789012345678e37",
	}).Draw(rt, "number")
	v, err := attr.NumberValue(text)
	if err != nil {
		rt.Fatal(err)
	}
	return v
}

func parse(rt interface{ Fatal(...any) }, text string) attr.Value {
	v, err := attr.ParseDynamoJSON([]byte(text))
	if err != nil {
		rt.Fatal(err)
	}
	return v
}

// drawValue is a value that is often equal to another one, spelled otherwise.
func drawValue(rt *rapid.T, depth int) attr.Value {
	kinds := []string{"string", "number", "bool", "null", "binary", "set"}
	if depth > 0 {
		kinds = append(kinds, "list", "map")
	}
	switch rapid.SampledFrom(kinds).Draw(rt, "kind") {
	case "string":
		return attr.StringValue(rapid.SampledFrom([]string{"", "a", "1", "é", "e\u0301"}).Draw(rt, "string"))
	case "number":
		return drawNumber(rt)
	case "bool":
		return attr.BoolValue(rapid.Bool().Draw(rt, "bool"))
	case "null":
		return attr.NullValue()
	case "binary":
		return attr.BinaryValue(rapid.SampledFrom([]string{"", "a", "1"}).Draw(rt, "binary"))
	case "set":
		return parse(rt, rapid.SampledFrom([]string{
			`{"SS":["a","b"]}`, `{"SS":["b","a"]}`, `{"SS":["a"]}`, `{"NS":["1","2"]}`, `{"NS":["2.0","1e0"]}`, `{"BS":["YQ=="]}`, `{"SS":["ab"]}`,
		}).Draw(rt, "set"))
	case "list":
		var elems []attr.Value
		for range rapid.IntRange(0, 3).Draw(rt, "elements") {
			elems = append(elems, drawValue(rt, depth-1))
		}
		return attr.ListValue(elems)
	}
	return attr.MapValue(drawFields(rt, depth-1))
}

func drawFields(rt *rapid.T, depth int) []attr.Field {
	var out []attr.Field
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "ab", "c", ""}), 0, 4, rapid.ID).Draw(rt, "names") {
		out = append(out, attr.Field{Name: name, Value: drawValue(rt, depth)})
	}
	return out
}

// Digests are equal exactly when DynamoDB deems the items equal.
func TestDigestIsEquality(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawFields(rt, 2), drawFields(rt, 2)
		want := attr.Equal(attr.MapValue(slices.Clone(a)), attr.MapValue(slices.Clone(b)))
		var d digester
		if got := d.item(slices.Clone(a)) == d.item(slices.Clone(b)); got != want {
			rt.Fatalf("equal digests: %v, equal items: %v\n%v\n%v", got, want, a, b)
		}
	})
}

// change is a row of the property test.
type change struct {
	node, place uint64
	key         string
	fate        delivery.Fate
	item        []attr.Field
}

// oracle counts as verify should, with everything in memory.
func oracle(rows []change, stored map[string][]attr.Field) (r TargetReport) {
	type group struct{ node, place uint64 }
	last := map[string]map[group]change{}
	for _, c := range rows {
		if last[c.key] == nil {
			last[c.key] = map[group]change{}
		}
		last[c.key][group{c.node, c.place}] = c
	}
	keys := maps.Clone(last)
	for key := range stored {
		if _, ok := keys[key]; !ok {
			keys[key] = nil
		}
	}
	for key, candidates := range keys {
		item, there := stored[key]
		if there {
			r.Found++
		}
		var unknown, put, deleted, equal bool
		for _, c := range candidates {
			unknown = unknown || c.fate == delivery.IsUnknown
			put = put || c.fate == delivery.IsPut
			deleted = deleted || c.fate == delivery.IsDeleted
			equal = equal || c.fate == delivery.IsPut && there &&
				attr.Equal(attr.MapValue(slices.Clone(c.item)), attr.MapValue(slices.Clone(item)))
		}
		switch {
		case len(candidates) == 0:
			r.Extra++
		case unknown:
			r.NotCompared++
		case equal:
			r.Equal++
		case there && put:
			r.Different++
		case there:
			r.NotDeleted++
		case deleted:
			r.Absent++
		default:
			r.Missing++
		}
	}
	r.Expected = r.Equal + r.Different + r.Missing
	return r
}

// TestVerdictIsThatOfAnOracle damages random tables at random.
func TestVerdictIsThatOfAnOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "verify-test-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		drawKey := rapid.Custom(func(rt *rapid.T) string { return fmt.Sprintf("k%d", rapid.IntRange(0, 60).Draw(rt, "key")) })
		var rows []change
		stored := map[string][]attr.Field{}
		for range rapid.IntRange(0, 120).Draw(rt, "rows") {
			c := change{
				node: uint64(rapid.IntRange(0, 1).Draw(rt, "node")), place: uint64(rapid.IntRange(0, 1).Draw(rt, "place")),
				key:  drawKey.Draw(rt, "key"),
				fate: rapid.SampledFrom([]delivery.Fate{delivery.IsPut, delivery.IsPut, delivery.IsPut, delivery.IsDeleted, delivery.IsUnknown}).Draw(rt, "fate"),
			}
			if c.fate == delivery.IsPut {
				c.item = drawFields(rt, 1)
				stored[c.key] = c.item
			} else {
				delete(stored, c.key)
			}
			rows = append(rows, c)
		}
		for range rapid.IntRange(0, 5).Draw(rt, "damages") { // of the table as it was written
			key := drawKey.Draw(rt, "damaged")
			if rapid.Bool().Draw(rt, "delete") {
				delete(stored, key)
			} else {
				stored[key] = drawFields(rt, 1)
			}
		}

		only := &target{report: TargetReport{Target: "t"}}
		want, found := newSpill(dir, "expected", 0), newSpill(dir, "found", 0)
		var d digester
		var scratch []byte
		add := func(s *spill, e entry, key string) {
			e.key, scratch = keySum(scratch, 0, []byte(key))
			e.text = []byte(key)
			if err := s.add(&e); err != nil {
				rt.Fatal(err)
			}
		}
		for i, c := range rows {
			add(want, entry{fate: c.fate, digest: d.item(slices.Clone(c.item)), node: c.node, place: c.place, pos: record.Pos{Line: int64(i + 1), Seq: int64(i)}}, c.key)
		}
		for key, item := range stored {
			add(found, entry{digest: d.item(slices.Clone(item))}, key)
		}
		if err := want.close(); err != nil {
			rt.Fatal(err)
		}
		if err := found.close(); err != nil {
			rt.Fatal(err)
		}
		ps := &places{}
		ps.number(&record.Place{Source: "a", Segment: -1})
		ps.number(&record.Place{Source: "b", Segment: -1})
		most := rapid.IntRange(0, 100).Draw(rt, "most")
		c := &comparison{
			dir: dir, targets: []*target{only}, places: ps, sampler: newSampler(Sample{}), most: most,
			held: rapid.SampledFrom([]int{1, 2, 1000}).Draw(rt, "held"),
		}
		if err := c.run(t.Context(), want, found); err != nil {
			rt.Fatal(err)
		}
		got, right := only.report, oracle(rows, stored)
		got.Target = ""
		if fmt.Sprint(got) != fmt.Sprint(right) {
			rt.Fatalf("got  %+v\nwant %+v", got, right)
		}
		all := right.Missing + right.Extra + right.Different + right.NotDeleted
		if listed := c.differences(); int64(len(listed)) != min(all, int64(most)) {
			rt.Fatalf("%d differences are listed of %d, at most %d", len(listed), all, most)
		}
		for _, l := range c.differences() {
			if (l.Kind == KindExtra) != (l.Origin == "") {
				rt.Fatalf("%s at %q", l.Kind, l.Origin)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			rt.Fatalf("%d temporary files are left", len(left))
		}
	})
}

// A sample has the same keys on both sides: those of the least sums.
func TestSampleHasTheSameKeysOnBothSides(t *testing.T) {
	var keys []sum
	for i := range 5000 {
		k, _ := keySum(nil, 0, fmt.Appendf(nil, "key %d", i))
		keys = append(keys, k)
	}
	for _, text := range []string{"", "1%", "50%", "100%", "1", "100", "5000", "9999"} {
		s, err := ParseSample(text)
		if err != nil {
			t.Fatal(err)
		}
		sampler := newSampler(s)
		kept := map[sum]bool{}
		for range 2 { // rows of a key may come again
			for _, k := range keys {
				if sampler.expects(k) {
					kept[k] = true
				}
			}
		}
		n := 0
		for _, k := range keys {
			if sampler.has(k) {
				n++
				if !kept[k] {
					t.Fatalf("sample %s: a key is looked for and was not kept", text)
				}
			}
		}
		switch {
		case s.Keys > 0 && n != min(s.Keys, len(keys)), text == "" && n != 5000, text == "100%" && n != 5000,
			text == "1%" && (n < 20 || n > 90), text == "50%" && (n < 2300 || n > 2700):
			t.Errorf("sample %q has %d of %d keys", text, n, len(keys))
		}
	}
	for _, text := range []string{"0", "-1", "x", "0%", "101%", "1000001", "%", "NaN%"} {
		if _, err := ParseSample(text); err == nil {
			t.Errorf("%q is taken as a sample", text)
		}
	}
}

// A broken temporary file is an error, and never a wrong verdict.
func TestBrokenEntries(t *testing.T) {
	dir := t.TempDir()
	s := newSpill(dir, "x", 0)
	e := entry{fate: delivery.IsPut, text: []byte(`{"pk":{"S":"a"}}`), target: 300, node: 2, place: 70000, pos: record.Pos{File: 3, Line: 1 << 40, Seq: 7, Sub: 1}}
	if err := s.add(&e); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	path := s.buckets[0].path
	var back entry
	if err := each(t.Context(), path, func(_ *reading, x *entry) error {
		back = *x
		back.text = slices.Clone(x.text)
		return nil
	}); err != nil || fmt.Sprint(back) != fmt.Sprint(e) {
		t.Fatalf("%v, %+v", err, back)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(whole); n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		err := each(t.Context(), path, func(*reading, *entry) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "temporary files") {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
	}
}
