package private

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Run waits for the report of a command that has ended.
const patience = 2 * time.Minute

// ReportFD is the descriptor of the pipe on which a child reports its result to
// its parent: the first of exec.Cmd's ExtraFiles.
const ReportFD = 3

// Supervise passes SIGTERM and SIGHUP on while run runs, once it has started.
// It ignores SIGINT and SIGQUIT, because the terminal sends them to the command
// too.
func Supervise(run func(started func()) error, pass func(os.Signal)) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	started, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- run(func() { close(started) }) }()
	select {
	case <-started:
	case err := <-done:
		return ExitStatus(err)
	}
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGTERM || sig == unix.SIGHUP {
				pass(sig) // fails only if the command has already ended
			}
		case err := <-done:
			return ExitStatus(err)
		}
	}
}

// ExitStatus returns the exit status of a command that has ended, as a shell
// reports it. The error is nil if the command could be run.
func ExitStatus(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return 127, err
	case errors.Is(err, os.ErrPermission):
		return 126, err
	}
	return 1, err
}

// Run runs a command from makeCmd in a new network namespace and returns what it
// reported. It also makes a mount namespace, in which mounts are not visible
// outside. If the process may not make these two, Run also makes a user
// namespace, in which the user is root (user_namespaces(7)).
func Run(makeCmd func() *exec.Cmd, started func()) (string, error) {
	cmd := makeCmd()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	report, err := runReporting(cmd, started)
	if cmd.Process != nil || !errors.Is(err, unix.EPERM) {
		return report, err
	}
	cmd = makeCmd()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	return runReporting(cmd, started)
}

// runReporting runs cmd and returns what it wrote to its report pipe. A report
// has only a few words and fits into the pipe, so runReporting need not read
// before cmd ends.
func runReporting(cmd *exec.Cmd, started func()) (string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	cmd.ExtraFiles = []*os.File{write}
	err = RunBound(cmd, started)
	write.Close()
	if err != nil {
		return "", err
	}
	// A process that outlives cmd may still have the other end open.
	if err := read.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	report, err := io.ReadAll(read)
	return string(report), err
}

// RunBound runs cmd so that it is killed when this process ends. The kernel
// sends the parent-death signal when the thread that started cmd ends
// (prctl(2)), so RunBound keeps that thread.
func RunBound(cmd *exec.Cmd, started func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	cmd.WaitDelay = 5 * time.Second // for processes that keep its output open
	if err := cmd.Start(); err != nil {
		return err
	}
	started()
	return cmd.Wait()
}

// OpenReport opens the report pipe. Commands that this process runs later do
// not inherit it.
func OpenReport() (*os.File, error) {
	if _, err := unix.FcntlInt(ReportFD, unix.F_GETFD, 0); err != nil {
		return nil, fmt.Errorf("opening the report pipe: %w", err)
	}
	unix.CloseOnExec(ReportFD)
	return os.NewFile(ReportFD, "report"), nil
}
