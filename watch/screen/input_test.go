package screen

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestFilter(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sport = :443 and recvq > 0")
	d.wants("1 socket  sort state", "filter: sport = :443 and recvq > 0")
	d.press("backspace", "backspace")
	d.wants("^ ")
	d.wants("1 socket ") // those of the last valid filter
	d.press("esc")
	d.wants("18 sockets  sort state\n")
	d.press("/")
	d.write("dst database")
	d.wants("^")
	d.press("enter")
	if d.m.input != nil {
		t.Fatalf("a host was not looked up:\n%s", d.screen())
	}
	d.wants("1 socket ", "filter dst database")
	d.press("/", "ctrl+u", "enter")
	d.wants("18 sockets")
	d.press("/")
	d.write("ab cd")
	d.press("ctrl+w", "left", "left", "left", "delete", "home", "x", "end", "y")
	if got := string(d.m.input.text); got != "xab y" && got != "xb y" && got != "xa y" {
		t.Errorf("typed %q", got)
	}
	d.press("ctrl+u")
	d.send(tea.PasteMsg{Content: "state\nlisten\x1b"})
	if got := string(d.m.input.text); got != "state listen " {
		t.Errorf("pasted %q", got)
	}
	d.wants("1 socket ")
}

// TestCaret checks that the caret is in the column of the error, wherever the
// text is.
func TestCaret(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	for _, before := range []string{"", "sport = :443 and ", "sport = :443 and sport = :443 and sport = :443 and sport = :443 and "} {
		d.press("ctrl+u")
		d.write(before + "sate")
		lines := strings.Split(d.screen(), "\n")
		input, caret := lines[len(lines)-2], lines[len(lines)-1]
		if got, want := strings.Index(caret, "^"), strings.LastIndex(input, "sate"); got != want {
			t.Errorf("the caret is in column %d, the error in %d:\n%s\n%s", got, want, input, caret)
		}
	}
}

// TestFilterUnknownToSource checks that the screen says that the source does
// not report a value of the filter, both below the input line and after Enter.
func TestFilterUnknownToSource(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sport = 443 and rtt > 1ms")
	lines := strings.Split(d.screen(), "\n")
	if caret := lines[len(lines)-1]; !strings.HasPrefix(caret, strings.Repeat(" ", len("filter: sport = 443 and "))+"^ procfs does not report") {
		t.Errorf("the line below the filter is %q", caret)
	}
	d.press("enter")
	d.wants("procfs does not report")
	d.press("/", "ctrl+u", "enter")
	d.wants("18 sockets  sort state\n", "? keys")
}

// TestErrorOffTheScreen checks an error that is scrolled out on the left.
func TestErrorOffTheScreen(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sate listen " + strings.Repeat("and sport = :443 ", 8))
	d.wants(`unknown word "sate"`)
	if d.line("^") != "" {
		t.Errorf("a caret without its error:\n%s", d.screen())
	}
}
