package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Writes what commands showed into the scripts that compare it.
var update = flag.Bool("update", false, "update the golden files in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dynapipe": main})
}

// TestScript runs one script per behaviour of the command line. In them,
//
//	exits CODE COMMAND ARGS...   runs a command that has to end with that code;
//	                             what it writes for --output json and --report has
//	                             to keep the schema of documents
//	field FILE PATH VALUE        has one JSON document in FILE (or stdout) with
//	                             VALUE at PATH, such as nodes.0.read; ! field: not
//	find PATTERN... / ! find     a file matches, hidden ones too
//	dynamodb                     starts a DynamoDB server, and points the script at it
//	interrupts CODE TEXT COMMAND ARGS...
//	                             as exits, with standard input open; the command gets a
//	                             SIGINT once it has written TEXT to standard error, or
//	                             none when TEXT is -
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "field": field, "find": find, "interrupts": interrupts,
			"dynamodb": func(ts *testscript.TestScript, _ bool, _ []string) { startDynamoDB(t, ts) },
		},
	})
}

// setup gives scripts the repository's examples.
func setup(env *testscript.Env) error {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	return os.Symlink(examples, filepath.Join(env.WorkDir, "examples"))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
	if args[1] == "dynapipe" {
		checkWritten(ts, args[2:], got, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// checkWritten holds the documents that a command wrote against their schema, and its
// log records against what JSON lines are.
func checkWritten(ts *testscript.TestScript, args []string, code int, stdout, stderr string) {
	command, asks := asksJSON(args)
	if asks {
		if err := checkDocument([]byte(stdout), command, code); err != nil {
			ts.Fatalf("standard output: %v", err)
		}
	}
	if flagIs(args, "--log-format", "json") {
		if err := checkRecords(stderr); err != nil {
			ts.Fatalf("standard error: %v", err)
		}
	}
	for i, arg := range args[:max(len(args)-1, 0)] {
		path := ts.MkAbs(args[i+1])
		if arg != "--report" || command == "verify" || code == 2 || !strings.HasSuffix(path, ".json") {
			continue
		}
		text, err := os.ReadFile(path)
		ts.Check(err)
		if err := checkDocument(text, command, code); err != nil {
			ts.Fatalf("%s: %v", path, err)
		}
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: field FILE PATH VALUE")
	}
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc); err != nil {
		ts.Fatalf("%s is not one JSON document: %v", args[0], err)
	}
	got, err := at(doc, strings.Split(args[1], "."))
	if neg {
		if err == nil && got == args[2] {
			ts.Fatalf("%s has %s = %s", args[0], args[1], got)
		}
		return
	}
	ts.Check(err)
	if got != args[2] {
		ts.Fatalf("%s has %s = %s, not %s", args[0], args[1], got, args[2])
	}
}

// at is what a document has at a path, a string as it is and anything else as
// JSON.
func at(doc any, path []string) (string, error) {
	for _, step := range path {
		switch d := doc.(type) {
		case map[string]any:
			next, ok := d[step]
			if !ok {
				return "", fmt.Errorf("no %q in %v", step, d)
			}
			doc = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(d) {
				return "", fmt.Errorf("no %q in a list of %d", step, len(d))
			}
			doc = d[i]
		default:
			return "", fmt.Errorf("no %q in %v", step, doc)
		}
	}
	if s, ok := doc.(string); ok {
		return s, nil
	}
	text, err := json.Marshal(doc)
	return string(text), err
}

func find(ts *testscript.TestScript, neg bool, patterns []string) {
	for _, p := range patterns {
		found, err := filepath.Glob(ts.MkAbs(p))
		ts.Check(err)
		if neg && len(found) > 0 {
			ts.Fatalf("there is %s", strings.Join(found, ", "))
		}
		if !neg && len(found) == 0 {
			ts.Fatalf("nothing matches %s", p)
		}
	}
}
