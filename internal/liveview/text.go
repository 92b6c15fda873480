package liveview

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/clipperhouse/displaywidth"

	"github.com/dynapipe/dynapipe/internal/figures"
)

// style is how text stands out, as the numbers that ECMA-48 has for it (SGR).
// Nothing is said by it alone.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	loud   style = "1;33" // bold, yellow
	warned style = "33"
	bad    style = "31"
)

// span is text of one style.
type span struct {
	text string
	style
}

// Line is a line for a terminal.
type Line struct {
	Text  string // with control sequences when colours were asked for
	Width int    // columns that it takes
}

// line puts spans on a line of at most width columns.
func line(spans []span, width int, color bool) Line {
	var b strings.Builder
	out := Line{}
	// Blanks at the end would be wrapped when the window gets narrower.
	for len(spans) > 0 {
		last := &spans[len(spans)-1]
		if last.text = strings.TrimRight(last.text, " "); last.text != "" {
			break
		}
		spans = spans[:len(spans)-1]
	}
	for _, s := range spans {
		text := cut(s.text, width-out.Width)
		out.Width += columns(text)
		switch {
		case text == "":
		case color && s.style != plain:
			b.WriteString("\x1b[" + string(s.style) + "m" + text + "\x1b[0m")
		default:
			b.WriteString(text)
		}
	}
	out.Text = b.String()
	return out
}

// columns is how wide text is on the screen.
func columns(text string) int { return displaywidth.String(text) }

// cut is as much of the text as n columns hold.
func cut(text string, n int) string {
	if columns(text) <= n {
		return text
	}
	at, width := 0, 0
	for g := displaywidth.StringGraphemes(text); g.Next(); {
		if width += g.Width(); width > n {
			break
		}
		at += len(g.Value())
	}
	return text[:at]
}

// shorten is cut, and shows that something is missing.
func shorten(text string, n int) string {
	const sign = ".."
	switch {
	case columns(text) <= n:
		return text
	case n <= 2*len(sign):
		return cut(text, n)
	}
	return cut(text, n-len(sign)) + sign
}

// pad fills text up to n columns, on its left or its right.
func pad(text string, n int, left bool) string {
	blanks := strings.Repeat(" ", max(n-columns(text), 0))
	if left {
		return blanks + text
	}
	return text + blanks
}

// clean is a name without what would move the cursor or can't be seen.
func clean(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, name)
}

// bar shows a share, from 0 to 1, in so many columns.
func bar(share float64, n int) string {
	inner := n - 2
	filled := int(math.Round(min(max(share, 0), 1) * float64(inner)))
	return "[" + strings.Repeat("#", filled) + strings.Repeat(" ", inner-filled) + "]"
}

// count is a number with all its digits, or in at most five columns.
func count(n int64, compact bool) string {
	if !compact || n < 10_000 {
		return figures.Count(n)
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"K", "M", "G", "T", "P", "E"} {
		if value /= 1000; value < 999.5 {
			break
		}
	}
	digits := 0
	switch {
	case value < 9.995:
		digits = 2
	case value < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + unit
}
