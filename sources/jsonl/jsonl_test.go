package jsonl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynapipe/dynapipe/internal/sourcetest"
	"github.com/dynapipe/dynapipe/sources/jsonl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a file and gives its path as HCL.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return strconv.Quote(path)
}

func TestContract(t *testing.T) {
	one := write(t, "{\"id\":1}\n\nbroken\n{\"id\":\"2\",\"deep\":{\"a\":[1]}}\r\n[1]\n")
	two := write(t, "{\"id\":3}\n{\"id\":true}\n{}\n5")
	sourcetest.Run(t, sourcetest.Suite{
		New:  jsonl.New,
		Body: fmt.Sprintf("path = [%s, %s]", one, two),
		Rows: 5, Rejects: 3,
	})
}

func TestRows(t *testing.T) {
	for _, c := range []struct{ name, text, body, want string }{
		{"plain", `{"id":"1","n":1.50,"x":null,"l":[{"a":true}]}`, "", `{"id":{"S":"1"},"n":{"N":"1.50"},"x":{"NULL":true},"l":{"L":[{"M":{"a":{"BOOL":true}}}]}}`},
		{"converted", `{"id":5,"tags":["a","b"],"n":"1.0","d":"AAEC","nums":["1",2],"m":{"a":"1","b":"x"}}`,
			"columns = {\n id = string\n tags = string_set\n n = number\n d = binary\n nums = number_set\n m = object({ a = number })\n gone = bool\n}",
			`{"id":{"S":"5"},"tags":{"SS":["a","b"]},"n":{"N":"1.0"},"d":{"B":"AAEC"},"nums":{"NS":["1","2"]},"m":{"M":{"a":{"N":"1"},"b":{"S":"x"}}}}`},
		{"bare items", `{"id":{"S":"1"},"s":{"NS":["1"]}}`, `format = "dynamodb"`, `{"id":{"S":"1"},"s":{"NS":["1"]}}`},
		{"wrapped items", ` { "Item" : {"id":{"S":"1"}} } `, `format = "dynamodb"`, `{"id":{"S":"1"}}`},
		{"an attribute named Item", `{"Item":{"S":"x"}}`, `format = "dynamodb"`, `{"Item":{"S":"x"}}`},
		{"a map named Item", `{"Item":{"M":{"a":{"S":"x"}}}}`, `format = "dynamodb"`, `{"Item":{"M":{"a":{"S":"x"}}}}`},
		{"a wrapped attribute named S", `{"Item":{"S":{"S":"x"}}}`, `format = "dynamodb"`, `{"S":{"S":"x"}}`},
		{"Item among others", `{"Item":{"S":"x"},"id":{"N":"1"}}`, `format = "dynamodb"`, `{"Item":{"S":"x"},"id":{"N":"1"}}`},
		{"converted items", `{"Item":{"id":{"N":"1"},"l":{"L":[{"S":"a"}]}}}`, "format = \"dynamodb\"\ncolumns = {\n id = string\n l = string_set\n}", `{"id":{"S":"1"},"l":{"SS":["a"]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := sourcetest.Read(t, jsonl.New(), "path = "+write(t, c.text)+"\n"+c.body)
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
	for _, c := range []struct{ line, body, want string }{
		{`{"a":1`, "", "line 2, column 7: "},
		{`{"é":x}`, "", "line 2, column 6: expected a value, found 'x'"},
		{`{"a":1,"a":2}`, "", `line 2, column 8: the name "a" stands twice in one object`},
		{`[1]`, "", "line 2, column 1: a row must be an object"},
		{`{"a":1e200}`, "", "line 2, column 6: the number 1e200 is too large"},
		{`{"a":"` + "\xff" + `"}`, "", "line 2, column 7: a value is not valid UTF-8"},
		{`{"a":{"X":"1"}}`, `format = "dynamodb"`, `line 2, column 7: "X" is no type descriptor`},
		{`{"Item":{"a":{"N":"x"}}}`, `format = "dynamodb"`, `line 2, column 19: "x" is not a number`},
		{`{"Item":{"a":{"N":"x"}}}`, "format = \"dynamodb\"\ncolumns = { a = string }", `line 2, column 19: "x" is not a number`},
		{`{"a":"x"}`, `columns = { a = number }`, `attribute "a": "x" is not a number`},
		{`{"a":[1,"x"]}`, `columns = { a = number_set }`, `attribute "a": element 1: "x" is not a number`},
		{`{"a":[1,1.0]}`, `columns = { a = number_set }`, `attribute "a": a number_set can't have the element "1.0" twice`},
		{`{"a":1}`, `columns = { a = list }`, `attribute "a": a number can't become a list`},
		{`{"a":1,"a":2}`, `columns = { a = string }`, `the name "a" stands twice`},
		{`5`, `columns = { a = string }`, `line 2, column 1: a row must be an object, this is a number`},
	} {
		good := `{"a":"0"}`
		if c.body != "" {
			good = ""
		}
		out := sourcetest.Read(t, jsonl.New(), "path = "+write(t, good+"\n"+c.line+"\r\n"+good)+"\n"+c.body)
		if out.Err != nil || len(out.Rejects) != 1 || len(out.Rows) != len(good)/len(`{"a":"0"}`)*2 {
			t.Errorf("%s: %v, %d rejects, %d rows", c.line, out.Err, len(out.Rejects), len(out.Rows))
			continue
		}
		r := out.Rejects[0]
		if !strings.Contains(r.Message, c.want) || string(r.Raw) != c.line || r.Origin.Line != 2 {
			t.Errorf("%s: rejected %q at line %d: %s\nwant %s", c.line, r.Raw, r.Origin.Line, r.Message, c.want)
		}
	}
}

func TestRejectKeepsTheBeginningOfALongRow(t *testing.T) {
	out := sourcetest.Read(t, jsonl.New(), "path = "+write(t, `{"a":"`+strings.Repeat("x", 100_000)))
	if len(out.Rejects) != 1 || len(out.Rejects[0].Raw) != 64<<10 ||
		!strings.Contains(out.Rejects[0].Message, "of the row's 100006 bytes only the first 65536 are kept") {
		t.Errorf("%d rejects", len(out.Rejects))
	}
}
