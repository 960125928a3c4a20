// Package tty shares a terminal with the shell and its jobs. A program that
// fills the screen uses it to leave the terminal before it stops, and to take
// it back when it continues.
//
// A shell gives the terminal to one job at a time, its foreground process
// group. A job that stops by itself (SIGTSTP) must restore the terminal first.
// A job that is stopped by SIGSTOP cannot. When it continues, the terminal may
// have other modes and may show another screen.
package tty

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
)

// Event is what another process asked of this one, or did to it, by a signal.
type Event uint8

// The events.
const (
	// Stop: SIGTSTP was sent. The process has not stopped.
	Stop Event = iota
	// Continued: the process was stopped without its consent and continues, so
	// the state of the terminal is unknown.
	Continued
)

// Terminal is the terminal of this process. As an io.Writer it discards what is
// written while another job has the terminal, or while it is muted.
type Terminal struct {
	*os.File // the output
	in       *os.File
	modes    modes // those to return to
	muted    atomic.Bool

	events   chan Event
	ended    func()
	expected atomic.Bool   // the next SIGCONT ends a stop of our own
	answered chan struct{} // that SIGCONT came
	stopping sync.Mutex    // one stop at a time
}

// Write writes to the terminal. It reports success also for what it discards:
// the screen is drawn again when this process has the terminal back.
func (t *Terminal) Write(b []byte) (int, error) {
	if t.muted.Load() || !t.Foreground() {
		return len(b), nil
	}
	return t.File.Write(b)
}

// Events returns the channel of events.
func (t *Terminal) Events() <-chan Event { return t.events }

// Await returns when this process has the terminal. Until then it stops with
// SIGTTOU, as a job does that needs the terminal, so that the shell reports it.
// It returns the cause of ctx if that ends first.
func (t *Terminal) Await(ctx context.Context) error { return t.await(ctx) }
