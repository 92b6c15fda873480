// Writereference writes the reference pages into a folder, and removes from it
// those that there is nothing to say on any more.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dynapipe/dynapipe/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: writereference FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil {
		return err
	}
	for _, page := range old {
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	pages, err := cli.Reference()
	if err != nil {
		return err
	}
	for _, page := range pages {
		if err := os.WriteFile(filepath.Join(folder, page.Name), []byte(page.Text), 0o666); err != nil {
			return err
		}
	}
	return nil
}
