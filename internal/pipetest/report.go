package pipetest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Report is what came of tests.
type Report struct {
	Passed  int       `json:"passed" doc:"Tests that passed."`
	Failed  int       `json:"failed" doc:"Tests that failed."`
	Seconds float64   `json:"seconds" doc:"How long they took, in seconds."`
	Tests   []*Result `json:"tests" doc:"The tests, in the order of their files."`
}

func (r *Report) add(t *Result) {
	r.Tests = append(r.Tests, t)
	r.Seconds += t.Seconds
	if t.Status == Passed {
		r.Passed++
	} else {
		r.Failed++
	}
}

// Status is how a test ended.
type Status string

// The ends of a test.
const (
	Passed Status = "passed"
	Failed Status = "failed"
)

// Values are the ends that there are.
func (Status) Values() []string { return []string{string(Passed), string(Failed)} }

// Result is what came of one test.
type Result struct {
	File     string    `json:"file" doc:"The file that the test is in."`
	Line     int       `json:"line" doc:"The line of its block."`
	Name     string    `json:"name" doc:"Its name."`
	Pipeline string    `json:"pipeline" doc:"The pipeline that it tests."`
	Status   Status    `json:"status" doc:"How it ended."`
	Seconds  float64   `json:"seconds" doc:"How long it took, in seconds."`
	Failures []Failure `json:"failures,omitempty" doc:"All that is wrong."`

	mask func(string) string
}

// fail adds a failure, with secrets hidden (promise 8).
func (r *Result) fail(f Failure) {
	r.Status = Failed
	f.Message, f.Row = r.mask(f.Message), r.mask(f.Row)
	for i := range f.Rows {
		d := &f.Rows[i]
		d.Row = r.mask(d.Row)
		for j := range d.Attributes {
			a := &d.Attributes[j]
			a.Expected, a.Actual = r.mask(a.Expected), r.mask(a.Actual)
		}
	}
	r.Failures = append(r.Failures, f)
}

// FailureKind is what is wrong.
type FailureKind string

// The kinds of failure.
const (
	RunFailed   FailureKind = "run_failed"
	WrongRows   FailureKind = "wrong_rows"
	WrongCount  FailureKind = "wrong_count"
	Rejected    FailureKind = "rejected"     // a row that no block expects to be
	NotRejected FailureKind = "not_rejected" // as many rows as a block expects
)

// Values are the kinds that there are.
func (FailureKind) Values() []string {
	return []string{string(RunFailed), string(WrongRows), string(WrongCount), string(Rejected), string(NotRejected)}
}

// Failure is one thing that is wrong.
type Failure struct {
	Kind    FailureKind     `json:"kind" doc:"What is wrong."`
	Node    string          `json:"node,omitempty" doc:"The node at which it is."`
	Line    int             `json:"line" doc:"The line of the block that it breaks."`
	Message string          `json:"message" doc:"What is wrong, in words."`
	Row     string          `json:"row,omitempty" doc:"The row that was rejected."`
	Rows    []RowDifference `json:"rows,omitempty" doc:"The rows that are not as expected."`
}

// DifferenceKind is how rows differ.
type DifferenceKind string

// The kinds of difference.
const (
	Missing DifferenceKind = "missing"
	Extra   DifferenceKind = "extra"
	Changed DifferenceKind = "changed"
	Moved   DifferenceKind = "moved" // it is there, at another place
)

// Values are the kinds that there are.
func (DifferenceKind) Values() []string {
	return []string{string(Missing), string(Extra), string(Changed), string(Moved)}
}

// RowDifference is a row that is not as expected. Rows count from 1; 0 is none.
// Values are spelled as in a test.
type RowDifference struct {
	Kind       DifferenceKind        `json:"kind" doc:"How the row differs."`
	Expected   int                   `json:"expected,omitempty" doc:"Its number among the rows expected, from 1."`
	Actual     int                   `json:"actual,omitempty" doc:"Its number among the rows that came, from 1."`
	Row        string                `json:"row" doc:"The row that was expected, or the extra one, as a test writes it."`
	Attributes []AttributeDifference `json:"attributes,omitempty" doc:"The attributes that differ."`
}

// AttributeDifference is an attribute that is not as expected.
type AttributeDifference struct {
	Name     string `json:"name" doc:"The attribute's name."`
	Expected string `json:"expected" doc:"What it should be, as a test writes it."`
	Actual   string `json:"actual" doc:"What it is."`
}

// WriteText writes the failures of a test for people.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s:%d  %s  (%.2f s)\n", map[Status]string{Passed: "pass", Failed: "FAIL"}[r.Status], r.File, r.Line, r.Name, r.Seconds)
	r.writeFailures(&b, "      ")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) writeFailures(b *strings.Builder, indent string) {
	for _, f := range r.Failures {
		fmt.Fprintf(b, "%s%s:%d: %s\n", indent, r.File, f.Line, f.Message)
		if f.Row != "" {
			fmt.Fprintf(b, "%s  the row: %s\n", indent, f.Row)
		}
		for _, d := range f.Rows {
			d.write(b, indent+"  ")
		}
	}
}

func (d *RowDifference) write(b *strings.Builder, indent string) {
	switch d.Kind {
	case Missing:
		fmt.Fprintf(b, "%s- row %d is missing: %s\n", indent, d.Expected, d.Row)
	case Extra:
		fmt.Fprintf(b, "%s+ row %d is extra: %s\n", indent, d.Actual, d.Row)
	case Moved:
		fmt.Fprintf(b, "%s> row %d comes as row %d: %s\n", indent, d.Expected, d.Actual, d.Row)
	case Changed:
		fmt.Fprintf(b, "%s~ row %d", indent, d.Expected)
		if d.Expected != d.Actual {
			fmt.Fprintf(b, ", which comes as row %d,", d.Actual)
		}
		b.WriteString(" is different:\n")
		longest := 0
		for _, a := range d.Attributes {
			longest = max(longest, len(a.Name))
		}
		for _, a := range d.Attributes {
			fmt.Fprintf(b, "%s    %-*s  expected %s\n", indent, longest, a.Name, a.Expected)
			fmt.Fprintf(b, "%s    %-*s  actual   %s\n", indent, longest, "", a.Actual)
		}
	}
}

// The elements of JUnit's XML, as CI systems read it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a suite for each file.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Tests: len(r.Tests), Failures: r.Failed, Time: seconds(r.Seconds)}
	var suite *junitSuite
	sum := 0.0
	for _, t := range r.Tests {
		if suite == nil || suite.Name != t.File {
			all.Suites = append(all.Suites, junitSuite{Name: t.File})
			suite, sum = &all.Suites[len(all.Suites)-1], 0
		}
		c := junitCase{Name: t.Name, Class: t.File, File: t.File, Line: t.Line, Time: seconds(t.Seconds)}
		if t.Status != Passed {
			var b strings.Builder
			t.writeFailures(&b, "")
			c.Failure = &junitFailure{Message: t.Failures[0].Message, Type: string(t.Failures[0].Kind), Text: b.String()}
			suite.Failures++
		}
		sum += t.Seconds
		suite.Tests, suite.Time, suite.Cases = suite.Tests+1, seconds(sum), append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encode := xml.NewEncoder(w)
	encode.Indent("", "  ")
	if err := encode.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
