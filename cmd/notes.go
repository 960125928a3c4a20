package cmd

import (
	"fmt"
	"iter"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// notes prints notes on stderr for the user. It prints each warning once.
type notes struct {
	env     *environment
	quiet   bool
	printed int // the number of warnings printed so far
}

// printNew prints the warnings that were added since the last call.
func (n *notes) printNew(warnings collect.Warnings) {
	for _, warning := range warnings[n.printed:] {
		if warning.Err != nil {
			continue // it is the error of the command
		}
		n.print(warning.Text.In(n.env.words))
	}
	n.printed = len(warnings)
}

// print prints one note, unless --quiet was given.
func (n *notes) print(note string) {
	if !n.quiet {
		fmt.Fprintf(n.env.stderr, "tcpstate: %s\n", wording.Say("cmd.note", "note", text.EscapeLine(note)).In(n.env.words))
	}
}

// progressDelay is the time after which progress is shown.
const progressDelay = 500 * time.Millisecond

// withProgress yields the same sockets. If reading them takes long and stderr is
// a terminal, it shows there how many have been read. The line is erased after
// the last socket.
func withProgress(sockets iter.Seq2[*tcp.Socket, error], env *environment, quiet bool) iter.Seq2[*tcp.Socket, error] {
	if !env.stderrTTY || quiet {
		return sockets
	}
	return func(yield func(*tcp.Socket, error) bool) {
		const every = 1 << 14 // sockets between two readings of the clock
		start, count, shown := env.now(), 0, false
		erase := func() {
			if shown {
				fmt.Fprint(env.stderr, text.EraseLine)
			}
		}
		for socket, err := range sockets {
			if count++; count%every == 0 && env.now().Sub(start) > progressDelay {
				fmt.Fprint(env.stderr, text.EraseLine, wording.Say("cmd.progress", "n", count).In(env.words))
				shown = true
			}
			if !yield(socket, err) {
				break
			}
		}
		erase()
	}
}
