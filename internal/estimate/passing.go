package estimate

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/record"
)

const (
	// firstRows are shown of what passes a node.
	firstRows = 5
	// longest is how many bytes of a text are shown.
	longest = 500
	// mostAttributes are counted by name.
	mostAttributes = 1000
)

// passing is what leaves the nodes of a sample.
type passing struct {
	secrets *diag.Secrets
	nodes   map[*plan.Node]*leaving
}

// leaving is what leaves one node, by output.
type leaving struct {
	mu      sync.Mutex
	outputs map[string]*flow
}

// flow is rows that go one way.
type flow struct {
	rows       int64
	first      []plan.SampleRow
	attributes map[string]*attribute
	names      []string // in the order they came
}

// attribute counts the types of one.
type attribute struct{ kinds [attr.Map + 1]int64 }

func (a *attribute) add(k attr.Kind) { a.kinds[k]++ }

func newPassing(secrets *diag.Secrets) *passing {
	return &passing{secrets: secrets, nodes: map[*plan.Node]*leaving{}}
}

// expect says that rows may leave a node, before any does.
func (p *passing) expect(n *plan.Node) { p.nodes[n] = &leaving{outputs: map[string]*flow{}} }

// passed implements engine.Options.Passed.
func (p *passing) passed(from *plan.Node, output string, b *record.Batch) {
	l := p.nodes[from]
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.outputs[output]
	if f == nil {
		f = &flow{attributes: map[string]*attribute{}}
		l.outputs[output] = f
	}
	for row := 0; row < b.Rows() && len(f.first) < firstRows; row++ {
		f.first = append(f.first, p.row(b, row))
	}
	f.count(b)
}

// row is a row as it is shown.
func (p *passing) row(b *record.Batch, row int) plan.SampleRow {
	item := []byte("{}")
	if v, err := parseItem(attr.AppendRow(nil, b, row)); err == nil {
		item = appendFields(nil, p.shown(v).Fields())
	}
	return plan.SampleRow{Origin: p.secrets.Mask(b.Origins().At(row).String()), Item: json.RawMessage(item)}
}

func appendFields(dst []byte, fields []attr.Field) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = attr.AppendDynamoJSON(append(attr.AppendJSONString(dst, f.Name), ':'), f.Value)
	}
	return append(dst, '}')
}

// shown is a value without secrets, its long texts cut (promise 8).
func (p *passing) shown(v attr.Value) attr.Value {
	switch v.Kind() {
	case attr.String, attr.Number, attr.Binary:
		text := p.secrets.Mask(v.Text())
		switch {
		case text != v.Text():
			return attr.StringValue(shorten(text))
		case v.Kind() == attr.String:
			return attr.StringValue(shorten(text))
		case v.Kind() == attr.Binary && len(text) > longest:
			return attr.BinaryValue(text[:longest])
		}
	case attr.List, attr.StringSet, attr.NumberSet, attr.BinarySet:
		elems := make([]attr.Value, len(v.Elems()))
		same := true
		for i, e := range v.Elems() {
			elems[i] = p.shown(e)
			same = same && elems[i].Kind() == e.Kind() && elems[i].Text() == e.Text()
		}
		if v.Kind() == attr.List || !same { // a set whose elements became others may have one twice
			return attr.ListValue(elems)
		}
	case attr.Map:
		fields := make([]attr.Field, len(v.Fields()))
		for i, f := range v.Fields() {
			fields[i] = attr.Field{Name: p.secrets.Mask(f.Name), Value: p.shown(f.Value)}
		}
		return attr.MapValue(fields)
	}
	return v
}

func shorten(s string) string {
	if len(s) <= longest {
		return s
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:cut], len(s))
}

