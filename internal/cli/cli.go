package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dynapipe/dynapipe/internal/builtin"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// Process is what the commands need of the process that they run in.
type Process struct {
	Args    []string // without the program's name
	Environ []string // NAME=value
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Signals are the requests to end: SIGINT, SIGTERM.
	Signals <-chan os.Signal
	// LastSignal is called when a further signal is to end the process the
	// system's way.
	LastSignal func()
	Version    string
}

// Main runs the command that a process was started for and gives its exit code.
func Main(p Process) int {
	a := newApp(p)
	root := a.root()
	root.SetArgs(p.Args)
	c, err := root.ExecuteContextC(context.Background())
	a.command = commandName(c) // also of one whose flags are wrong
	return a.end(err)
}

// app is one command under way.
type app struct {
	Process
	catalog plan.Catalog
	console *console      // standard error
	output  choice        // --output of the command that runs
	command string        // its name
	records *slog.Logger  // where all of standard error is records; else nil
	secrets *diag.Secrets // of the pipeline that was loaded

	// What --output json writes at the end.
	noticed hcl.Diagnostics
	rest    any
}

// commandName is what a command is called behind dynapipe.
func commandName(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

func newApp(p Process) *app {
	a := &app{Process: p, catalog: builtin.Catalog(), output: formatFlag()}
	a.console = newConsole(p.Stderr, a.environment)
	// Also for an error in the flags themselves.
	if asksFor(p.Args, "--output", formatJSON) {
		a.output.value = formatJSON
	}
	if asksFor(p.Args, "--log-format", formatJSON) {
		a.records = newLogger(a.console, slog.LevelError.String(), formatJSON, nil)
	}
	return a
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "dynapipe",
		Short: "Declarative data pipelines for DynamoDB and files",
		Long: `dynapipe runs data pipelines that are written as text files: where rows come
from, what happens to them, where they go. It checks all of a pipeline before
anything runs, moves the rows in bounded memory, and accounts for every one.`,
		Example: `  dynapipe validate pipeline.hcl
  dynapipe plan pipeline.hcl
  dynapipe run pipeline.hcl --var table=users
  dynapipe docs sink batch_write`,
		Args:                  a.subcommand,
		RunE:                  func(c *cobra.Command, _ []string) error { return a.noCommand(c) },
		DisableFlagsInUseLine: true,
		PersistentPreRun:      func(c *cobra.Command, _ []string) { a.command = commandName(c) },
		SilenceErrors:         true,
		SilenceUsage:          true,
	}
	root.SetOut(a.Stdout)
	root.SetErr(a.console)
	root.SetFlagErrorFunc(flagProblem)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	root.AddCommand(a.runCommand(), a.initCommand(), a.validateCommand(), a.planCommand(), a.graphCommand(), a.fmtCommand(), a.inspectCommand(), a.iamCommand(), a.docsCommand(), a.schemaCommand(), a.chaosCommand(), a.versionCommand())
	root.AddCommand(a.verifyCommand(), a.replayCommand(), a.testCommand())
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Short: "Show the help of a command", RunE: func(c *cobra.Command, args []string) error {
		return a.help(c.Root(), args)
	}})
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short = "Write a completion script for a shell"
			c.Args = a.subcommand
			c.RunE = func(c *cobra.Command, _ []string) error { return a.noCommand(c) }
		}
	}
	return root
}

// help is `dynapipe help run`, which says what `dynapipe run --help` says.
func (a *app) help(root *cobra.Command, args []string) error {
	c, rest, err := root.Find(args)
	if err != nil || len(rest) > 0 {
		return a.subcommand(root, args)
	}
	return c.Help()
}

// noCommand is what `dynapipe` alone gets: the help, as an error.
func (a *app) noCommand(c *cobra.Command) error {
	c.SetOut(a.console)
	if err := c.Help(); err != nil {
		return err
	}
	return &wrong{shown: true}
}

// environment is the value of an environment variable; empty when it is unset.
func (a *app) environment(name string) string {
	// The last one counts, as it does for os/exec.
	for _, e := range slices.Backward(a.Environ) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// text says how diagnostics are written to standard error.
func (a *app) text() diag.Text {
	width, terminal := a.console.width()
	if !terminal {
		return diag.Text{}
	}
	plain := a.environment("NO_COLOR") != "" || a.environment("TERM") == "dumb"
	return diag.Text{Width: min(width, 100), Color: !plain}
}

// descriptor is the file descriptor behind a stream, if it has one and it is a
// terminal.
func descriptor(stream any) (fd int, terminal bool) {
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// cancelled is a context that ends with the first signal, for commands that
// have nothing to drain.
func (a *app) cancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.Signals:
			a.LastSignal()
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
