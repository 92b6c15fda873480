package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func stringFunctions() []*fn {
	one := []param{{name: "text", class: text}}
	with := func(name string) []param {
		return []param{{name: "text", class: text}, {name: name, class: text}}
	}
	return []*fn{{
		name: "chomp", params: one, result: String, run: texts(chomp),
		description: "The text without the line ends at its end.",
		example:     `chomp("hello\n\n") -> "hello"`,
	}, {
		name: "endswith", params: with("suffix"), result: Bool, run: tests(strings.HasSuffix),
		description: "Whether the text ends with the suffix.",
		example:     `endswith("hello", "lo") -> true`,
	}, {
		name: "indent", params: []param{{name: "spaces", class: numeric}, {name: "text", class: text}}, result: String, run: indent,
		description: "The text with that many spaces before every line but the first.",
		example:     `indent(2, "a\nb") -> "a\n  b"`,
	}, {
		name: "join", params: []param{{name: "separator", class: text}}, rest: &param{name: "lists", class: sequence}, least: 1, result: String, run: join,
		description: "The elements of the lists as one text, with the separator between them.",
		example:     `join("-", ["a", "b"]) -> "a-b"`,
	}, {
		name: "lower", params: one, result: String, run: texts(strings.ToLower),
		description: "The text in lower case.",
		example:     `lower("HELLO") -> "hello"`,
	}, {
		name: "split", params: []param{{name: "separator", class: text}, {name: "text", class: text}}, result: List, run: split,
		description: "The parts of the text between the separators, as a list.",
		example:     `split(",", "a,b") -> ["a", "b"]`,
	}, {
		name: "startswith", params: with("prefix"), result: Bool, run: tests(strings.HasPrefix),
		description: "Whether the text begins with the prefix.",
		example:     `startswith("hello", "he") -> true`,
	}, {
		name: "strcontains", params: with("part"), result: Bool, run: tests(strings.Contains),
		description: "Whether the part is in the text.",
		example:     `strcontains("hello", "ell") -> true`,
	}, {
		name: "strrev", params: one, result: String, run: texts(reverseText),
		description: "The code points of the text from the last to the first.",
		example:     `strrev("hello") -> "olleh"`,
	}, {
		name: "substr", params: []param{{name: "text", class: text}, {name: "offset", class: numeric}, {name: "length", class: numeric}}, result: String, run: substr,
		description: "A part of the text, counted in code points. A negative offset counts from the end, the length -1 means all that follows.",
		example:     `substr("hello", 1, 3) -> "ell"`,
	}, {
		name: "textcmp", params: []param{{name: "a", class: text}, {name: "b", class: text}}, result: Number, run: compareTexts,
		description: "-1, 0 or 1 when the bytes of a come before, are equal to or come after those of b. The operators < and > compare numbers only.",
		example:     `textcmp("apple", "pear") -> -1`,
	}, {
		name: "title", params: one, result: String, run: texts(title),
		description: "The text with the first letter of each word in upper case.",
		example:     `title("hello world") -> "Hello World"`,
	}, {
		name: "trim", params: with("characters"), result: String, run: trims(strings.Trim),
		description: "The text without any of the characters at both ends.",
		example:     `trim("?!hello?!", "!?") -> "hello"`,
	}, {
		name: "trimprefix", params: with("prefix"), result: String, run: trims(strings.TrimPrefix),
		description: "The text without the prefix, if it has it.",
		example:     `trimprefix("USER#42", "USER#") -> "42"`,
	}, {
		name: "trimspace", params: one, result: String, run: texts(strings.TrimSpace),
		description: "The text without white space at both ends.",
		example:     `trimspace(" hello\n") -> "hello"`,
	}, {
		name: "trimsuffix", params: with("suffix"), result: String, run: trims(strings.TrimSuffix),
		description: "The text without the suffix, if it has it.",
		example:     `trimsuffix("users.csv", ".csv") -> "users"`,
	}, {
		name: "upper", params: one, result: String, run: texts(strings.ToUpper),
		description: "The text in upper case.",
		example:     `upper("hello") -> "HELLO"`,
	}}
}

