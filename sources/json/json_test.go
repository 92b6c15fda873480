package json_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources/json"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a file and gives its path as HCL.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return strconv.Quote(path)
}

func TestContract(t *testing.T) {
	one := write(t, `[{"id":1},{"id":2,"id":3},7,{"id":"4"},{"id":[]}]`)
	two := write(t, "{\"id\":3}\n{\"id\":true} {}")
	sourcetest.Run(t, sourcetest.Suite{
		New:  json.New,
		Body: fmt.Sprintf("path = [%s, %s]", one, two),
		Rows: 6, Rejects: 2,
	})
}

func TestRows(t *testing.T) {
	for _, c := range []struct{ name, text, body, want string }{
		{"array", `[{"a":1},{"b":"x"}]`, "", "{\"a\":{\"N\":\"1\"}}\n{\"b\":{\"S\":\"x\"}}"},
		{"object", "{\"a\":\n1}", "", `{"a":{"N":"1"}}`},
		{"pointer", `{"meta":{"n":[1]},"data":{"items":[{"a":1}]}}`, `pointer = "/data/items"`, `{"a":{"N":"1"}}`},
		{"scan output", `{"Items":[{"id":{"S":"1"}}],"Count":1}`, "pointer = \"/Items\"\nformat = \"dynamodb\"", `{"id":{"S":"1"}}`},
		{"conversion", `[{"a":"5","s":["x"]}]`, "columns = {\n a = number\n s = string_set\n}", `{"a":{"N":"5"},"s":{"SS":["x"]}}`},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := sourcetest.Read(t, json.New(), "path = "+write(t, c.text)+"\n"+c.body)
			if out.Err != nil || len(out.Rejects) > 0 {
				t.Fatalf("%v, rejects %+v", out.Err, out.Rejects)
			}
			if got := strings.Join(out.Rows, "\n"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRejects(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{`5`, "line 2, column 2: a row is an object, this is a number"},
		{`{"a":1,"a":2}`, `line 2, column 9: the name "a" stands twice in one object`},
		{"{\"a\":\n1e500}", "line 3, column 1: the number 1e500 is too large"},
		{`{"a":"\ud800"}`, "half of a surrogate pair"},
	} {
		out := sourcetest.Read(t, json.New(), "path = "+write(t, "[{},\n "+c.row+",{}]"))
		if out.Err != nil || len(out.Rejects) != 1 || len(out.Rows) != 2 {
			t.Errorf("%s: %v, %d rejects, %d rows", c.row, out.Err, len(out.Rejects), len(out.Rows))
			continue
		}
		r := out.Rejects[0]
		if !strings.Contains(r.Message, c.want) || string(r.Raw) != c.row || r.Origin.Line != 2 {
			t.Errorf("%s: rejected %q at line %d: %s\nwant %s", c.row, r.Raw, r.Origin.Line, r.Message, c.want)
		}
	}
}

// TestBrokenDocument fails the run where the text stops being JSON, after the
// rows before it.
func TestBrokenDocument(t *testing.T) {
	for _, c := range []struct{ text, body, want string }{
		{"[{\"a\":1},\n{\"b\",\"c\":1},{\"a\":2}]", "", "x.json: line 2, column 5: invalid character ',' after object key (the row before it was read and sent on)"},
		{"[{\"a\":1},\n{\"b\":tru}]", "", "x.json: line 2, column 9: "},
		{`[{"a":1}`, "", "x.json: line 1, column 9: the file ends inside the array of rows: it was cut short (the row before it"},
		{`[{"a":1},nope]`, "", "x.json: line 1, column 11: invalid character 'o'"},
		{`{"f":[{"a":1}]`, `pointer = "/f"`, "x.json: line 1, column 15: the file ends inside the document"},
	} {
		out := sourcetest.Read(t, json.New(), "path = "+write(t, c.text)+"\n"+c.body)
		if out.Err == nil || !strings.Contains(out.Err.Error(), c.want) || len(out.Rows) != 1 || len(out.Rejects) > 0 {
			t.Errorf("%s: %d rows, then %v\nwant %s", c.text, len(out.Rows), out.Err, c.want)
		}
	}
	out := sourcetest.Read(t, json.New(), "path = "+write(t, `{"data":{"items":[]}}`)+"\npointer = \"/data/rows\"")
	if want := `x.json: pointer "/data/rows" finds nothing: it leads to "/data", and that object has no "rows"; it has items`; out.Err == nil || !strings.Contains(out.Err.Error(), want) {
		t.Errorf("%v, want %s", out.Err, want)
	}
	if diags := sourcetest.Decode(t, json.New(), "path = \"x\"\npointer = \"rows\"", nil); len(diags) != 1 || diags[0].Summary != "Not a JSON Pointer" {
		t.Error(diags)
	}
}

func TestRealFile(t *testing.T) {
	out := sourcetest.Read(t, json.New(), "path = \"../../examples/data/earthquakes.json\"\npointer = \"/features\"")
	if out.Err != nil || len(out.Rejects) > 0 || len(out.Rows) == 0 {
		t.Fatal(len(out.Rows), out.Err, out.Rejects)
	}
	for _, part := range []string{`"felt":{"NULL":true}`, `"coordinates":{"L":[{"N":"-118.6671667"},{"N":"34.4945"},{"N":"26.49"}]}`, `"id":{"S":"ci37868143"}`} {
		if !strings.Contains(out.Rows[0], part) {
			t.Errorf("the first row lacks %s: %s", part, out.Rows[0])
		}
	}
	if out.Origins[1].Line <= out.Origins[0].Line || out.Origins[1].Seq != 1 {
		t.Errorf("the second row comes from %+v", out.Origins[1])
	}
}
