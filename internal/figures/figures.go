// Package figures writes numbers as people read them, the same on a terminal and
// in a page.
package figures

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Count groups digits by threes: 1,234,567.
func Count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Units is capacity units, to a tenth.
func Units(u float64) string {
	tenths := int64(math.Round(u * 10))
	if tenths%10 == 0 {
		return Count(tenths / 10)
	}
	return Count(tenths/10) + "." + strconv.FormatInt(tenths%10, 10)
}

// Seconds is how long something took.
func Seconds(s float64) string {
	if s < 60 {
		return strconv.FormatFloat(s, 'f', 2, 64) + " s"
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// Size is a number of bytes, rounded.
func Size(n int64) string {
	value, unit := float64(n), "bytes"
	for _, u := range []string{"KB", "MB", "GB", "TB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, u
	}
	if unit == "bytes" || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
