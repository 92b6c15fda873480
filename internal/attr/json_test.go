package attr

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func nest(open, inner, shut string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

func TestDynamoJSON(t *testing.T) {
	for text, compact := range map[string]string{
		`{"S":"x"}`:              ``,
		`{"S":""}`:               ``,
		`{"N":"1.50"}`:           ``,
		`{"N":"+007e1"}`:         ``,
		`{"BOOL":true}`:          ``,
		`{"BOOL":false}`:         ``,
		`{"NULL":true}`:          ``,
		`{"B":""}`:               ``,
		`{"B":"YQ=="}`:           ``,
		`{"SS":["a","","b"]}`:    ``,
		`{"NS":["1","2.0"]}`:     ``,
		`{"BS":["YQ==","YWI="]}`: ``,
		`{"L":[]}`:               ``,
		`{"M":{}}`:               ``,
		`{"M":{"":{"S":""},"a":{"L":[{"N":"1"},{"M":{"a":{"NULL":true}}}]}}}`: ``,
		" \t\r\n{ \"S\" : \"x\" } ":                     `{"S":"x"}`,
		`{"\u0053":"\u0041\/\ud83d\ude00\u0000"}`:       `{"S":"A/😀\u0000"}`,
		`{"S":"\b\f\n\r\t\"\\"}`:                        ``,
		`{"S":"é😀"}`:                                    ``,
		`{"B":"\/+8="}`:                                 `{"B":"/+8="}`,
		`{"N":"\u0031"}`:                                `{"N":"1"}`,
		`{ "M" : { "a" : { "SS" : [ "x" , "y" ] } } }`:  `{"M":{"a":{"SS":["x","y"]}}}`,
		nest(`{"L":[`, `{"S":"x"}`, `]}`, MaxDepth):     ``,
		nest(`{"M":{"a":`, `{"S":"x"}`, `}}`, MaxDepth): ``,
	} {
		if compact == "" {
			compact = text
		}
		got, err := CompactDynamoJSON([]byte("before "), []byte(text))
		if err != nil || string(got) != "before "+compact {
			t.Errorf("CompactDynamoJSON(%s) = %s, %v, want %s", text, got, err, compact)
			continue
		}
		v, err := ParseDynamoJSON([]byte(text))
		if err != nil {
			t.Errorf("ParseDynamoJSON(%s): %v", text, err)
			continue
		}
		if got := AppendDynamoJSON(nil, v); string(got) != compact {
			t.Errorf("AppendDynamoJSON(ParseDynamoJSON(%s)) = %s", text, got)
		}
	}
}

func TestDynamoJSONErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "at byte 0: a value in DynamoDB JSON must be an object, found the end",
		`"x"`:                                 "must be an object, found '\"'",
		`{}`:                                  "needs a type descriptor",
		`{"S"}`:                               "at byte 4: expected ':' after a name, found '}'",
		`{"X":"x"}`:                           `at byte 1: "X" is no type descriptor`,
		`{"s":"x"}`:                           "is no type descriptor",
		`{"S":1}`:                             "at byte 5: S must be a string, found '1'",
		`{"S":null}`:                          "S must be a string",
		`{"N":1}`:                             "N must be a string",
		`{"N":"one"}`:                         `at byte 5: "one" is not a number`,
		`{"N":""}`:                            "is not a number",
		`{"N":"1e126"}`:                       "too large",
		`{"B":1}`:                             "B must be a string",
		`{"B":"YQ"}`:                          "B is not base64",
		`{"B":"YR=="}`:                        "B is not base64",
		`{"B":"YQ==\n"}`:                      "B is not base64",
		`{"B":"Y Q="}`:                        "B is not base64",
		`{"B":"_-8="}`:                        "B is not base64",
		`{"BOOL":"true"}`:                     "BOOL must be true or false",
		`{"BOOL":1}`:                          "BOOL must be true or false",
		`{"BOOL":tru}`:                        "expected a value",
		`{"NULL":false}`:                      "NULL must be true",
		`{"NULL":null}`:                       "NULL must be true",
		`{"SS":"x"}`:                          "SS must be an array",
		`{"SS":[]}`:                           "a set has at least one element",
		`{"SS":[1]}`:                          "an element of SS must be a string",
		`{"SS":["a","\u0061"]}`:               `at byte 11: the element "a" stands twice`,
		`{"NS":["1","1.0"]}`:                  "stands twice",
		`{"NS":["x"]}`:                        "is not a number",
		`{"BS":["YQ==","YQ=="]}`:              "stands twice",
		`{"L":{}}`:                            "L must be an array",
		`{"L":["x"]}`:                         "must be an object",
		`{"L":[{"S":"x"},]}`:                  "a comma must be followed",
		`{"M":[]}`:                            "M must be an object",
		`{"M":{"a":{"S":"x"},"a":{"S":"y"}}}`: `at byte 20: the name "a" stands twice`,
		`{"M":{"a":{"S":"x"},"\u0061":{"S":"y"}}}`:      "stands twice",
		`{"M":{"a":{"M":{"b":{"S":""},"b":{"S":""}}}}}`: `the name "b" stands twice`,
		`{"S":"x","N":"1"}`:                             "has one type descriptor",
		`{"S":"x"} x`:                                   "expected the end of the text, found 'x'",
		`{"S":"x"}{"S":"x"}`:                            "expected the end of the text",
		`{"S":"x"`:                                      "expected '}' after a value, found the end",
		`{"S":"x`:                                       "no closing quote",
		`{"S":"x\`:                                      "no closing quote",
		`{"S":"\ud83d"}`:                                "half of a surrogate pair",
		`{"S":"\ude00\ud83d"}`:                          "half of a surrogate pair",
		`{"S":"\ud83dx"}`:                               "half of a surrogate pair",
		`{"S":"\u12g4"}`:                                "four hexadecimal digits",
		`{"S":"\u12"}`:                                  "four hexadecimal digits",
		`{"S":"\x"}`:                                    "no escape of JSON",
		"{\"S\":\"a\nb\"}":                              "control character 0x0a",
		"{\"S\":\"aaaaaaaaaa\x00\"}":                    "control character 0x00",
		"{\"S\":\"ab\xff\"}":                            "at byte 8: S is not valid UTF-8",
		"{\"S\":\"\xed\xa0\x80\"}":                      "not valid UTF-8",
		"{\"S\":\"x\"}\x00":                             "expected the end of the text",
		`{S:"x"}`:                                       "expected a name in quotes",
		nest(`{"L":[`, `{"L":[]}`, `]}`, MaxDepth):      "nested deeper than DynamoDB's 32",
		nest(`{"M":{"a":`, `{"M":{}}`, `}}`, MaxDepth): "nested deeper than DynamoDB's 32",
		nest(`{"L":[`, ``, ``, 100000):                 "nested deeper than DynamoDB's 32",
	} {
		_, err := ParseDynamoJSON([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseDynamoJSON(%s): %v, want an error with %q", shorten(text), err, want)
		}
		var syntax *SyntaxError
		if errors.As(err, &syntax) && (syntax.Offset < 0 || syntax.Offset > len(text)) {
			t.Errorf("ParseDynamoJSON(%s): offset %d of %d bytes", shorten(text), syntax.Offset, len(text))
		}
		kept, err := CompactDynamoJSON([]byte("before"), []byte(text))
		if err == nil || string(kept) != "before" {
			t.Errorf("CompactDynamoJSON(%s) = %s, %v", shorten(text), kept, err)
		}
	}
}

func TestManyDuplicates(t *testing.T) {
	var b strings.Builder
	for i := range 3 * manyUniques {
		b.WriteString(`"` + strings.Repeat("n", i) + `":{"M":{"n":{"L":[]},"nn":{"L":[]}}},`)
	}
	if _, err := ParseDynamoJSON([]byte(`{"M":{` + b.String() + `"x":{"S":""}}}`)); err != nil {
		t.Error(err)
	}
	if _, err := ParseDynamoJSON([]byte(`{"M":{` + b.String() + `"nn":{"S":""}}}`)); err == nil {
		t.Error("a name that stands twice among many was not found")
	}
}

func TestParseJSON(t *testing.T) {
	for text, want := range map[string]string{
		`null`:               `{"NULL":true}`,
		` true `:             `{"BOOL":true}`,
		`false`:              `{"BOOL":false}`,
		`1.50`:               `{"N":"1.50"}`,
		`-0`:                 `{"N":"-0"}`,
		`1E+2`:               `{"N":"1E+2"}`,
		`""`:                 `{"S":""}`,
		`"a\u00e9\n"`:        `{"S":"aé\n"}`,
		`[]`:                 `{"L":[]}`,
		`{}`:                 `{"M":{}}`,
		`{"":null}`:          `{"M":{"":{"NULL":true}}}`,
		`[1,"1",[{"a":{}}]]`: `{"L":[{"N":"1"},{"S":"1"},{"L":[{"M":{"a":{"M":{}}}}]}]}`,
		"[ 1 ,\n2\t]":        `{"L":[{"N":"1"},{"N":"2"}]}`,
	} {
		v, err := ParseJSON([]byte(text))
		if err != nil {
			t.Errorf("ParseJSON(%s): %v", text, err)
			continue
		}
		if got := string(AppendDynamoJSON(nil, v)); got != want {
			t.Errorf("ParseJSON(%s) = %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		``:                             "at byte 0: expected a value, found the end",
		`nul`:                          "expected a value, found 'n'",
		`nulls`:                        "expected the end of the text, found 's'",
		`01`:                           "expected the end of the text",
		`+1`:                           "expected a value",
		`.5`:                           "expected a value",
		`5.`:                           "expected a value",
		`-`:                            "expected a value",
		`1e`:                           "expected a value",
		`NaN`:                          "expected a value",
		`1e999`:                        "too large",
		nines38 + "1":                  "39 significant digits",
		`{"a":1,"a":2}`:                "at byte 7: the name \"a\" stands twice",
		`{"a":{"b":1,"b":2}}`:          "stands twice",
		`[1,]`:                         "a comma must be followed",
		`[1 2]`:                        "expected ',' or ']'",
		`{"a":1,}`:                     "a comma must be followed",
		`{"a" 1}`:                      "expected ':'",
		`{a:1}`:                        "expected a name in quotes",
		`['a']`:                        "expected a value",
		`"\ud800"`:                     "half of a surrogate pair",
		"\"\xff\"":                     "not valid UTF-8",
		"{\"\xff\":1}":                 "not valid UTF-8",
		nest("[", "[]", "]", MaxDepth): "nested deeper",
		"\ufeff1":                      "expected a value",
	} {
		if v, err := ParseJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseJSON(%q) = %v, %v, want an error with %q", text, v, err, want)
		}
	}
}

func TestAppendJSON(t *testing.T) {
	for cell, want := range map[string]struct {
		text     string
		plainest bool
	}{
		`{"NULL":true}`:                   {`null`, false},
		`{"N":"+007.50"}`:                 {`7.50`, false},
		`{"N":"-.5e3"}`:                   {`-0.5e3`, false},
		`{"N":"5."}`:                      {`5`, false},
		`{"N":"00"}`:                      {`0`, false},
		`{"N":"1.50"}`:                    {`1.50`, false},
		`{"S":"é\"\u0001/"}`:              {`"é\"\u0001/"`, false},
		`{"B":"YQ=="}`:                    {`"YQ=="`, true},
		`{"SS":["b","a"]}`:                {`["b","a"]`, true},
		`{"NS":["01"]}`:                   {`[1]`, true},
		`{"BS":["YQ=="]}`:                 {`["YQ=="]`, true},
		`{"L":[{"S":"a"},{"BOOL":true}]}`: {`["a",true]`, false},
		`{"M":{"a":{"L":[{"BS":["YQ=="]}]},"b":{"N":"1"}}}`: {`{"a":[["YQ=="]],"b":1}`, true},
	} {
		v, err := ParseDynamoJSON([]byte(cell))
		if err != nil {
			t.Fatal(err)
		}
		got, plainest := AppendJSON([]byte("x"), v)
		if string(got) != "x"+want.text || plainest != want.plainest {
			t.Errorf("AppendJSON(%s) = %s, %t, want %s, %t", cell, got, plainest, want.text, want.plainest)
		}
	}
}

func TestAppendJSONString(t *testing.T) {
	all := ""
	for i := range 0x300 {
		all += string(rune(i))
	}
	for _, s := range []string{"", "plain", all, "😀" + all, strings.Repeat("x", 17) + "\"", "\u2028"} {
		var back string
		if err := json.Unmarshal(AppendJSONString(nil, s), &back); err != nil || back != s {
			t.Errorf("AppendJSONString(%q) comes back as %q, %v", s, back, err)
		}
	}
	if got := string(AppendJSONString(nil, "a\xff\"b")); got != `"a`+"\uFFFD"+`\"b"` {
		t.Errorf("invalid UTF-8: %q", got)
	}
	if got := string(AppendJSONString(nil, "/<>&\u007f\u2028")); got != "\"/<>&\u007f\u2028\"" {
		t.Errorf("more than the needed escapes: %s", got)
	}
}

func TestValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		text := AppendDynamoJSON(nil, v)
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := ParseDynamoJSON(text)
		if err != nil || !Equal(v, back) {
			t.Fatalf("%s comes back as %v, %v", text, back, err)
		}
		if again := AppendDynamoJSON(nil, back); !bytes.Equal(again, text) {
			t.Fatalf("%s is spelled %s", text, again)
		}
		if got, want := encodedSize(text), v.Size(); got != want {
			t.Fatalf("%s: encoded size %d, size %d", text, got, want)
		}
		spaced := new(bytes.Buffer)
		if err := json.Indent(spaced, text, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		if compact, err := CompactDynamoJSON(nil, spaced.Bytes()); err != nil || !bytes.Equal(compact, text) {
			t.Fatalf("%s, spaced, is compacted to %s, %v", text, compact, err)
		}
		plain, _ := AppendJSON(nil, v)
		if _, err := ParseJSON(plain); err != nil {
			t.Fatalf("plain JSON %s: %v", plain, err)
		}
	})
}

// readable says by encoding/json whether ParseJSON should take a text.
func readable(text []byte) bool {
	if !json.Valid(text) || !utf8.Valid(text) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return readableValue(d, 0)
}

func readableValue(d *json.Decoder, depth int) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token := token.(type) {
	case json.Number:
		return CheckNumber(token.String()) == nil
	case json.Delim:
		names := make(map[string]bool)
		for d.More() {
			if token == '{' {
				name, err := d.Token()
				if err != nil || names[name.(string)] {
					return false
				}
				names[name.(string)] = true
			}
			if !readableValue(d, depth+1) {
				return false
			}
		}
		_, err := d.Token()
		return err == nil && depth < MaxDepth
	}
	return true
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		`null`, `[1,2.5e3,-0]`, `{"a":{"b":[true,false,null]},"c":"\u00e9\ud83d\ude00\n"}`, `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"",
		`[[[[]]]]`, ` { } `, `01`, `{"":""}`, "[1,\x00]", `"abcdefghijklmnop\"q"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseJSON(text)
		// encoding/json turns half a surrogate pair into U+FFFD, which is refused here.
		if want := readable(text); (err == nil) != want && !bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) {
			t.Fatalf("ParseJSON(%q): %v, encoding/json takes it: %t", text, err, want)
		}
		if err != nil {
			return
		}
		plain, plainest := AppendJSON(nil, v)
		if plainest || !json.Valid(plain) {
			t.Fatalf("%q comes back as %q", text, plain)
		}
		var a, b any
		if json.Unmarshal(text, &a) == nil && json.Unmarshal(plain, &b) == nil {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			if !bytes.Equal(x, y) {
				t.Fatalf("%q comes back as %q", text, plain)
			}
		}
	})
}

func FuzzParseDynamoJSON(f *testing.F) {
	for _, s := range []string{
		`{"S":"x"}`, `{"N":"1.0"}`, `{"M":{"a":{"L":[{"NULL":true},{"BOOL":false}]}}}`, `{"SS":["a","b"]}`, `{"NS":["1","1.0"]}`,
		`{"BS":["YQ=="]}`, `{"B":"\/+8="}`, `{"S":"\ud83d\ude00"}`, `{"X":1}`, `{"S":"x","N":"1"}`, ` {"L":[ ]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseDynamoJSON(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is taken but is not JSON", text)
		}
		out := AppendDynamoJSON(nil, v)
		back, err := ParseDynamoJSON(out)
		if err != nil || !Equal(v, back) {
			t.Fatalf("%q comes back as %q, %v", text, out, err)
		}
		if string(KeyBytes(nil, v)) != string(KeyBytes(nil, back)) || encodedSize(out) != v.Size() {
			t.Fatalf("%q has another key or size when it comes back", text)
		}
		plain, plainest := AppendJSON(nil, v)
		direct, lost := AppendEncodedJSON(nil, out)
		if string(direct) != string(plain) || plainest != (lost != Absent) || plainest && lost != v.Kind() {
			t.Fatalf("%q is %s (lost: %v) as a value and %s (%v) as a cell", text, plain, plainest, direct, lost)
		}
	})
}
