package stream

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how a file's bytes are compressed.
type Compression string

// The compressions. Auto goes by the ending of the file's name.
const (
	Auto  Compression = "auto"
	None  Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
	Bzip2 Compression = "bzip2"
)

// Compressions are the values of a source's compression argument, the default
// first.
func Compressions() []string {
	return []string{string(Auto), string(None), string(Gzip), string(Zstd), string(Bzip2)}
}

// maxWindow bounds the memory that a zstd file may ask for. It is what the
// zstd command line itself accepts at most without being told to (its --long
// default, 2^27 bytes).
const maxWindow = 128 << 20

// CompressionOf is the compression that the ending of a path stands for.
func CompressionOf(path string) Compression {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz":
		return Gzip
	case ".zst":
		return Zstd
	case ".bz2":
		return Bzip2
	}
	return None
}

// Of is the compression of one file, Auto resolved.
func (c Compression) Of(path string) Compression {
	if c == Auto || c == "" {
		return CompressionOf(path)
	}
	return c
}

// magic is how a file of each compression begins.
var magic = map[Compression][]byte{
	Gzip:  {0x1f, 0x8b},
	Zstd:  {0x28, 0xb5, 0x2f, 0xfd},
	Bzip2: []byte("BZh"),
}

// decompress reads what in holds compressed. The closer frees the
// decompressor. An error of in comes out unchanged.
func decompress(c Compression, in *bufio.Reader) (io.Reader, func(), error) {
	switch c {
	case Gzip:
		z, err := gzip.NewReader(in)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // an empty file is no gzip file
		}
		return z, func() {}, err
	case Zstd:
		// One goroutine: reads must happen within the caller's Read.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case Bzip2:
		return bzip2.NewReader(in), func() {}, nil
	}
	return in, func() {}, nil
}

// checkStart finds a file that is not compressed the way it is said to be.
func checkStart(c, asked Compression, in *bufio.Reader) error {
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if c == None {
		for _, other := range []Compression{Gzip, Zstd} {
			if bytes.HasPrefix(head, magic[other]) {
				return fmt.Errorf("this is %s data, not text: write compression = %q", other, other)
			}
		}
		return nil
	}
	if len(head) > 0 && !bytes.HasPrefix(head, magic[c][:min(len(head), len(magic[c]))]) && !skippable(c, head) {
		said := "its name says so"
		if asked == c {
			said = fmt.Sprintf("compression = %q says so", c)
		}
		return fmt.Errorf("this is not %s data, although %s; for a file that is not compressed write compression = %q", c, said, None)
	}
	return nil
}

// skippable reports a zstd skippable frame, with which a file may begin
// (RFC 8878, section 3.1.2: magic numbers 0x184D2A50 to 0x184D2A5F).
func skippable(c Compression, head []byte) bool {
	return c == Zstd && len(head) == 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:], []byte{0x2a, 0x4d, 0x18})
}

// explain says what an error of a decompressor means for the user.
func explain(c Compression, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s data stops in the middle: the file was cut short, perhaps by a copy or download that did not finish", c)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("the zstd data needs a window of more than %d MB to be decompressed (it was made with --long above 27): compress it with a smaller one", maxWindow>>20)
	}
	return fmt.Errorf("the %s data is damaged: %w", c, err)
}
