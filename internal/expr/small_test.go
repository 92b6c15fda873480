package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// numberTexts are numbers without an exponent, many of them as long as a small
// number may be, or just longer.
func numberTexts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := rapid.StringMatching(`[0-9]{1,20}|9{15,20}|10{14,20}|[0-9]{1,3}0{0,12}`).Draw(t, "digits")
		at := rapid.IntRange(0, len(digits)).Draw(t, "point")
		text := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + digits[:at]
		if at < len(digits) {
			text += "." + digits[at:]
		}
		return text
	})
}

// Small numbers give what decimals of 38 digits give, whatever the way: as
// integers, as 128-bit integers, or not small at all.
func TestSmallNumbersAgreeWithDecimals(t *testing.T) {
	operators := []*hclsyntax.Operation{hclsyntax.OpAdd, hclsyntax.OpSubtract, hclsyntax.OpMultiply, hclsyntax.OpDivide, hclsyntax.OpModulo}
	x := compiled(t, Scope{}, `[row.a + row.b, row.a - row.b, row.a * row.b, -row.a, floor(row.a), ceil(row.b), abs(row.a), signum(row.b),
		max(row.a, row.b), row.a < row.b, row.a <= row.b, row.a == row.b, row.a * row.a * row.b + row.a, try(row.a / row.b, "none"), try(row.a % row.b, "none"),
		"${row.a * row.b}", row.a / 8 * row.b, try(row.b % (row.a / 1000000000), "none"), try(1 / row.a / row.b / row.b, 0)]`)
	small := 0
	rapid.Check(t, func(rt *rapid.T) {
		a, b := numberTexts().Draw(rt, "a"), numberTexts().Draw(rt, "b")
		batch := rowsOf(rt, false, []string{fmt.Sprintf(`{"a":{"N":"%s"},"b":{"N":"%s"}}`, a, b)})
		defer batch.Release()
		if agree(rt, x, batch) != 1 {
			rt.Fatalf("%s and %s are not decided by the loops", a, b)
		}
		m, okA := parseSmall(a)
		n, okB := parseSmall(b)
		if !okA || !okB {
			return
		}
		small++
		if got, want := m.compare(n), attr.CompareNumbers(a, b); got != want {
			rt.Fatalf("%s compared to %s is %d, got %d", a, b, want, got)
		}
		if got, want := string(m.append(nil)), attr.CanonicalNumber(a); got != want {
			rt.Fatalf("%s is spelled %s, want %s", a, got, want)
		}
		for _, op := range operators {
			out := newVector(1)
			loop := &arithmeticLoop{op: op}
			want, err := operation(op)(a, b)
			if loop.smalls(&machine{}, out, 0, m, n) && (err != nil || string((&machine{}).value(out, 0).Text()) != want.Text()) {
				rt.Fatalf("%s %v %s is %s (%v), got %s", a, op, b, want.Text(), err, (&machine{}).value(out, 0).Text())
			}
		}
	})
	if small == 0 {
		t.Fatal("no number was small")
	}
}

func TestParseSmall(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "-0.0": "0", "007": "7", "1.50": "1.5", "-.5": "-0.5", "5.": "5", "100": "100",
		"999999999999999999": "999999999999999999", "-12345678901234567": "-12345678901234567", "0.0000000000000001": "0.0000000000000001",
	} {
		n, ok := parseSmall(text)
		if got := string(n.append(nil)); !ok || got != want {
			t.Errorf("%s: %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", ".", "-.", "+1", "1e3", "1.2.3", "--1", "1-", " 1", "1 ", "0x1", "1000000000000000000", "-999999999999999999", "٣"} {
		if n, ok := parseSmall(text); ok {
			t.Errorf("%q is read as %+v", text, n)
		}
	}
}

// A wide number is spelled as the text of its digits.
func TestWideNumbers(t *testing.T) {
	for _, c := range []struct {
		w    wide
		want string
	}{
		{wide{}, "0"},
		{wide{neg: true}, "0"},
		{wide{lo: 5, scale: -3}, "5000"},
		{wide{neg: true, lo: 1500, scale: 6}, "-0.0015"},
		{wide{hi: 5421010862427522170, lo: 687399551400673280 - 1, scale: 38}, "0." + strings.Repeat("9", 38)}, // 10^38 - 1
		{wide{hi: 5421010862427522170, lo: 687399551400673280, scale: 38}, "1"},
		{wide{hi: 1, scale: 2}, "184467440737095516.16"},
	} {
		if got := string(c.w.append(nil)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.w, got, c.want)
		}
	}
}

// Dividing by a power of ten moves the point, and gives what decimals give.
func TestOverPowersOfTen(t *testing.T) {
	for _, a := range []string{"0", "-0.0", "1", "-7", "12300", "0.05", "-1.50", "999999999999999999", "100000000000000000", "0.0000000000000001"} {
		for power := range smallDigits + 1 {
			b := "1" + strings.Repeat("0", power)
			n, okA := parseSmall(a)
			m := small{coef: int64(powersOfTen[power])}
			want, err := operation(hclsyntax.OpDivide)(a, b)
			if !okA || err != nil {
				t.Fatal(a, b, err)
			}
			if got, ok := n.over(m); !ok || string(got.append(nil)) != want.Text() {
				t.Errorf("%s / %s is %s (%v), want %s", a, b, got.append(nil), ok, want.Text())
			}
		}
	}
	for _, b := range []small{{}, {coef: -10}, {coef: 2}, {coef: 1, scale: 1}, {coef: 20}} {
		if got, ok := (small{coef: 5}).over(b); ok {
			t.Errorf("5 / %s is %s", b.append(nil), got.append(nil))
		}
	}
}
