package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/inspect"
)

// draft is a pipeline that init writes.
type draft struct {
	*initOptions
	target *target
	found  *inspection
	key    []inspect.KeyPart // of the table that it writes
	b      strings.Builder
}

// text is the pipeline, not yet in its canonical form.
func (d *draft) text() string {
	d.b.Reset()
	d.writeHead()
	d.writeVariable()
	d.writeSource()
	d.writeBetween()
	if d.toTable != "" {
		d.writeTable()
	} else {
		d.writeFile()
	}
	return d.b.String()
}

func (d *draft) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// comment writes lines of comment; what is quoted in them has no line ends.
func (d *draft) comment(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		d.b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
}

func (d *draft) writeHead() {
	from, to := d.from, d.toFile
	if d.fromTable != "" {
		from = "table " + dynamo.TableName(d.fromTable)
	}
	if d.toTable != "" {
		to = "table " + dynamo.TableName(d.toTable)
	}
	d.comment("From %s to %s.", shownName(from), shownName(to))
	if d.fromTable != "" || d.toTable != "" {
		d.comment("Region, endpoint and credentials are found as every AWS tool finds them.")
	}
	if d.out != "-" {
		d.comment("\n  dynapipe plan %[1]s\n  dynapipe run %[1]s", shellWord(d.out))
	}
	d.printf("\n")
}

func (d *draft) writeVariable() {
	if d.toTable == "" {
		return
	}
	d.printf("variable \"table\" {\n  type = string\n  description = \"Table to write\"\n  default = %s\n}\n\n", quote(d.toTable))
}

// writeSource writes the block that inspect ends with, and what the sample was like.
func (d *draft) writeSource() {
	f := d.found
	switch {
	case f.Rows == 0:
		d.comment("There was no row to look at.")
	case f.Total.Rows == f.Rows+f.Rejected.Rows:
		d.comment("%s looked at, which is all.", rows(f.Rows))
	default:
		d.comment("The first %s were looked at: types and keys are theirs.", rows(f.Rows))
	}
	if r := f.Rejected; r.Rows > 0 {
		d.comment("%s more would be rejected, and with max_rejects as it is fail the run. The first:\n  %s", rows(r.Rows), oneLine(r.First[0]))
	}
	if padded := d.padded(); len(padded) > 0 {
		d.comment("Text where a number would lose zeros: %s.", strings.Join(padded, ", "))
	}
	d.printf("%s\n", f.Block)
}

// maxNames is how many attributes a comment names.
const maxNames = 8

var leadingZero = regexp.MustCompile(`^[+-]?0[0-9]+$`)

// padded is the columns of text whose example is a number with zeros before it.
func (d *draft) padded() (names []string) {
	if d.target.block.Type != "csv" {
		return nil
	}
	for _, x := range d.found.Attributes {
		if x.Column == "" && leadingZero.MatchString(x.Example) && len(names) < maxNames {
			names = append(names, shownName(x.Name))
		}
	}
	return names
}

// writeBetween shows where a transform would stand.
func (d *draft) writeBetween() {
	b := d.target.block
	d.comment("To change rows on their way, add a transform, and have the sink read transform.map.changed:")
	d.comment("\n  transform \"map\" \"changed\" {\n    from = source.%s.%s\n    set = {\n      imported_at = timestamp()\n    }\n  }", b.Type, b.Name)
	d.printf("\n")
}

func (d *draft) writeTable() {
	b := d.target.block
	d.printf("sink \"batch_write\" %s {\n  from = source.%s.%s\n  table = var.table\n\n", quote(b.Name), b.Type, b.Name)
	for _, note := range d.keyNotes() {
		d.comment("%s", note)
	}
	d.printf("create_table {\n")
	for i, part := range d.key {
		role := [...]string{"partition", "sort"}[i]
		d.printf("%s_key = %s\n", role, quote(part.Name))
		if part.Type != "S" {
			d.printf("%s_type = %s\n", role, quote(part.Type))
		}
	}
	d.printf("}\n}\n")
}

// keyNotes is what the sample says of the key.
func (d *draft) keyNotes() (notes []string) {
	notes = append(notes, "Only if the table is not there yet. Rows of one key replace each other: the last one stays.")
	f := d.found
	for _, part := range d.key {
		for _, x := range f.Attributes {
			if missing := f.Rows - x.Present + x.Null + x.Empty; x.Name == part.Name && missing > 0 {
				notes = append(notes, fmt.Sprintf("%s has no value in %s of those looked at, which would be rejected.", shownName(x.Name), rows(missing)))
			}
		}
	}
	if f.Rows == 0 || len(f.tableKey) > 0 {
		return notes
	}
	chosen := strings.Join(names(d.key), ",")
	var others []keyChoice
	for _, k := range keyChoices(f) {
		if k.names == chosen {
			notes = append(notes, fmt.Sprintf("The key is different in each row looked at%s.", among(k.rows, f.Rows)))
		} else if len(others) < maxNames {
			others = append(others, k)
		}
	}
	if len(others) > 0 {
		notes = append(notes, fmt.Sprintf("Different in each row%s: %s.", among(others[0].rows, f.Rows), strings.Join(spelled(others), "; ")))
	}
	return notes
}

func names(parts []inspect.KeyPart) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.Name
	}
	return out
}

func (d *draft) writeFile() {
	b := d.target.block
	d.comment("It appears under its name when it is whole.")
	d.printf("sink \"file\" %s {\n  from = source.%s.%s\n  path = %s\n}\n", quote(b.Name), b.Type, b.Name, quote(d.toFile))
}

// quote is a text as a pipeline has it.
func quote(text string) string { return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes()) }

// oneLine keeps control characters out of a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

var plainWord = regexp.MustCompile(`^[\w./@%+:,=-]+$`)

// shellWord is a word as a shell takes it.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(oneLine(text), "'", `'\''`) + "'"
}
