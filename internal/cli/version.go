package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionDocument is what version says.
type versionDocument struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"` // when known
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "version",
		Short:             "Show the version of dynapipe",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.version() },
	}
	a.addOutput(c, "the version as text, or as one JSON document")
	return c
}

func (a *app) version() error {
	v := versionDocument{Version: a.Version, Commit: commit(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if a.output.value == formatJSON {
		return writeJSON(a.Stdout, v)
	}
	text := "dynapipe " + v.Version + "\n"
	if v.Commit != "" {
		text += "commit " + v.Commit + "\n"
	}
	_, err := fmt.Fprintf(a.Stdout, "%s%s %s\n", text, v.Go, v.Platform)
	return err
}

// commit is the revision that the binary was built from, if the build says.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var revision, changed string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + changed
}
