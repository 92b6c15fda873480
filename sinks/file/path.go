package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// badPath is why a row's path is none. The row is rejected.
type badPath struct{ why string }

func (b *badPath) Error() string { return b.why }

func badPathf(format string, args ...any) error { return &badPath{fmt.Sprintf(format, args...)} }

// Codes of rows that get no path.
const (
	codePath       = "BadPath"         // it is none, or outside of its folder
	codeExpression = "ExpressionError" // a part of it failed
)

// pattern is a path with * for what comes from the row: it has the ending.
func pattern(t schema.Template) string {
	if t.Parts == nil {
		return t.Text
	}
	var b strings.Builder
	for _, p := range t.Parts {
		if text, ok := schema.Literal(p); ok {
			b.WriteString(text)
		} else {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// base is the folder of the path's constant part, out of which no row gets, and
// what comes after it of that part.
func base(t schema.Template) (folder, rest string) {
	var text string
	for _, p := range t.Parts {
		literal, ok := schema.Literal(p)
		if !ok {
			break
		}
		text += literal
	}
	text = filepath.ToSlash(text)
	i := strings.LastIndexByte(text, '/')
	return text[:i+1], text[i+1:]
}

// pathOf is a row's path below the folder. The error is a *badPath, or that of an
// expression; either rejects the row.
func (s *split) pathOf(b *record.Batch, row int) (string, error) {
	var text strings.Builder
	text.WriteString(s.rest)
	constant := true
	for _, p := range s.config.where.Parts {
		if literal, ok := schema.Literal(p); ok {
			if !constant {
				text.WriteString(literal)
			}
			continue
		}
		constant = false
		v, err := p.Eval(b, row)
		if err != nil {
			return "", err
		}
		part, ok := pathText(v)
		if !ok {
			return "", badPathf("%s is %s, and a path is made of text", p.Source(), v.Kind())
		}
		if part == "" {
			return "", badPathf("%s is empty, and so would be a part of the file's name", p.Source())
		}
		if strings.HasPrefix(part, "/") || strings.HasSuffix(part, "/") {
			return "", badPathf("%s is %q, and what begins or ends with / is no name", p.Source(), shorten(part))
		}
		text.WriteString(part)
	}
	return text.String(), checkPath(text.String())
}

func pathText(v attr.Value) (string, bool) {
	switch v.Kind() {
	case attr.String:
		return v.Text(), true
	case attr.Number:
		return attr.CanonicalNumber(v.Text()), true
	case attr.Bool:
		if v.True() {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// maxName keeps names, with a number and as part of the temporary name, within
// the 255 bytes that file systems allow.
const maxName = 140

// checkPath refuses what is no path below a folder, on any system.
func checkPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == "." || name == "..":
			return badPathf("the path %q has the part %q: no row may choose another folder than the one below which the files are", shorten(path), name)
		case strings.ContainsAny(name, "\\\x00"):
			return badPathf("the path %q has a character that no file's name should have", shorten(path))
		case len(name) > maxName:
			return badPathf("the path %q has a name of more than %d bytes", shorten(path), maxName)
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(path)) {
		return badPathf("the path %q is outside of the folder below which the files are, or reserved", shorten(path))
	}
	return nil
}

func shorten(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// inside checks that nothing on the way from the folder to a path below it is a
// symbolic link that leads out, and that the file itself would replace nothing
// but a file.
func inside(folder, path string) error {
	full := filepath.Join(folder, filepath.FromSlash(path))
	if info, err := os.Lstat(full); err == nil && !info.Mode().IsRegular() {
		return badPathf("%s is there and is no regular file, so it can't be replaced", full)
	}
	root := cleanFolder(folder)
	home, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil // not there yet, and so nothing below it
	}
	for at := filepath.Dir(full); at != root; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); errors.Is(err, os.ErrNotExist) {
			continue // it will be made
		}
		real, err := filepath.EvalSymlinks(at)
		if err != nil {
			return badPathf("%s can't be a folder: %v", at, err)
		}
		if below, err := filepath.Rel(home, real); err != nil || !filepath.IsLocal(below) {
			return badPathf("%s leads out of %s by a symbolic link", at, root)
		}
		return nil
	}
	return nil
}

// cleanFolder is the folder in one spelling; the current one when it is empty.
func cleanFolder(folder string) string { return filepath.Clean(filepath.FromSlash(folder)) }

// numbered is a path with a number before its endings: users-00001.jsonl.gz.
func numbered(path string, number int) string {
	folder, name := filepath.Split(path)
	stem, endings := name, ""
	for _, known := range [][]string{{".gz", ".zst"}, {".csv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow"}} {
		for _, ending := range known {
			if strings.HasSuffix(strings.ToLower(stem), ending) {
				cut := len(stem) - len(ending)
				stem, endings = stem[:cut], stem[cut:]+endings
				break
			}
		}
	}
	if endings == "" {
		endings = filepath.Ext(stem)
		stem = strings.TrimSuffix(stem, endings)
	}
	return fmt.Sprintf("%s%s-%05d%s", folder, stem, number, endings)
}
