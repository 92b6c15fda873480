package pipeline

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// Files is the files of HCL that a path stands for, tests as well: a file itself, those of a
// folder, and with below also those of the folders below it, hidden ones left out.
func Files(path string, below bool) ([]string, *hcl.Diagnostic) {
	if !below {
		return list(path, isOurs)
	}
	paths, problem := walk(path, isOurs)
	if problem == nil && len(paths) == 0 {
		problem = diag.Plain("No pipeline here", "Neither the folder %s nor those below it have %s files.", path, extension)
	}
	return paths, problem
}

// Tests is the files of tests that a path stands for: a file itself, those of a
// folder and of the folders below it, hidden ones left out.
func Tests(path string) ([]string, *hcl.Diagnostic) {
	paths, problem := walk(path, func(name string) bool { return strings.HasSuffix(name, TestExtension) })
	switch {
	case problem != nil:
	case len(paths) == 0:
		problem = diag.Plain("No tests here", "Neither the folder %s nor those below it have %s files. `dynapipe docs test` shows what is in one.", path, TestExtension)
	case paths[0] == path && !strings.HasSuffix(path, TestExtension):
		problem = diag.Plain("Not a file of tests", "%s is no file of tests: their names end in %s. Those of a pipeline stand beside it, as in users%s for users%s.", path, TestExtension, TestExtension, extension)
	}
	return paths, problem
}

// walk finds the files below a folder that are wanted; a file that was named is
// taken, whatever it is called.
func walk(path string, wanted func(name string) bool) ([]string, *hcl.Diagnostic) {
	var paths []string
	root := path
	if info, err := os.Stat(path); err == nil && info.IsDir() && path[len(path)-1] != filepath.Separator {
		root += string(filepath.Separator) // into a folder that is a link, too
	}
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case at == root && !e.IsDir():
			paths = append(paths, at)
		case at != root && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return filepath.SkipDir
			}
		case wanted(e.Name()) && !e.IsDir():
			paths = append(paths, at)
		}
		return nil
	})
	if err != nil {
		return nil, unreadable("file or folder", path, err)
	}
	return paths, nil
}

// ReadFile reads a pipeline file or a file of variables, within the size that one
// may have.
func ReadFile(path string) ([]byte, *hcl.Diagnostic) { return readFile("pipeline", path) }

// Format is the canonical form of a pipeline file or a file of variables: HCL's own
// layout, and one line end at the end. Only space changes: the text means what it
// meant, and comments stay. What has a syntax error is not formatted. The file is
// for rendering diagnostics.
func Format(path string, src []byte) (formatted []byte, file *hcl.File, diags hcl.Diagnostics) {
	if len(src) > maxFile {
		return nil, nil, hcl.Diagnostics{tooLarge("pipeline", path)}
	}
	file, diags = parseText(src, path)
	if diags.HasErrors() {
		return nil, file, diags
	}
	formatted = layOut(src)
	if !sameTokens(src, formatted) || !bytes.Equal(layOut(formatted), formatted) {
		return nil, file, hcl.Diagnostics{diag.Plain("File can't be formatted",
			"HCL's formatter would change what %s means, so it stays as it is. Please report this as a fault of dynapipe.", path)}
	}
	return formatted, file, nil
}

func layOut(src []byte) []byte { return endOnce(hclwrite.Format(src)) }

// endOnce makes a file that has anything in it end with one line end, of the kind
// that it has.
func endOnce(src []byte) []byte {
	text := bytes.TrimRight(src, "\r\n")
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	end := "\n"
	if first := bytes.IndexByte(src, '\n'); first > 0 && src[first-1] == '\r' {
		end = "\r\n"
	}
	return append(text[:len(text):len(text)], end...)
}

// sameTokens reports texts that differ in nothing but the space between tokens,
// and line ends at their end.
func sameTokens(a, b []byte) bool {
	left, right := tokens(a), tokens(b)
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if left[i].Type != right[i].Type || !bytes.Equal(left[i].Bytes, right[i].Bytes) {
			return false
		}
	}
	return true
}

// tokens is a text's tokens without the line ends at its end.
func tokens(src []byte) hclsyntax.Tokens {
	all, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // it has been parsed before
	for len(all) > 0 {
		last := &all[len(all)-1]
		if last.Type == hclsyntax.TokenComment {
			last.Bytes = bytes.TrimRight(last.Bytes, "\r\n") // a comment has its line's end in it
		}
		if last.Type != hclsyntax.TokenNewline && last.Type != hclsyntax.TokenEOF {
			break
		}
		all = all[:len(all)-1]
	}
	return all
}
