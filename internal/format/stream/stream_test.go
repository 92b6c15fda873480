package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAll(t *testing.T, path string, o Options) (string, error) {
	t.Helper()
	files, err := List([]string{path}, false)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(files[0], o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	var text bytes.Buffer
	buf := make([]byte, 1000)
	for {
		n, err := r.Read(t.Context(), buf)
		text.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return text.String(), nil
		}
		if err != nil {
			return text.String(), err
		}
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	return w.EncodeAll([]byte(text), nil)
}

// bzip2Hello is "hello\n" as bzip2 writes it; Go has no bzip2 writer.
var bzip2Hello = []byte("BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2")

func TestListOrder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"b/2.csv", "b/10.csv", "b/.hidden.csv", "b/deep/er/3.csv", "a.csv", "odd[1].csv"} {
		write(t, dir, name, []byte("x"))
	}
	for _, c := range []struct {
		paths []string
		want  []string
	}{
		{[]string{"b/*.csv", "a.csv"}, []string{"b/10.csv", "b/2.csv", "a.csv"}},
		{[]string{"a.csv", "b/*.csv", "./b/2.csv"}, []string{"a.csv", "b/10.csv", "b/2.csv"}},
		{[]string{"**/*.csv"}, []string{"a.csv", "b/10.csv", "b/2.csv", "b/deep/er/3.csv", "odd[1].csv"}},
		{[]string{"odd[1].csv"}, []string{"odd[1].csv"}},
		{[]string{"b/[0-9].csv", "b/??.csv"}, []string{"b/2.csv", "b/10.csv"}},
		{[]string{"b/*"}, []string{"b/10.csv", "b/2.csv"}},
		{[]string{"-"}, []string{"-"}},
	} {
		files, err := List(c.paths, false)
		if err != nil {
			t.Fatalf("%v: %v", c.paths, err)
		}
		got := make([]string, len(files))
		for i, f := range files {
			got[i] = f.Path
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: found %v, want %v", c.paths, got, c.want)
		}
	}
}

func TestListErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "sub/x", nil)
	for _, c := range []struct{ path, want string }{
		{"users-*.csv", "no file matches users-*.csv (looked in " + dir + ")"},
		{"users.csv", "no such file: users.csv (looked in " + dir + ")"},
		{"sub", `sub is a folder: to read the files in it write a pattern, as "sub/*"`},
		{"", "path is empty"},
		{"[a", "is not a pattern"},
	} {
		_, err := List([]string{c.path}, false)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.path, err, c.want)
		}
	}
	files, err := List([]string{"users-*.csv", "users.csv"}, true)
	if err != nil || len(files) != 0 {
		t.Errorf("allow missing: %v, %v", files, err)
	}
	if _, err := List([]string{"sub"}, true); err == nil {
		t.Error("allow missing must not excuse a folder")
	}
}

func TestCompressions(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("all work and no play\n", 20000)
	twoFrames := append(zstandard(t, long), zstandard(t, "second")...)
	for _, c := range []struct {
		name string
		data []byte
		as   Compression
		want string
	}{
		{"a.gz", gzipped(t, long), Auto, long},
		{"members.gz", append(gzipped(t, long), gzipped(t, "second")...), Auto, long + "second"},
		{"a.ZST", zstandard(t, long), Auto, long},
		{"frames.zst", twoFrames, "", long + "second"},
		{"skippable.zst", append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), twoFrames...), Auto, long + "second"},
		{"a.bz2", bzip2Hello, Auto, "hello\n"},
		{"streams.bz2", append(bytes.Clone(bzip2Hello), bzip2Hello...), Auto, "hello\nhello\n"},
		{"gzip.dat", gzipped(t, "x"), Gzip, "x"},
		{"plain.gz", []byte("not compressed"), None, "not compressed"},
		{"empty.csv", nil, Auto, ""},
		{"nothing.gz", gzipped(t, ""), Auto, ""},
		{"bom.gz", gzipped(t, "\ufefftext"), Auto, "text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var counted int64
			got, err := readAll(t, write(t, dir, c.name, c.data), Options{Compression: c.as, Count: func(n int64) { counted += n }})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("read %d bytes, want %d", len(got), len(c.want))
			}
			if counted != int64(len(c.data)) {
				t.Errorf("counted %d bytes of %d", counted, len(c.data))
			}
		})
	}
}

