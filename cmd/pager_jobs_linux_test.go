package cmd

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/internal/pane"
)

// TestPagerIsAJob stops a page in a pager, and ends the program while the pager
// runs.
func TestPagerIsAJob(t *testing.T) {
	p := pane.Shell(t, 80, 24)
	j := &job{Pane: p, t: t, before: p.Modes()}
	j.run(english + " PAGER='stty -echo; cat; printf the-%s end; read key < /dev/tty; stty echo' " + program(t) + " explain LISTEN")
	p.Wait("the-end")
	j.process = foregroundOf(t, p)
	p.Press("C-z")
	j.atPrompt("Stopped")
	j.run("fg")
	p.Until("the pager in the foreground", func(string) bool { return foregroundOf(t, p).Pid == j.process.Pid })
	must(t, j.process.Signal(syscall.SIGTERM))
	lab.Await(t, func() error { // without the handler, the process has ended when the signal is delivered
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", j.process.Pid))
		if err == nil && !regexp.MustCompile(`(?m)^ShdPnd:\t0{16}$`).Match(status) {
			return errors.New("the signal is not delivered")
		}
		return nil
	})
	p.Screen() // takes longer than a process needs to end
	if err := j.process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the program has ended before its pager: %v", err)
	}
	p.Press("k", "Enter")
	j.reported("Terminated")
	j.unchanged("after SIGTERM")
}
