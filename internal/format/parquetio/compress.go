package parquetio

import (
	"bytes"

	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Compression is how the pages of a file are compressed.
type Compression string

// The compressions. Every reader of Parquet knows Snappy; Zstd is smaller.
const (
	None   Compression = "none"
	Snappy Compression = "snappy"
	Zstd   Compression = "zstd"
	Gzip   Compression = "gzip"
)

// id is what the file's metadata calls it.
func (c Compression) id() compress.Compression {
	switch c {
	case None:
		return compress.Codecs.Uncompressed
	case Zstd:
		return compress.Codecs.Zstd
	case Gzip:
		return compress.Codecs.Gzip
	}
	return compress.Codecs.Snappy
}

// codec compresses one page after the other.
type codec interface {
	// compress gives the page compressed, valid until the next call.
	compress(page []byte) ([]byte, error)
}

// newCodec is a codec of its own for one goroutine.
func newCodec(c Compression) (codec, error) {
	switch c {
	case None:
		return noCodec{}, nil
	case Zstd:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		return &zstdCodec{w: w}, err
	case Gzip:
		g := &gzipCodec{}
		g.w = gzip.NewWriter(&g.buf)
		return g, nil
	}
	return &snappyCodec{}, nil
}

type noCodec struct{}

func (noCodec) compress(page []byte) ([]byte, error) { return page, nil }

type snappyCodec struct{ buf []byte }

func (c *snappyCodec) compress(page []byte) ([]byte, error) {
	if most := s2.MaxEncodedLen(len(page)); cap(c.buf) < most {
		c.buf = make([]byte, most)
	}
	return s2.EncodeSnappy(c.buf[:cap(c.buf)], page), nil
}

type zstdCodec struct {
	w   *zstd.Encoder
	buf []byte
}

func (c *zstdCodec) compress(page []byte) ([]byte, error) {
	c.buf = c.w.EncodeAll(page, c.buf[:0])
	return c.buf, nil
}

type gzipCodec struct {
	w   *gzip.Writer
	buf bytes.Buffer
}

func (c *gzipCodec) compress(page []byte) ([]byte, error) {
	c.buf.Reset()
	c.w.Reset(&c.buf)
	if _, err := c.w.Write(page); err != nil {
		return nil, err
	}
	if err := c.w.Close(); err != nil {
		return nil, err
	}
	return c.buf.Bytes(), nil
}