func TestBrokenCompression(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("0123456789 abcdefghij\n", 50000)
	gz, zst := gzipped(t, long), zstandard(t, long)
	damaged := bytes.Clone(gz)
	damaged[len(damaged)-6] ^= 0xff // in the checksum
	var huge bytes.Buffer
	w, err := zstd.NewWriter(&huge, zstd.WithWindowSize(256<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, long); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		as   Compression
		want string
	}{
		{"cut.gz", gz[:len(gz)/2], Auto, "the gzip data stops in the middle"},
		{"cut.zst", zst[:len(zst)/2], Auto, "the zstd data stops in the middle"},
		{"cut.bz2", bzip2Hello[:30], Auto, "the bzip2 data stops in the middle"},
		{"empty.gz", nil, Auto, "the gzip data stops in the middle"},
		{"crc.gz", damaged, Auto, "the gzip data is damaged"},
		{"plain.gz", []byte("id,name\n"), Auto, "this is not gzip data, although its name says so"},
		{"plain.csv", []byte("id,name\n"), Zstd, `this is not zstd data, although compression = "zstd" says so`},
		{"packed.csv", gz, Auto, `this is gzip data, not text: write compression = "gzip"`},
		{"window.zst", huge.Bytes(), Auto, "needs a window of more than 128 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := readAll(t, write(t, dir, c.name, c.data), Options{Compression: c.as})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if !strings.HasPrefix(long, text) {
				t.Error("wrong text came before the error")
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	dir := t.TempDir()
	const text = "naïve €😀\r\n"
	utf16le := []byte("n\x00a\x00\xef\x00v\x00e\x00 \x00\xac\x20\x3d\xd8\x00\xde\r\x00\n\x00")
	utf16be := make([]byte, len(utf16le))
	for i := range utf16le {
		utf16be[i^1] = utf16le[i]
	}
	for _, c := range []struct {
		as   Encoding
		data []byte
		want string
	}{
		{UTF8, []byte(text), text},
		{UTF8, []byte("\xef\xbb\xbf" + text), text},
		{UTF8, []byte("\xef\xbb"), "\xef\xbb"},
		{UTF16, append([]byte("\xff\xfe"), utf16le...), text},
		{UTF16, append([]byte("\xfe\xff"), utf16be...), text},
		{UTF16, utf16le, text},
		{UTF16BE, utf16be, text},
		{UTF16LE, append([]byte("\xff\xfe"), utf16le...), text},
		{Latin1, []byte("na\xefve"), "naïve"},
		{Windows1252, []byte("\x80 5"), "€ 5"},
		// What is no UTF-16 comes out as what is no UTF-8, to be rejected.
		{UTF16LE, []byte("a\x00\x3d\xd8b\x00"), "a\xed\xa0\xbdb"},
		{UTF16LE, []byte("a\x00\x00\xde"), "a\xed\xb8\x80"},
		{UTF16LE, []byte("a\x00\x3d\xd8"), "a\xed\xa0\xbd"},
		{UTF16LE, []byte("a\x00b"), "a\xff"},
	} {
		got, err := readAll(t, write(t, dir, "text", c.data), Options{Encoding: c.as})
		if err != nil {
			t.Fatalf("%s %q: %v", c.as, c.data, err)
		}
		if got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.as, c.data, got, c.want)
		}
	}
	_, err := readAll(t, write(t, dir, "text", utf16be[:0:0]), Options{Encoding: UTF16})
	if err != nil {
		t.Errorf("empty: %v", err)
	}
	_, err = readAll(t, write(t, dir, "text", append([]byte("\xff\xfe"), utf16le...)), Options{})
	if err == nil || !strings.Contains(err.Error(), `encoding = "utf-16"`) {
		t.Errorf("UTF-16 read as UTF-8: %v", err)
	}
}

func TestStandardInput(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	real := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = real }()

	r, err := Open(File{Path: Stdin, Size: -1, pump: true}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("line\n", 100000)
	wrote := make(chan error, 1)
	go func() {
		_, err := io.WriteString(out, text)
		wrote <- err
	}()
	got := make([]byte, 0, len(text))
	buf := make([]byte, 4096)
	for len(got) < len(text) {
		n, err := r.Read(t.Context(), buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != text {
		t.Error("text differs")
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	// The writer is still there and says nothing more.
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan error)
	go func() {
		_, err := r.Read(ctx, buf)
		read <- err
	}()
	cancel()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled read: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for _, end := range []*os.File{in, out} {
		if err := end.Close(); err != nil {
			t.Error(err)
		}
	}
}
