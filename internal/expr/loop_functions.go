package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// functionLoop is the loop of a call; a function without one of its own is
// called row by row.
func functionLoop(n *callNode, args []operand) loop {
	if own := ownLoop(n, args); own != nil {
		return own
	}
	return &callLoop{node: n, args: args}
}

func ownLoop(n *callNode, args []operand) loop {
	switch n.fn.name {
	case "upper":
		return &textLoop{arg: args[0], append: appendUpper}
	case "lower":
		return &textLoop{arg: args[0], append: appendLower}
	case "trimspace":
		return &textLoop{arg: args[0], part: strings.TrimSpace}
	case "chomp":
		return &textLoop{arg: args[0], part: chomp}
	case "trim":
		return &textsLoop{args: args, part: strings.Trim}
	case "trimprefix":
		return &textsLoop{args: args, part: strings.TrimPrefix}
	case "trimsuffix":
		return &textsLoop{args: args, part: strings.TrimSuffix}
	case "startswith":
		return &textsLoop{args: args, test: strings.HasPrefix}
	case "endswith":
		return &textsLoop{args: args, test: strings.HasSuffix}
	case "strcontains":
		return &textsLoop{args: args, test: strings.Contains}
	case "abs":
		return &numberLoop{arg: args[0], node: n, small: absoluteSmall}
	case "floor":
		return &numberLoop{arg: args[0], node: n, small: wholeSmall(false)}
	case "ceil":
		return &numberLoop{arg: args[0], node: n, small: wholeSmall(true)}
	case "signum":
		return &numberLoop{arg: args[0], node: n, small: signSmall}
	case "max":
		return &extremeLoop{args: args, sign: 1}
	case "min":
		return &extremeLoop{args: args, sign: -1}
	case "coalesce":
		return &coalesceLoop{args}
	case "tostring":
		return &convertLoop{args[0], text}
	case "tonumber":
		return &convertLoop{args[0], numeric}
	case "tobool":
		return &convertLoop{args[0], boolean}
	case "length":
		return &lengthLoop{args[0]}
	case "substr":
		return &substrLoop{args}
	case "replace":
		if n.re == nil {
			return &replaceLoop{args}
		}
	case "regex":
		if n.re != nil && n.re.NumSubexp() == 0 {
			return &regexLoop{n.re, args[1]}
		}
	case "textcmp":
		return &compareTextsLoop{args}
	case "contains":
		if in := args[0].constant; in != nil && in.tags[0] == isValue && in.values[0].Kind() != attr.Map {
			return newMemberLoop(in.values[0], args[1])
		}
	}
	if hash := hashes[n.fn.name]; hash != nil {
		return &hashLoop{args[0], hash}
	}
	return timeFunction(n, args)
}

// appendUpper appends what strings.ToUpper gives.
func appendUpper(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return appendMapped(dst, s[i:], unicode.ToUpper)
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendLower appends what strings.ToLower gives.
func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return appendMapped(dst, s[i:], unicode.ToLower)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendMapped appends what strings.Map gives.
func appendMapped(dst []byte, s string, to func(rune) rune) []byte {
	for _, r := range s {
		dst = utf8.AppendRune(dst, to(r))
	}
	return dst
}

func absoluteSmall(_ *machine, out *vector, i int, v *vector, at int, n small) {
	if n.coef < 0 {
		out.setSmall(i, n.negated())
		return
	}
	keepNumber(out, i, v, at)
}

func wholeSmall(up bool) func(*machine, *vector, int, *vector, int, small) {
	return func(_ *machine, out *vector, i int, _ *vector, _ int, n small) { out.setSmall(i, n.whole(up)) }
}

func signSmall(_ *machine, out *vector, i int, _ *vector, _ int, n small) {
	out.setSmall(i, small{coef: int64(n.sign())})
}

func codePoints(s string) int { return utf8.RuneCountInString(s) }
