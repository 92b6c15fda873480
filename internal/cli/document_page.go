package cli

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/dynapipe/dynapipe/internal/jsondoc"
)

// outputPage is the reference of what --output json and --report write.
func outputPage() string {
	var b strings.Builder
	b.WriteString(generated + "# JSON documents\n\nWith `--output json` a command writes one JSON document on standard output and nothing else there, however it\n" +
		"ends: also when the pipeline or the command line is wrong. `--report FILE` of run, replay and chaos writes the same\n" +
		"document into a file. It is one object: the fields below, and beside them those of its command. Fields may be added at any time.\n" +
		"`dynapipe schema output` writes the [JSON Schema](output.schema.json) of all of them.\n\n" +
		"`[]` in a name stands for each element of an array, `.*` for each name of an object. Fields with a `?` may not be there.\n\n## Every document\n")
	fieldsTable(&b, jsondoc.Fields(reflect.TypeFor[head]()))
	described := map[reflect.Type]string{}
	for _, k := range documentKinds() {
		if k.command == failed {
			fmt.Fprintf(&b, "\n## A command that failed\n\n%s With diagnostics it counts them:\n", k.doc)
			fieldsTable(&b, jsondoc.Fields(reflect.TypeFor[validity]()))
			continue
		}
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n", k.command, k.doc)
		if before, again := described[k.rest]; again {
			fmt.Fprintf(&b, "\nThe fields are those of `%s`.\n", before)
			continue
		}
		described[k.rest] = k.command
		fieldsTable(&b, jsondoc.Fields(k.rest))
	}
	return b.String()
}

func fieldsTable(b *strings.Builder, fields []jsondoc.Field) {
	b.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
	for _, f := range fields {
		name, typ, doc := f.Path, f.Type, f.Doc
		if f.Optional {
			name += "?"
		}
		if len(f.Values) > 0 {
			doc += " One of `" + strings.Join(f.Values, "`, `") + "`."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, typ, strings.NewReplacer("|", `\|`, "*", `\*`).Replace(doc))
	}
}
