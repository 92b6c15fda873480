package dynamo

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Updated reports that an item is as an update, made by a WriteProgram, would
// leave it. body is the call's, but for its last brace. Of an update that
// computes with what is stored, or adds to it, nobody can tell: it is false.
func Updated(body []byte, item attr.Value) bool {
	var u struct {
		UpdateExpression          string
		ExpressionAttributeNames  map[string]string
		ExpressionAttributeValues map[string]json.RawMessage
	}
	if json.Unmarshal(append(append([]byte(nil), body...), '}'), &u) != nil {
		return false
	}
	words := strings.Fields(u.UpdateExpression)
	action := ""
	for i := 0; i < len(words); i++ {
		word, more := strings.CutSuffix(words[i], ",")
		switch {
		case word == actionSet.String() || word == actionRemove.String():
			action = word
			continue
		case action == "": // ADD, DELETE
			return false
		}
		stored := follow(item, word, u.ExpressionAttributeNames)
		want := attr.Value{}
		if action == actionSet.String() {
			if i += 2; i >= len(words) {
				return false
			}
			word, more = strings.CutSuffix(words[i], ",")
			v, err := attr.ParseDynamoJSON(u.ExpressionAttributeValues[word])
			if err != nil { // not a value alone
				return false
			}
			want = v
		}
		if want.Kind() != stored.Kind() || want.Kind() != attr.Absent && !attr.Equal(stored, want) {
			return false
		}
		if !more {
			action = ""
			if i+1 < len(words) && words[i+1] == actionRemove.String() {
				continue
			}
			return i+1 == len(words)
		}
	}
	return false
}

// follow is what an item has at a rendered path: #n0.#n1[2].
func follow(v attr.Value, path string, names map[string]string) attr.Value {
	for _, step := range strings.Split(path, ".") {
		name, indexes, _ := strings.Cut(step, "[")
		v = v.Get(names[name])
		for _, text := range strings.Split(indexes, "[") {
			if text == "" {
				continue
			}
			i, err := strconv.Atoi(strings.TrimSuffix(text, "]"))
			if err != nil || i >= len(v.Elems()) {
				return attr.Value{}
			}
			v = v.Elems()[i]
		}
	}
	return v
}
