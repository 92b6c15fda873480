package dynamotest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the server when the thread that started it
// ends, also when the test binary is killed (prctl(2), PR_SET_PDEATHSIG).
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
