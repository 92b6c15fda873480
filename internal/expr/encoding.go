package expr

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func encodingFunctions() []*fn {
	one := []param{{name: "text", class: text}}
	raw := []param{{name: "value", class: octets}}
	named := []param{{name: "text", class: text}, {name: "encoding", class: text}}
	return []*fn{{
		name: "base64decode", params: one, result: String, run: base64Decode,
		description: "The text that the base64 stands for. It must be UTF-8; binary() takes any bytes.",
		example:     `base64decode("SGVsbG8=") -> "Hello"`,
	}, {
		name: "base64encode", params: raw, result: String, run: base64Encode,
		description: "The text's bytes, or the binary, in base64.",
		example:     `base64encode("Hello") -> "SGVsbG8="`,
	}, {
		name: "base64gzip", params: raw, result: String, run: base64Gzip,
		description: "The text's bytes, or the binary, compressed with gzip, in base64.",
		example:     `base64gzip("Hello") -> "H4sIAAAAAAAA//JIzcnJBwQAAP//gonR9wUAAAA="`,
	}, {
		name: "csvdecode", params: one, result: List, run: csvDecode,
		description: "The rows of a CSV text (RFC 4180), whose first line has the names, as a list of maps of texts.",
		example:     `csvdecode("a,b\n1,2") -> [{ a = "1", b = "2" }]`,
	}, {
		name: "jsondecode", params: one, result: Unknown, run: jsonDecode,
		description: "The value that the JSON text stands for. Numbers keep all their digits; a key twice in an object is an error.",
		example:     `jsondecode("{\"a\": 1}") -> { a = 1 }`,
	}, {
		name: "jsonencode", params: []param{{name: "value", class: anything, null: true}}, result: String, run: jsonEncode,
		description: "The value as JSON without spaces. Keys and sets are sorted, so that equal values give equal texts; sets become arrays and binaries base64.",
		example:     `jsonencode({ b = 1, a = [true] }) -> "{\"a\":[true],\"b\":1}"`,
	}, {
		name: "textdecodebase64", params: named, result: String, run: textDecodeBase64, check: checkEncoding,
		description: "The text that the base64 stands for in a character encoding, by its IANA name.",
		example:     `textdecodebase64("SABpAA==", "UTF-16LE") -> "Hi"`,
	}, {
		name: "textencodebase64", params: named, result: String, run: textEncodeBase64, check: checkEncoding,
		description: "The text in a character encoding, by its IANA name, in base64.",
		example:     `textencodebase64("Hi", "UTF-16LE") -> "SABpAA=="`,
	}, {
		name: "urlencode", params: one, result: String, run: texts(url.QueryEscape),
		description: "The text with what has a meaning in a URL's query escaped.",
		example:     `urlencode("a b&c") -> "a+b%26c"`,
	}}
}

// fromBase64 is the bytes of an argument in base64.
func (c *call) fromBase64(i int) (string, error) {
	data, err := base64.StdEncoding.DecodeString(c.args[i].Text())
	if err != nil {
		return "", bad(i, "base64")
	}
	return string(data), nil
}

func base64Decode(c *call) (attr.Value, error) {
	s, err := c.fromBase64(0)
	if err != nil {
		return attr.Value{}, err
	}
	if !utf8.ValidString(s) {
		return attr.Value{}, bad(0, "the base64 of UTF-8 text: use binary()")
	}
	return attr.StringValue(s), nil
}

func base64Encode(c *call) (attr.Value, error) {
	return attr.StringValue(base64.StdEncoding.EncodeToString([]byte(c.args[0].Text()))), nil
}

func base64Gzip(c *call) (attr.Value, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, c.args[0].Text()); err != nil {
		return attr.Value{}, err
	}
	if err := w.Close(); err != nil {
		return attr.Value{}, err
	}
	return attr.StringValue(base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

func csvDecode(c *call) (attr.Value, error) {
	r := csv.NewReader(strings.NewReader(c.args[0].Text()))
	header, err := r.Read()
	if err != nil {
		return attr.Value{}, bad(0, "CSV with a first line of names")
	}
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return attr.Value{}, bad(0, "CSV with different names: columns have the same one")
		}
	}
	out := []attr.Value{}
	cells := 0
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return attr.ListValue(out), nil
		}
		if err != nil {
			row, _ := r.FieldPos(0)
			return attr.Value{}, bad(0, "CSV: line %d has too many or too few cells, or a quote out of place", row)
		}
		if cells += len(line); cells > MaxElements {
			return attr.Value{}, errTooMany
		}
		fields := make([]attr.Field, len(line))
		for i, cell := range line {
			fields[i] = attr.Field{Name: header[i], Value: attr.StringValue(cell)}
		}
		out = append(out, attr.MapValue(fields))
	}
}

