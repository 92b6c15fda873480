package main

import (
	"bytes"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// startDynamoDB starts a server, which ends with the test that all scripts are part
// of, and tells a script of it.
func startDynamoDB(t *testing.T, ts *testscript.TestScript) {
	for _, variable := range dynamotest.Start(t).Environ() {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// interrupts runs a command, whose standard input stays open, and which gets a SIGINT
// when it has said something, unless that is "-".
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupts CODE TEXT COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var out bytes.Buffer
	said := newTranscript()
	cmd.Stdout, cmd.Stderr = &out, said
	_, err = cmd.StdinPipe() // stays open
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() }) // no more than an error when it has ended
	if args[1] != "-" {
		said.waitFor(ts, args[1])
		ts.Check(cmd.Process.Signal(syscall.SIGINT))
	}
	_ = cmd.Wait() // an error for each exit code but 0
	_, err = io.WriteString(ts.Stdout(), out.String())
	ts.Check(err)
	_, err = io.WriteString(ts.Stderr(), said.String())
	ts.Check(err)
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, not %d; standard error has\n%s", got, want, said)
	}
	checkWritten(ts, args[3:], want, out.String(), said.String())
}
