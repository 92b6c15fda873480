package parquetio

import (
	"bytes"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// magic is how a Parquet file begins and ends.
const magic = "PAR1"

// fileWriter writes row groups one after the other, and then the footer that
// says where they are, which Arrow spells.
type fileWriter struct {
	out      io.Writer
	at       int64 // bytes written
	metadata *metadata.FileMetaDataBuilder
	groups   int
}

// newFileWriter begins a file, or takes over one that has its beginning.
func newFileWriter(out io.Writer, fields schema.FieldList, c Compression, begun bool) (*fileWriter, error) {
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	f := &fileWriter{out: out, metadata: metadata.NewFileMetadataBuilder(schema.NewSchema(root), parquet.NewWriterProperties(
		parquet.WithCompression(c.id()),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCreatedBy("dynapipe"),
	), nil)}
	if begun {
		f.at = int64(len(magic))
		return f, nil
	}
	return f, f.write([]byte(magic))
}

func (f *fileWriter) write(p []byte) error {
	n, err := f.out.Write(p)
	f.at += int64(n)
	return err
}

// writeGroup writes the encoded columns of so many rows.
func (f *fileWriter) writeGroup(columns []encoded, rows int) error {
	return f.noteGroup(columns, rows, func(c *encoded) error { return f.write(c.bytes) })
}

// noteGroup adds a row group to the footer, and passes each of its columns to
// place, which moves on behind it.
func (f *fileWriter) noteGroup(columns []encoded, rows int, place func(*encoded) error) error {
	group := f.metadata.AppendRowGroup()
	group.SetNumRows(rows)
	plain := int64(0)
	for i := range columns {
		c := &columns[i]
		chunk := group.NextColumnChunk()
		if err := c.describe(chunk, f.at, rows); err != nil {
			return err
		}
		if err := place(c); err != nil {
			return err
		}
		plain += int64(c.plain)
	}
	f.groups++
	return group.Finish(plain, int16(f.groups-1))
}

// describe says what a column chunk is that starts there in the file.
func (c *encoded) describe(chunk *metadata.ColumnChunkMetaDataBuilder, at int64, rows int) error {
	info := metadata.ChunkMetaInfo{
		NumValues: int64(rows), IndexPageOffset: -1, DataPageOffset: at + int64(c.dictSize),
		CompressedSize: int64(c.size), UncompressedSize: int64(c.plain),
	}
	coded := c.dictSize > 0
	pages := metadata.EncodingStats{DataEncodingStats: map[parquet.Encoding]int32{parquet.Encodings.Plain: c.pages}}
	if coded {
		info.DictPageOffset = at
		pages.DictEncodingStats = map[parquet.Encoding]int32{parquet.Encodings.Plain: 1}
		pages.DataEncodingStats = map[parquet.Encoding]int32{parquet.Encodings.RLEDict: c.pages}
	}
	chunk.SetStats(c.stats)
	return chunk.Finish(info, coded, false, pages, nil)
}

// close writes the footer.
func (f *fileWriter) close() error {
	footer, err := f.metadata.Finish()
	if err != nil {
		return err
	}
	var tail bytes.Buffer
	n, err := footer.WriteTo(&tail, nil)
	if err != nil {
		return fmt.Errorf("the footer: %w", err)
	}
	tail.Write(order.AppendUint32(nil, uint32(n)))
	tail.WriteString(magic)
	return f.write(tail.Bytes())
}
