package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/diag"
)

// The schema of each kind of document, as dynapipe schema output writes it. It is
// compiled closed: what the schema does not name is an error here.
var documentSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	text, err := exec.Command("dynapipe", "schema", "output").Output()
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defs := doc.(map[string]any)["$defs"].(map[string]any)
	shut(defs)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("output.schema.json", doc); err != nil {
		return nil, err
	}
	if _, err := c.Compile("output.schema.json"); err != nil {
		return nil, err
	}
	schemas := map[string]*jsonschema.Schema{}
	for command := range defs {
		if schemas[command], err = c.Compile("output.schema.json#/$defs/" + command); err != nil {
			return nil, err
		}
	}
	return schemas, nil
})

// shut allows nothing that a schema does not name.
func shut(schema any) {
	switch s := schema.(type) {
	case []any:
		for _, x := range s {
			shut(x)
		}
	case map[string]any:
		_, properties := s["properties"].(map[string]any)
		if _, open := s["additionalProperties"]; properties && !open {
			s["additionalProperties"] = false
		}
		for _, x := range s {
			shut(x)
		}
	}
}

// checkDocument says what is wrong with a text that should be one document of
// dynapipe, of a command that ended with an exit code.
func checkDocument(text []byte, command string, code int) error {
	schemas, err := documentSchemas()
	if err != nil {
		return err
	}
	if err := keysOnce(text); err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text)) // which takes one document and no more
	if err != nil {
		return err
	}
	var head struct {
		Command  string `json:"command"`
		ExitCode int    `json:"exit_code"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	if head.Command != command || head.ExitCode != code {
		return fmt.Errorf("it is of command %q, exit code %d, not of %q, %d", head.Command, head.ExitCode, command, code)
	}
	failed := schemas["failed"].Validate(doc)
	if failed == nil {
		return nil
	}
	if schemas[command] == nil {
		return failed
	}
	return schemas[command].Validate(doc)
}

// keysOnce reports a name that an object has twice, and more than one value.
func keysOnce(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var value func() error
	value = func() error {
		token, err := d.Token()
		if err != nil {
			return err
		}
		open, _ := token.(json.Delim)
		seen := map[any]bool{}
		for (open == '{' || open == '[') && d.More() {
			if open == '{' {
				name, err := d.Token()
				if err != nil {
					return err
				}
				if seen[name] {
					return fmt.Errorf("%q is there twice", name)
				}
				seen[name] = true
			}
			if err := value(); err != nil {
				return err
			}
		}
		if open == '{' || open == '[' {
			_, err = d.Token()
		}
		return err
	}
	if err := value(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("there is something behind the document: %w", err)
	}
	return nil
}

// documented fails a test when a text is no document of a command.
func documented(t testing.TB, text []byte, command string, code int) {
	t.Helper()
	if err := checkDocument(text, command, code); err != nil {
		t.Errorf("%v, in the document\n%s", err, text)
	}
}

// exitCodes are those of runs.
var exitCodes = map[engine.Status]int{
	engine.Done: diag.ExitDone, engine.DoneWithRejects: diag.ExitRejects, engine.Failed: diag.ExitFailed, engine.Interrupted: diag.ExitInterrupted,
}

// asksJSON is whether a command line asks for a document, and of which command.
func asksJSON(args []string) (command string, asks bool) {
	asks = flagIs(args, "--output", "json")
	switch {
	case len(args) > 1 && args[0] == "completion" && !strings.HasPrefix(args[1], "-"):
		command = args[0] + " " + args[1]
	case len(args) > 0 && !strings.HasPrefix(args[0], "-"):
		command = args[0]
	}
	return command, asks
}

func flagIs(args []string, flag, word string) bool {
	i := slices.Index(args, flag)
	return slices.Contains(args, flag+"="+word) || i >= 0 && i+1 < len(args) && args[i+1] == word
}

// checkRecords says what is wrong with standard error that should be log records as
// JSON lines.
func checkRecords(stderr string) error {
	for line := range strings.Lines(stderr) {
		var record struct {
			Time  time.Time `json:"time"`
			Level string    `json:"level"`
			Msg   string    `json:"msg"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			return fmt.Errorf("%q is no record: %w", line, err)
		}
		if record.Time.IsZero() || record.Level == "" || record.Msg == "" {
			return fmt.Errorf("%q has no time, level or message", line)
		}
	}
	return nil
}

func TestCheckDocument(t *testing.T) {
	good := `{"format_version":1,"version":"v","command":"version","exit_code":0,"diagnostics":[],"go":"go1","platform":"linux/amd64"}`
	if err := checkDocument([]byte(good), "version", 0); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"unknown field":   strings.Replace(good, `"go"`, `"also":1,"go"`, 1),
		"missing field":   strings.Replace(good, `"go":"go1",`, ``, 1),
		"field twice":     strings.Replace(good, `"go"`, `"version":"v","go"`, 1),
		"wrong type":      strings.Replace(good, `"go1"`, `1`, 1),
		"wrong exit code": strings.Replace(good, `:0,`, `:3,`, 1),
		"two documents":   good + good,
		"something else":  good + "done",
		"no document":     "",
		"no array":        strings.Replace(good, `[]`, `null`, 1),
	} {
		if err := checkDocument([]byte(text), "version", 0); err == nil {
			t.Errorf("%s: nothing is wrong with %s", what, text)
		}
	}
}