// texts, tests and trims make functions of those on Go's strings.
func texts(f func(string) string) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) { return attr.StringValue(f(c.args[0].Text())), nil }
}

func tests(f func(a, b string) bool) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) { return attr.BoolValue(f(c.args[0].Text(), c.args[1].Text())), nil }
}

func trims(f func(a, b string) string) func(*call) (attr.Value, error) {
	return func(c *call) (attr.Value, error) {
		return attr.StringValue(f(c.args[0].Text(), c.args[1].Text())), nil
	}
}

func chomp(s string) string { return strings.TrimRight(s, "\r\n") }

func reverseText(s string) string {
	out := make([]byte, len(s))
	for end := len(s); len(s) > 0; {
		_, size := utf8.DecodeRuneInString(s)
		copy(out[end-size:], s[:size])
		end -= size
		s = s[size:]
	}
	return string(out)
}

// title upper-cases each letter that follows something that is no part of a
// word, which is what Terraform's title does.
func title(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		start := !wordRune(before)
		before = r
		if start {
			return unicode.ToTitle(r)
		}
		return r
	}, s)
}

func wordRune(r rune) bool {
	if r <= unicode.MaxASCII {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || !unicode.IsSpace(r)
}

func indent(c *call) (attr.Value, error) {
	n, err := c.whole(0)
	s := c.args[1].Text()
	if err != nil || n < 0 {
		return attr.Value{}, bad(0, "a whole number from 0")
	}
	if lines := int64(strings.Count(s, "\n")); lines > 0 && n > MaxText/lines {
		return attr.Value{}, errTooLong
	} else if lines == 0 {
		return c.args[1], nil
	}
	return attr.StringValue(strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", int(n)))), nil
}

func join(c *call) (attr.Value, error) {
	sep := c.args[0].Text()
	var b strings.Builder
	first := true
	for i, list := range c.args[1:] {
		for _, e := range list.Elems() {
			s, ok := scalarText(e)
			if !ok {
				return attr.Value{}, bad(i+1, "a list of texts: an element of it is %s", kindName(e))
			}
			if !first {
				b.WriteString(sep)
			}
			first = false
			if b.WriteString(s); b.Len() > MaxText {
				return attr.Value{}, errTooLong
			}
		}
	}
	return attr.StringValue(b.String()), nil
}

func split(c *call) (attr.Value, error) {
	sep, s := c.args[0].Text(), c.args[1].Text()
	if strings.Count(s, sep) > MaxElements {
		return attr.Value{}, errTooMany
	}
	return textList(strings.Split(s, sep)), nil
}

func textList(parts []string) attr.Value {
	out := make([]attr.Value, len(parts))
	for i, p := range parts {
		out[i] = attr.StringValue(p)
	}
	return attr.ListValue(out)
}

func substr(c *call) (attr.Value, error) {
	offset, err := c.whole(1)
	if err != nil {
		return attr.Value{}, err
	}
	length, err := c.whole(2)
	if err != nil {
		return attr.Value{}, err
	}
	return attr.StringValue(partOf(c.args[0].Text(), offset, length)), nil
}

// partOf is a part of a text, counted in code points.
func partOf(s string, offset, length int64) string {
	if offset < 0 {
		offset += int64(utf8.RuneCountInString(s))
		offset = max(offset, 0)
	}
	s = s[runeOffset(s, offset):]
	if length >= 0 {
		s = s[:runeOffset(s, length)]
	}
	return s
}

// runeOffset is where the n-th code point begins, or the end.
func runeOffset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func compareTexts(c *call) (attr.Value, error) {
	return intValue(strings.Compare(c.args[0].Text(), c.args[1].Text())), nil
}
