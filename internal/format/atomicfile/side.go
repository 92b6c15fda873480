package atomicfile

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// Side says how much is in the file beside an unfinished one. It is only ever
// added to, so that an older Side stays true of it.
type Side struct {
	Length int64
	CRC32  uint32 // IEEE, of so many bytes
}

func sidePath(partial string) string { return partial + ".side" }

// Side is what AppendSide has written so far.
func (f *File) Side() Side { return f.side }

// AppendSide adds to the file beside this one, which holds what a later run has
// to know and what is no part of the file. It is on the disk then. It
// disappears with the unfinished file.
func (f *File) AppendSide(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	side, err := os.OpenFile(sidePath(f.Name()), os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	fresh := f.side.Length == 0
	// What a failed attempt, or a run that ended, has left behind the rest.
	err = side.Truncate(f.side.Length)
	if err == nil {
		_, err = side.WriteAt(text, f.side.Length)
	}
	if err == nil {
		err = side.Sync()
	}
	if err := errors.Join(err, side.Close()); err != nil {
		return err
	}
	f.side.Length += int64(len(text))
	f.side.CRC32 = crc32.Update(f.side.CRC32, crc32.IEEETable, text)
	if fresh {
		f.named = false // the side file's name is new
	}
	return nil
}

// ReadSide gives the file beside this one, as far as it was at a checkpoint, to
// read. It fails when that is not what is there.
func (f *File) ReadSide(s Side, read func(io.Reader) error) error {
	if s.Length == 0 {
		return read(eof{})
	}
	path := sidePath(f.Name())
	side, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file %s, which belongs to the unfinished %s, is gone", path, f.Name())
	}
	if err != nil {
		return err
	}
	defer side.Close()
	sum := crc32.NewIEEE()
	if n, err := io.Copy(sum, io.LimitReader(side, s.Length)); err != nil {
		return err
	} else if n < s.Length || sum.Sum32() != s.CRC32 {
		return fmt.Errorf("the file %s, which belongs to the unfinished %s, is not what it was when the checkpoint was taken", path, f.Name())
	}
	if _, err := side.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f.side = s
	return read(io.LimitReader(side, s.Length))
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
