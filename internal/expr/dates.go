package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// datePart is a part of a date's layout: text, or one field.
type datePart struct {
	source  string // as it stands in the layout
	literal string // what it stands for, when it is text
	goPart  string // the same field in a layout of Go's time package; empty for text
}

// dateField is a field of a layout as Go's time package writes it. Go has no
// form for "h" and "ZZZ", which datePart.format handles itself.
func dateField(verb string) (string, bool) {
	layout, ok := map[string]string{
		"YYYY": "2006", "YY": "06",
		"MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1",
		"DD": "02", "D": "2",
		"EEEE": "Monday", "EEE": "Mon",
		"hh": "15", "h": "15", "HH": "03", "H": "3",
		"AA": "PM", "aa": "pm",
		"mm": "04", "m": "4", "ss": "05", "s": "5",
		"ZZZZZ": "-07:00", "ZZZZ": "-0700", "ZZZ": "-0700", "Z": "Z07:00",
	}[verb]
	return layout, ok
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// parseDateLayout cuts a layout of formatdate and parsetime into its parts.
func parseDateLayout(layout string) ([]datePart, error) {
	var out []datePart
	for layout != "" {
		n := 1
		part := datePart{}
		switch {
		case layout[0] == '\'':
			text, length := quotedText(layout)
			if length == 0 {
				return nil, fmt.Errorf("a single quote is not closed")
			}
			n, part.literal = length, text
		case letter(layout[0]):
			for n < len(layout) && layout[n] == layout[0] {
				n++
			}
			field, ok := dateField(layout[:n])
			if !ok {
				return nil, fmt.Errorf("%q is no field of a date; text stands between single quotes", shorten(layout[:n]))
			}
			part.goPart = field
		default:
			for n < len(layout) && layout[n] != '\'' && !letter(layout[n]) {
				n++
			}
			part.literal = layout[:n]
		}
		part.source = layout[:n]
		out = append(out, part)
		layout = layout[n:]
	}
	return out, nil
}

// quotedText reads text between single quotes, in which two of them stand for
// one, as two do alone. The length is zero when the quote is not closed.
func quotedText(s string) (text string, length int) {
	if strings.HasPrefix(s, "''") {
		return "'", 2
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '\'':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", 0
}

func (p *datePart) format(dst []byte, t time.Time) []byte {
	switch p.source {
	case "h":
		return strconv.AppendInt(dst, int64(t.Hour()), 10)
	case "ZZZ":
		if _, offset := t.Zone(); offset == 0 {
			return append(dst, "UTC"...)
		}
	}
	if p.goPart == "" {
		return append(dst, p.literal...)
	}
	return t.AppendFormat(dst, p.goPart)
}

// dateReader reads a date by the parts of a layout.
type dateReader struct {
	rest             string
	year, month, day int
	hour, min, sec   int
	nanos            int
	half             int // 1 for AM, 2 for PM
	offset           int // seconds east of UTC
}

func (r *dateReader) read(p datePart) bool {
	if p.goPart == "" {
		rest, ok := strings.CutPrefix(r.rest, p.literal)
		r.rest = rest
		return ok
	}
	switch verb := p.source; verb[0] {
	case 'Y':
		return r.readYear(len(verb))
	case 'M':
		if len(verb) > 2 {
			return r.name(&r.month, 12, func(i int) string { return cut(time.Month(i).String(), len(verb)) })
		}
		return r.number(&r.month, len(verb), 1, 12)
	case 'D':
		return r.number(&r.day, len(verb), 1, 31)
	case 'E':
		var weekday int
		return r.name(&weekday, 7, func(i int) string { return cut(time.Weekday(i-1).String(), len(verb)) })
	case 'h':
		return r.number(&r.hour, len(verb), 0, 23)
	case 'H':
		return r.number(&r.hour, len(verb), 1, 12)
	case 'A', 'a':
		return r.name(&r.half, 2, func(i int) string { return []string{"am", "pm"}[i-1] })
	case 'm':
		return r.number(&r.min, len(verb), 0, 59)
	case 's':
		return r.number(&r.sec, len(verb), 0, 59) && r.fraction()
	}
	return r.zone()
}

// cut is a name as long as its verb wants it: three letters, or all.
func cut(name string, letters int) string {
	if letters == 3 {
		return name[:3]
	}
	return name
}

func (r *dateReader) readYear(digits int) bool {
	if !r.exact(&r.year, digits) {
		return false
	}
	if digits == 2 {
		// As Go and POSIX: 69 to 99 are of the 20th century.
		if r.year += 2000; r.year >= 2069 {
			r.year -= 100
		}
	}
	return true
}

// exact reads exactly that many digits.
func (r *dateReader) exact(into *int, digits int) bool {
	if len(r.rest) < digits {
		return false
	}
	n := 0
	for _, d := range []byte(r.rest[:digits]) {
		if d < '0' || d > '9' {
			return false
		}
		n = n*10 + int(d-'0')
	}
	*into, r.rest = n, r.rest[digits:]
	return true
}

// number reads two digits, or one or two for a verb of one letter.
func (r *dateReader) number(into *int, letters, least, most int) bool {
	ok := r.exact(into, 2) || letters == 1 && r.exact(into, 1)
	return ok && *into >= least && *into <= most
}

// fraction reads a fraction of a second if there is one.
func (r *dateReader) fraction() bool {
	if len(r.rest) < 2 || r.rest[0] != '.' || r.rest[1] < '0' || r.rest[1] > '9' {
		return true
	}
	n := 1
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	digits := (r.rest[1:n] + "000000000")[:9]
	r.rest = r.rest[n:]
	nanos, err := strconv.Atoi(digits)
	r.nanos = nanos
	return err == nil
}

// name reads one of the names 1 to count, in any case.
func (r *dateReader) name(into *int, count int, name func(int) string) bool {
	for i := 1; i <= count; i++ {
		if n := name(i); len(r.rest) >= len(n) && strings.EqualFold(r.rest[:len(n)], n) {
			*into, r.rest = i, r.rest[len(n):]
			return true
		}
	}
	return false
}

// zone reads Z, UTC, GMT, +0200 or +02:00.
func (r *dateReader) zone() bool {
	for _, utc := range []string{"Z", "UTC", "GMT"} {
		if rest, ok := strings.CutPrefix(r.rest, utc); ok {
			r.rest = rest
			return true
		}
	}
	if r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' {
		return false
	}
	sign := 1
	if r.rest[0] == '-' {
		sign = -1
	}
	r.rest = r.rest[1:]
	var hours, minutes int
	if !r.exact(&hours, 2) {
		return false
	}
	r.rest = strings.TrimPrefix(r.rest, ":")
	if !r.exact(&minutes, 2) || hours > 23 || minutes > 59 {
		return false
	}
	r.offset = sign * (hours*3600 + minutes*60)
	return true
}

// time is what was read; false when there is no such day.
func (r *dateReader) time() (time.Time, bool) {
	hour := r.hour
	if r.half > 0 {
		hour = hour%12 + 12*(r.half-1)
	}
	zone := time.UTC
	if r.offset != 0 {
		zone = time.FixedZone("", r.offset)
	}
	t := time.Date(r.year, time.Month(r.month), r.day, hour, r.min, r.sec, r.nanos, zone)
	return t, t.Day() == r.day && t.Month() == time.Month(r.month)
}
