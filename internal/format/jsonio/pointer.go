package jsonio

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Pointer is a JSON Pointer (RFC 6901): the names and indexes to follow from
// the whole document, unescaped.
type Pointer []string

// ParsePointer reads a pointer as it is written: "", "/features", "/a~1b/0".
func ParsePointer(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf(`a JSON Pointer begins with a slash: write "/%s"`, text)
	}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		for j := range len(part) {
			if part[j] == '~' && (j+1 == len(part) || part[j+1] != '0' && part[j+1] != '1') {
				return nil, fmt.Errorf("in a JSON Pointer ~ is written ~0, and a slash in a name ~1: there is a bare ~ in %q", part)
			}
		}
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// String is the pointer as it is written.
func (p Pointer) String() string {
	var b strings.Builder
	for _, part := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// descend follows the pointer to the value that it names, and gives that
// value's first byte. What it goes through is left open, in path.
func (r *DocumentReader) descend(ctx context.Context) (byte, error) {
	for depth, part := range r.pointer {
		c, err := r.s.peek(ctx)
		if err != nil {
			return 0, r.s.inside(err, "the document")
		}
		switch c {
		case '{':
			err = r.intoObject(ctx, depth, part)
		case '[':
			err = r.intoArray(ctx, depth, part)
		default:
			err = r.lost(depth, "that is "+kindName(c)+", in which there is nothing to follow")
		}
		if err != nil {
			return 0, err
		}
		r.path = append(r.path, c+2)
	}
	c, err := r.s.peek(ctx)
	if err != nil {
		return 0, r.s.inside(err, "the document")
	}
	if c != '{' && c != '[' && c != '"' && !startsScalar(c) {
		return 0, r.s.broken("expected a value, found %s", r.s.found())
	}
	return c, nil
}

// maxNames is how many names of an object a message lists.
const maxNames = 20

// intoObject moves to the value of the member of that name.
func (r *DocumentReader) intoObject(ctx context.Context, depth int, want string) error {
	r.s.i++
	var names []string
	count := 0
	for {
		more, err := r.member(ctx, '}', count)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := r.name(ctx)
		if err != nil || name == want {
			return err
		}
		if count++; count <= maxNames {
			names = append(names, name)
		}
		if err := r.s.value(ctx); err != nil {
			return err
		}
	}
	if count == 0 {
		return r.lost(depth, "that is an empty object")
	}
	has := strings.Join(names, ", ")
	if count > maxNames {
		has += fmt.Sprintf(" and %d more", count-maxNames)
	}
	return r.lost(depth, fmt.Sprintf("that object has no %q; it has %s", want, has))
}

// intoArray moves to the element of that index.
func (r *DocumentReader) intoArray(ctx context.Context, depth int, want string) error {
	index, err := strconv.Atoi(want)
	if err != nil || index < 0 || strconv.Itoa(index) != want {
		return r.lost(depth, fmt.Sprintf("that is an array, whose elements are numbered from 0, and %q is no such number", want))
	}
	r.s.i++
	for n := 0; ; n++ {
		more, err := r.member(ctx, ']', n)
		if err != nil {
			return err
		}
		if !more {
			return r.lost(depth, fmt.Sprintf("that array has %d elements, numbered from 0", n))
		}
		if n == index {
			return nil
		}
		if err := r.s.value(ctx); err != nil {
			return err
		}
	}
}

// member moves to the n-th member of an object or array, counted from 0; false
// when there is none.
func (r *DocumentReader) member(ctx context.Context, closing byte, n int) (bool, error) {
	if n > 0 {
		return r.next(ctx, closing)
	}
	c, err := r.s.peek(ctx)
	if err != nil {
		return false, r.s.inside(err, "the document")
	}
	if c == closing {
		r.s.i++
		return false, nil
	}
	return true, nil
}

// lost is the error of a pointer that leads nowhere, and how far it led.
func (r *DocumentReader) lost(depth int, why string) error {
	reached := "the whole document"
	if depth > 0 {
		reached = strconv.Quote(r.pointer[:depth].String())
	}
	return fmt.Errorf("pointer %q finds nothing: it leads to %s, and %s", r.pointer, reached, why)
}
