package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/jsondoc"
	"github.com/dynapipe/dynapipe/internal/pipetest"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/verify"
)

// formatVersion is that of the documents. It rises when a field is dropped or
// comes to mean something else; fields may be added at any time.
const formatVersion = 1

// head is what every document begins with. What a command found stands beside it, in
// the same object.
type head struct {
	Format      int         `json:"format_version" doc:"The version of this format, 1. It rises when a field is dropped or comes to mean something else; fields may be added at any time."`
	Version     string      `json:"version" doc:"The version of dynapipe that wrote it."`
	Command     string      `json:"command" doc:"The command that wrote it, as run; empty when there was none."`
	ExitCode    int         `json:"exit_code" doc:"The exit code: 0 done, 1 failed, 2 the pipeline or the command line is wrong, 3 done with rejected rows, 4 interrupted, 5 of plan --detailed-exitcode a run would write."`
	Error       string      `json:"error,omitempty" doc:"Why the command failed, when neither the diagnostics nor another field say it."`
	Diagnostics []diag.Item `json:"diagnostics" doc:"What is wrong with the pipeline or the command line, and warnings."`
}

// validity counts the diagnostics of a document that has nothing else to say.
type validity struct {
	Valid    bool `json:"valid" doc:"There is no error among the diagnostics."`
	Errors   int  `json:"errors" doc:"How many of the diagnostics are errors."`
	Warnings int  `json:"warnings" doc:"How many of them are warnings."`
}

// nothing is the rest of a document of a command that failed before it found
// anything.
type nothing struct{}

// documentKind is what a command's documents have below their head.
type documentKind struct {
	command, doc string
	rest         reflect.Type
}

// failed is the name of the document of a command that found nothing.
const failed = "failed"

// documentKinds is every kind of document.
func documentKinds() []documentKind {
	report := reflect.TypeFor[engine.Report]()
	return []documentKind{
		{"run", "What a run did, also as --report FILE writes it.", report},
		{"replay", "What a replay did, also as --report FILE writes it.", report},
		{"validate", "Whether a pipeline is valid.", reflect.TypeFor[validity]()},
		{"plan", "What a pipeline would do.", reflect.TypeFor[plan.View]()},
		{"graph", "Who reads whom.", reflect.TypeFor[plan.Graph]()},
		{"fmt", "Files that are, or would be, different.", reflect.TypeFor[fmtDocument]()},
		{"inspect", "What the rows of a file or a table are like.", reflect.TypeFor[inspection]()},
		{"init", "A first pipeline.", reflect.TypeFor[initDocument]()},
		{"verify", "Whether everything arrived.", reflect.TypeFor[verify.Report]()},
		{"test", "What came of tests.", reflect.TypeFor[pipetest.Report]()},
		{"iam", "The least IAM policy that a pipeline needs.", reflect.TypeFor[iamDocument]()},
		{"docs", "What there is to know of blocks, arguments, functions and diagnostics.", reflect.TypeFor[docsDocument]()},
		{"schema", "A JSON Schema.", reflect.TypeFor[schemaDocument]()},
		{"chaos", "What befell the requests to a server, also as --report FILE writes it.", reflect.TypeFor[chaosDocument]()},
		{"version", "What was built.", reflect.TypeFor[versionDocument]()},
		{failed, "What any command writes that failed before it had anything to say, or was asked for what is wrong.", reflect.TypeFor[nothing]()},
	}
}

// answer is what --output json writes below the head when the command ends.
func (a *app) answer(rest any) { a.rest = rest }

// asksJSON is whether standard output is one JSON document.
func (a *app) asksJSON() bool { return a.output.value == formatJSON }

// document is a document's text.
func (a *app) document(code int, failure string, rest any) ([]byte, error) {
	list := diag.NewDocument(a.noticed)
	failure = a.secrets.Mask(failure) // promise 8
	for i := range list.Diagnostics {
		d := &list.Diagnostics[i]
		d.Summary, d.Detail = a.secrets.Mask(d.Summary), a.secrets.Mask(d.Detail)
	}
	if rest == nil && len(list.Diagnostics) > 0 {
		rest = validity{Valid: list.Valid, Errors: list.Errors, Warnings: list.Warnings}
	}
	first, err := compact(head{formatVersion, a.Version, a.command, code, failure, list.Diagnostics})
	if err != nil {
		return nil, err
	}
	if rest != nil {
		more, err := compact(rest)
		if err != nil {
			return nil, err
		}
		if more = bytes.TrimPrefix(more, []byte("{")); len(more) > len("}") {
			first = append(append(bytes.TrimSuffix(first, []byte("}")), ','), more...)
		}
	}
	var out bytes.Buffer
	err = json.Indent(&out, append(first, '\n'), "", "  ")
	return out.Bytes(), err
}

func compact(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// writeDocument writes the one document of --output json.
func (a *app) writeDocument(code int, err error) error {
	failure := ""
	var w *wrong
	var e *ended
	var c coming
	switch {
	case errors.As(err, &w):
		a.noticed = append(a.noticed, w.diags...)
	case err != nil && !errors.As(err, &e) && !errors.As(err, &c):
		failure = err.Error()
	}
	text, err := a.document(code, failure, a.rest)
	if err == nil {
		_, err = a.Stdout.Write(text)
	}
	return err
}

// reportJSON writes a report's file: the document that standard output would get.
func (a *app) reportJSON(w io.Writer, code int, rest any) error {
	text, err := a.document(code, "", rest)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// outputSchema is the JSON Schema of every document.
func outputSchema() jsondoc.Schema {
	first := jsondoc.Of(reflect.TypeFor[head]())
	defs, any := jsondoc.Schema{}, []jsondoc.Schema{}
	for _, k := range documentKinds() {
		defs[k.command] = k.schema()
		any = append(any, jsondoc.Schema{"$ref": "#/$defs/" + k.command})
	}
	first["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	first["title"] = "What dynapipe writes with --output json, and run, replay and chaos with --report"
	first["description"] = "One object: the fields that every document begins with, and beside them those of its command."
	first["anyOf"] = any
	first["$defs"] = defs
	return first
}

// schema is the schema of one kind of document, its head included.
func (k documentKind) schema() jsondoc.Schema {
	all := jsondoc.Of(reflect.TypeFor[head]())
	properties := all["properties"].(jsondoc.Schema)
	required := all["required"].([]string)
	rest := jsondoc.Of(k.rest)
	if k.command == failed {
		for name, p := range jsondoc.Of(reflect.TypeFor[validity]())["properties"].(jsondoc.Schema) {
			properties[name] = p // when there are diagnostics
		}
		properties["exit_code"].(jsondoc.Schema)["enum"] = []int{diag.ExitFailed, diag.ExitWrong, diag.ExitInterrupted}
	} else {
		properties["command"] = jsondoc.Schema{"const": k.command, "description": "The command that wrote it."}
	}
	for name, p := range rest["properties"].(jsondoc.Schema) {
		properties[name] = p
	}
	all["required"] = append(required, rest["required"].([]string)...)
	all["description"] = k.doc
	return all
}

// notice keeps what a command noticed and let pass, for its document.
func (a *app) notice(diags hcl.Diagnostics) { a.noticed = diags }
