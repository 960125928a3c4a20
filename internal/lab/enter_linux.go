package lab

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcpstate/lab/ground"
	"tcpstate/lab/private"
)

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
	switch ground.Role() {
	case ground.RoleHold:
		os.Exit(ground.Hold())
	case ground.RoleInside:
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
	l, err := ground.Open()
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
	return append(append(args, flag.Args()...), ground.RoleInside)
}
