package figures

import "testing"

func TestFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 123456: "123,456"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s", n, got)
		}
	}
	for u, want := range map[float64]string{0: "0", 0.5: "0.5", 0.96: "1", 1234.25: "1,234.3", 2: "2"} {
		if got := Units(u); got != want {
			t.Errorf("Units(%v) = %s", u, got)
		}
	}
	for s, want := range map[float64]string{0: "0.00 s", 59.99: "59.99 s", 60: "1m0s", 3661.4: "1h1m1s"} {
		if got := Seconds(s); got != want {
			t.Errorf("Seconds(%v) = %s", s, got)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KB", 5 << 40: "5.0 TB", 200 << 20: "200 MB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %s", n, got)
		}
	}
}
