package inspect

import (
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// guess is the type that all the text cells of a column could have. Each cell
// takes away what it could not be.
type guess struct {
	cells                               int64
	notNumber, notBool, notList, notMap bool

	decimals int  // digits after the point, of the first
	uneven   bool // they differ
	padded   bool // some cell ends in a zero that says nothing: 1.50, and not 2.0
}

// see looks at one cell.
func (g *guess) see(text string) {
	g.number(text)
	g.notBool = g.notBool || !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false")
	// A cell that can be neither is not parsed.
	opened := strings.TrimLeft(text, " \t\r\n")
	g.notList = g.notList || !strings.HasPrefix(opened, "[")
	g.notMap = g.notMap || !strings.HasPrefix(opened, "{")
	if !g.notList || !g.notMap {
		if _, err := attr.ParseJSON([]byte(text)); err != nil {
			g.notList, g.notMap = true, true
		}
	}
	g.cells++
}

func (g *guess) number(text string) {
	if g.notNumber {
		return
	}
	decimals, ok := plainNumber(text)
	if !ok || attr.CheckNumber(text) != nil {
		g.notNumber = true
		return
	}
	if g.cells == 0 {
		g.decimals = decimals
	}
	g.uneven = g.uneven || decimals != g.decimals
	g.padded = g.padded || decimals > 1 && text[len(text)-1] == '0'
}

// plainNumber reports a number that says nothing but its value: no zero before
// it, as a ZIP code has, no plus, as a telephone number, no exponent, and no
// minus zero. decimals is how many digits stand after the point.
func plainNumber(text string) (decimals int, ok bool) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(whole) > 1 && whole[0] == '0' {
		return 0, false
	}
	nonzero := false
	for _, part := range [...]string{whole, fraction} {
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return 0, false
			}
			nonzero = nonzero || c != '0'
		}
	}
	return len(fraction), nonzero || digits == text
}

// column is the type for the argument columns; empty for text, that needs none.
//
// DynamoDB gives 1.50 back as 1.5. Where every cell has as many decimals, as
// prices have, nothing is lost by that; else 1.1 and 1.10 may be two versions.
// 2.0 is how many programs write a number that could have had a fraction.
func (g *guess) column() string {
	switch {
	case g.cells == 0:
	case !g.notNumber && !(g.padded && g.uneven):
		return attr.Number.String()
	case !g.notBool:
		return attr.Bool.String()
	case !g.notList:
		return attr.List.String()
	case !g.notMap:
		return attr.Map.String()
	}
	return ""
}
