package lab

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The program runs itself again with its role as the last argument. An
// environment variable would be inherited by every command that a body runs.
const (
	roleInside = "tcpstate-lab:inside" // runs the body in the new namespace
	roleHold   = "tcpstate-lab:hold"   // holds descriptors, see hold_linux.go
)

func role() string {
	if last := os.Args[len(os.Args)-1]; last == roleInside || last == roleHold {
		return last
	}
	return ""
}

// reportFD is the descriptor of the pipe on which a child reports its result to
// its parent: the first of exec.Cmd's ExtraFiles.
const reportFD = 3

// Run runs body in a new network namespace, with the Lab set up. It runs the
// test binary again with only this test, so that every goroutine of the body is
// in the namespace. The code of the test before the call runs a second time
// there. The test passes, fails or is skipped as it did there, and Run shows
// its output if it failed. A test calls Run once, as its last step. A second
// lab needs a subtest.
//
// Labs share nothing but the processors of the host, so Run makes the test a
// parallel test (testing.T.Parallel). The test must not call Parallel itself, and
// must not change the environment or the working directory before the call.
//
// Flags of the test package that write files are not passed on, so coverage and
// profiles do not include the body.
func Run(t *testing.T, body func(t *testing.T, l *Lab)) {
	t.Helper()
	switch role() {
	case roleHold:
		os.Exit(hold())
	case roleInside:
		inside(t, body)
	default:
		outside(t)
	}
}

// inside sets the namespace up and runs body. Cleanups run after the last
// subtest and in reverse order, so the verdict is written last.
func inside(t *testing.T, body func(*testing.T, *Lab)) {
	report, err := openReport()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fmt.Fprint(report, verdict(t))
		report.Close()
	})
	l, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	body(t, l)
}

func verdict(t *testing.T) string {
	switch {
	case t.Failed():
		return "failed"
	case t.Skipped():
		return "skipped"
	}
	return "passed"
}

// outside runs this test again in new namespaces and takes over its result. A
// child that exits with status 0 and reports no verdict has not run the body.
func outside(t *testing.T) {
	t.Helper()
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	verdict, err := runNamespaced(func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), exe, testArgs(t)...)
		cmd.Stdout, cmd.Stderr = &output, &output
		return cmd
	}, func() {})
	switch {
	case err != nil:
		t.Fatalf("in the lab: %v\n%s", err, output.Bytes())
	case verdict == "skipped":
		t.Skipf("in the lab:\n%s", output.Bytes())
	case verdict != "passed":
		t.Fatalf("in the lab: the test did not run: verdict %q\n%s", verdict, output.Bytes())
	}
	if testing.Verbose() {
		t.Logf("in the lab:\n%s", output.Bytes())
	}
}

// testArgs returns the arguments that run only this test again. It passes on
// those flags of the test package that change how a test runs, and all flags of
// other packages.
func testArgs(t *testing.T) []string {
	var levels []string
	for name := range strings.SplitSeq(t.Name(), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(name)+"$")
	}
	args := []string{"-test.run=" + strings.Join(levels, "/"), "-test.count=1"}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, fmt.Sprintf("-test.timeout=%s", time.Until(deadline)*9/10))
	}
	flag.Visit(func(f *flag.Flag) {
		switch {
		case f.Name == "test.v", f.Name == "test.short", f.Name == "test.parallel", !strings.HasPrefix(f.Name, "test."):
			args = append(args, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	return append(append(args, flag.Args()...), roleInside)
}

// Main runs body in a new network namespace, with the Lab set up, and returns
// what body returned: the exit status for the program. It runs the program
// again with the same arguments. The code of the program before the call runs a
// second time there, and os.Args has only the original arguments when body
// runs. Main passes SIGTERM and SIGHUP on to the child.
func Main(body func(*Lab) (int, error)) (int, error) {
	switch role() {
	case roleHold:
		os.Exit(hold())
	case roleInside:
		os.Args = os.Args[:len(os.Args)-1]
		l, err := open()
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
	return supervise(func(started func()) error {
		_, err := runNamespaced(func() *exec.Cmd {
			child = exec.Command(exe, append(slices.Clone(os.Args[1:]), roleInside)...)
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
	return supervise(func(started func()) error {
		if denied != 0 {
			return runWithoutDiag(cmd, denied, started)
		}
		return boundRun(cmd, started)
	}, func(sig os.Signal) { cmd.Process.Signal(sig) })
}

// supervise passes SIGTERM and SIGHUP on while run runs, once it has started.
// It ignores SIGINT and SIGQUIT, because the terminal sends them to the command
// too.
func supervise(run func(started func()) error, pass func(os.Signal)) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	started, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- run(func() { close(started) }) }()
	select {
	case <-started:
	case err := <-done:
		return exitStatus(err)
	}
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGTERM || sig == unix.SIGHUP {
				pass(sig) // fails only if the command has already ended
			}
		case err := <-done:
			return exitStatus(err)
		}
	}
}

func exitStatus(err error) (int, error) {
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

// runNamespaced runs a command from makeCmd in a new network namespace and
// returns what it reported. It also makes a mount namespace, in which the lab
// can give names to more network namespaces (Lab.Namespace). If the process may
// not make these two, runNamespaced also makes a user namespace, in which the
// user is root (user_namespaces(7)).
func runNamespaced(makeCmd func() *exec.Cmd, started func()) (string, error) {
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
	err = boundRun(cmd, started)
	write.Close()
	if err != nil {
		return "", err
	}
	// A process that outlives cmd may still have the other end open.
	if err := read.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		return "", err
	}
	report, err := io.ReadAll(read)
	return string(report), err
}

// boundRun runs cmd so that it is killed when this process ends. The kernel
// sends the parent-death signal when the thread that started cmd ends
// (prctl(2)), so boundRun keeps that thread.
func boundRun(cmd *exec.Cmd, started func()) error {
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

// openReport opens the report pipe. Commands that this process runs later do
// not inherit it.
func openReport() (*os.File, error) {
	if _, err := unix.FcntlInt(reportFD, unix.F_GETFD, 0); err != nil {
		return nil, fmt.Errorf("opening the report pipe: %w", err)
	}
	unix.CloseOnExec(reportFD)
	return os.NewFile(reportFD, "report"), nil
}
