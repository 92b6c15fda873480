package schema

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// fixed is an argument with one value of a cty type for the whole run. store
// puts it in its place or says what was expected instead.
func fixed(name, kind, def, doc string, shape JSON, want cty.Type, store func(cty.Value) (expected string)) Arg {
	return Arg{name: name, doc: doc, kind: kind, def: def, shape: or(shape), decode: func(d *decoding, a *argument) {
		v, ok := d.static(a, a.expr, want, kind)
		if !ok {
			return
		}
		if expected := store(v); expected != "" {
			d.wrong(a, a.expr.Range(), expected, d.quote(a, v))
		}
	}}
}

// String is a string.
func String(name string, target *string, doc string) Arg {
	def := ""
	if *target != "" {
		def = strconv.Quote(*target)
	}
	const kind = "a string"
	return Arg{name: name, doc: doc, kind: kind, def: def, shape: stringJSON(), decode: func(d *decoding, a *argument) {
		if v, ok := d.static(a, a.expr, cty.String, kind); ok {
			*target = d.written(a.expr, v.AsString())
		}
	}}
}

// Choice is a string out of a few.
func Choice(name string, target *string, choices []string, doc string) Arg {
	a := String(name, target, doc)
	a.kind = "one of " + quoted(choices)
	a.shape = or(JSON{"enum": choices})
	decode := a.decode
	a.decode = func(d *decoding, arg *argument) {
		before := *target
		decode(d, arg)
		if slices.Contains(choices, *target) || *target == before {
			return
		}
		d.report(diag.Error(arg.expr.Range(), "Unknown value", "%q takes one of %s, not %s.%s",
			name, quoted(choices), d.quote(arg, cty.StringVal(*target)), d.suggest(arg, *target, choices)))
		*target = before
	}
	return a
}

// Bool is a bool.
func Bool(name string, target *bool, doc string) Arg {
	return fixed(name, "a bool", strconv.FormatBool(*target), doc, JSON{"type": "boolean"}, cty.Bool, func(v cty.Value) string {
		*target = v.True()
		return ""
	})
}

// Int is a whole number.
func Int(name string, target *int, doc string) Arg {
	return integer(name, strconv.Itoa(*target), doc, func(n int64) { *target = int(n) })
}

// Int64 is a whole number.
func Int64(name string, target *int64, doc string) Arg {
	return integer(name, strconv.FormatInt(*target, 10), doc, func(n int64) { *target = n })
}

func integer(name, def, doc string, set func(int64)) Arg {
	return numeric(fixed(name, "a whole number", def, doc, JSON{"type": "integer"}, cty.Number, func(v cty.Value) string {
		n, accuracy := v.AsBigFloat().Int64()
		if accuracy != big.Exact {
			return "a whole number"
		}
		set(n)
		return ""
	}))
}

// Float is a number.
func Float(name string, target *float64, doc string) Arg {
	def := strconv.FormatFloat(*target, 'g', -1, 64)
	return numeric(fixed(name, "a number", def, doc, JSON{"type": "number"}, cty.Number, func(v cty.Value) string {
		*target, _ = v.AsBigFloat().Float64()
		return ""
	}))
}

// Bytes is a size: a number of bytes, or "64KB", "4MB", "4MiB", "1GB".
// KB, MB and GB are powers of 1024, as KiB, MiB and GiB are.
func Bytes(name string, target *int64, doc string) Arg {
	a := numeric(fixed(name, "a size like 4194304 or \"4MB\"", formatBytes(*target), doc, JSON{"type": "integer"}, cty.String, func(v cty.Value) string {
		n, ok := parseBytes(v.AsString())
		if !ok {
			return "a size like 4194304, \"64KB\" or \"4MB\""
		}
		*target = n
		return ""
	}))
	a.shape = AnyOf(append(a.shape["anyOf"].([]JSON), JSON{"type": "string", "pattern": `^\s*[0-9]+\s*([KkMmGg][Ii]?)?[Bb]?\s*$`})...)
	a.spell = func(f float64) string { return formatBytes(int64(f)) }
	return a
}

// Duration is a time: "50ms", "5s", "1m30s", "7d". It can't be negative.
func Duration(name string, target *time.Duration, doc string) Arg {
	def := ""
	if *target != 0 {
		def = strconv.Quote(FormatDuration(*target))
	}
	a := numeric(fixed(name, "a duration like \"5s\"", def, doc, JSON{"type": "string", "pattern": `^\s*([0-9]{1,5}d|([0-9]{1,5}d)?\+?(0|([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)\s*$`}, cty.String, func(v cty.Value) string {
		t, ok := parseDuration(v.AsString())
		if !ok {
			return `a duration like "50ms", "5s", "1m30s" or "7d"`
		}
		*target = t
		return ""
	}))
	a.spell = func(f float64) string { return strconv.Quote(FormatDuration(time.Duration(f * float64(time.Second)))) }
	return a
}

// parseDuration is time.ParseDuration, with days before the rest.
func parseDuration(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	text = strings.TrimSpace(text)
	number, rest, days := strings.Cut(text, "d")
	if !days {
		t, err := time.ParseDuration(text)
		return t, err == nil && t >= 0
	}
	n, err := strconv.ParseUint(number, 10, 16)
	t := time.Duration(0)
	if err == nil && rest != "" {
		t, err = time.ParseDuration(rest)
	}
	whole := time.Duration(n)*day + t
	return whole, err == nil && t >= 0 && whole >= 0
}

