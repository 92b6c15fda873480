package layout

import (
	"encoding/base64"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// AppendText appends the plainest text of a value: a string or number as it
// is, true or false, base64, or JSON for what is nested. Absent and NULL have
// none.
func AppendText(dst []byte, v attr.Value) []byte {
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return dst
	case attr.String, attr.Number:
		return append(dst, v.Text()...)
	case attr.Bool:
		return append(dst, boolText(v.True())...)
	case attr.Binary:
		return base64.StdEncoding.AppendEncode(dst, []byte(v.Text()))
	}
	dst, _ = attr.AppendJSON(dst, v)
	return dst
}
