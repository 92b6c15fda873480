// Package files is what the sources that read files share: the arguments that
// say which, one partition that strings the files together and cuts batches,
// and the conversion of values to the types of columns.
//
//	input.go      path, compression, allow_missing; what the plan says of them
//	source.go     the open source and its partition
//	position.go   how far it has been read, and going on there
//	identity.go   which files those were, and whether they still are
//	convert.go    values to the type that columns declares
//	json.go       what rows of JSON text have in common, document or lines
package files

import (
	"errors"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Input is which files are read and how their bytes become text.
type Input struct {
	Paths        []string
	Compression  string
	Encoding     string // UTF-8 when empty; a source declares the argument itself
	AllowMissing bool
}

// NewInput has the defaults.
func NewInput() Input { return Input{Compression: string(stream.Auto)} }

// Args declares the arguments.
func (in *Input) Args() []schema.Arg {
	return []schema.Arg{
		schema.Strings("path", &in.Paths, "The file to read, a pattern, a list of them, or `-` for standard input. In a pattern `*` and `?` stand for parts of a name, "+
			"`[a-z]` for a character and `**` for any folders; its files are read in the order of their names, files and folders whose names begin with a dot are passed over. "+
			"A file found twice is read once. A relative path starts at the working directory. "+
			"Rows of standard input or a named pipe go on after a quarter of a second, also when no others follow them.").Require(),
		schema.Choice("compression", &in.Compression, stream.Compressions(),
			"How the files are compressed; `auto` goes by the ending: `.gz`, `.zst`, `.bz2`, anything else is not."),
		schema.Bool("allow_missing", &in.AllowMissing,
			"Whether a path or pattern that finds no file is no error but no rows."),
	}
}

// Facts lists the files with their sizes.
func (in *Input) Facts() (schema.Facts, error) {
	files, err := in.list()
	if err != nil {
		return schema.Facts{}, err
	}
	facts := schema.Facts{Order: "files in the order of their names, rows in file order", Files: make([]string, len(files))}
	for i, f := range files {
		facts.Files[i] = f.Name()
		if f.Size >= 0 {
			facts.Files[i] = fmt.Sprintf("%s (%d bytes)", f.Name(), f.Size)
		}
	}
	return facts, nil
}

func (in *Input) list() ([]stream.File, error) {
	if len(in.Paths) == 0 {
		return nil, errors.New("path is an empty list: it names no file to read")
	}
	return stream.List(in.Paths, in.AllowMissing)
}

func (in *Input) options(count func(int64)) stream.Options {
	return stream.Options{
		Compression: stream.Compression(in.Compression),
		Encoding:    stream.Encoding(in.Encoding),
		Count:       count,
	}
}
