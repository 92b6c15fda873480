package dynamo

import (
	"strconv"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Placeholders are the expression attribute names and values of one request,
// shared by all its expressions. Every name goes through a placeholder, so no
// reserved word and no odd character can get in the way. The zero value is
// empty.
type Placeholders struct {
	names  []string
	index  map[string]int
	values []operand
}

// Name is the placeholder of an attribute name: #n0.
func (p *Placeholders) Name(name string) string {
	i, ok := p.index[name]
	if !ok {
		if p.index == nil {
			p.index = map[string]int{}
		}
		i = len(p.names)
		p.index[name] = i
		p.names = append(p.names, name)
	}
	return "#n" + strconv.Itoa(i)
}

// Value is a new placeholder for a value: :v0.
func (p *Placeholders) Value(v attr.Value) string { return p.add(operand{value: v}) }

func (p *Placeholders) add(o operand) string {
	p.values = append(p.values, o)
	return ":v" + strconv.Itoa(len(p.values)-1)
}

// Append adds ExpressionAttributeNames and ExpressionAttributeValues to the
// JSON object that dst ends in; each is left out when it is empty, as
// DynamoDB demands. No value depends on a row.
func (p *Placeholders) Append(dst []byte) []byte {
	dst = p.appendNames(dst)
	for i := range p.values {
		dst = attr.AppendDynamoJSON(appendValueName(dst, i), p.values[i].value)
	}
	return closeValues(dst, len(p.values))
}

func (p *Placeholders) appendNames(dst []byte) []byte {
	if len(p.names) == 0 {
		return dst
	}
	dst = append(dst, `,"ExpressionAttributeNames":`...)
	for i, name := range p.names {
		dst = append(dst, separator(i))
		dst = append(dst, `"#n`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `":`...)
		dst = attr.AppendJSONString(dst, name)
	}
	return append(dst, '}')
}

// appendValueName appends what stands before the i-th value.
func appendValueName(dst []byte, i int) []byte {
	if i == 0 {
		dst = append(dst, `,"ExpressionAttributeValues":`...)
	}
	dst = append(dst, separator(i))
	dst = append(dst, `":v`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	return append(dst, `":`...)
}

// closeValues ends so many values.
func closeValues(dst []byte, n int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, '}')
}

func separator(i int) byte {
	if i == 0 {
		return '{'
	}
	return ','
}