// count counts the attributes of a batch.
func (f *flow) count(b *record.Batch) {
	f.rows += int64(b.Rows())
	for i := range b.Columns() {
		c := b.Column(i)
		a := f.attribute(c.Name)
		if a == nil {
			continue
		}
		for row := range b.Rows() {
			switch {
			case c.Absent(row):
			case c.Type == record.Any || c.Null(row):
				a.add(attr.At(c, row).Kind())
			default:
				a.add(kindOf(c.Type))
			}
		}
	}
	if !b.HasOverflow() {
		return
	}
	for row := range b.Rows() {
		for name, cell := range record.Cells(b.Overflow(row)) {
			if a := f.attribute(name); a != nil {
				if v, err := attr.ParseDynamoJSON(cell); err == nil {
					a.add(v.Kind())
				}
			}
		}
	}
}

func kindOf(t record.Type) attr.Kind {
	switch t {
	case record.Number:
		return attr.Number
	case record.Bool:
		return attr.Bool
	case record.Binary:
		return attr.Binary
	}
	return attr.String
}

// attribute is the one of that name; nil when there is no room for another.
func (f *flow) attribute(name string) *attribute {
	a := f.attributes[name]
	if a == nil && len(f.attributes) < mostAttributes {
		a = &attribute{}
		name = strings.Clone(name)
		f.attributes[name] = a
		f.names = append(f.names, name)
	}
	return a
}

// passedBy is the flow as the plan has it.
func (f *flow) passedBy(output string, secrets *diag.Secrets) plan.Passed {
	out := plan.Passed{Output: output, First: []plan.SampleRow{}, Schema: []plan.Attribute{}}
	if f == nil {
		return out
	}
	out.Rows, out.First = f.rows, append(out.First, f.first...)
	for _, name := range f.names {
		a := plan.Attribute{Name: secrets.Mask(name), Types: map[string]int64{}}
		for k := attr.Null; k <= attr.Map; k++ {
			if n := f.attributes[name].kinds[k]; n > 0 {
				a.Types[k.Descriptor()] = n
				a.Present += n
			}
		}
		if a.Present > 0 {
			out.Schema = append(out.Schema, a)
		}
	}
	return out
}

// left is how many rows left a node by an output.
func (p *passing) left(n *plan.Node, output string) float64 {
	if l := p.nodes[n]; l != nil && l.outputs[output] != nil {
		return float64(l.outputs[output].rows)
	}
	return 0
}

// sampleOf is the rows before and after a node.
func (p *passing) sampleOf(x *node) *plan.NodeSample {
	out := &plan.NodeSample{Rejected: x.report.Rejected}
	if x.Kind != plan.Source {
		before := p.before(x)
		out.Before = &before
	}
	if x.Kind == plan.Sink {
		return out
	}
	outputs := x.Outputs()
	if outputs == nil {
		outputs = []string{""}
	}
	for _, o := range outputs {
		out.After = append(out.After, p.nodes[x.copied].outputs[o].passedBy(o, p.secrets))
	}
	return out
}

// before is what came to a node: what left those that it reads.
func (p *passing) before(x *node) plan.Passed {
	if len(x.copied.Inputs) == 1 {
		in := x.copied.Inputs[0]
		return p.nodes[in.From].outputs[in.Output].passedBy("", p.secrets)
	}
	sum := &flow{attributes: map[string]*attribute{}}
	for _, in := range x.copied.Inputs {
		f := p.nodes[in.From].outputs[in.Output]
		if f == nil {
			continue
		}
		sum.rows += f.rows
		sum.first = append(sum.first, f.first[:min(len(f.first), firstRows-len(sum.first))]...)
		for _, name := range f.names {
			if a := sum.attribute(name); a != nil {
				for k, n := range f.attributes[name].kinds {
					a.kinds[k] += n
				}
			}
		}
	}
	return sum.passedBy("", p.secrets)
}

// parseItem is an item in DynamoDB JSON, as a map.
func parseItem(text []byte) (attr.Value, error) {
	return attr.ParseDynamoJSON(append(append([]byte(`{"M":`), text...), '}'))
}