func jsonDecode(c *call) (attr.Value, error) {
	v, err := attr.ParseJSON([]byte(c.args[0].Text()))
	if err != nil {
		var syntaxErr *attr.SyntaxError
		if errors.As(err, &syntaxErr) {
			return attr.Value{}, bad(0, "JSON: something is wrong at byte %d", syntaxErr.Offset)
		}
		return attr.Value{}, bad(0, "JSON that an attribute can hold")
	}
	return v, nil
}

func jsonEncode(c *call) (attr.Value, error) {
	s, err := jsonText(c.args[0])
	return attr.StringValue(s), err
}

// jsonText is a value as JSON, the same for equal values.
func jsonText(v attr.Value) (string, error) {
	if v.IsNull() {
		return "null", nil
	}
	if weigh(v, MaxText) <= 0 {
		return "", errTooLong
	}
	out, _ := attr.AppendJSON(nil, sorted(v))
	return string(out), nil
}

// weigh takes the bytes of a value from what is left and stops at nothing left.
// Parts of a value may be shared, so that it is much larger than its memory.
func weigh(v attr.Value, left int) int {
	left -= 1 + len(v.Text())
	for i := 0; left > 0 && i < len(v.Elems()); i++ {
		left = weigh(v.Elems()[i], left)
	}
	for i := 0; left > 0 && i < len(v.Fields()); i++ {
		left = weigh(v.Fields()[i].Value, left-len(v.Fields()[i].Name))
	}
	return left
}

// sorted is a value with every map and set in it in order and its numbers in
// plain decimal.
func sorted(v attr.Value) attr.Value {
	switch v.Kind() {
	case attr.Number:
		return number(attr.CanonicalNumber(v.Text()))
	case attr.List:
		out := make([]attr.Value, len(v.Elems()))
		for i, e := range v.Elems() {
			out[i] = sorted(e)
		}
		return attr.ListValue(out)
	case attr.StringSet, attr.NumberSet, attr.BinarySet:
		return sorted(attr.ListValue(sortedSet(v)))
	case attr.Map:
		fields := v.Sorted()
		for i := range fields {
			fields[i].Value = sorted(fields[i].Value)
		}
		return attr.MapValue(fields)
	}
	return v
}

func checkEncoding(c *call) error {
	if c.args[1].Kind() != attr.String {
		return nil
	}
	_, err := c.encoding(1)
	return err
}

func (c *call) encoding(i int) (encoding.Encoding, error) {
	e, err := ianaindex.IANA.Encoding(c.args[i].Text())
	if err != nil || e == nil {
		return nil, bad(i, "a character encoding that is known: UTF-16LE, ISO-8859-1 or windows-1252 are")
	}
	return e, nil
}

func textDecodeBase64(c *call) (attr.Value, error) {
	e, err := c.encoding(1)
	if err != nil {
		return attr.Value{}, err
	}
	data, err := c.fromBase64(0)
	if err != nil {
		return attr.Value{}, err
	}
	s, err := e.NewDecoder().String(data)
	if err != nil || strings.ContainsRune(s, utf8.RuneError) {
		return attr.Value{}, bad(0, "the base64 of a text in that encoding")
	}
	return attr.StringValue(s), nil
}

func textEncodeBase64(c *call) (attr.Value, error) {
	e, err := c.encoding(1)
	if err != nil {
		return attr.Value{}, err
	}
	s, err := e.NewEncoder().String(c.args[0].Text())
	if err != nil {
		return attr.Value{}, fmt.Errorf("the text has characters that the encoding does not have")
	}
	return attr.StringValue(base64.StdEncoding.EncodeToString([]byte(s))), nil
}
