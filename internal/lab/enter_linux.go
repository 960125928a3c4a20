package lab

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpstate/lab/private"
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
	report, err := private.OpenReport()
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
	verdict, err := private.Run(func() *exec.Cmd {
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
	return private.Supervise(func(started func()) error {
		_, err := private.Run(func() *exec.Cmd {
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
	return private.Supervise(func(started func()) error {
		if denied != 0 {
			return runWithoutDiag(cmd, denied, started)
		}
		return private.RunBound(cmd, started)
	}, func(sig os.Signal) { cmd.Process.Signal(sig) })
}
