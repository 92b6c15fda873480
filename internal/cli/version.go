package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionDocument is what version says beside the version, which is in every head.
type versionDocument struct {
	Commit   string `json:"commit,omitempty" doc:"The revision that it was built from, when the build says."`
	Go       string `json:"go" doc:"The version of Go that it was built with."`
	Platform string `json:"platform" doc:"Operating system and architecture, as linux/amd64."`
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
	v := versionDocument{Commit: commit(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if a.asksJSON() {
		a.answer(v)
		return nil
	}
	text := "dynapipe " + a.Version + "\n"
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
