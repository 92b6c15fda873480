package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// answer is what a request gets, which it is counted for.
func (s *Server) answer(r *request) answer {
	switch r.operation {
	case "":
		return s.command(r.path)
	case "BatchWriteItem":
		return s.batchWrite(r.body)
	case "TransactWriteItems":
		return s.transactWrite(r.body)
	case "Scan":
		return s.scan(r.body)
	case "BatchGetItem":
		return s.batchGet(r.body)
	case "DescribeTable":
		return s.describe(r.body)
	}
	s.counts.add(r.operation, 0)
	return refused("UnknownOperationException", "the stand-in does not know %q", r.operation)
}

// command is a request of the benchmark's own.
func (s *Server) command(path string) answer {
	switch path {
	case countsPath:
		text, err := json.Marshal(s.counts.get())
		if err != nil {
			return refused("InternalServerError", "%s", err)
		}
		return text200(text)
	case resetPath, sumPath:
		s.counts.reset(path == sumPath)
		return text200([]byte("{}"))
	}
	return answer{status: "404 Not Found"}
}

func text200(text []byte) answer { return answer{parts: [2][]byte{text}} }

func refused(code, format string, args ...any) answer {
	text, _ := json.Marshal(map[string]string{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": fmt.Sprintf(format, args...)})
	return answer{status: "400 Bad Request", parts: [2][]byte{text}}
}

// batchWrite counts by names that no row of the benchmark has in it: a quote
// within a value has a backslash before it.
func (s *Server) batchWrite(body []byte) answer {
	items := bytes.Count(body, []byte(`"PutRequest"`)) + bytes.Count(body, []byte(`"DeleteRequest"`))
	if items == 0 || items > 25 {
		return refused("ValidationException", "%d items in a request", items)
	}
	s.counts.add("BatchWriteItem", items)
	if s.counts.summing.Load() {
		var r struct {
			RequestItems map[string][]struct {
				PutRequest struct{ Item json.RawMessage }
			}
		}
		err := json.Unmarshal(body, &r)
		for _, table := range r.RequestItems {
			for _, write := range table {
				if err == nil && write.PutRequest.Item != nil {
					err = s.counts.put(write.PutRequest.Item)
				}
			}
		}
		if err != nil {
			return refused("SerializationException", "%s", err)
		}
	}
	return text200(appendConsumed([]byte(`{"UnprocessedItems":{}`), body, items))
}

// appendConsumed ends an answer, with the capacity used if it was asked for:
// one unit an item, of one table.
func appendConsumed(dst, body []byte, items int) []byte {
	_, after, asked := bytes.Cut(body, []byte(`"ReturnConsumedCapacity":"`))
	if !asked || bytes.HasPrefix(after, []byte("NONE")) {
		return append(dst, '}')
	}
	_, name, _ := bytes.Cut(body, []byte(`"RequestItems":{"`))
	name, _, _ = bytes.Cut(name, []byte(`"`))
	dst = append(append(dst, `,"ConsumedCapacity":[{"TableName":"`...), name...)
	dst = strconv.AppendInt(append(dst, `","CapacityUnits":`...), int64(items), 10)
	if bytes.HasPrefix(after, []byte("INDEXES")) {
		dst = strconv.AppendInt(append(dst, `.0,"Table":{"CapacityUnits":`...), int64(items), 10)
		return append(dst, ".0}}]}"...)
	}
	return append(dst, ".0}]}"...)
}

func (s *Server) transactWrite(body []byte) answer {
	items := 0
	for _, action := range []string{`"Put":`, `"Update":`, `"Delete":`, `"ConditionCheck":`} {
		items += bytes.Count(body, []byte(action))
	}
	if items == 0 || items > 100 {
		return refused("ValidationException", "%d actions in a transaction", items)
	}
	s.counts.add("TransactWriteItems", items)
	if s.counts.summing.Load() {
		var r struct {
			TransactItems []struct {
				Put struct{ Item json.RawMessage }
			}
		}
		err := json.Unmarshal(body, &r)
		for _, action := range r.TransactItems {
			if err == nil && action.Put.Item != nil {
				err = s.counts.put(action.Put.Item)
			}
		}
		if err != nil {
			return refused("SerializationException", "%s", err)
		}
	}
	return text200([]byte("{}"))
}

func (s *Server) scan(body []byte) answer {
	var r struct {
		TableName              string
		Segment                int
		TotalSegments          int
		ExclusiveStartKey      map[string]struct{ S string }
		ReturnConsumedCapacity string
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return refused("SerializationException", "%s", err)
	}
	number, total := r.Segment, max(r.TotalSegments, 1)
	if r.ExclusiveStartKey != nil {
		var err error
		if number, err = strconv.Atoi(r.ExclusiveStartKey["id"].S); err != nil || number%total != r.Segment {
			return refused("ValidationException", "no page of segment %d of %d begins at %v", r.Segment, total, r.ExclusiveStartKey)
		}
	}
	if r.TableName != SourceTable {
		number = len(s.pages.list)
	}
	consumed := ""
	if r.ReturnConsumedCapacity != "" && r.ReturnConsumedCapacity != "NONE" {
		consumed = `,"ConsumedCapacity":{"TableName":"` + r.TableName + `","CapacityUnits":128.5}`
	}
	page, tail := s.pages.get(number, total, consumed)
	s.counts.add("Scan", page.items)
	return answer{parts: [2][]byte{page.text, tail}}
}

// batchGet gives an item for every key: the key and a name.
func (s *Server) batchGet(body []byte) answer {
	var r struct {
		RequestItems map[string]struct{ Keys []json.RawMessage }
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return refused("SerializationException", "%s", err)
	}
	items := 0
	text := []byte(`{"UnprocessedKeys":{},"Responses":{`)
	for table, request := range r.RequestItems {
		if items > 0 {
			text = append(text, ',')
		}
		text = append(strconv.AppendQuote(text, table), ":["...)
		for i, key := range request.Keys {
			if i > 0 {
				text = append(text, ',')
			}
			key = bytes.TrimRight(key, "} \t\r\n") // of the key and of its last value
			text = append(append(text, key...), `},"found":{"S":"an item of the stand-in"}}`...)
			items++
		}
		text = append(text, ']')
	}
	if items == 0 || items > 100 {
		return refused("ValidationException", "%d keys in a request", items)
	}
	s.counts.add("BatchGetItem", items)
	return text200(append(text, "}}"...))
}

// describe is a table whose key is the string id.
func (s *Server) describe(body []byte) answer {
	var r struct{ TableName string }
	if err := json.Unmarshal(body, &r); err != nil {
		return refused("SerializationException", "%s", err)
	}
	rows, size := 0, 0
	if r.TableName == SourceTable {
		rows, size = s.pages.rows, s.pages.bytes
	}
	s.counts.add("DescribeTable", 0)
	return text200(fmt.Appendf(nil, `{"Table":{"TableName":%q,"TableStatus":"ACTIVE","ItemCount":%d,"TableSizeBytes":%d,`+
		`"TableArn":"arn:aws:dynamodb:eu-west-1:000000000000:table/%s",`+
		`"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],`+
		`"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"},"DeletionProtectionEnabled":false}}`,
		r.TableName, rows, size, r.TableName))
}
