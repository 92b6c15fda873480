package attr

import (
	"math/big"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"
)

const nines38 = "99999999999999999999999999999999999999"

func TestCheckNumber(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "0.000", "1", "-1", "+1", "007", ".5", "5.", "1e5", "1E+5", "1e-5", "0e999999999999",
		nines38, "-" + nines38, "0." + nines38, "1" + strings.Repeat("0", 125), nines38 + strings.Repeat("0", 88),
		"9.9999999999999999999999999999999999999E+125", "1E-130", "0." + strings.Repeat("0", 129) + "1",
		"1.000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000001",
		"0." + strings.Repeat("0", 200), "10E124", "0.1E126", "0.1E-129", "10e-131",
	} {
		if err := CheckNumber(text); err != nil {
			t.Errorf("CheckNumber(%q) = %v, want nil", text, err)
		}
	}
	for text, want := range map[string]string{
		"":                                  "is not a number",
		"-":                                 "is not a number",
		".":                                 "is not a number",
		"1.2.3":                             "is not a number",
		"1e":                                "is not a number",
		"1e+":                               "is not a number",
		"e5":                                "is not a number",
		" 1":                                "is not a number",
		"1 ":                                "is not a number",
		"0x10":                              "is not a number",
		"1_000":                             "is not a number",
		"NaN":                               "is not a number",
		"Inf":                               "is not a number",
		"--1":                               "is not a number",
		"١":                                 "is not a number",
		"1e5.0":                             "is not a number",
		nines38 + "9":                       "39 significant digits",
		"1" + strings.Repeat("0", 38) + "1": "40 significant digits",
		"1E126":                             "too large",
		"-10E125":                           "too large",
		"1e99999999999999":                  "too large",
		"1E-131":                            "too close to zero",
		"-0.1e-130":                         "too close to zero",
	} {
		if err := CheckNumber(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckNumber(%q) = %v, want an error with %q", text, err, want)
		}
	}
}

func TestCanonicalNumber(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "+0.00e5": "0", "1": "1", "+1": "1", "-1.50": "-1.5", "007": "7", ".5": "0.5", "5.": "5",
		"1e3": "1000", "12.34e1": "123.4", "12.34e2": "1234", "12.34e3": "12340", "12.34e-5": "0.0001234", "100": "100",
		"0.001": "0.001", "1E-130": "0." + strings.Repeat("0", 129) + "1", "1e125": "1" + strings.Repeat("0", 125), "1.0": "1",
		"10.0100": "10.01", "abc": "abc", "1e200": "1e200",
	} {
		if got := CanonicalNumber(text); got != want {
			t.Errorf("CanonicalNumber(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCompareNumbers(t *testing.T) {
	ascending := []string{
		"-1e125", "-" + nines38, "-12.5", "-12.34", "-1", "-0.1", "-1e-130", "0", "1e-130", "0.1", "0.12", "1", "1.000000001", "2", "12",
		"12.34", "12.3401", "12.5", "100", "101", nines38, "1e125",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := CompareNumbers(a, b); got != want {
				t.Errorf("CompareNumbers(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"0", "-0.0e9"}, {"1", "+1.0"}, {"12.5", "1.25e1"}, {"1250", "1.25E3"}, {".5", "0.50"}} {
		if got := CompareNumbers(same[0], same[1]); got != 0 {
			t.Errorf("CompareNumbers(%s, %s) = %d", same[0], same[1], got)
		}
	}
}

func TestNumberValue(t *testing.T) {
	if v, err := NumberValue("01.50"); err != nil || v.Text() != "01.50" || v.Kind() != Number {
		t.Errorf("got %v, %v", v, err)
	}
	if v, err := NumberValue("one"); err == nil {
		t.Errorf("got %v", v)
	}
}

func TestNumberSize(t *testing.T) {
	for text, want := range map[string]int{
		"0": 1, "-0": 1, "1": 2, "-1": 3, "12": 2, "123": 3, "100": 2, "0.0012": 2, "1.0": 2, "-12345": 5, nines38: 20, "-" + nines38: 21,
	} {
		if got := numberSize(text); got != want {
			t.Errorf("numberSize(%q) = %d, want %d", text, got, want)
		}
	}
}

// spelled draws a number in one of its many spellings.
func spelled() *rapid.Generator[string] {
	return rapid.StringMatching(`[-+]?(0{0,3}[0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,8})([eE][-+]?[0-9]{1,2})?`)
}

func rat(t *rapid.T, text string) *big.Rat {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if exponent == "" {
		exponent = "0"
	}
	r, ok := new(big.Rat).SetString(strings.TrimSuffix(strings.TrimPrefix(mantissa, "+"), ".") + "e" + exponent)
	if !ok {
		t.Fatalf("big.Rat does not read %q", text)
	}
	return r
}

func TestNumbersAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := spelled().Draw(t, "a"), spelled().Draw(t, "b")
		if rapid.Bool().Draw(t, "same value") {
			b = CanonicalNumber(a)
		}
		x, y := rat(t, a), rat(t, b)
		if got, want := CompareNumbers(a, b), x.Cmp(y); got != want {
			t.Fatalf("CompareNumbers(%q, %q) = %d, want %d", a, b, got, want)
		}
		c := CanonicalNumber(a)
		if rat(t, c).Cmp(x) != 0 || CanonicalNumber(c) != c || strings.ContainsAny(c, "eE+") {
			t.Fatalf("CanonicalNumber(%q) = %q", a, c)
		}
		same := string(appendNumberKey(nil, a)) == string(appendNumberKey(nil, b))
		if same != (x.Cmp(y) == 0) {
			t.Fatalf("number keys of %q and %q are the same: %t", a, b, same)
		}
		j := string(AppendJSONNumber(nil, a))
		if jsonNumber(j) != len(j) || rat(t, j).Cmp(x) != 0 {
			t.Fatalf("AppendJSONNumber(%q) = %q", a, j)
		}
		d, err := DecimalOf(Value{kind: Number, text: a})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := FromDecimal(d); err != nil || back.Text() != c {
			t.Fatalf("FromDecimal(DecimalOf(%q)) = %q, %v, want %q", a, back.Text(), err, c)
		}
	})
}

func TestFromDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "1.50": "1.5", "1E+3": "1000",
		"1." + strings.Repeat("0", 37) + "5":      "1", // half to even
		"1." + strings.Repeat("0", 36) + "15":     "1." + strings.Repeat("0", 36) + "2",
		"1." + strings.Repeat("0", 37) + "500001": "1." + strings.Repeat("0", 36) + "1",
		nines38 + ".4": nines38,
		nines38 + ".5": "1" + strings.Repeat("0", 38),
		"1E-130":       "0." + strings.Repeat("0", 129) + "1",
	} {
		d, _, err := apd.NewFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := FromDecimal(d); err != nil || got.Text() != want || got.Kind() != Number {
			t.Errorf("FromDecimal(%s) = %q, %v, want %q", text, got.Text(), err, want)
		}
	}
	for text, want := range map[string]string{
		"1E+126": "too large", "-1E+90000": "too large", "1E-131": "too close to zero", "NaN": "no number", "-Infinity": "no number",
		"9.99999999999999999999999999999999999999E+125": "too large",
	} {
		d, _, err := apd.NewFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := FromDecimal(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("FromDecimal(%s): %v, want an error with %q", text, err, want)
		}
	}
}

