package dynamo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// Path is a document path: a top-level attribute, then map keys and list
// indexes (AWS, "Referring to item attributes when using expressions").
type Path []Step

// Step is one step of a path: a name, or an index when Name is empty.
type Step struct {
	Name  string
	Index int
}

// maxPathDepth is how deep DynamoDB nests values (AWS, "Constraints in Amazon
// DynamoDB": nested attribute depth).
const maxPathDepth = attr.MaxDepth

// ParsePath reads a path as it stands in a string: name, a.b[0], and
// ["odd.name"].b for a name with a dot or a bracket in it.
func ParsePath(text string) (Path, error) {
	var p Path
	for rest := text; rest != "" || p == nil; {
		step, after, err := cutStep(rest, p == nil)
		if err != nil {
			return nil, fmt.Errorf("%q is no attribute path: %w", text, err)
		}
		p, rest = append(p, step), after
	}
	if p[0].Name == "" {
		return nil, fmt.Errorf("%q is no attribute path: it starts with an index", text)
	}
	if len(p) > maxPathDepth+1 {
		return nil, fmt.Errorf("%q goes %d levels deep, and DynamoDB nests at most %d", text, len(p), maxPathDepth)
	}
	return p, nil
}

func cutStep(text string, first bool) (Step, string, error) {
	if !first && text[0] == '.' {
		text = text[1:]
	} else if !first && text[0] != '[' {
		return Step{}, "", fmt.Errorf("expected . or [ before %q", text)
	}
	if strings.HasPrefix(text, `["`) {
		quoted, err := strconv.QuotedPrefix(text[1:])
		if err != nil || !strings.HasPrefix(text[1+len(quoted):], "]") {
			return Step{}, "", fmt.Errorf(`%s has no closing "]`, text)
		}
		name, err := strconv.Unquote(quoted)
		if err != nil || name == "" {
			return Step{}, "", fmt.Errorf("%s is no name", quoted)
		}
		return Step{Name: name}, text[len(quoted)+2:], nil
	}
	if strings.HasPrefix(text, "[") {
		digits, rest, ok := strings.Cut(text[1:], "]")
		index, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil {
			return Step{}, "", fmt.Errorf("[%s is no list index", text[1:])
		}
		return Step{Index: int(index)}, rest, nil
	}
	end := strings.IndexAny(text, ".[]")
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return Step{}, "", fmt.Errorf("a name is missing")
	}
	return Step{Name: text[:end]}, text[end:], nil
}

// Overlaps reports that one path is the other, or inside it. DynamoDB takes no
// such pair in one projection.
func (p Path) Overlaps(q Path) bool {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// String is the path as messages write it.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Name == "":
			fmt.Fprintf(&b, "[%d]", s.Index)
		case strings.ContainsAny(s.Name, `.[]"`):
			fmt.Fprintf(&b, "[%q]", s.Name)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Name)
		}
	}
	return b.String()
}

// Render writes the path with placeholders for its names.
func (p Path) Render(into *Placeholders) string {
	var b strings.Builder
	for i, s := range p {
		if s.Name == "" {
			fmt.Fprintf(&b, "[%d]", s.Index)
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(into.Name(s.Name))
	}
	return b.String()
}
