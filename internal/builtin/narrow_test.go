package builtin_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/pipeline"
)

// What nothing uses is not asked for, and that changes no result: any pipeline
// gives the same rows, and as many rejects, when everything is read.
func TestReadingLessGivesTheSame(t *testing.T) {
	s := dynamotest.Start(t)
	table := variety(t, s)
	random := rand.New(rand.NewPCG(7, 8))
	less, rejects := 0, int64(0)
	const pipelines = 60
	for i := 0; i < pipelines; {
		nodes, sinks := randomPipeline(random)
		narrow, notes, right := runOn(t, s, table, "", nodes, sinks)
		if !right {
			continue
		}
		i++
		whole, _, _ := runOn(t, s, table, "  all_attributes = true\n", nodes, sinks)
		if strings.Contains(notes, "reads only: ") {
			less++
		}
		rejects += narrow.rejects
		if narrow.text != whole.text || narrow.rejects != whole.rejects {
			t.Errorf("pipeline %d\n%s\n(%s)\ngives with %d rejects\n%s\nin place of, with %d\n%s",
				i, nodes, notes, narrow.rejects, narrow.text, whole.rejects, whole.text)
		}
	}
	if less < 10 || less == pipelines || rejects == 0 {
		t.Errorf("%d of the pipelines read less, and %d rows were rejected: they show little", less, rejects)
	}
}

// What is asked for, as the plan says it.
func TestReadsOnlyWhatIsUsed(t *testing.T) {
	s := dynamotest.Start(t)
	table := variety(t, s)
	file := func(i int, from, columns string) string {
		return fmt.Sprintf("sink \"file\" \"s%d\" {\n  from = %s\n  path = \"out%d.jsonl\"\n  encoding = \"dynamodb\"\n%s}\n", i, from, i, columns)
	}
	const only = "  columns = [\"b\"]\n"
	tests := map[string]struct{ source, nodes, want string }{
		"unchanged":                     {"", file(0, "source.dynamodb.in", ""), ""},
		"columns of a file":             {"", file(0, "source.dynamodb.in", only), "reads only: b, id"},
		"all_attributes":                {"  all_attributes = true\n", file(0, "source.dynamodb.in", only), ""},
		"a projection wins":             {"  projection = [\"a\", \"b.c[0]\", \"b.d\"]\n", file(0, "source.dynamodb.in", only), "reads only: b.c[0], b.d"},
		"fan-out":                       {"", file(0, "source.dynamodb.in", only) + file(1, "source.dynamodb.in", "  columns = [\"a\"]\n"), "reads only: a, b, id"},
		"fan-out to one that takes all": {"", file(0, "source.dynamodb.in", only) + file(1, "source.dynamodb.in", ""), ""},
		"map with keep": {"", `transform "map" "m" {
  from = source.dynamodb.in
  set  = { x = row["odd name"] }
  keep = ["x", "size"]
}
` + file(0, "transform.map.m", ""), "reads only: odd name, size, id"},
		"row as a whole": {"", `transform "map" "m" {
  from = source.dynamodb.in
  set  = { x = item_size(row) }
  keep = ["x"]
}
` + file(0, "transform.map.m", ""), ""},
		"route and union": {"", `transform "route" "r" {
  from = source.dynamodb.in
  output "o" {
    where = row.a == 1
  }
}
transform "filter" "f" {
  from  = transform.route.r.o
  where = row.c != null
}
` + file(0, "[transform.filter.f, transform.route.r.otherwise]", only), "reads only: a, b, c, id"},
	}
	for name, test := range tests {
		sinks := strings.Count(test.nodes, "sink \"file\"")
		if _, notes, right := runOn(t, s, table, test.source, test.nodes, sinks); !right || notes != strings.TrimPrefix(test.want+"; segments: 1", "; ") {
			t.Errorf("%s: %q, want %q", name, notes, test.want)
		}
	}
}

// variety is a table of items of many shapes.
func variety(t *testing.T, s *dynamotest.Server) string {
	t.Helper()
	table := s.CreateTable(t, dynamotest.S("id"))
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 40 {
		item := dynamotest.Item{"id": &types.AttributeValueMemberS{Value: fmt.Sprintf("%02d", i)}}
		for _, name := range []string{"a", "b", "c", "odd name", "size"} { // the last is a reserved word
			switch random.IntN(6) {
			case 0, 1:
				item[name] = &types.AttributeValueMemberN{Value: fmt.Sprint(random.IntN(5))}
			case 2:
				item[name] = &types.AttributeValueMemberS{Value: "text"}
			case 3:
				item[name] = &types.AttributeValueMemberL{Value: []types.AttributeValue{
					&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberS{Value: "x"}}}
			case 4:
				item[name] = &types.AttributeValueMemberNULL{Value: true}
			}
		}
		s.Put(t, table, item)
	}
	return table
}

