// Package dataset makes the rows that benchmarks read: users of ten columns,
// some 154 bytes each as CSV, the same for the same number on any machine.
package dataset

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// columns are the names of a row's values, in their order.
var columns = [...]string{"id", "email", "name", "status", "balance", "created", "age", "country", "tags", "note"}

// Row is a user.
type Row struct {
	ID, Email, Name, Status string
	Balance                 string // a number with two places
	Created                 string
	Age                     string // a whole number
	Country                 string
	Tags                    []string
	Note                    string
}

var (
	givenNames = [...]string{"Ada", "Björn", "Chloé", "Dmitri", "Eva", "François", "Grace", "Hiroshi", "Ingrid", "João", "Keiko", "Łukasz"}
	surnames   = [...]string{"Lovelace", "Ångström", "Müller", "O'Neill", "Garcia", "Hopper", "Tanaka", "Novák", "Silva", "Sørensen"}
	logins     = [...]string{"ada", "bjorn", "chloe", "dmitri", "eva", "francois", "grace", "hiroshi", "ingrid", "joao"}
	statuses   = [...]string{"active", "active", "active", "inactive", "active", "pending", "active"}
	countries  = [...]string{"de", "fr", "jp", "us", "br", "pl", "se", "ie"}
	tags       = [...]string{"admin", "beta", "newsletter", "eu", "vip", "trial", "partner"}
	notes      = [...]string{
		"called back on Monday, wants a new contract",
		"prefers e-mail, never phones before noon",
		"said \"ship it\" and asked for the invoice, twice",
		"first line of it\nand a second line, with a comma",
		"naïve café, 東京 branch, since the spring",
		"asked for a refund of the second order in May",
		"no remarks so far, and none to be expected",
	}
)

// At is the row with that number.
func At(number int) Row {
	r := source(uint64(number)) // what looks random has to be the same each time
	login := pick(&r, logins[:])
	cents := r.next(2_000_000)
	return Row{
		ID:      "u" + padded(number, 9),
		Email:   login + "." + strconv.Itoa(number) + "@example.com",
		Name:    pick(&r, givenNames[:]) + " " + pick(&r, surnames[:]),
		Status:  pick(&r, statuses[:]),
		Balance: strconv.Itoa(cents/100) + "." + padded(cents%100, 2),
		Created: time.Unix(1_500_000_000+int64(r.next(250_000_000)), 0).UTC().Format(time.RFC3339),
		Age:     strconv.Itoa(18 + r.next(70)),
		Country: pick(&r, countries[:]),
		Tags:    someTags(&r),
		Note:    pick(&r, notes[:]),
	}
}

// source is SplitMix64.
type source uint64

func (s *source) next(below int) int {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1 % uint64(below))
}

func pick(s *source, from []string) string { return from[s.next(len(from))] }

func someTags(s *source) []string {
	out := make([]string, 1+s.next(4)) // 2.5 on average
	first := s.next(len(tags))
	for i := range out {
		out[i] = tags[(first+i)%len(tags)]
	}
	return out
}

func padded(n, width int) string {
	s := strconv.Itoa(n)
	for len(s) < width {
		s = "0" + s
	}
	return s
}

// WriteCSV writes a header and so many rows. Tags are one cell, with "|"
// between them.
func WriteCSV(to io.Writer, rows int) error {
	w := csv.NewWriter(to)
	if err := w.Write(columns[:]); err != nil {
		return err
	}
	for i := range rows {
		r := At(i)
		if err := w.Write([]string{
			r.ID, r.Email, r.Name, r.Status, r.Balance, r.Created, r.Age, r.Country, joined(r.Tags), r.Note,
		}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func joined(tags []string) string {
	s := tags[0]
	for _, t := range tags[1:] {
		s += "|" + t
	}
	return s
}

// WriteJSONL writes so many rows as plain JSON, a line each. Balance and age
// are numbers, tags an array.
func WriteJSONL(to io.Writer, rows int) error {
	w := bufio.NewWriterSize(to, 1<<20)
	var line []byte
	for i := range rows {
		line = append(AppendJSON(line[:0], At(i)), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// AppendJSON appends a row as plain JSON.
func AppendJSON(dst []byte, r Row) []byte {
	return appendObject(dst, r, plainString, func(dst []byte, n string) []byte { return append(dst, n...) },
		func(dst []byte) []byte { return append(dst, '[') }, func(dst []byte) []byte { return append(dst, ']') })
}

// AppendItem appends a row as an item in DynamoDB JSON.
func AppendItem(dst []byte, r Row) []byte {
	return appendObject(dst, r,
		func(dst []byte, s string) []byte { return append(plainString(append(dst, `{"S":`...), s), '}') },
		func(dst []byte, n string) []byte { return append(plainString(append(dst, `{"N":`...), n), '}') },
		func(dst []byte) []byte { return append(dst, `{"L":[`...) }, func(dst []byte) []byte { return append(dst, `]}`...) })
}

func plainString(dst []byte, s string) []byte { return attr.AppendJSONString(dst, s) }

func appendObject(dst []byte, r Row, text, number func([]byte, string) []byte, begin, end func([]byte) []byte) []byte {
	name := func(i int) {
		dst = append(plainString(append(dst, ','), columns[i]), ':')
	}
	start := len(dst)
	for i, value := range []string{r.ID, r.Email, r.Name, r.Status, r.Balance, r.Created, r.Age, r.Country} {
		name(i)
		if columns[i] == "balance" || columns[i] == "age" {
			dst = number(dst, value)
		} else {
			dst = text(dst, value)
		}
	}
	name(8)
	dst = begin(dst)
	for i, t := range r.Tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = text(dst, t)
	}
	dst = end(dst)
	name(9)
	dst = append(text(dst, r.Note), '}')
	dst[start] = '{' // in place of the first comma
	return dst
}
