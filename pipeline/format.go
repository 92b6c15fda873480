package pipeline

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// Files is the pipeline files that a path stands for: a file itself, those of a
// folder, and with below also those of the folders below it, hidden ones left out.
func Files(path string, below bool) ([]string, *hcl.Diagnostic) {
	if !below {
		return list(path)
	}
	var paths []string
	err := filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case at == path && !e.IsDir():
			paths = append(paths, at) // it was named, whatever it is called
		case at != path && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return filepath.SkipDir
			}
		case strings.HasSuffix(e.Name(), extension) && !e.IsDir():
			paths = append(paths, at)
		}
		return nil
	})
	if err != nil {
		return nil, unreadable("pipeline file or folder", path, err)
	}
	if len(paths) == 0 {
		return nil, diag.Plain("No pipeline here", "Neither the folder %s nor those below it have %s files.", path, extension)
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
