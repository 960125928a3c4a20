package cmd

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
)

func init() { lab.Play(nil) }

// runProgram runs the program in a new process with the given attributes.
func runProgram(t *testing.T, attr *syscall.SysProcAttr, args ...string) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"tcpstate"}, args...),
		SysProcAttr: attr, Stdout: &stdout, Stderr: &stderr, Env: []string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// capless runs the program without any capability.
func capless(t *testing.T, args ...string) (got outcome) {
	t.Helper()
	must(t, lab.WithoutCapabilities(func() { got = runProgram(t, nil, args...) }))
	return got
}
