package csvio

import (
	"bytes"
	"context"

	"github.com/dynapipe/dynapipe/internal/format/stream"
)

// record reads the cells of the record that starts the window, and moves past
// its line end. After a RowError it has moved past the line with the fault.
func (r *Reader) record(ctx context.Context) error {
	for {
		fault, err := r.cell(ctx)
		if err != nil {
			return err
		}
		if fault != nil {
			r.multi = true
			if err := r.toLineEnd(ctx); err != nil {
				return err
			}
			return fault
		}
		switch {
		case r.i == len(r.w): // plain and quoted have tried to read on
			return nil
		case r.w[r.i] == '\n':
			r.i++
			return nil
		}
		r.i += len(r.delim)
	}
}

// cell reads one cell. The position is then at what ended it: a delimiter, a
// line feed, or the end of the text.
func (r *Reader) cell(ctx context.Context) (*stream.RowError, error) {
	if r.o.Trim {
		if err := r.skipSpace(ctx); err != nil {
			return nil, err
		}
	}
	if ok, err := r.need(ctx, 1); err != nil {
		return nil, err
	} else if ok && r.w[r.i] == '"' {
		return r.quoted(ctx)
	}
	return r.plain(ctx)
}

// plain reads a cell without quotes.
func (r *Reader) plain(ctx context.Context) (*stream.RowError, error) {
	from := r.i
	for {
		w, i := r.w, r.i
		for i < len(w) && !r.stop[w[i]] {
			i++
		}
		r.i = i
		if i == len(w) {
			more, err := r.more(ctx)
			if err != nil {
				return nil, err
			}
			if more {
				continue
			}
			break
		}
		if w[i] == '"' {
			return r.fault(i, "a quote inside a cell that does not begin with one: put the whole cell in quotes and double the quote inside them, as \"5\"\" disk\""), nil
		}
		if w[i] == '\n' {
			break
		}
		if is, err := r.atDelimiter(ctx); err != nil {
			return nil, err
		} else if is {
			break
		}
		r.i++
	}
	to := r.i
	if (to == len(r.w) || r.w[to] == '\n') && to > from && r.w[to-1] == '\r' {
		to--
	}
	for r.o.Trim && to > from && isSpace(r.w[to-1]) {
		to--
	}
	r.spans = append(r.spans, span{from: from, to: to})
	return nil, nil
}

// atDelimiter reports a delimiter at the position, where its first byte is.
func (r *Reader) atDelimiter(ctx context.Context) (bool, error) {
	if len(r.delim) == 1 {
		return true, nil
	}
	ok, err := r.need(ctx, len(r.delim))
	return ok && bytes.HasPrefix(r.w[r.i:], r.delim), err
}

// quoted reads a cell in quotes.
func (r *Reader) quoted(ctx context.Context) (*stream.RowError, error) {
	open := r.i
	s := span{from: open + 1, quoted: true}
	r.multi = true
	r.i++
	for {
		n := bytes.IndexByte(r.w[r.i:], '"')
		if n < 0 {
			r.i = len(r.w)
			more, err := r.more(ctx)
			if err != nil {
				return nil, err
			}
			if !more {
				return r.unclosed(open)
			}
			continue
		}
		s.to = r.i + n
		r.i = s.to + 1
		if ok, err := r.need(ctx, 1); err != nil {
			return nil, err
		} else if !ok || r.w[r.i] != '"' {
			break
		}
		s.doubled = true
		r.i++
	}
	r.spans = append(r.spans, s)
	return r.afterQuote(ctx)
}

// afterQuote checks what follows a closing quote, and passes over the carriage
// return of a line end.
func (r *Reader) afterQuote(ctx context.Context) (*stream.RowError, error) {
	if r.o.Trim {
		if err := r.skipSpace(ctx); err != nil {
			return nil, err
		}
	}
	ok, err := r.need(ctx, 1)
	if err != nil || !ok || r.w[r.i] == '\n' {
		return nil, err
	}
	switch r.w[r.i] {
	case r.delim[0]:
		if is, err := r.atDelimiter(ctx); err != nil || is {
			return nil, err
		}
	case '\r':
		if ok, err := r.need(ctx, 2); err != nil {
			return nil, err
		} else if !ok || r.w[r.i+1] == '\n' {
			r.i++
			return nil, nil
		}
	}
	return r.fault(r.i, "text after the closing quote of a cell: a quote inside quotes must be doubled, as \"5\"\" disk\""), nil
}

// unclosed is the fault of a quote that is still open at the end of the text.
// What it swallowed is one rejected row as long as the row's text can be kept
// whole; more than that fails the run, for rows would be lost in it.
func (r *Reader) unclosed(open int) (*stream.RowError, error) {
	fault := r.fault(open, "the quote opened here is not closed before the end of the file")
	if len(r.w) > MaxRaw {
		fault.Message += "; all rows after it are part of that cell"
		return nil, errUnclosed{fault}
	}
	return fault, nil
}

// MaxRaw is how much of a rejected row's text is kept.
const MaxRaw = 64 << 10

// errUnclosed is a RowError that ends the text.
type errUnclosed struct{ fault *stream.RowError }

func (e errUnclosed) Error() string { return e.fault.Error() }

// skipSpace moves past spaces and tabs that are not the delimiter.
func (r *Reader) skipSpace(ctx context.Context) error {
	for {
		for r.i < len(r.w) && isSpace(r.w[r.i]) && r.w[r.i] != r.delim[0] {
			r.i++
		}
		if r.i < len(r.w) {
			return nil
		}
		if more, err := r.more(ctx); err != nil || !more {
			return err
		}
	}
}
