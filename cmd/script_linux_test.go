package cmd

import (
	"testing"

	"tcpstate/internal/lab"
)

// TestLabScripts runs scripts with the real program in a network namespace that
// has sockets in every state.
func TestLabScripts(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		runScripts(t, "lab")
	})
}
