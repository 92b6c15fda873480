package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/internal/bench/dataset"
)

// Options are what to compare, and where.
type Options struct {
	Rows      int    // of every input
	CheckRows int    // of the inputs on which content is compared
	Repeat    int    // rounds
	Only      string // a regular expression that a case's name has to match
	Memory    bool   // compare peak memory at Rows and ten times as many
	Dynapipe  string // the command
	Base      string // another build of it, to compare it with too; none when empty
	Profiled  string // the command that writes profiles; with Profiles
	Profiles  string // folder for CPU profiles of each case; none when empty
	Self      string // the benchmark's own command, for `serve` and `naive`
	DuckDB    string // folder of DuckDB's program and packages; none when empty
	Module    string // folder of the module, for `go test`; none when empty
	Dir       string // for inputs and outputs
	Out       io.Writer
}

// rig is what the runs stand on.
type rig struct {
	Options
	clientPin, serverPin pin
	endpoint             string // of the server that is up
	inputs               map[int]string
}

func newRig(o Options) (*rig, error) {
	r := &rig{Options: o, inputs: map[int]string{}}
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		r.clientPin, r.serverPin = pin{"taskset", "-c", "0"}, pin{"taskset", "-c", "1"}
	}
	return r, os.MkdirAll(o.Dir, 0o777)
}

// environment is that of every process.
func (r *rig) environment() []string {
	return append(cleanEnvironment(),
		"AWS_ENDPOINT_URL_DYNAMODB="+r.endpoint, "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
}

// folder has the inputs of so many rows, and the pipelines; outputs go there too.
func (r *rig) folder(rows int) (string, error) {
	if dir, ok := r.inputs[rows]; ok {
		return dir, nil
	}
	dir := filepath.Join(r.Dir, "rows-"+strconv.Itoa(rows))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	for name, write := range map[string]func(io.Writer, int) error{
		"users.csv": dataset.WriteCSV, "users.jsonl": dataset.WriteJSONL,
	} {
		if err := writeFile(filepath.Join(dir, name), func(w io.Writer) error { return write(w, rows) }); err != nil {
			return "", err
		}
	}
	files, err := fs.Sub(pipelines, "pipelines")
	if err != nil {
		return "", err
	}
	for _, c := range cases() {
		text, err := fs.ReadFile(files, c.name+".hcl")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, c.name+".hcl"), text, 0o666)
		}
		if err != nil {
			return "", err
		}
	}
	r.inputs[rows] = dir
	return dir, nil
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	return errors.Join(err, f.Close())
}

// withServer runs f while a stand-in is up, in a process of its own.
func (r *rig) withServer(ctx context.Context, rows int, latency time.Duration, f func() error) (err error) {
	argv := r.serverPin.wrap([]string{r.Self, "serve", "-rows", strconv.Itoa(rows), "-latency", latency.String()})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // it serves until this is closed, also by our end
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, in.Close(), cmd.Wait())
		r.endpoint = ""
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the stand-in did not start: %w", err)
	}
	r.endpoint = strings.TrimSpace(line)
	return f()
}

// dynapipe is the run of a case's pipeline.
func (r *rig) dynapipe(c *benchCase) program {
	return program{argv: []string{r.Dynapipe, "run", c.name + ".hcl", "--no-progress"}}
}

// peer is the run of another program.
func (r *rig) peer(c *benchCase, p peer) program {
	if p.base {
		before := r.dynapipe(c)
		before.argv[0] = r.Base
		return before
	}
	if p.duckdb {
		return program{argv: []string{"node", filepath.Join(r.DuckDB, "run.mjs"), c.name, c.input, c.output}, saysCPU: true}
	}
	return program{argv: []string{
		r.Self, "naive", "-in", c.input, "-out", c.output, "-table", "target", "-source", "source",
		"-segments", "4", "-concurrency", strconv.Itoa(p.concurrency), c.name,
	}}
}
