//go:build !linux

package dynamotest

import "os/exec"

// dieWithParent does nothing: the server is installed on Linux only.
func dieWithParent(*exec.Cmd) {}
