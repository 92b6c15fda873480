package inspect

import (
	"encoding/base64"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// maxExample is how many characters of a value an example has.
const maxExample = 40

// attribute is what is counted of one attribute.
type attribute struct {
	name    string
	kinds   [attr.Map + 1]int64
	empty   int64 // strings and binaries
	sizes   Sizes // of values that are not NULL
	example string
	shown   bool // there is an example
	guess   guess
	bare    bool // some value is not a map of a type descriptor to something
	key     candidate

	hashes map[uint64]struct{} // nil once there were too many
	told   int64               // different values
	until  int64               // rows that were told apart; -1 for all
	repeat bool                // one came again
}

func newAttribute(name string) *attribute {
	return &attribute{name: strings.Clone(name), hashes: map[uint64]struct{}{}, until: -1}
}

// count counts a value that is not Absent.
func (a *attribute) count(v attr.Value, text bool) {
	a.kinds[v.Kind()]++
	a.bare = a.bare || !described(v)
	if v.Kind() == attr.Null {
		return
	}
	a.sizes.add(int64(v.Size()))
	if text && v.Kind() == attr.String {
		a.guess.see(v.Text())
	}
	if v.Text() == "" && (v.Kind() == attr.String || v.Kind() == attr.Binary) {
		a.empty++
		return
	}
	if !a.shown {
		a.example, a.shown = strings.Clone(example(v)), true // v is the batch's
	}
}

// tell notes the hash of a value. It gives by how many the hashes have grown;
// without room they are given up.
func (a *attribute) tell(h uint64, row int64, room bool) int {
	if a.hashes == nil {
		return 0
	}
	if _, again := a.hashes[h]; again {
		a.repeat = true
		return 0
	}
	if !room || len(a.hashes) == MaxDistinct {
		freed := len(a.hashes)
		a.hashes, a.until = nil, row
		return -freed
	}
	a.hashes[h] = struct{}{}
	a.told++
	return 1
}

func (a *attribute) present() int64 {
	var n int64
	for _, count := range a.kinds {
		n += count
	}
	return n
}

// kind is the only kind of the values, NULL left out; Absent when they have
// several, or there is none.
func (a *attribute) kind() attr.Kind {
	only := attr.Absent
	for k := attr.String; k <= attr.Map; k++ {
		if a.kinds[k] == 0 {
			continue
		}
		if only != attr.Absent {
			return attr.Absent
		}
		only = k
	}
	return only
}

// example is a value on one line, not longer than maxExample.
func example(v attr.Value) string {
	var text string
	switch v.Kind() {
	case attr.String, attr.Number:
		text = v.Text()
	case attr.Binary:
		part := v.Text()
		text = base64.StdEncoding.EncodeToString([]byte(part[:min(len(part), maxExample)]))
	default:
		out, _ := attr.AppendJSON(nil, v)
		text = string(out)
	}
	if len(text) > 8*maxExample {
		text = text[:8*maxExample] // no need to walk all of it
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > maxExample {
		return string(runes[:maxExample-3]) + "..."
	}
	return text
}

// printable makes line ends and what would move the cursor a space.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return ' '
	}
	return r
}

// described reports a value that looks like one in DynamoDB JSON.
func described(v attr.Value) bool {
	if v.Kind() != attr.Map || len(v.Fields()) != 1 {
		return false
	}
	for k := attr.Null; k <= attr.Map; k++ {
		if k.Descriptor() == v.Fields()[0].Name {
			return true
		}
	}
	return false
}
