package collect

import (
	"errors"
	"slices"
	"testing"

	"tcpstate/wording"
)

// TestWarningsAreComparedByCodeAndSubject adds the same warnings with
// different numbers, and one code about two subjects.
func TestWarningsAreComparedByCodeAndSubject(t *testing.T) {
	var w Warnings
	w.Add(ownersUnknown(3, 7, wording.Message{}), tableChanged())
	w.Add(ownersUnknown(4, 9, wording.Message{}), tableChanged(), nothingMatches())
	w.Add(namespaceUnreadable("net1", errTest), namespaceUnreadable("net2", errTest), namespaceUnreadable("net1", errTest))
	want := []string{
		"the processes of 3 of 7 sockets are not known",
		"the kernel reports that its table changed during the dump: sockets may be missing or listed twice",
		"no socket can match: the requested states, families and filter contradict each other",
		`network namespace "net1": test`, `network namespace "net2": test`,
	}
	if got := w.Texts(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

var errTest = errors.New("test")
