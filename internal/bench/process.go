package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// program is a command that a case runs.
type program struct {
	argv []string
	env  []string // added to the rig's
	// saysCPU: the CPU time is what the program prints, as cpu_seconds=N,
	// because starting its runtime is not what is compared.
	saysCPU bool
}

// usage is what one run took.
type usage struct {
	cpu  time.Duration // user and system
	wall time.Duration
	peak int64 // bytes resident, at most
}

// run runs a program in dir and measures it.
func (r *rig) run(ctx context.Context, dir string, p program) (usage, error) {
	argv := r.clientPin.wrap(p.argv)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(r.environment(), p.env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s%s", strings.Join(p.argv, " "), err, out.String(), problems.String())
	}
	u := usage{
		wall: time.Since(start),
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: peakBytes(cmd.ProcessState),
	}
	if p.saysCPU {
		_, said, ok := strings.Cut(out.String(), "cpu_seconds=")
		seconds, err := strconv.ParseFloat(strings.TrimSpace(said), 64)
		if !ok || err != nil {
			return u, fmt.Errorf("%s did not say its CPU time: %q", strings.Join(p.argv, " "), out.String())
		}
		u.cpu = time.Duration(seconds * float64(time.Second))
	}
	return u, nil
}

// pin keeps a process on one core; an empty one does not.
type pin []string

func (p pin) wrap(argv []string) []string { return append(p[:len(p):len(p)], argv...) }

// cleanEnvironment is the process's, without what would change how clients of
// AWS find their way.
func cleanEnvironment() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "DYNAPIPE_") {
			out = append(out, v)
		}
	}
	return out
}