// randomPipeline is a graph of transforms after the source, which all read one
// of those before, and the sinks after them.
func randomPipeline(r *rand.Rand) (nodes string, sinks int) {
	names := []string{"a", "b", "c", "odd name", "size", "id", "new"}
	name := func() string { return names[r.IntN(len(names))] }
	several := func() string { return fmt.Sprintf("%q, %q, %q", name(), name(), name()) }
	value := func() string {
		return []string{
			fmt.Sprintf("row[%q]", name()), fmt.Sprintf("row[%q] + 1", name()), fmt.Sprintf("\"<${row[%q]}>\"", name()),
			fmt.Sprintf("try(row[%q][0], row[%q])", name(), name()), "jsonencode(row)", "1",
		}[min(r.IntN(7), 5)]
	}
	condition := func() string {
		return []string{
			fmt.Sprintf("row[%q] != null", name()), fmt.Sprintf("row[%q] > 1", name()),
			fmt.Sprintf("can(row[%q][0])", name()), "length(row) > 3",
		}[min(r.IntN(9)/2, 3)]
	}
	var b strings.Builder
	readable := []string{"source.dynamodb.in"}
	for i := range 1 + r.IntN(4) {
		from := readable[r.IntN(len(readable))]
		block := func(kind, body string) {
			fmt.Fprintf(&b, "transform %q \"t%d\" {\n  from = %s\n  %s\n}\n", kind, i, from, body)
			readable = append(readable, fmt.Sprintf("transform.%s.t%d", kind, i))
		}
		switch r.IntN(8) {
		case 0:
			block("filter", "where = "+condition())
		case 1:
			block("validate", fmt.Sprintf("rule \"r\" {\n    condition = %s\n    message = \"no ${row.id}\"\n  }", condition()))
		case 2:
			block("sample", "fraction = 0.7")
		case 3:
			block("explode", fmt.Sprintf("field = %q\n  on_empty = \"keep\"", name()))
		case 4:
			block("map", fmt.Sprintf("rename = { %q = %q }\n  drop = [%s]", name(), name(), several()))
		default:
			block("map", fmt.Sprintf("set = { %q = %s, extra = %s }\n  keep = [\"extra\", %s]", name(), value(), value(), several()))
		}
	}
	for i := range 1 + r.IntN(2) {
		columns := ""
		if r.IntN(2) == 0 {
			columns = fmt.Sprintf("  columns = [%s]\n", strings.Join(slices.Compact(slices.Sorted(strings.SplitSeq(several(), ", "))), ", "))
		}
		from := readable[len(readable)-1]
		if i > 0 {
			from = readable[r.IntN(len(readable))]
		}
		fmt.Fprintf(&b, "sink \"file\" \"s%d\" {\n  from = %s\n  path = \"out%d.jsonl\"\n  encoding = \"dynamodb\"\n%s}\n", i, from, i, columns)
		sinks++
	}
	return b.String(), sinks
}

// outcome is what a run gave: its rows, sorted, by file, each with its
// attributes in order.
type outcome struct {
	text    string
	rejects int64
}

// runOn runs a pipeline; right is that it has no error that shows before the run.
func runOn(t *testing.T, s *dynamotest.Server, table, source, nodes string, sinks int) (out outcome, notes string, right bool) {
	t.Helper()
	dir := t.TempDir()
	text := "pipeline {\n  max_rejects = 1000\n  dead_letter = \"" + filepath.Join(dir, "rejects.jsonl") + "\"\n}\n" + s.Connection("main") +
		fmt.Sprintf("\nsource \"dynamodb\" \"in\" {\n  connection = connection.dynamodb.main\n  table = %q\n%s}\n", table, source) +
		strings.ReplaceAll(nodes, "path = \"", "path = \""+dir+"/")
	path := filepath.Join(dir, "p.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := &expr.Run{ID: "run", Start: time.Unix(1700000000, 0).UTC()}
	p, _, diags := pipeline.Load(path, builtin.Catalog(), pipeline.Options{Run: run})
	if diags.HasErrors() {
		return out, "", false
	}
	facts, err := p.Nodes[0].Source.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := engine.New(p, engine.Options{Run: run}).Run(t.Context())
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	for i := range sinks {
		out.text += strings.Join(rowsOf(t, filepath.Join(dir, fmt.Sprintf("out%d.jsonl", i))), "\n") + "\n--\n"
	}
	out.rejects = report.Rejects
	return out, strings.Join(facts.Notes, "; "), true
}

func rowsOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		item := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), `{"Item":`), `}`)
		v, err := attr.ParseDynamoJSON([]byte(`{"M":` + item + `}`))
		if err != nil {
			t.Fatal(err)
		}
		fields := slices.Clone(v.Fields())
		slices.SortFunc(fields, func(a, b attr.Field) int { return strings.Compare(a.Name, b.Name) })
		rows = append(rows, string(attr.AppendDynamoJSON(nil, attr.MapValue(fields))))
	}
	slices.Sort(rows)
	return rows
}
