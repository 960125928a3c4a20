package lab

import (
	"errors"
	"os"
	"os/exec"
	"slices"

	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
	"tcpstate/wording"
)

// Inside is the last argument of a program that [Enter] runs.
const Inside = "tcpstate-lab:inside"

// Enter runs this program again with the argument Inside at the end, in a private
// network namespace, and in a user namespace if it needs one to make the other. It
// returns the exit status of the program. Ctrl-C then ends only that program, which
// gets it from the terminal too.
func Enter(args []string) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var child *exec.Cmd
	status, err := private.Supervise(func(started func()) error {
		_, err := private.Run(func() *exec.Cmd {
			child = exec.Command(exe, append(slices.Clone(args), Inside)...)
			child.Args[0] = os.Args[0]
			child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
			return child
		}, started)
		return err
	}, func(sig os.Signal) { child.Process.Signal(sig) })
	if err != nil {
		return 0, denied(wording.Wrap(err, "lab.entering"), err)
	}
	return status, nil
}

// denied adds a hint to an error that shows that namespaces are forbidden.
func denied(worded *wording.Error, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
		return worded.WithHint("lab.denied")
	}
	return worded
}
