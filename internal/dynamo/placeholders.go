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
	values []attr.Value
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
func (p *Placeholders) Value(v attr.Value) string {
	p.values = append(p.values, v)
	return ":v" + strconv.Itoa(len(p.values)-1)
}

// Append adds ExpressionAttributeNames and ExpressionAttributeValues to the
// JSON object that dst ends in; each is left out when it is empty, as
// DynamoDB demands.
func (p *Placeholders) Append(dst []byte) []byte {
	if len(p.names) > 0 {
		dst = append(dst, `,"ExpressionAttributeNames":`...)
		for i, name := range p.names {
			dst = append(dst, separator(i))
			dst = append(dst, `"#n`...)
			dst = strconv.AppendInt(dst, int64(i), 10)
			dst = append(dst, `":`...)
			dst = attr.AppendJSONString(dst, name)
		}
		dst = append(dst, '}')
	}
	if len(p.values) > 0 {
		dst = append(dst, `,"ExpressionAttributeValues":`...)
		for i, v := range p.values {
			dst = append(dst, separator(i))
			dst = append(dst, `":v`...)
			dst = strconv.AppendInt(dst, int64(i), 10)
			dst = append(dst, `":`...)
			dst = attr.AppendDynamoJSON(dst, v)
		}
		dst = append(dst, '}')
	}
	return dst
}

func separator(i int) byte {
	if i == 0 {
		return '{'
	}
	return ','
}