func TestDecimalOf(t *testing.T) {
	for _, v := range []Value{StringValue("12.50"), {kind: Number, text: "12.50"}} {
		if d, err := DecimalOf(v); err != nil || d.Text('f') != "12.5" {
			t.Errorf("DecimalOf(%v) = %v, %v", v, d, err)
		}
	}
	if d, err := DecimalOf(StringValue("-0." + nines38)); err != nil || d.Text('f') != "-0."+nines38 {
		t.Errorf("38 digits: %v, %v", d, err)
	}
	for _, v := range []Value{{}, NullValue(), BoolValue(true), StringValue("twelve"), StringValue("")} {
		if d, err := DecimalOf(v); err == nil {
			t.Errorf("DecimalOf(%v) = %v, want an error", v, d)
		}
	}
}

func TestNumbersDoNotAllocate(t *testing.T) {
	for name, f := range map[string]func(){
		"CheckNumber":     func() { _ = CheckNumber("12345.6789") },
		"CompareNumbers":  func() { CompareNumbers("12345.6789", "1.23456789e4") },
		"CanonicalNumber": func() { CanonicalNumber("12345.6789") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzCheckNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.50", "+.5", "5.", "1e125", "1E-130", "1e", "..", "0e99999999999999999999", nines38 + "0.1", "-007.10e-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		j := AppendJSONNumber(nil, text)
		if j[0] != '"' && jsonNumber(string(j)) != len(j) {
			t.Fatalf("AppendJSONNumber(%q) = %s", text, j)
		}
		if CheckNumber(text) != nil {
			return
		}
		c := CanonicalNumber(text)
		if err := CheckNumber(c); err != nil {
			t.Fatalf("CanonicalNumber(%q) = %q: %v", text, c, err)
		}
		if CompareNumbers(text, c) != 0 || CompareNumbers(text, string(j)) != 0 {
			t.Fatalf("%q, %q and %s should be equal", text, c, j)
		}
		d, err := DecimalOf(Value{kind: Number, text: text})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := FromDecimal(d); err != nil || back.text != c {
			t.Fatalf("FromDecimal(DecimalOf(%q)) = %q, %v", text, back.text, err)
		}
	})
}
