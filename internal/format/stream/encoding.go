package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// Encoding is the character encoding of a file's text.
type Encoding string

// The encodings. UTF16 goes by the byte order mark, and is little endian
// without one.
const (
	UTF8        Encoding = "utf-8"
	UTF16       Encoding = "utf-16"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Latin1      Encoding = "latin1"
	Windows1252 Encoding = "windows-1252"
)

// Encodings are the values of a source's encoding argument, the default first.
func Encodings() []string {
	return []string{string(UTF8), string(UTF16), string(UTF16LE), string(UTF16BE), string(Latin1), string(Windows1252)}
}

var (
	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16LE = []byte("\xff\xfe")
	bomUTF16BE = []byte("\xfe\xff")
)

// decode turns text of an encoding into UTF-8 without a byte order mark. UTF-8
// itself is passed through as it is: whoever finds rows in it checks it, and
// can tell the line.
func decode(e Encoding, in io.Reader) (io.Reader, error) {
	text := bufio.NewReader(in)
	head, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	little, big := bytes.HasPrefix(head, bomUTF16LE), bytes.HasPrefix(head, bomUTF16BE)
	switch e {
	case UTF8, "":
		if little || big {
			return nil, fmt.Errorf("this is UTF-16 text, by its first two bytes: save it as UTF-8, or write encoding = %q where the source has that argument", UTF16)
		}
		if bytes.Equal(head, bomUTF8) {
			discard(text, len(bomUTF8))
		}
		return text, nil
	case UTF16, UTF16LE, UTF16BE:
		if little || big {
			discard(text, 2)
		}
		return transform.NewReader(text, &fromUTF16{big: e == UTF16BE || e == UTF16 && big}), nil
	case Latin1:
		return transform.NewReader(text, charmap.ISO8859_1.NewDecoder()), nil
	case Windows1252:
		return transform.NewReader(text, charmap.Windows1252.NewDecoder()), nil
	}
	return nil, fmt.Errorf("no such encoding: %q", e)
}

// discard drops bytes that were just peeked at, which can't fail.
func discard(r *bufio.Reader, n int) { _, _ = r.Discard(n) }

// fromUTF16 decodes UTF-16. The one of x/text puts U+FFFD in the place of half
// a surrogate pair or half a unit, which would lose data silently; this one
// writes them as bytes that are no UTF-8, so that the row is rejected.
type fromUTF16 struct {
	transform.NopResetter
	big bool
}

func (d *fromUTF16) unit(src []byte) rune {
	if d.big {
		return rune(src[0])<<8 | rune(src[1])
	}
	return rune(src[1])<<8 | rune(src[0])
}

// Transform implements transform.Transformer.
func (d *fromUTF16) Transform(dst, src []byte, atEOF bool) (written, read int, err error) {
	for read < len(src) {
		if len(dst)-written < utf8.UTFMax {
			return written, read, transform.ErrShortDst
		}
		rest := src[read:]
		if len(rest) == 1 {
			if !atEOF {
				return written, read, transform.ErrShortSrc
			}
			dst[written] = 0xff
			return written + 1, read + 1, nil
		}
		r, size := d.unit(rest), 2
		if utf16.IsSurrogate(r) && r < 0xdc00 {
			if len(rest) < 4 && !atEOF {
				return written, read, transform.ErrShortSrc
			}
			if len(rest) >= 4 {
				if pair := utf16.DecodeRune(r, d.unit(rest[2:])); pair != utf8.RuneError {
					r, size = pair, 4
				}
			}
		}
		written += putRune(dst[written:], r)
		read += size
	}
	return written, read, nil
}

// putRune is utf8.EncodeRune, but spells a lone surrogate in the three bytes
// that UTF-8 forbids.
func putRune(dst []byte, r rune) int {
	if utf16.IsSurrogate(r) {
		return copy(dst, []byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f})
	}
	return utf8.EncodeRune(dst, r)
}
