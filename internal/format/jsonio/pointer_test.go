package jsonio

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzPointer follows a pointer through a document as one would through what
// encoding/json makes of it, to the same rows.
func FuzzPointer(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"rows":[{"a":1},{"a":2}]}`, "/rows"}, {`{"a/b":{"~":[{}]}}`, "/a~1b/~0"}, {`[[{"x":1}],[{"y":2}]]`, "/1"},
		{`{"a":{"b":{"c":1}}}`, "/a/b"}, {`{"a":1}`, "/b"}, {`{"":[{}]}`, "/"}, {`{"a":[{}]} x`, "/a"}, {`{"é":[]}`, "/é"}, {`[{}]`, "/00"}, {`{"a":3}`, "/a"}, {`{}`, "~"},
	} {
		f.Add(seed[0], seed[1], 3)
	}
	f.Fuzz(func(t *testing.T, text, pointer string, size int) {
		parsed, err := ParsePointer(pointer)
		if err != nil {
			return
		}
		if parsed.String() != pointer {
			t.Fatalf("%q is written %q", pointer, parsed)
		}
		// encoding/json puts U+FFFD in place of what is not Unicode.
		unicode := utf8.ValidString(text+pointer) && !strings.Contains(strings.ToLower(text), `\ud`)
		if !unicode || !json.Valid([]byte(text)) || len(parsed) == 0 {
			return
		}
		want, ok := follow([]byte(text), parsed)
		got, broken, err := readDocument(t, text, pointer, 1+(size&31))
		texts := make([]string, len(got))
		for i, row := range got {
			texts[i] = row.text
		}
		if ok != (err == nil && !broken) || ok && !slices.Equal(texts, want) {
			t.Fatalf("%q at %q: read %q, %v; encoding/json has %q, %v", text, pointer, texts, err, want, ok)
		}
	})
}

// follow is the rows at a pointer; ok is false when it leads to none.
func follow(text []byte, p Pointer) (rows []string, ok bool) {
	for _, part := range p {
		var object []member
		var array []json.RawMessage
		switch {
		case text[0] == '{':
			object = members(text)
			i := slices.IndexFunc(object, func(m member) bool { return m.name == part })
			if i < 0 {
				return nil, false
			}
			text = object[i].value
		case json.Unmarshal(text, &array) == nil:
			i, err := strconv.Atoi(part)
			if err != nil || strconv.Itoa(i) != part || i < 0 || i >= len(array) {
				return nil, false
			}
			text = array[i]
		default:
			return nil, false
		}
	}
	var array []json.RawMessage
	switch {
	case text[0] == '{':
		return []string{string(text)}, true
	case text[0] != '[' || json.Unmarshal(text, &array) != nil:
		return nil, false
	}
	for _, e := range array {
		rows = append(rows, string(e))
	}
	return rows, true
}

type member struct {
	name  string
	value json.RawMessage
}

// members is an object's members in order; of a name twice, which encoding/json
// would give the last of, both.
func members(text []byte) (out []member) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		var m member
		m.name, _ = name.(string)
		if d.Decode(&m.value) != nil {
			return nil
		}
		out = append(out, m)
	}
	return out
}

// FuzzLineReader compares with a split at line ends, in pieces of any size.
func FuzzLineReader(f *testing.F) {
	for _, seed := range []string{"{}\n{}", "\n\n a \r\n\t\n", "x", "\r", "é\n\xff\n"} {
		f.Add(seed, 0)
		f.Add(seed, 4)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		r := NewLineReader(&chunks{text: text, size: 1 + (size & 31), hasty: true})
		got, _, err := rows(t, r.Next)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for n, line := range strings.Split(text, "\n") {
			line = strings.TrimRight(line, " \t\r\n")
			if strings.TrimLeft(line, " \t") == "" {
				continue
			}
			if i == len(got) || got[i].text != line || got[i].line != int64(n+1) {
				t.Fatalf("%q: row %d of %+v should be %q, line %d", text, i, got, line, n+1)
			}
			i++
		}
		if i != len(got) {
			t.Fatalf("%q: %d rows of %+v", text, i, got)
		}
	})
}
