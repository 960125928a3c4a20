package cmd

import (
	"fmt"
	"iter"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// patience is how long a terminal stays silent before progress is shown.
const patience = 500 * time.Millisecond

// withProgress yields the same sockets, and says on a terminal's stderr how
// many there are so far when reading them takes long. The line is gone when
// the last has been read.
func withProgress(sockets iter.Seq2[*tcp.Socket, error], w *world, quiet bool) iter.Seq2[*tcp.Socket, error] {
	if !w.errTTY || quiet {
		return sockets
	}
	return func(yield func(*tcp.Socket, error) bool) {
		const every = 1 << 14 // sockets between two looks at the clock
		start, count, shown := w.now(), 0, false
		erase := func() {
			if shown {
				fmt.Fprint(w.stderr, text.EraseLine)
			}
		}
		for socket, err := range sockets {
			if count++; count%every == 0 && w.now().Sub(start) > patience {
				fmt.Fprint(w.stderr, text.EraseLine, wording.Say("cmd.progress", "n", count).In(w.words))
				shown = true
			}
			if !yield(socket, err) {
				break
			}
		}
		erase()
	}
}
