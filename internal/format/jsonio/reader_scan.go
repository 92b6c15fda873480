package jsonio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// BrokenError is why a document can't be read on: from there, where one row
// ends and the next begins can't be told.
type BrokenError struct {
	Line    int64
	Column  int // in characters, from 1
	Message string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// maxNesting bounds how deep brackets are followed. A row ends at 32 levels;
// this is for what stands around the rows.
const maxNesting = 10_000

// scanner moves over JSON text value by value. It matches brackets and quotes
// and looks no closer: what is inside a row is for whoever reads the row.
type scanner struct {
	buf    *stream.Buffer
	w      []byte // the window
	i      int    // the position in it
	keep   bool   // what is before the position in the window stays there
	hasty  bool   // stream.ErrIdle may come
	line   int64  // of the window's first byte
	column int    // of the window's first byte
	nested []byte // the brackets that are open
}

func newScanner(text stream.Text) scanner {
	return scanner{buf: stream.NewBuffer(text), line: 1, column: 1}
}

// at is the line and column of the position.
func (s *scanner) at() (int64, int) {
	return Row{Text: s.w[:s.i], Line: s.line, Column: s.column}.At(s.i)
}

// drop makes the position the window's start.
func (s *scanner) drop() {
	if s.i == 0 {
		return
	}
	s.line, s.column = s.at()
	s.buf.Advance(s.i)
	s.w, s.i = s.buf.Bytes(), 0
}

func (s *scanner) broken(format string, args ...any) error {
	line, column := s.at()
	return &BrokenError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// more reads on, at the end of the window. The end of the text is io.EOF.
func (s *scanner) more(ctx context.Context) error {
	if !s.keep {
		s.drop()
	}
	if s.hasty {
		if err := s.buf.Wait(ctx); err != nil {
			return err
		}
	}
	err := s.buf.More(ctx)
	s.w = s.buf.Bytes()
	if errors.Is(err, stream.ErrTooLong) {
		return &BrokenError{Line: s.line, Column: s.column,
			Message: fmt.Sprintf("the row that starts here is longer than %d MB: does the file hold many rows inside one object? Then pointer names the array of them", stream.MaxRow>>20)}
	}
	return err
}

// inside makes the end of the text an error: it has no place here.
func (s *scanner) inside(err error, what string) error {
	if errors.Is(err, io.EOF) {
		return s.broken("the file ends inside %s: it was cut short", what)
	}
	return err
}

// peek is the next byte that is not space; io.EOF at the end of the text.
func (s *scanner) peek(ctx context.Context) (byte, error) {
	for {
		for ; s.i < len(s.w); s.i++ {
			switch c := s.w[s.i]; c {
			case ' ', '\t', '\r', '\n':
			default:
				return c, nil
			}
		}
		if err := s.more(ctx); err != nil {
			return 0, err
		}
	}
}

// peekOrIdle is peek where stream.ErrIdle may come: it can be called again.
func (s *scanner) peekOrIdle(ctx context.Context) (byte, error) {
	s.hasty = true
	defer func() { s.hasty = false }()
	return s.peek(ctx)
}

// expect moves past the byte c, after space.
func (s *scanner) expect(ctx context.Context, c byte, where string) error {
	found, err := s.peek(ctx)
	if err != nil {
		return s.inside(err, where)
	}
	if found != c {
		return s.broken("expected %q in %s, found %s", c, where, s.found())
	}
	s.i++
	return nil
}

// found names the character at the position.
func (s *scanner) found() string {
	r, _ := utf8.DecodeRune(s.w[s.i:])
	return fmt.Sprintf("%q", r)
}

// value moves past one value, after space.
func (s *scanner) value(ctx context.Context) error {
	c, err := s.peek(ctx)
	if err != nil {
		return s.inside(err, "the document")
	}
	switch {
	case c == '{' || c == '[':
		return s.brackets(ctx)
	case c == '"':
		return s.quoted(ctx)
	case startsScalar(c):
		return s.scalar(ctx)
	}
	return s.broken("expected a value, found %s", s.found())
}

func startsScalar(c byte) bool {
	return c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' || c == 'n'
}

// scalar moves past a number, true, false or null.
func (s *scanner) scalar(ctx context.Context) error {
	for {
		for ; s.i < len(s.w); s.i++ {
			c := s.w[s.i]
			if c|0x20 < 'a' || c|0x20 > 'z' {
				if c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
					return nil
				}
			}
		}
		if err := s.more(ctx); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// quoted moves past a string.
func (s *scanner) quoted(ctx context.Context) error {
	s.i++
	for {
		for s.i < len(s.w) && s.w[s.i] != '"' && s.w[s.i] != '\\' {
			s.i++
		}
		if s.i == len(s.w) {
			if err := s.more(ctx); err != nil {
				return s.inside(err, "a string")
			}
			continue
		}
		if s.w[s.i] == '"' {
			s.i++
			return nil
		}
		for len(s.w)-s.i < 2 {
			if err := s.more(ctx); err != nil {
				return s.inside(err, "a string")
			}
		}
		s.i += 2
	}
}

// brackets moves past an object or array.
func (s *scanner) brackets(ctx context.Context) error {
	s.nested = s.nested[:0]
	for {
		for s.i < len(s.w) && !structural[s.w[s.i]] {
			s.i++
		}
		if s.i == len(s.w) {
			if err := s.more(ctx); err != nil {
				return s.inside(err, "an object or array")
			}
			continue
		}
		switch c := s.w[s.i]; c {
		case '"':
			if err := s.quoted(ctx); err != nil {
				return err
			}
			continue
		case '{', '[':
			if len(s.nested) == maxNesting {
				return s.broken("objects and arrays are nested deeper than %d levels", maxNesting)
			}
			s.nested = append(s.nested, c+2) // ASCII has the closing bracket two after
		default:
			last := len(s.nested) - 1
			if s.nested[last] != c {
				return s.broken("expected %q, found %q", s.nested[last], c)
			}
			s.nested = s.nested[:last]
		}
		s.i++
		if len(s.nested) == 0 {
			return nil
		}
	}
}

var structural = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true}
