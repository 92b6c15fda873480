package parquetio

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParseInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "0.000": 0, "1": 1, "007": 7, "+5": 5, "1.50E1": 15, "1e3": 1000, "100e-2": 1,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, ok := parseInteger(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"0.5", "1e-1", "9223372036854775808", "-9223372036854775809", "1e19", "1E+125", "1E-130"} {
		if got, ok := parseInteger(text); ok {
			t.Errorf("%s fits as %d", text, got)
		}
	}
}

// Whatever a decimal column takes is the number, exactly; what it refuses has
// more digits before or after the point than it holds.
func TestParseDecimal(t *testing.T) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(precision), nil)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,18})?`),
			rapid.StringMatching(`[-+]?[0-9]{0,22}\.[0-9]{1,16}`),
			rapid.StringMatching(`-?[1-9]0{0,24}[0-9]{0,3}(\.0{0,20}[0-9]{1,3})?`),
			rapid.StringMatching(`-?[0-9]\.[0-9]{1,10}[eE][-+]?[0-9]{1,2}`),
		).Draw(t, "number")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Skip("not a number")
		}
		want := new(big.Rat).Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(scale), nil)))
		fits := want.IsInt() && new(big.Int).Abs(want.Num()).Cmp(limit) < 0
		got, ok := parseDecimal(text)
		if ok != fits {
			t.Fatalf("%s: taken %v, fits %v", text, ok, fits)
		}
		if ok && signed(got[:]).Cmp(want.Num()) != 0 {
			t.Fatalf("%s became %s, want %s", text, signed(got[:]), want.Num())
		}
		whole, ok := parseInteger(text)
		if ok != (exact.IsInt() && exact.Num().IsInt64()) || ok && fmt.Sprint(whole) != exact.Num().String() {
			t.Fatalf("%s as an integer: %d, %v", text, whole, ok)
		}
	})
}

func BenchmarkParseDecimal(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		parseDecimal("1234.50")
	}
}
