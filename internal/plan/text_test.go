package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// What a sample shows fits a narrow terminal: texts are wrapped, and of the rows
// there are as many columns as there is room for.
func TestTextOfEstimatesFits(t *testing.T) {
	row := func(origin, item string) plan.SampleRow {
		return plan.SampleRow{Origin: origin, Item: json.RawMessage(item)}
	}
	about := func(n float64) plan.Figure { return plan.Figure{Value: n} }
	v := plan.View{
		Pipeline: "p",
		Sampling: &plan.Sampling{Rows: 50000, Took: []progress.Consumed{{Table: "orders", Units: 12.5}, {Table: "orders", Index: "by_day", Units: 1}},
			Notes: []string{"source.csv.other: standard input is not sampled: it gives what it has only once"}},
		Nodes: []plan.NodeView{
			{
				Address: "source.csv.in", Kind: "source",
				Sample: &plan.NodeSample{After: []plan.Passed{{Rows: 7, First: []plan.SampleRow{
					row("data/in.csv:2", `{"id":{"S":"a"},"note":{"S":"one\nline \u0007and the next, which is long"},"tags":{"SS":["x","y"]},"none":{"NULL":true}}`),
					row("source.dynamodb.x, segment 0, item 3", `{"id":{"N":"3"},"note":{"S":""}}`),
				}, Schema: []plan.Attribute{
					{Name: "id", Types: map[string]int64{"S": 6, "N": 1}, Present: 7}, {Name: "note", Types: map[string]int64{"S": 7}, Present: 7},
					{Name: "tags", Types: map[string]int64{"SS": 1}, Present: 1}, {Name: "none", Types: map[string]int64{"NULL": 2}, Present: 2},
				}}}},
				Estimate: &plan.NodeEstimate{In: about(1234567.4), Out: about(1234567), Basis: "by the bytes of the files", Bytes: &plan.Figure{Value: 5e6, Exact: true}},
			},
			{
				Address: "sink.batch_write.out", Kind: "sink", From: []string{"source.csv.in"},
				Estimate: &plan.NodeEstimate{
					In: about(1234567), Out: about(1234567), Rejected: plan.Figure{Value: 3}, Bytes: &plan.Figure{Value: 1e9},
					Items: &plan.ItemSizes{Average: 810.4, Largest: 2000}, Requests: &plan.Figure{Value: 49383},
					Capacity: []plan.Capacity{
						{Table: "orders", Kind: "write", Units: plan.Figure{Value: 1300000, AtLeast: true}},
						{Table: "orders", Index: "by_day", Kind: "write", Units: plan.Figure{Value: 12.5, Exact: true}},
						{Table: "orders", Kind: "read", Units: plan.Figure{Value: 2, AtMost: true}},
					},
					Seconds: &plan.Figure{Value: 1300}, SecondsBy: "write_capacity = 1000 WCU per second",
				},
			},
			{
				Address: "sink.batch_write.unknown", Kind: "sink",
				Estimate: &plan.NodeEstimate{In: plan.Figure{Unknown: "nobody knows"}, Seconds: &plan.Figure{Unknown: "it is on demand"}},
			},
		},
	}
	text := func(width int) string {
		var b strings.Builder
		if err := v.WriteText(&b, width); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	narrow, wide := text(60), text(0)
	_, narrow, _ = strings.Cut(narrow, "state:") // what comes before is not wrapped
	for _, l := range strings.Split(narrow, "\n")[1:] {
		if utf8.RuneCountInString(l) > 60 {
			t.Errorf("a line is too wide: %q", l)
		}
	}
	for _, want := range []string{
		"sample: up to 50,000 rows of each source, which took 12.5 RCU of orders, 1 RCU of orders, index by_day",
		"note: source.csv.other: standard input",
		"[rows]    about 1,234,567, by the bytes of the files (7 looked at)",
		"[bytes]   5,000,000 to read",
		"[schema]  id S/N, note S, tags SS 14 %, none NULL 28 %",
		"[after]   row                id  note                      tags       none",
		"in.csv:2           a   one line  and the nex...  [\"x\",\"y\"]  NULL",
		"segment 0, item 3  3   \"\"",
		"about 1,234,567, about 3 rejected",
		"about 1,000,000,000 of items: 810 on average, 2,000 the largest looked at",
		"about 49,383",
		"at least 1,300,000 WCU of table orders",
		"12.5 WCU of index by_day of table orders",
		"at most about 2 RCU of table orders",
		"at least 21m40s: write_capacity = 1000 WCU per second",
		"not known: nobody knows", "not known: it is on demand",
	} {
		if !strings.Contains(wide, want) {
			t.Errorf("%q is not in:\n%s", want, wide)
		}
	}
	if !strings.Contains(narrow, "+") || !strings.Contains(narrow, "id") {
		t.Errorf("the narrow table does not say that there is more:\n%s", narrow)
	}
}
