package verify

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// fanOut is into how many buckets keys are divided at once, and maxLevel how
// often that can be done: each time by another byte of the key's sum, of which
// the first eight are those of samples.
const (
	fanOut   = 64
	maxLevel = 8

	bucketBuffer = 16 << 10
)

// entry is a row on disk: what it makes of its key, or what was found there.
type entry struct {
	key    sum
	digest sum
	fate   delivery.Fate // of a row; 0 of an item that was found
	alone  bool
	target uint64
	node   uint64
	place  uint64
	pos    record.Pos
	text   []byte // the key in DynamoDB JSON
}

// append appends the entry, its length before it.
func (e *entry) append(dst []byte) []byte {
	var room [160]byte
	b := append(append(room[:0], e.key[:]...), e.digest[:]...)
	flags := byte(e.fate) << 1
	if e.alone {
		flags |= 1
	}
	b = append(b, flags)
	for _, n := range [...]uint64{e.target, e.node, e.place} {
		b = binary.AppendUvarint(b, n)
	}
	for _, n := range [...]int64{int64(e.pos.File), e.pos.Line, e.pos.Seq, e.pos.Sub} {
		b = binary.AppendVarint(b, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b)+len(e.text)))
	return append(append(dst, b...), e.text...)
}

var errEntry = errors.New("an entry of the temporary files is broken: did something else write there?")

// parse reads an entry without its length, sharing its memory.
func (e *entry) parse(b []byte) error {
	const head = len(sum{})*2 + 1
	if len(b) < head {
		return errEntry
	}
	*e = entry{fate: delivery.Fate(b[head-1] >> 1), alone: b[head-1]&1 != 0}
	copy(e.key[:], b)
	copy(e.digest[:], b[len(sum{}):])
	b = b[head:]
	for _, to := range [...]*uint64{&e.target, &e.node, &e.place} {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return errEntry
		}
		*to, b = n, b[size:]
	}
	var file int64
	for _, to := range [...]*int64{&file, &e.pos.Line, &e.pos.Seq, &e.pos.Sub} {
		n, size := binary.Varint(b)
		if size <= 0 {
			return errEntry
		}
		*to, b = n, b[size:]
	}
	e.pos.File, e.text = int32(file), b
	return nil
}

// spill is the entries of one side, divided by their keys into files: the same
// key of the other side is in the file of the same number. Entries stay in the
// order they were added in. It may be used by several goroutines.
type spill struct {
	level   int
	buckets [fanOut]bucket
}

// bucket is one file, which is there when it has an entry.
type bucket struct {
	path string

	mu      sync.Mutex
	file    *os.File
	out     *bufio.Writer
	scratch []byte
}

// newSpill is one in a folder, under names that begin so.
func newSpill(dir, name string, level int) *spill {
	s := &spill{level: level}
	for i := range s.buckets {
		s.buckets[i].path = filepath.Join(dir, fmt.Sprintf("%s-%02d", name, i))
	}
	return s
}

func (s *spill) add(e *entry) error {
	b := &s.buckets[int(e.key[len(e.key)-1-s.level])%fanOut]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out == nil {
		f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return temporary(err)
		}
		b.file, b.out = f, bufio.NewWriterSize(f, bucketBuffer)
	}
	b.scratch = e.append(b.scratch[:0])
	_, err := b.out.Write(b.scratch)
	return temporary(err)
}

// close hands all entries on to the files.
func (s *spill) close() error {
	var errs []error
	for i := range s.buckets {
		b := &s.buckets[i]
		if b.out != nil {
			errs = append(errs, b.out.Flush(), b.file.Close())
			b.out, b.file = nil, nil
		}
	}
	return temporary(errors.Join(errs...))
}

func temporary(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("temporary files: %w; they are in the folder that TMPDIR names, and take some 100 bytes for each item", err)
}

// reading goes through the entries of one bucket.
type reading struct {
	file   *os.File
	in     *bufio.Reader
	offset int64 // of the next entry
	at     int64 // of the entry at hand
	memory []byte
}

// openBucket is the entries in a file; none when it was never written.
func openBucket(path string) (*reading, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &reading{}, nil
	}
	if err != nil {
		return nil, temporary(err)
	}
	return &reading{file: f, in: bufio.NewReaderSize(f, 256<<10)}, nil
}

// next reads an entry, valid until the next one. After the last it is io.EOF.
func (r *reading) next(e *entry) error {
	if r.file == nil {
		return io.EOF
	}
	n, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) {
		return err // between two entries
	}
	if err != nil {
		return temporary(err)
	}
	if uint64(cap(r.memory)) < n {
		r.memory = make([]byte, n)
	}
	r.memory = r.memory[:n]
	if _, err := io.ReadFull(r.in, r.memory); err != nil {
		return temporary(fmt.Errorf("%w (%v)", errEntry, err)) // not an io.EOF, which is the end
	}
	r.at = r.offset
	r.offset += int64(len(binary.AppendUvarint(nil, n))) + int64(n)
	return e.parse(r.memory)
}

// read is the entry at an offset, with memory of its own.
func (r *reading) read(at int64, e *entry) error {
	in := bufio.NewReader(io.NewSectionReader(r.file, at, 1<<62))
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return temporary(err)
	}
	memory := make([]byte, n)
	if _, err := io.ReadFull(in, memory); err != nil {
		return temporary(err)
	}
	return e.parse(memory)
}

func (r *reading) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
