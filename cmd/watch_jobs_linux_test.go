package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/internal/pane"
)

// job is the screen as a job of a shell.
type job struct {
	*pane.Pane
	t       *testing.T
	process *os.Process
	before  string // the modes of the terminal before
}

const drawn = "7 sockets  sort state"

// startJob runs watch as a job of a shell with job control.
func startJob(t *testing.T) *job {
	t.Helper()
	p := pane.Shell(t, 80, 24)
	j := &job{Pane: p, t: t, before: p.Modes()}
	j.run(english + " " + program(t) + " watch")
	p.Wait(drawn)
	j.process = foregroundOf(t, p)
	return j
}

func (j *job) run(command string) { j.t.Helper(); j.Write(command); j.Press("Enter") }

// foregroundOf returns the process that has the terminal of the pane.
func foregroundOf(t *testing.T, p *pane.Pane) *os.Process {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", p.Says("pane_pid"), "stat"))
	must(t, err)
	_, text2, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(text2)
	var group int
	_, err = fmt.Sscan(fields[5], &group) // tpgid, proc_pid_stat(5)
	must(t, err)
	process, err := os.FindProcess(group)
	must(t, err)
	return process
}

// unchanged checks that the shell has the terminal as it was.
func (j *job) unchanged(when string) {
	j.t.Helper()
	if after := j.Modes(); after != j.before {
		j.t.Errorf("%s the terminal has the modes\n%s\nbut it had\n%s", when, after, j.before)
	}
}

// atPrompt waits until the shell has the terminal.
func (j *job) atPrompt(texts ...string) {
	j.t.Helper()
	j.Until("the prompt of the shell", func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return strings.Contains(screen, strings.TrimSpace(pane.Prompt)) && fmt.Sprint(foregroundOf(j.t, j.Pane).Pid) == j.Says("pane_pid")
	})
}

// reported waits until the shell reports something about the job. It does so before
// a prompt.
func (j *job) reported(text string) {
	j.t.Helper()
	j.Until("the report of the shell", func(screen string) bool {
		if strings.Contains(screen, text) {
			return true
		}
		j.Press("Enter")
		return false
	})
}

// inFront brings the job to the foreground, and checks that it draws the whole
// screen and reads keys.
func (j *job) inFront() {
	j.t.Helper()
	j.run("fg")
	j.drawnAgain()
}

func (j *job) drawnAgain() {
	j.t.Helper()
	j.Until("the whole screen, and nothing that the shell wrote", func(screen string) bool {
		return strings.HasPrefix(screen, "tcpstate") && strings.Contains(screen, drawn) && strings.Contains(screen, "127.0.0.1:41003") &&
			strings.Contains(screen, "? keys") && !strings.Contains(screen, strings.TrimSpace(pane.Prompt))
	})
	if j.Says("alternate_on") != "1" || j.Says("mouse_button_flag") != "1" || j.Says("cursor_flag") != "0" {
		j.t.Error("the screen does not have its modes")
	}
	j.Press("s")
	j.Wait("sort recv-q down")
	for range 7 {
		j.Press("s")
	}
	j.Wait(drawn)
}

// quit quits the screen and checks the terminal.
func (j *job) quit() {
	j.t.Helper()
	j.Press("q")
	j.atPrompt()
	j.unchanged("after q")
	j.run("echo status $?")
	j.Wait("status 0")
}

// TestScreenIsAJob stops the screen in all ways and lets it continue.
func TestScreenIsAJob(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		t.Run("Ctrl-Z", func(t *testing.T) {
			j := startJob(t)
			for range 2 {
				j.Press("C-z")
				j.atPrompt("Stopped")
				j.unchanged("after Ctrl-Z")
				j.run("clear")
				j.inFront()
			}
			j.Press("/", "C-z")
			j.atPrompt("Stopped")
			j.run("fg")
			j.Wait("filter:")
			j.Press("Escape")
			j.drawnAgain()
			j.quit()
		})
		t.Run("SIGTSTP", func(t *testing.T) {
			j := startJob(t)
			must(t, j.process.Signal(syscall.SIGTSTP))
			j.atPrompt("Stopped")
			j.unchanged("after SIGTSTP")
			j.inFront()
			j.quit()
		})
		t.Run("bg", func(t *testing.T) {
			j := startJob(t)
			j.Press("C-z")
			j.atPrompt("Stopped")
			j.run("clear")
			j.Until("an empty screen", func(screen string) bool { return !strings.Contains(screen, "Stopped") })
			j.run("bg")
			j.reported("Stopped")
			j.unchanged("after bg")
			j.inFront()
			j.quit()
		})
		t.Run("started in the background", func(t *testing.T) {
			j := startJob(t)
			j.quit()
			j.run(english + " " + program(t) + " watch &")
			j.reported("Stopped")
			j.unchanged("in the background")
			j.inFront()
			j.quit()
		})
		t.Run("SIGSTOP", func(t *testing.T) {
			j := startJob(t)
			must(t, j.process.Signal(syscall.SIGSTOP))
			j.atPrompt("Stopped")
			j.run("printf '\\033[?1049l\\033[?1002l\\033[?25h'; clear; echo other")
			j.Wait("other")
			j.inFront()
			j.quit()
			j.Wait("other")
		})
		t.Run("SIGSTOP in the alternate screen", func(t *testing.T) {
			j := startJob(t)
			for range 8 { // the goroutines of the screen end and start in any order
				must(t, j.process.Signal(syscall.SIGSTOP))
				j.atPrompt("Stopped")
				j.run("clear")
				j.inFront()
			}
			j.quit()
		})
		t.Run("SIGTERM while stopped", func(t *testing.T) {
			j := startJob(t)
			j.Press("C-z")
			j.atPrompt("Stopped")
			j.run("kill %1")
			j.reported("Terminated")
			j.unchanged("after kill")
		})
		t.Run("SIGTERM after SIGSTOP", func(t *testing.T) {
			j := startJob(t)
			must(t, j.process.Signal(syscall.SIGSTOP))
			j.atPrompt("Stopped")
			j.run("kill %1")
			j.reported("Terminated")
			j.unchanged("after kill")
		})
	})
}

// TestScreenWithoutJobControl stops a screen that no shell would let continue: the
// kernel does not stop it.
func TestScreenWithoutJobControl(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		p := pane.Start(t, 80, 24, "exec setsid -c "+program(t)+" watch")
		p.Wait("7 sockets")
		p.Press("C-z", "s")
		p.Wait("sort recv-q down")
		p.Press("q")
		p.Ended()
	})
}
