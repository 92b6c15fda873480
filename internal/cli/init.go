package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/inspect"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/pipeline"
)

// initOptions are the flags of init.
type initOptions struct {
	inspectOptions        // how the source is read
	from, fromTable       string
	toFile, toTable, keys string
	out                   string
	force                 bool
}

func (a *app) initCommand() *cobra.Command {
	o := &initOptions{inspectOptions: newInspectOptions()}
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a first pipeline from a file or a table",
		Long: `Init looks at a sample of a file or a table, as inspect does, and writes a pipeline
that reads it and works: with the types that columns have, the key of a table that
it creates, and comments that say what to change. A number is one only where nothing
is lost by it, so a ZIP code stays text.

On a terminal it asks for what no flag says. Elsewhere it never asks, and what is
missing is an error. A key that no flag says is the only attribute, or pair of them,
that could be one. A file that is there already is not overwritten.`,
		Example: `  dynapipe init
  dynapipe init --from users.csv --to-table users --key id
  dynapipe init --from 'orders/*.jsonl.gz' --to-table orders --key customer,id --output-file orders.hcl
  dynapipe init --from-table users --to-file users.parquet`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.initialise(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "the `file` to read, or a pattern of files in quotes: CSV, JSON or JSONL")
	f.StringVar(&o.fromTable, "from-table", "", "the `table` to read: its name or ARN")
	f.StringVar(&o.toTable, "to-table", "", "the `table` to write, which the pipeline creates if it is not there")
	f.StringVar(&o.toFile, "to-file", "", "the `file` to write; its ending says the format")
	f.StringVar(&o.keys, "key", "", "--to-table: the table's key, as `partition[,sort]`")
	f.StringVar(&o.out, "output-file", "", "the pipeline's `file`, or - for standard output (default pipeline.hcl)")
	f.BoolVar(&o.force, "force", false, "overwrite the pipeline's file")
	o.addReading(a, c)
	a.addOutput(c, "what comes next as text, or the pipeline in one JSON document")
	return c
}

func (a *app) initialise(ctx context.Context, o *initOptions) error {
	ctx, cancel := a.cancelled(ctx)
	defer cancel()
	if err := o.contradictions(); err != nil {
		return err
	}
	ask := a.newAsker(ctx)
	if err := o.askSource(ask); err != nil {
		return err
	}
	target, err := o.inspectOptions.source(o.origin())
	if err != nil {
		return err
	}
	if err := o.askSink(ask, target); err != nil {
		return err
	}
	if err := o.place(ask); err != nil {
		return err
	}
	found, target, err := a.lookTwice(ctx, target, o)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	draft := &draft{initOptions: o, target: target, found: found}
	if o.toTable != "" {
		if draft.key, err = o.chooseKey(ask, found); err != nil {
			return err
		}
	}
	text, err := a.checked(draft.text(), o.out)
	if err != nil {
		return err
	}
	return a.initWrite(text, draft)
}

// contradictions finds flags that exclude each other, all at once.
func (o *initOptions) contradictions() error {
	var diags hcl.Diagnostics
	for _, pair := range [][4]string{
		{"--from", o.from, "--from-table", o.fromTable},
		{"--to-file", o.toFile, "--to-table", o.toTable},
	} {
		if pair[1] != "" && pair[3] != "" {
			diags = append(diags, diag.Plain("Two flags for one thing", "%s and %s exclude each other: a first pipeline has one source and one sink.", pair[0], pair[2]))
		}
	}
	if o.keys != "" && o.toFile != "" {
		diags = append(diags, diag.Plain("Flag of another sink", "--key is for --to-table: a file has no key."))
	}
	if o.toTable != "" && !delivery.ValidTable(o.toTable) {
		diags = append(diags, diag.Plain("Not a table", "--to-table %q: %s.", o.toTable, delivery.TableNames))
	}
	if len(diags) > 0 {
		return &wrong{diags: diags}
	}
	return nil
}

// origin is the source as inspect's argument names it.
func (o *initOptions) origin() string {
	if o.fromTable != "" {
		return tablePrefix + o.fromTable
	}
	return o.from
}

