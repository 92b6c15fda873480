package expr

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func formatFunctions() []*fn {
	layout := []param{{name: "layout", class: text}}
	values := &param{name: "values", class: anything, null: true}
	const verbs = " Verbs are Terraform's: %s and %q for text, %d %b %o %x %X for whole numbers, %e %f %g for others, %t for bools, %v for any value, %#v for its JSON, %% for a percent sign; with flags, width, precision and [n] as in %-8s, %05.2f, %[2]d."
	return []*fn{{
		name: "format", params: layout, rest: values, result: String, run: format, check: checkFormat,
		description: "The layout with its verbs replaced by the values." + verbs,
		example:     `format("%s-%03d", "a", 7) -> "a-007"`,
	}, {
		name: "formatlist", params: layout, rest: values, result: List, run: formatList, check: checkLayout,
		description: "The format of each element: values that are lists, of one length, give one element at a time, other values give themselves every time.",
		example:     `formatlist("%s=%d", ["a", "b"], [1, 2]) -> ["a=1", "b=2"]`,
	}}
}

// verb is one verb of a layout, or text between them.
type verb struct {
	literal     string
	mode        byte
	flags       string
	width, prec int // -1 when not given
	arg         int // from 0
}

// maxWidth bounds the width and precision of a verb.
const maxWidth = 10_000

// parseLayout cuts a layout into text and verbs.
func parseLayout(layout string) ([]verb, error) {
	var out []verb
	next := 0
	for layout != "" {
		i := strings.IndexByte(layout, '%')
		if i < 0 {
			return append(out, verb{literal: layout}), nil
		}
		if i > 0 {
			out = append(out, verb{literal: layout[:i]})
		}
		if strings.HasPrefix(layout[i:], "%%") {
			out = append(out, verb{literal: "%"})
			layout = layout[i+2:]
			continue
		}
		v, rest, err := parseVerb(layout[i+1:], next)
		if err != nil {
			return nil, err
		}
		next = v.arg + 1
		out = append(out, v)
		layout = rest
	}
	return out, nil
}

