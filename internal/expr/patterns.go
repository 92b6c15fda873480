package expr

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func patternFunctions() []*fn {
	params := []param{{name: "pattern", class: text}, {name: "text", class: text}}
	const dialect = " Patterns are RE2's, as Go's and Terraform's."
	return []*fn{{
		name: "regex", params: params, result: String | List | Map, run: regex, check: checkPattern,
		description: "What the pattern finds first in the text: the text found; with groups, a list of what each found; with named groups, a map. No match is an error, so try() and can() go well with it." + dialect,
		example:     `regex("[a-z]+", "53453453.345345aaabbbccc") -> "aaabbbccc"`,
	}, {
		name: "regexall", params: params, result: List, run: regexAll, check: checkPattern,
		description: "Everything that the pattern finds in the text, as a list of what regex() gives." + dialect,
		example:     `regexall("[a-z]+", "1234abcd5678efgh9") -> ["abcd", "efgh"]`,
	}, {
		name: "replace", params: []param{{name: "text", class: text}, {name: "part", class: text}, {name: "replacement", class: text}}, result: String, run: replace, check: checkReplace,
		description: "The text with every occurrence of the part replaced. A part between slashes is a pattern, and $1 or ${name} in the replacement is what a group found." + dialect,
		example:     `replace("hello world", "/w.*d/", "everybody") -> "hello everybody"`,
	}}
}

// pattern is the compiled pattern: Compile's, when it is constant.
func (c *call) pattern(arg int, source string) (*regexp.Regexp, error) {
	if c.re != nil {
		return c.re, nil
	}
	re, err := regexp.Compile(source)
	if err != nil {
		why := "it can't be compiled"
		var syntaxErr *syntax.Error
		if errors.As(err, &syntaxErr) {
			why = syntaxErr.Code.String() // without the pattern itself, which may be a secret
		}
		return nil, bad(arg, "a regular expression: %s", why)
	}
	return re, nil
}

// checkPattern compiles a constant pattern once.
func checkPattern(c *call) error {
	if c.args[0].Kind() != attr.String {
		return nil
	}
	re, err := c.pattern(0, c.args[0].Text())
	c.re = re
	return err
}

// slashed is a pattern between slashes.
func slashed(s string) (string, bool) {
	if len(s) > 1 && s[0] == '/' && s[len(s)-1] == '/' {
		return s[1 : len(s)-1], true
	}
	return "", false
}

func checkReplace(c *call) error {
	source, ok := slashed(c.args[1].Text())
	if !ok {
		return nil
	}
	re, err := c.pattern(1, source)
	c.re = re
	return err
}

var errNoMatch = errors.New("the pattern does not match")

func regex(c *call) (attr.Value, error) {
	re, err := c.pattern(0, c.args[0].Text())
	if err != nil {
		return attr.Value{}, err
	}
	s := c.args[1].Text()
	found := re.FindStringSubmatchIndex(s)
	if found == nil {
		return attr.Value{}, errNoMatch
	}
	return captures(re, s, found)
}

func regexAll(c *call) (attr.Value, error) {
	re, err := c.pattern(0, c.args[0].Text())
	if err != nil {
		return attr.Value{}, err
	}
	s := c.args[1].Text()
	all := re.FindAllStringSubmatchIndex(s, MaxElements+1)
	if len(all) > MaxElements {
		return attr.Value{}, errTooMany
	}
	out := make([]attr.Value, len(all))
	for i, found := range all {
		if out[i], err = captures(re, s, found); err != nil {
			return attr.Value{}, err
		}
	}
	return attr.ListValue(out), nil
}

// captures is what a match found. A group that had no part in it is null.
func captures(re *regexp.Regexp, s string, found []int) (attr.Value, error) {
	group := func(i int) attr.Value {
		if found[2*i] < 0 {
			return attr.Value{}
		}
		return attr.StringValue(s[found[2*i]:found[2*i+1]])
	}
	names := re.SubexpNames()[1:]
	if len(names) == 0 {
		return group(0), nil
	}
	list := make([]attr.Value, len(names))
	m := newMapBuilder(len(names))
	for i, name := range names {
		list[i] = group(i + 1)
		if name != "" {
			m.set(name, list[i])
		}
	}
	switch len(m.fields) {
	case 0:
		return attr.ListValue(list), nil
	case len(names):
		return m.value(), nil
	}
	return attr.Value{}, bad(0, "a pattern whose groups all have names, or none has")
}

func replace(c *call) (attr.Value, error) {
	s, part, with := c.args[0].Text(), c.args[1].Text(), c.args[2].Text()
	if source, ok := slashed(part); ok {
		re, err := c.pattern(1, source)
		if err != nil {
			return attr.Value{}, err
		}
		return replaceMatches(re, s, with)
	}
	if n := strings.Count(s, part); n > 0 && len(s)+n*(len(with)-len(part)) > MaxText {
		return attr.Value{}, errTooLong
	}
	return attr.StringValue(strings.ReplaceAll(s, part, with)), nil
}

// replaceMatches is regexp's ReplaceAllString with a bound on the result.
func replaceMatches(re *regexp.Regexp, s, with string) (attr.Value, error) {
	all := re.FindAllStringSubmatchIndex(s, MaxElements+1)
	if len(all) > MaxElements {
		return attr.Value{}, errTooMany
	}
	var out []byte
	end := 0
	for _, found := range all {
		out = append(out, s[end:found[0]]...)
		if out = re.ExpandString(out, with, s, found); len(out) > MaxText {
			return attr.Value{}, errTooLong
		}
		end = found[1]
	}
	return attr.StringValue(string(append(out, s[end:]...))), nil
}
