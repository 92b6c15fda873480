package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dynapipe/dynapipe/internal/record"
)

// plain seals nothing.
type plain struct{}

func (plain) Seal(text []byte) ([]byte, error) { return text, nil }
func (plain) Unseal(text []byte) []byte        { return text }

func open(t *testing.T, folder string) *Store {
	t.Helper()
	s, err := Open(folder, "users", plain{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func example(number int64) *State {
	return &State{
		Pipeline: "users", Run: "0190", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Number: number,
		Fingerprint: map[string]string{"sink.file.copy": "abc"},
		Sources: map[string]Source{"source.csv.users": {Identity: json.RawMessage(`{"files": ["a.csv"]}`), Partitions: []Partition{
			{Position: json.RawMessage(`{"offset": 12}`), Last: &record.Pos{File: 0, Line: 3, Seq: 1}}, {Done: true, Position: json.RawMessage("null")}}}},
		Sinks: map[string]Sink{"sink.file.copy": {State: json.RawMessage(`{"length": 7}`), Held: []Row{{
			Item: json.RawMessage(`{"id": {"N": "1"}}`), Origin: Origin{Source: "source.csv.users", File: "a.csv", Line: 3, Segment: -1, Seq: 1}}}}},
		Nodes: map[string]Node{"source.csv.users": {Read: 2, Out: 2}},
		Edges: []Edge{{From: "source.csv.users", To: "sink.file.copy", Rows: 2}},
	}
}

func same(t *testing.T, got, want *State) {
	t.Helper()
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("%s\nis not\n%s", a, b)
	}
}

func TestSaveAndLoad(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, folder)
	if got, err := s.Load(); got != nil || err != nil {
		t.Fatalf("of nothing: %v, %v", got, err)
	}
	for n := range int64(3) {
		want := example(n + 1)
		if err := s.Save(want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
	}
	if info, err := os.Stat(s.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state is open to others: %v, %v", info.Mode(), err)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folders made for the state stay: %v", err)
	}
}

// A crash at any point of Save leaves the old state or the new one, whole: up to
// the renaming the old file is not touched, and what the crash left is no state.
func TestCrashInSave(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	old := example(1)
	if err := s.Save(old); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(text); cut += 97 {
		if err := os.WriteFile(s.path(partial), text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, old)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, folder)
	if _, err := os.Stat(again.path(partial)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover stays: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// A save that fails leaves the old state.
func TestSaveFails(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Save(example(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path(partial), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(example(2)); err == nil || !strings.Contains(err.Error(), "save the state") {
		t.Errorf("%v", err)
	}
	got, err := s.Load()
	if err != nil || got.Number != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestDamaged(t *testing.T) {
	s := open(t, t.TempDir())
	for text, want := range map[string]string{
		"":                              "not JSON",
		"{":                             "not JSON",
		`{"version": 2}`:                "has version 2",
		`{"version": 1}`:                "its checksum",
		`{"version": 1, "number": "x"}`: "damaged",
	} {
		if err := os.WriteFile(s.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.Load()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), s.Path()) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := encode(example(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"run":"x","started":"2026-01-02T03:04:05Z","number":1,"sources":{"a":{"partitions":[{"last":{}}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		state, err := parse(text)
		if (state == nil) == (err == nil) {
			t.Fatalf("%v, %v", state, err)
		}
		if err != nil {
			return
		}
		// What is read is what would be written.
		again, err := encode(state)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parse(again); err != nil || back.Checksum != state.Checksum {
			t.Fatalf("%v", err)
		}
	})
}

func TestSetAside(t *testing.T) {
	s := open(t, t.TempDir())
	if path, before, err := s.SetAside(); path != "" || before != nil || err != nil {
		t.Fatalf("of nothing: %q, %v, %v", path, before, err)
	}
	for n := range int64(3) {
		if err := s.Save(example(n + 1)); err != nil {
			t.Fatal(err)
		}
		path, before, err := s.SetAside()
		if err != nil {
			t.Fatal(err)
		}
		if aside, err := s.read(path); err != nil || aside.Number != n+1 {
			t.Errorf("set aside: %v, %v", aside, err)
		}
		if n == 0 && before != nil || n > 0 && before.Number != n {
			t.Errorf("before it: %v", before)
		}
		if state, err := s.Load(); state != nil || err != nil {
			t.Errorf("still there: %v, %v", state, err)
		}
	}
}

// Two at once: the second is refused and told by whom. Another name, or the same
// after the first is closed, is free.
func TestLock(t *testing.T) {
	folder := t.TempDir()
	first := open(t, folder)
	first.Sign("run-1")
	_, err := Open(folder, "users", plain{})
	var locked *Locked
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "process ") || strings.Contains(err.Error(), "run-1") {
		t.Fatalf("the second: %v", err)
	}
	other, err := Open(folder, "orders", plain{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if err := open(t, folder).Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A lock dies with its process, also when that is killed.
func TestLockDiesWithItsProcess(t *testing.T) {
	folder := os.Getenv("CHECKPOINT_TEST_FOLDER")
	if folder != "" {
		s, err := Open(folder, "users", plain{})
		if err != nil {
			t.Fatal(err)
		}
		s.Sign("run-1")
		if _, err := os.Stdout.WriteString("locked\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		return
	}
	folder = t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockDiesWithItsProcess$")
	child.Env = append(os.Environ(), "CHECKPOINT_TEST_FOLDER="+folder)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, "users", plain{}); !errors.As(err, new(*Locked)) {
		t.Errorf("while it lives: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	for _, want := range []string{"run-1", ""} {
		s := open(t, folder)
		if got := s.Killed(); got != want {
			t.Errorf("killed was %q, want %q", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileName(t *testing.T) {
	got := []string{fileName("users"), fileName("a/b\\c:d"), fileName("späße 1")}
	if want := []string{"users", "a_b_c_d", "späße 1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

// A state in which anything has been changed is refused.
func TestChangedState(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Save(example(7)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"offset": 12`: `"offset": 13`, `"length": 7`: `"length": 8`, `"out": 2`: `"out": 3`, `"rows": 2`: `"rows": 1`,
		`"number": 7`: `"number": 8`, `"source.csv.users": {`: `"source.csv.others": {`, `"done": true`: `"done": false`,
	} {
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("no %s in %s", from, text)
		}
		if err := os.WriteFile(s.Path(), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(); err == nil || !strings.Contains(err.Error(), "its checksum is") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// What is sealed is not in the file, and is in the state again.
func TestSealed(t *testing.T) {
	s, err := Open(t.TempDir(), "users", swap{})
	if err != nil {
		t.Fatal(err)
	}
	want := example(1)
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Path())
	if err != nil || strings.Contains(string(text), "users") || !strings.Contains(string(text), "*****") {
		t.Errorf("%v: %s", err, text)
	}
	got, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// swap seals one word.
type swap struct{}

func (swap) Seal(text []byte) ([]byte, error) {
	return bytes.ReplaceAll(text, []byte("users"), []byte("*****")), nil
}
func (swap) Unseal(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("*****"), []byte("users"))
}
