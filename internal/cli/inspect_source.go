package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/inspect"
)

// tablePrefix marks a SOURCE that is a table.
const tablePrefix = "dynamodb:"

// source is what the command line names, checked.
func (o *inspectOptions) source(arg string) (*target, error) {
	if o.rows < 0 {
		return nil, refuse("Wrong value of a flag", "--rows takes how many rows to look at, or 0 for all of them.")
	}
	if o.table != "" && !delivery.ValidTable(o.table) {
		return nil, refuse("Not a table", "--table %q: %s.", o.table, delivery.TableNames)
	}
	table, named := strings.CutPrefix(arg, tablePrefix)
	if named && (o.kind.value == "" || o.kind.value == "dynamodb") || o.kind.value == "dynamodb" {
		return o.fromTable(table)
	}
	return o.fromFiles(arg)
}

func (o *inspectOptions) fromTable(table string) (*target, error) {
	if err := o.only("dynamodb"); err != nil {
		return nil, err
	}
	if !delivery.ValidTable(table) {
		return nil, refuse("Not a table", "%q: %s.", table, delivery.TableNames)
	}
	name := dynamo.TableName(table)
	t := &target{
		block: inspect.Block{Type: "dynamodb", Name: inspect.Label(name), Args: []inspect.Arg{stringArg("table", table)}},
		view:  sourceView{Type: "dynamodb", Table: name, Index: o.index},
	}
	if o.index != "" {
		t.block.Args = append(t.block.Args, stringArg("index", o.index))
	}
	return t, nil
}

func (o *inspectOptions) fromFiles(path string) (*target, error) {
	files, err := o.files(path)
	if err != nil {
		return nil, err
	}
	kind, tab, err := o.kindOf(files)
	if err != nil {
		return nil, err
	}
	if err := o.only(kind); err != nil {
		return nil, err
	}
	t := &target{
		block: inspect.Block{Type: kind, Name: inspect.Label(bareName(path)), Args: []inspect.Arg{stringArg("path", path)}},
		view:  sourceView{Type: kind, Bytes: stream.Total(files)},
	}
	for _, f := range files {
		t.view.Files = append(t.view.Files, f.Name())
	}
	delimiter := o.delimiter
	if delimiter == `\t` || delimiter == "" && tab {
		delimiter = "\t"
	}
	for _, arg := range []inspect.Arg{stringArg("delimiter", delimiter), stringArg("format", o.format.value), stringArg("pointer", o.pointer)} {
		if arg.Value.AsString() != "" {
			t.block.Args = append(t.block.Args, arg)
		}
	}
	return t, nil
}

// files finds what a path stands for. A CSV file is read twice, and other
// files may be, which what can't be read again can't.
func (o *inspectOptions) files(path string) ([]stream.File, error) {
	if path == stream.Stdin {
		return nil, refuse("Not a file", "inspect reads a file twice, which standard input can't be: name the file.")
	}
	files, err := stream.List([]string{path}, true)
	if err != nil {
		return nil, refuse("Source can't be read", "%v.", err)
	}
	if len(files) == 0 {
		hint := ""
		if delivery.ValidTable(path) && !strings.Contains(path, ".") {
			hint = fmt.Sprintf(" A table is written %s%s.", tablePrefix, path)
		}
		return nil, refuse("File not found", "There is no file %s.%s", path, hint)
	}
	for _, f := range files {
		if f.Size < 0 {
			return nil, refuse("Not a file", "inspect reads a file twice, and %s, a pipe or a device, can only be read once.", f.Name())
		}
	}
	return files, nil
}

// kindOf is what files hold: as --type says, or as the endings of all say. tab
// says that their cells are separated by tabs.
func (o *inspectOptions) kindOf(files []stream.File) (kind string, tab bool, err error) {
	if o.kind.value != "" {
		return o.kind.value, false, nil
	}
	for i, f := range files {
		k, t := ending(f.Path)
		switch {
		case k == "":
			return "", false, refuse("What is it?", "The ending of %s does not say what it holds: it is not .csv, .tsv, .json, .jsonl or .ndjson, perhaps with .gz, .zst or .bz2 behind it. Say it with --type, as in --type csv.", f.Path)
		case i > 0 && (k != kind || t != tab):
			return "", false, refuse("Files of several kinds", "%s and %s have different endings. Files of one kind can be looked at together; --type says that they are.", files[0].Path, f.Path)
		}
		kind, tab = k, t
	}
	return kind, tab, nil
}

// ending is the kind that the ending of a path says, its compression passed over.
func ending(path string) (kind string, tab bool) {
	if stream.CompressionOf(path) != stream.None {
		path = strings.TrimSuffix(path, filepath.Ext(path))
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return "csv", false
	case ".tsv":
		return "csv", true
	case ".json":
		return "json", false
	case ".jsonl", ".ndjson":
		return "jsonl", false
	}
	return "", false
}

// bareName is a file's name without folders and endings.
func bareName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

// only refuses flags that are for another kind of source.
func (o *inspectOptions) only(kind string) error {
	for _, f := range []struct {
		name, value string
		of          []string
	}{
		{"delimiter", o.delimiter, []string{"csv"}},
		{"format", o.format.value, []string{"json", "jsonl"}},
		{"pointer", o.pointer, []string{"json"}},
		{"index", o.index, []string{"dynamodb"}},
	} {
		if f.value != "" && !slices.Contains(f.of, kind) {
			return refuse("Flag of another source", "--%s is for %s, and this source is %s.", f.name, strings.Join(f.of, " and "), kind)
		}
	}
	return nil
}