func parseVerb(s string, next int) (verb, string, error) {
	v := verb{width: -1, prec: -1, arg: next}
	n := len(s) - len(strings.TrimLeft(s, "#0-+ "))
	v.flags, s = s[:n], s[n:]
	v.width, s = leadingNumber(s)
	if strings.HasPrefix(s, ".") {
		if v.prec, s = leadingNumber(s[1:]); v.prec < 0 {
			v.prec = 0
		}
	}
	if strings.HasPrefix(s, "[") {
		i, rest := leadingNumber(s[1:])
		if i < 1 || !strings.HasPrefix(rest, "]") {
			return v, "", fmt.Errorf("[n] in it counts the values from 1")
		}
		v.arg, s = i-1, rest[1:]
	}
	switch {
	case v.width > maxWidth || v.prec > maxWidth:
		return v, "", fmt.Errorf("a width or precision in it is above %d", maxWidth)
	case s == "":
		return v, "", fmt.Errorf("a verb at its end is not complete: a percent sign is written %%%%")
	case !strings.ContainsRune("vtbdoxXeEfgGsq", rune(s[0])):
		return v, "", fmt.Errorf("%%%c is no verb", firstRune(s))
	}
	v.mode = s[0]
	return v, s[1:], nil
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// leadingNumber reads digits; -1 when there are none.
func leadingNumber(s string) (int, string) {
	n := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if n == 0 {
		return -1, s
	}
	i, err := strconv.Atoi(s[:min(n, 9)])
	if err != nil {
		return -1, s
	}
	return i, s[n:]
}

func checkLayout(c *call) error {
	if c.args[0].Kind() != attr.String {
		return nil
	}
	if c.verbs != nil {
		return nil
	}
	verbs, err := parseLayout(c.args[0].Text())
	if err != nil {
		return showing(bad(0, "a layout"), "%s", err)
	}
	c.verbs = verbs
	return nil
}

// checkFormat also counts the values.
func checkFormat(c *call) error {
	if err := checkLayout(c); err != nil || c.args[0].Kind() != attr.String {
		return err
	}
	return enough(c.verbs, len(c.args)-1)
}

func enough(verbs []verb, values int) error {
	used := 0
	for _, v := range verbs {
		if v.mode != 0 {
			used = max(used, v.arg+1)
		}
	}
	if used != values {
		return fmt.Errorf("the layout has verbs for %d values, and there are %d", used, values)
	}
	return nil
}

func format(c *call) (attr.Value, error) {
	if err := checkFormat(c); err != nil {
		return attr.Value{}, err
	}
	return formatted(c.verbs, c.args[1:])
}

func formatted(verbs []verb, values []attr.Value) (attr.Value, error) {
	var b strings.Builder
	for _, v := range verbs {
		if v.mode == 0 {
			b.WriteString(v.literal)
		} else {
			s, err := v.format(values[v.arg])
			if err != nil {
				return attr.Value{}, err
			}
			b.WriteString(s)
		}
		if b.Len() > MaxText {
			return attr.Value{}, errTooLong
		}
	}
	return attr.StringValue(b.String()), nil
}

func formatList(c *call) (attr.Value, error) {
	if err := checkLayout(c); err != nil {
		return attr.Value{}, err
	}
	verbs, values := c.verbs, c.args[1:]
	if err := enough(verbs, len(values)); err != nil {
		return attr.Value{}, err
	}
	length := -1
	lists := make([][]attr.Value, len(values))
	for i, v := range values {
		list, err := (&param{class: sequence}).convert(i, v)
		if err != nil {
			continue
		}
		lists[i] = list.Elems()
		if length >= 0 && length != len(lists[i]) {
			return attr.Value{}, bad(i+1, "a list of %d elements, as one before it", length)
		}
		length = len(lists[i])
	}
	if length < 0 {
		length = 1
	}
	out := make([]attr.Value, length)
	row := make([]attr.Value, len(values))
	for n := range out {
		for i, v := range values {
			row[i] = v
			if lists[i] != nil {
				row[i] = lists[i][n]
			}
		}
		v, err := formatted(verbs, row)
		if err != nil {
			return attr.Value{}, err
		}
		out[n] = v
	}
	return attr.ListValue(out), nil
}

// format is one value by the verb.
func (v *verb) format(value attr.Value) (string, error) {
	switch v.mode {
	case 'v':
		s, ok := scalarText(value)
		if strings.Contains(v.flags, "#") || !ok {
			var err error
			if s, err = jsonText(value); err != nil {
				return "", err
			}
		}
		return v.pad(s), nil
	case 's', 'q':
		return v.formatText(value)
	case 't':
		b, err := (&param{class: boolean}).convert(v.arg+1, value)
		return strconv.FormatBool(b.True()), err
	}
	n, err := (&param{class: numeric}).convert(v.arg+1, value)
	if err != nil {
		return "", err
	}
	if strings.IndexByte("bdoxX", v.mode) >= 0 {
		i, ok := new(big.Int).SetString(attr.CanonicalNumber(n.Text()), 10)
		if !ok {
			return "", bad(v.arg+1, "a whole number, as %%%c needs", v.mode)
		}
		return fmt.Sprintf(v.goVerb(), i), nil
	}
	return v.formatFloat(n)
}

func (v *verb) formatText(value attr.Value) (string, error) {
	s, err := (&param{class: text}).convert(v.arg+1, value)
	if err != nil {
		return "", err
	}
	out := s.Text()
	if v.prec > 0 {
		out = out[:runeOffset(out, int64(v.prec))]
	}
	if v.mode == 'q' {
		out = string(attr.AppendJSONString(nil, out))
	}
	return v.pad(out), nil
}

// formatFloat rounds in decimal before it hands the number to fmt, whose
// rounding is binary: %.2f of 2.675 is 2.68.
func (v *verb) formatFloat(n attr.Value) (string, error) {
	d, err := attr.DecimalOf(n)
	if err != nil {
		return "", err
	}
	if prec := max(v.prec, 0); v.mode == 'f' && d.Exponent < 0 {
		if v.prec < 0 {
			prec = 6
		}
		c := precise()
		c.Precision = 400
		if _, err := c.Quantize(d, d, -int32(prec)); err != nil {
			return "", errRange
		}
	}
	f, _, err := new(big.Float).SetPrec(512).Parse(d.Text('E'), 10)
	if err != nil {
		return "", errRange
	}
	return fmt.Sprintf(v.goVerb(), f), nil
}

// goVerb is the verb for fmt, which the numeric ones are a subset of.
func (v *verb) goVerb() string {
	out := "%" + v.flags
	if v.width >= 0 {
		out += strconv.Itoa(v.width)
	}
	if v.prec >= 0 {
		out += "." + strconv.Itoa(v.prec)
	}
	return out + string(v.mode)
}

// pad fills a text up to the width, which counts code points.
func (v *verb) pad(s string) string {
	missing := v.width - utf8.RuneCountInString(s)
	switch {
	case missing <= 0:
		return s
	case strings.Contains(v.flags, "-"):
		return s + strings.Repeat(" ", missing)
	case strings.Contains(v.flags, "0"):
		return strings.Repeat("0", missing) + s
	}
	return strings.Repeat(" ", missing) + s
}