// askSource asks for what is read. Without a terminal it says all that is missing.
func (o *initOptions) askSource(ask *asker) error {
	var missing []string
	if o.from == "" && o.fromTable == "" {
		missing = append(missing, "--from FILE or --from-table TABLE")
	}
	if !ask.terminal {
		if o.toFile == "" && o.toTable == "" {
			missing = append(missing, "--to-table TABLE or --to-file FILE")
		}
		if len(missing) > 0 {
			return refuse("Missing flag", "What to read and where to write it has to be said: add %s. On a terminal dynapipe init asks.", strings.Join(missing, ", and "))
		}
		return nil
	}
	if len(missing) == 0 {
		return nil
	}
	answer, err := ask.line("What is to be read: a file, or dynamodb:TABLE", "")
	if err != nil {
		return err
	}
	o.from, o.fromTable = split2(answer)
	return nil
}

// askSink asks for where rows go: by default a file into a table, and a table into a
// file.
func (o *initOptions) askSink(ask *asker, t *target) error {
	if o.toFile != "" || o.toTable != "" {
		return nil
	}
	def := tablePrefix + strings.ReplaceAll(t.block.Name, "_", "-")
	if o.fromTable != "" {
		def = t.block.Name + ".jsonl"
	} else if !delivery.ValidTable(strings.TrimPrefix(def, tablePrefix)) {
		def = ""
	}
	answer, err := ask.line("Where do the rows go: a file, or dynamodb:TABLE", def)
	if err != nil {
		return err
	}
	o.toFile, o.toTable = split2(answer)
	return o.contradictions()
}

func split2(answer string) (file, table string) {
	if name, ok := strings.CutPrefix(answer, tablePrefix); ok {
		return "", name
	}
	return answer, ""
}

// place says which file the pipeline goes into, which may not be there yet.
func (o *initOptions) place(ask *asker) error {
	if o.out == "" {
		o.out = "pipeline.hcl"
		if ask.terminal {
			answer, err := ask.line("The pipeline's file", o.out)
			if err != nil {
				return err
			}
			o.out = answer
		}
	}
	return o.free()
}

// free checks that nothing is overwritten.
func (o *initOptions) free() error {
	if o.force || o.out == plan.StandardStream {
		return nil
	}
	_, err := os.Lstat(o.out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return refuse("File can't be written", "%v.", err)
	}
	return refuse("File exists", "%s is there already, and stays as it is. Choose another with --output-file, or overwrite it with --force.", o.out)
}

// lookTwice samples the source, and again as DynamoDB JSON when that is what it
// looks like.
func (a *app) lookTwice(ctx context.Context, t *target, o *initOptions) (*inspection, *target, error) {
	found, err := a.look(ctx, t, &o.inspectOptions)
	json := t.block.Type == "json" || t.block.Type == "jsonl"
	if err == nil && json && o.format.value == "" && found.LooksLikeItems() {
		o.format.value = "dynamodb"
		if t, err = o.inspectOptions.source(o.origin()); err != nil {
			return nil, nil, err
		}
		found, err = a.look(ctx, t, &o.inspectOptions)
	}
	if err == nil && found.Error != "" {
		err = errors.New(found.Error)
	}
	return found, t, err
}

// chooseKey is the key of the table to create: as the flag says, or as the sample does,
// once that leaves no choice or somebody chose.
func (o *initOptions) chooseKey(ask *asker, found *inspection) ([]inspect.KeyPart, error) {
	if o.keys == "" {
		choices := keyChoices(found)
		def := ""
		if len(choices) > 0 {
			def = choices[0].names
		}
		switch {
		case ask.terminal:
			answer, err := ask.line("The key of table "+o.toTable+", as partition[,sort]", def)
			if err != nil {
				return nil, err
			}
			o.keys = answer
		case len(choices) == 1:
			o.keys = def
		case len(choices) == 0:
			return nil, refuse("Missing flag", "No attribute of the sample, and no pair of them, is in every row and different in each: say the key of the table with --key PARTITION[,SORT].")
		default:
			return nil, refuse("Missing flag", "Several keys are possible: %s. Choose with --key PARTITION[,SORT].", strings.Join(spelled(choices), "; "))
		}
	}
	return o.keyParts(found)
}

// keyChoice is what could be the key, as --key spells it, and among how many rows
// no two have the same.
type keyChoice struct {
	names string
	rows  int64
}

func spelled(choices []keyChoice) []string {
	out := make([]string, len(choices))
	for i, c := range choices {
		out[i] = oneLine(c.names)
	}
	return out
}

