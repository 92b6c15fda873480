package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	words []string
}

var _ pflag.Value = (*choice)(nil)

func (c *choice) String() string { return c.value }

// Type is what the help shows as the flag's value.
func (c *choice) Type() string { return strings.Join(c.words, "|") }

// Set takes a word.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("it takes %s.%s", strings.Join(c.words, ", "), diag.DidYouMean(word, c.words))
	}
	c.value = word
	return nil
}

// The formats of output.
const (
	formatText = "text"
	formatJSON = "json"
)

func formatFlag() choice {
	return choice{value: formatText, words: []string{formatText, formatJSON}}
}

// addOutput adds --output to a command.
func (a *app) addOutput(c *cobra.Command, doc string) {
	c.Flags().Var(&a.output, "output", doc)
	a.complete(c, "output", a.output.words...)
}

// complete names a flag's words for shell completion.
func (a *app) complete(c *cobra.Command, flag string, words ...string) {
	// It fails for a flag that does not exist, or has words already.
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// asksFor finds a flag with a word in a command line that may have errors.
func asksFor(args []string, flag, word string) bool {
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == flag+"="+word, arg == flag && i+1 < len(args) && args[i+1] == word:
			return true
		}
	}
	return false
}

// flagProblem is an error in a command's flags as a diagnostic.
func flagProblem(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &valueless):
		f := valueless.GetFlag()
		return refuse("Flag without a value", "--%s takes a value: %s", f.Name, f.Usage)
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return refuse("Wrong value of a flag", "--%s does not take %q: %s", f.Name, invalid.GetValue(), reason(f, invalid.Unwrap()))
	}
	return refuse("Wrong command line", "%v. See `%s --help`.", err, c.CommandPath())
}

// reason is why a flag does not take a value, in words of ours where the
// library's are Go's.
func reason(f *pflag.Flag, err error) string {
	switch f.Value.Type() {
	case "duration":
		return "it takes a time, such as 90s, 15m or 2h."
	case "bool":
		return "it takes true or false, or no value."
	case "int", "uint64", "float64":
		return "it takes a number."
	}
	return err.Error()
}

func unknownFlag(c *cobra.Command, err *pflag.NotExistError) error {
	if short := err.GetSpecifiedShortnames(); short != "" {
		return refuse("Unknown flag", "%s has no flag -%s. See `%s --help`.", c.CommandPath(), short, c.CommandPath())
	}
	name := err.GetSpecifiedName()
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	hint := diag.DidYouMean("--"+name, known)
	if hint == "" {
		hint = fmt.Sprintf(" See `%s --help`.", c.CommandPath())
	}
	return refuse("Unknown flag", "%s has no flag --%s.%s", c.CommandPath(), name, hint)
}

// subcommand checks the arguments of a command that is only called with
// another one behind it.
func (a *app) subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	hint := diag.DidYouMean(args[0], known)
	if hint == "" {
		hint = " There are " + strings.Join(known, ", ") + "."
	}
	return refuse("Unknown command", "%s has no command %q.%s", c.CommandPath(), args[0], hint)
}

// onePipeline checks that a command gets one pipeline.
func onePipeline(c *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return refuse("Which pipeline?", "%s needs the pipeline: a file, or a folder whose .hcl files are read as one, as in `%s pipeline.hcl`.", c.CommandPath(), c.CommandPath())
	case 1:
		return nil
	default:
		return refuse("Too many arguments", "%s takes one pipeline, and there are %d arguments: %s. Several files that form one pipeline stand in a folder of their own; a value for a variable is given with --var name=value.",
			c.CommandPath(), len(args), strings.Join(args, ", "))
	}
}

// noArguments checks that a command gets none.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return refuse("Too many arguments", "%s takes no argument, and there is %q.", c.CommandPath(), args[0])
	}
	return nil
}
