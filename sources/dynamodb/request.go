package dynamodb

import (
	"strconv"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// request is the part of the body that all requests share, open at its end.
// ttl is the time-to-live attribute of items to leave out; empty for none.
// paths are the attributes to ask for; none is all.
func (c *Config) request(ttl string, now time.Time, paths []dynamo.Path) []byte {
	b := append([]byte(nil), `{"ReturnConsumedCapacity":"INDEXES","TableName":`...)
	b = attr.AppendJSONString(b, c.table)
	if c.index != "" {
		b = append(b, `,"IndexName":`...)
		b = attr.AppendJSONString(b, c.index)
	}
	if c.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	if c.descending {
		b = append(b, `,"ScanIndexForward":false`...)
	}
	var names dynamo.Placeholders
	if c.key != nil {
		b = appendText(b, "KeyConditionExpression", c.key.Render(&names))
	}
	b = appendText(b, "FilterExpression", c.filterText(ttl, now, &names))
	projected := make([]string, len(paths))
	for i, p := range paths {
		projected[i] = p.Render(&names)
	}
	b = appendText(b, "ProjectionExpression", strings.Join(projected, ", "))
	return names.Append(b)
}

func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, `,"`+name+`":`...)
	return attr.AppendJSONString(b, text)
}

// expiryYears is how far in the past a time to live still means expired
// (AWS, "Using time to live (TTL) in DynamoDB": older than five years is no
// time to live).
const expiryYears = 5

// filterText is the filter, and that the item has not expired. An item without
// the attribute, or with one that is no number, is not between the bounds.
func (c *Config) filterText(ttl string, now time.Time, names *dynamo.Placeholders) string {
	var text string
	if c.where != nil {
		text = c.where.Render(names)
	}
	if ttl == "" {
		return text
	}
	seconds := func(t time.Time) attr.Value {
		v, _ := attr.NumberValue(strconv.FormatInt(t.Unix(), 10)) // a whole number is always one
		return v
	}
	alive := "NOT " + names.Name(ttl) + " BETWEEN " + names.Value(seconds(now.AddDate(-expiryYears, 0, 0))) +
		" AND " + names.Value(seconds(now))
	if text == "" {
		return alive
	}
	return "(" + text + ") AND " + alive
}

// body is a whole request for a page.
func (p *partition) body(limit int) []byte {
	b := append([]byte(nil), p.source.prefix...)
	if p.source.operation == "Scan" && p.source.identity.Segments > 1 {
		b = append(b, `,"Segment":`...)
		b = strconv.AppendInt(b, int64(p.segment), 10)
		b = append(b, `,"TotalSegments":`...)
		b = strconv.AppendInt(b, int64(p.source.identity.Segments), 10)
	}
	if limit > 0 {
		b = append(b, `,"Limit":`...)
		b = strconv.AppendInt(b, int64(limit), 10)
	}
	if p.last != nil {
		b = append(b, `,"ExclusiveStartKey":`...)
		b = append(b, p.last...)
	}
	return append(b, '}')
}
