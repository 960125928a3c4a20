// Package pane is a terminal for tests. A command runs in a pane of a separate
// tmux server. Tests press keys in it and read its screen as text. Only tests
// import it.
package pane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// Pane is a terminal in which a command runs.
type Pane struct {
	t   testing.TB
	dir string
}

// Start runs a command of sh(1) in a new terminal. The script around the
// command records its exit status: see Ended.
func Start(t testing.TB, width, height int, command string) *Pane {
	t.Helper()
	return start(t, width, height, func(dir string) string {
		return "stty -g > " + dir + "/before; ( " + command + " ) 2> " + dir + "/stderr; status=$?; stty -g > " + dir + "/after; echo $status > " + dir + "/status; exec sleep 1000"
	})
}

// Prompt is what a shell of Shell writes before each command.
const Prompt = "ready> "

// Shell starts an interactive shell with job control in a new terminal.
func Shell(t testing.TB, width, height int) *Pane {
	t.Helper()
	p := start(t, width, height, func(string) string { return "PS1='" + Prompt + "' exec bash --norc --noprofile -i" })
	p.Wait(strings.TrimSpace(Prompt))
	return p
}

// Modes returns the modes of the terminal, as a shell of Shell at its prompt sees
// them with stty(1), and what tmux knows of the terminal.
func (p *Pane) Modes() string {
	p.t.Helper()
	name := filepath.Join(p.dir, "modes")
	os.Remove(name)
	p.Write("stty -a > " + name + ".new; mv " + name + ".new " + name)
	p.Press("Enter")
	text := ""
	lab.Await(p.t, func() error {
		if text = p.read("modes"); text == "" {
			return fmt.Errorf("the shell does not report the modes of the terminal:\n%s", p.Screen())
		}
		return nil
	})
	for _, variable := range terminalModes {
		text += fmt.Sprintf("\n%s %s", variable, p.Says(variable))
	}
	return text
}

// terminalModes are the variables of tmux(1) for what a program that fills the
// screen changes.
var terminalModes = []string{"alternate_on", "cursor_flag", "mouse_any_flag", "mouse_button_flag", "mouse_sgr_flag", "keypad_flag", "keypad_cursor_flag"}

// start runs a script of sh(1) in a new terminal.
func start(t testing.TB, width, height int, script func(dir string) string) *Pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("tmux is not installed, and CI wants all tests")
		}
		t.Skip("tmux is not installed")
	}
	dir, err := os.MkdirTemp("", "pane") // t.TempDir could be too long: the path of a Unix socket has a limit
	if err != nil {
		t.Fatal(err)
	}
	p := &Pane{t: t, dir: dir}
	t.Cleanup(func() {
		p.tmux("kill-server")
		os.RemoveAll(dir)
	})
	if text, err := p.tmux("-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), script(dir)); err != nil {
		t.Fatalf("starting tmux: %v: %s", err, text)
	}
	return p
}

func (p *Pane) tmux(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", filepath.Join(p.dir, "tmux")}, args...)...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func (p *Pane) must(args ...string) string {
	p.t.Helper()
	text, err := p.tmux(args...)
	if err != nil {
		p.t.Fatalf("tmux %q: %v: %s", args, err, text)
	}
	return text
}

// Press presses keys. tmux(1) lists their names under KEY BINDINGS.
func (p *Pane) Press(keys ...string) {
	p.t.Helper()
	p.must(append([]string{"send-keys"}, keys...)...)
}

// Write types a text.
func (p *Pane) Write(text string) { p.t.Helper(); p.must("send-keys", "-l", text) }

// Resize changes the size of the terminal.
func (p *Pane) Resize(width, height int) {
	p.t.Helper()
	p.must("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// Screen returns the text on the screen.
func (p *Pane) Screen() string { p.t.Helper(); return p.must("capture-pane", "-p") }

// Colored returns the text on the screen with its colours (ECMA-48 SGR).
func (p *Pane) Colored() string { p.t.Helper(); return p.must("capture-pane", "-p", "-e") }

// Says returns the value of a variable of tmux(1). They are listed there under
// FORMATS.
func (p *Pane) Says(variable string) string {
	p.t.Helper()
	return strings.TrimSpace(p.must("display-message", "-p", "#{"+variable+"}"))
}

// Wait waits until the screen has all the texts, and returns it.
func (p *Pane) Wait(texts ...string) string {
	p.t.Helper()
	return p.Until(fmt.Sprintf("all of %q", texts), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// Until waits until holds is true for the screen, and returns the screen.
func (p *Pane) Until(what string, holds func(screen string) bool) (screen string) {
	p.t.Helper()
	lab.Await(p.t, func() error {
		if screen = p.Screen(); holds(screen) {
			return nil
		}
		return fmt.Errorf("the screen never had %s; at last it was\n%s\nstderr: %s", what, screen, p.Stderr())
	})
	return screen
}

// Stderr returns what the command has written to stderr.
func (p *Pane) Stderr() string { return p.read("stderr") }

func (p *Pane) read(name string) string {
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Ended waits until the command has ended. It fails the test if the modes of
// the terminal differ from those before the command. It returns the exit status
// as sh(1) reports it: 128 plus the number of the signal if a signal ended the
// command.
func (p *Pane) Ended() int {
	p.t.Helper()
	lab.Await(p.t, func() error {
		if p.read("status") == "" {
			return fmt.Errorf("the command does not end:\n%s", p.Screen())
		}
		return nil
	})
	if before, after := p.read("before"), p.read("after"); before != after || before == "" {
		p.t.Errorf("the modes of the terminal were %q and are %q", before, after)
	}
	for variable, want := range map[string]string{"alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0", "keypad_flag": "0"} {
		if got := p.Says(variable); got != want {
			p.t.Errorf("the terminal is left with %s %s, want %s", variable, got, want)
		}
	}
	status, err := strconv.Atoi(p.read("status"))
	if err != nil {
		p.t.Fatal(err)
	}
	return status
}
