package ground

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"tcpstate/lab/private"
)

// The program runs itself again with its role as the last argument. An
// environment variable would be inherited by every command that a body runs.
const (
	RoleInside = "tcpstate-lab:inside" // runs the body in the new namespace
	RoleHold   = "tcpstate-lab:hold"   // holds descriptors, see hold_linux.go
)

// Role returns the role of this process, or "".
func Role() string {
	if last := os.Args[len(os.Args)-1]; last == RoleInside || last == RoleHold {
		return last
	}
	return ""
}

// Main runs body in a new network namespace, with the Lab set up, and returns
// what body returned: the exit status for the program. It runs the program
// again with the same arguments. The code of the program before the call runs a
// second time there, and os.Args has only the original arguments when body
// runs. Main passes SIGTERM and SIGHUP on to the child.
func Main(body func(*Lab) (int, error)) (int, error) {
	switch Role() {
	case RoleHold:
		os.Exit(Hold())
	case RoleInside:
		os.Args = os.Args[:len(os.Args)-1]
		l, err := Open()
		if err != nil {
			return 1, err
		}
		status, err := body(l)
		return status, errors.Join(err, l.Close())
	}
	exe, err := os.Executable()
	if err != nil {
		return 1, err
	}
	var child *exec.Cmd
	return private.Supervise(func(started func()) error {
		_, err := private.Run(func() *exec.Cmd {
			child = exec.Command(exe, append(slices.Clone(os.Args[1:]), RoleInside)...)
			child.Args[0] = os.Args[0]
			child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
			return child
		}, started)
		return err
	}, func(sig os.Signal) { child.Process.Signal(sig) })
}

// Supervise runs cmd and returns its exit status as a shell reports it: 128
// plus the signal's number if a signal ended it, 127 or 126 if it could not be
// started. cmd is killed when this process ends. If denied is not 0, cmd runs
// as with RunWithoutDiag.
func Supervise(cmd *exec.Cmd, denied syscall.Errno) (int, error) {
	return private.Supervise(func(started func()) error {
		if denied != 0 {
			return runWithoutDiag(cmd, denied, started)
		}
		return private.RunBound(cmd, started)
	}, func(sig os.Signal) { cmd.Process.Signal(sig) })
}
