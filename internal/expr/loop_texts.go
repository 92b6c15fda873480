package expr

import (
	"crypto/md5"  // for checksums that others made
	"crypto/sha1" // for checksums that others made
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"unsafe"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// hashLoop is a hash or an encoding of a text's or binary's bytes.
type hashLoop struct {
	arg    operand
	append func(dst, data []byte) []byte
}

func (n *hashLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		text, t := v.texts[at], isString
		if v.tags[at] != isBinary {
			text, t = m.plainText(v, at)
		}
		if t != isString {
			out.tags[i] = t
			continue
		}
		data := unsafe.Slice(unsafe.StringData(text), len(text)) // is only read
		out.setText(int(i), t, m.text(len(m.made), n.append(m.made, data)))
	}
}

// hashes is the functions that hashLoop computes.
var hashes = map[string]func(dst, data []byte) []byte{
	"md5":    func(dst, data []byte) []byte { s := md5.Sum(data); return hex.AppendEncode(dst, s[:]) },
	"sha1":   func(dst, data []byte) []byte { s := sha1.Sum(data); return hex.AppendEncode(dst, s[:]) },
	"sha256": func(dst, data []byte) []byte { s := sha256.Sum256(data); return hex.AppendEncode(dst, s[:]) },
	"sha512": func(dst, data []byte) []byte { s := sha512.Sum512(data); return hex.AppendEncode(dst, s[:]) },
	"base64sha256": func(dst, data []byte) []byte {
		s := sha256.Sum256(data)
		return base64.StdEncoding.AppendEncode(dst, s[:])
	},
	"base64sha512": func(dst, data []byte) []byte {
		s := sha512.Sum512(data)
		return base64.StdEncoding.AppendEncode(dst, s[:])
	},
	"base64encode": base64.StdEncoding.AppendEncode,
}

// regexLoop is regex with a pattern that is written and has no groups.
type regexLoop struct {
	re  *regexp.Regexp
	arg operand
}

func (n *regexLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		text, t := m.plainText(v, int(i)&mask)
		if t != isString {
			out.tags[i] = t
			continue
		}
		// FindString takes no memory, and gives "" also for no match.
		if found := n.re.FindString(text); found != "" || n.re.MatchString(text) {
			out.setText(int(i), isString, found)
			continue
		}
		out.tags[i] = isFailure
	}
}

// substrLoop is substr.
type substrLoop struct{ args []operand }

func (n *substrLoop) run(m *machine, sel []int32, out *vector) {
	a, amask := n.args[0].run(m, sel)
	b, bmask := n.args[1].run(m, sel)
	c, cmask := n.args[2].run(m, sel)
	for _, i := range sel {
		text, t := m.plainText(a, int(i)&amask)
		offset, ot := b.whole(int(i) & bmask)
		length, lt := c.whole(int(i) & cmask)
		if t == isString && ot == isSmall && lt == isSmall {
			out.setText(int(i), isString, partOf(text, offset, length))
			continue
		}
		out.tags[i] = isUndecided
	}
}

// whole reads a place as a whole number: isSmall, or else.
func (v *vector) whole(at int) (int64, tag) {
	n, t := v.number(at)
	if t != isSmall {
		return 0, t
	}
	if i, ok := n.index(); ok {
		return i, isSmall
	}
	return 0, isFailure
}

// replaceLoop is replace of a part that is no pattern.
type replaceLoop struct{ args []operand }

func (n *replaceLoop) run(m *machine, sel []int32, out *vector) {
	a, amask := n.args[0].run(m, sel)
	b, bmask := n.args[1].run(m, sel)
	c, cmask := n.args[2].run(m, sel)
	for _, i := range sel {
		text, t := m.plainText(a, int(i)&amask)
		part, pt := m.plainText(b, int(i)&bmask)
		with, wt := m.plainText(c, int(i)&cmask)
		if state := worse(worse(t, pt), wt); !state.decided() {
			out.tags[i] = state
			continue
		}
		if _, pattern := slashed(part); pattern || part == "" {
			out.tags[i] = isUndecided
			continue
		}
		if count := strings.Count(text, part); count > 0 && m.tooLong(len(text)+count*(len(with)-len(part))) {
			out.tags[i] = isUndecided
			continue
		}
		out.setText(int(i), isString, m.replaced(text, part, with))
	}
}

// replaced is the text with every part replaced.
func (m *machine) replaced(text, part, with string) string {
	at := strings.Index(text, part)
	if at < 0 {
		return text
	}
	start, made := len(m.made), m.made
	for ; at >= 0; at = strings.Index(text, part) {
		made = append(made, text[:at]...)
		made = append(made, with...)
		text = text[at+len(part):]
	}
	return m.text(start, append(made, text...))
}

// memberLoop is contains with a list or set that is written.
type memberLoop struct {
	elems []attr.Value
	texts map[string]bool // those that are strings
	arg   operand
}

func newMemberLoop(in attr.Value, arg operand) *memberLoop {
	n := &memberLoop{elems: in.Elems(), texts: map[string]bool{}, arg: arg}
	for _, e := range n.elems {
		if e.Kind() == attr.String {
			n.texts[e.Text()] = true
		}
	}
	return n
}

func (n *memberLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		at := int(i) & mask
		switch t := v.tags[at]; {
		case t == isString:
			out.setBool(int(i), n.texts[v.texts[at]])
		case !t.decided():
			out.tags[i] = t
		default:
			out.setBool(int(i), n.has(m.value(v, at)))
		}
	}
}

func (n *memberLoop) has(v attr.Value) bool {
	for _, e := range n.elems {
		if same(e, v) {
			return true
		}
	}
	return false
}

// compareTextsLoop is textcmp.
type compareTextsLoop struct{ args []operand }

func (n *compareTextsLoop) run(m *machine, sel []int32, out *vector) {
	a, amask := n.args[0].run(m, sel)
	b, bmask := n.args[1].run(m, sel)
	for _, i := range sel {
		x, xt := m.plainText(a, int(i)&amask)
		y, yt := m.plainText(b, int(i)&bmask)
		if state := worse(xt, yt); !state.decided() {
			out.tags[i] = state
			continue
		}
		out.setSmall(int(i), small{coef: int64(strings.Compare(x, y))})
	}
}