// keyChoices is what could be the key: attributes of the type that is most likely
// one, or else pairs. A table says its own.
func keyChoices(found *inspection) (choices []keyChoice) {
	if len(found.tableKey) > 0 {
		return []keyChoice{{strings.Join(names(found.tableKey), ","), found.Rows}}
	}
	for _, k := range found.Keys {
		if k.Type == found.Keys[0].Type && inspect.Spellable(k.Name) && !strings.Contains(k.Name, ",") {
			choices = append(choices, keyChoice{k.Name, k.Rows})
		}
	}
	for _, p := range found.Pairs {
		if name := p.Partition.Name + "," + p.Sort.Name; inspect.Spellable(name) && strings.Count(name, ",") == 1 {
			choices = append(choices, keyChoice{name, p.Rows})
		}
	}
	return choices
}

// keyParts is the key's attributes with the types that the sample has.
func (o *initOptions) keyParts(found *inspection) ([]inspect.KeyPart, error) {
	names := strings.Split(o.keys, ",")
	if len(names) > 2 || slices.Contains(names, "") || len(names) == 2 && names[0] == names[1] {
		return nil, refuse("Wrong value of a flag", "--key %q: a key is one attribute, or two different ones with a comma between: --key customer,id.", o.keys)
	}
	var parts []inspect.KeyPart
	var known []string
	for _, x := range found.Attributes {
		known = append(known, x.Name)
	}
	for _, name := range names {
		i := slices.Index(known, name)
		k := slices.IndexFunc(found.tableKey, func(p inspect.KeyPart) bool { return p.Name == name })
		switch {
		case k >= 0:
			parts = append(parts, found.tableKey[k])
			continue
		case i < 0 && found.Rows > 0:
			hint := diag.DidYouMean(name, known)
			if hint == "" {
				hint = " There are: " + strings.Join(known[:min(len(known), 20)], ", ") + "."
			}
			return nil, refuse("Unknown attribute", "--key %s: no row of the sample has it.%s", name, hint)
		case i < 0:
			parts = append(parts, inspect.KeyPart{Name: name, Type: "S"})
			continue
		}
		types := found.Attributes[i].Types
		if len(types) != 1 || !slices.Contains([]string{"S", "N", "B"}, types[0].Type) {
			var has []string
			for _, t := range types {
				has = append(has, t.Type)
			}
			return nil, refuse("Not a key", "--key %s: a key is a text, a number or a binary, and in the sample it is %s.", name, strings.Join(append(has, "NULL")[:max(len(has), 1)], " and "))
		}
		parts = append(parts, inspect.KeyPart{Name: name, Type: types[0].Type})
	}
	return parts, nil
}

// checked is the text in its canonical form, once it has passed all checks that
// validate makes.
func (a *app) checked(text, name string) ([]byte, error) {
	formatted, file, diags := pipeline.Format(name, []byte(text))
	files := map[string]*hcl.File{name: file}
	if !diags.HasErrors() {
		_, files, diags = pipeline.LoadText(name, string(formatted), a.catalog, pipeline.Options{Run: &expr.Run{}})
	}
	if diags.HasErrors() {
		return nil, &wrong{diags: diags, files: files}
	}
	return formatted, nil
}

// initDocument is what --output json writes.
type initDocument struct {
	File     string       `json:"file,omitempty" doc:"The file that was written; none with --output-file -."`
	Text     string       `json:"text" doc:"The pipeline."`
	Rejected rejectedView `json:"rejected" doc:"Rows of the sample that a run would reject."`
}

// initWrite writes the pipeline and says what comes next.
func (a *app) initWrite(text []byte, d *draft) error {
	doc := initDocument{Text: string(text), Rejected: d.found.Rejected}
	if d.out != plan.StandardStream {
		doc.File = d.out
	}
	a.answer(doc)
	if d.out == plan.StandardStream {
		if a.asksJSON() {
			return nil
		}
		_, err := a.Stdout.Write(text)
		return err
	}
	if err := d.free(); err != nil { // somebody may have been faster
		return err
	}
	run, err := newRun()
	if err != nil {
		return err
	}
	if err := replace(d.out, run.ID, text); err != nil {
		return fmt.Errorf("%s can't be written: %w", d.out, err)
	}
	if r := d.found.Rejected; r.Rows > 0 {
		fmt.Fprintf(a.console, "A run would reject %s of the sample, the first: %s\n", rows(r.Rows), r.First[0])
	}
	if a.asksJSON() {
		return nil
	}
	_, err = fmt.Fprintf(a.Stdout, "%s is written. Look at it, and then:\n\n  dynapipe plan %s\n  dynapipe run %s\n", d.out, shellWord(d.out), shellWord(d.out))
	return err
}
