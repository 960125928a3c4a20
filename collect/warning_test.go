package collect

import (
	"errors"
	"slices"
	"testing"
)

// TestWarningsAreComparedByCodeAndSubject adds the same warnings with
// different numbers, and one code about two subjects.
func TestWarningsAreComparedByCodeAndSubject(t *testing.T) {
	var w Warnings
	w.Add(ownersUnknown(3, 7, ""), tableChanged())
	w.Add(ownersUnknown(4, 9, ""), tableChanged(), nothingMatches())
	w.Add(namespaceUnreadable("net1", errTest), namespaceUnreadable("net2", errTest), namespaceUnreadable("net1", errTest))
	want := []string{
		"the processes of 3 of 7 sockets are not known",
		"the kernel says that its table changed during the dump: sockets may be missing or listed twice",
		"nothing can match: the states, families and filter that are asked for exclude each other",
		`network namespace "net1": test`, `network namespace "net2": test`,
	}
	if got := w.Texts(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

var errTest = errors.New("test")