// FormatDuration is a duration as a pipeline would write it.
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// numeric adds the check of the declared range.
func numeric(a Arg) Arg {
	decode := a.decode
	a.decode = func(d *decoding, arg *argument) {
		low, high := arg.low, arg.high
		if n, ok := d.number(arg); ok && (n < *low || high != nil && n > *high) {
			d.report(diag.Error(arg.expr.Range(), "Number out of range", "%q takes %s.", arg.name, arg.values()))
			return
		}
		decode(d, arg)
	}
	return a
}

// number is an argument's value as a number, if it is one in any spelling.
func (d *decoding) number(a *argument) (float64, bool) {
	if a.low == nil {
		return 0, false
	}
	quiet := decoding{Decoder: d.Decoder, mute: true}
	v, ok := quiet.static(a, a.expr, cty.String, "")
	if !ok {
		return 0, false
	}
	if f, err := strconv.ParseFloat(v.AsString(), 64); err == nil {
		return f, true
	}
	if n, ok := parseBytes(v.AsString()); ok {
		return float64(n), true
	}
	if t, ok := parseDuration(v.AsString()); ok {
		return t.Seconds(), true
	}
	return 0, false
}

// limits is the declared range in words.
func (a Arg) limits() string {
	spell := a.spell
	if spell == nil {
		spell = func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	}
	if a.high == nil {
		return ", at least " + spell(*a.low)
	}
	return " from " + spell(*a.low) + " to " + spell(*a.high)
}

// Strings is a string or a list of strings.
func Strings(name string, target *[]string, doc string) Arg {
	def := ""
	if *target != nil {
		def = "[" + quoted(*target) + "]"
	}
	const kind = "a string or a list of strings"
	return Arg{name: name, doc: doc, kind: kind, def: def, shape: textsJSON(), decode: func(d *decoding, a *argument) {
		v, ok := d.static(a, a.expr, cty.DynamicPseudoType, kind)
		if !ok {
			return
		}
		list, err := stringList(v)
		if err != nil {
			d.wrong(a, a.expr.Range(), kind, err.Error())
			return
		}
		*target = d.allWritten(a.expr, list)
	}}
}

// Ref is a reference to a block: connection.dynamodb.main for the prefix
// connection.dynamodb. The target stays nil when it is left out.
func Ref[T any](name, prefix string, target **T, doc string) Arg {
	return Arg{name: name, doc: doc, kind: "a reference: " + prefix + ".NAME", shape: ReferenceJSON("", prefix), decode: func(d *decoding, a *argument) {
		if isNull(a.expr) {
			return
		}
		address, found := d.lookup(a, prefix)
		if t, ok := found.(*T); ok {
			*target = t
			a.show(address)
		}
	}}
}

// lookup finds what a reference names among Decoder.Blocks.
func (d *decoding) lookup(a *argument, prefix string) (string, any) {
	traversal, diags := hcl.AbsTraversalForExpr(a.expr)
	if diags.HasErrors() {
		d.report(diag.Error(a.expr.Range(), "Not a reference",
			"%q takes a reference without quotes: %s.NAME.", a.name, prefix))
		return "", nil
	}
	address, ok := Address(traversal)
	if found := d.Blocks[address]; ok && found != nil && strings.HasPrefix(address, prefix+".") {
		return address, found
	}
	var known []string
	for k := range d.Blocks {
		if strings.HasPrefix(k, prefix+".") {
			known = append(known, k)
		}
	}
	slices.Sort(known)
	if d.Broken[address] {
		return "", nil // the block is there and has errors of its own
	}
	hint := diag.DidYouMean(address, known)
	if hint == "" {
		hint = " " + there(known, prefix)
	}
	d.report(diag.Error(a.expr.Range(), "Unknown reference", "There is no %s.%s", address, hint))
	return "", nil
}

func there(known []string, prefix string) string {
	if len(known) == 0 {
		kind, label, _ := strings.Cut(prefix, ".")
		return fmt.Sprintf("Declare one: %s %q \"name\" { ... }.", kind, label)
	}
	return "There are: " + strings.Join(known, ", ") + "."
}

// Address is a traversal as dotted names; ok is false when it has anything else.
func Address(t hcl.Traversal) (address string, ok bool) {
	var parts []string
	ok = true
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			parts = append(parts, s.Name)
		case hcl.TraverseAttr:
			parts = append(parts, s.Name)
		default:
			ok = false
		}
	}
	return strings.Join(parts, "."), ok
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

var byteUnits = [...]struct {
	suffix string
	shift  uint
}{{"KIB", 10}, {"MIB", 20}, {"GIB", 30}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"B", 0}, {"", 0}}

func parseBytes(s string) (int64, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64>>u.shift {
			return 0, false
		}
		return n << u.shift, true
	}
	return 0, false
}

func formatBytes(n int64) string {
	for _, u := range []struct {
		name  string
		shift uint
	}{{"GB", 30}, {"MB", 20}, {"KB", 10}} {
		if n > 0 && n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%q", fmt.Sprint(n>>u.shift)+u.name)
		}
	}
	return strconv.FormatInt(n, 10)
}
