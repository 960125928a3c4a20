package screen

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/tty"
)

// jobControl stops the screen and lets it continue, as the shell and other
// processes request. The command suspend of bubbletea is not used: it acts only
// on a key, waits for ever where the kernel does not stop the process, and does
// not know that a job may continue in the background.
type jobControl struct {
	terminal *tty.Terminal
	ctx      context.Context
	left     chan struct{} // closed when ctx has ended while the terminal was left
}

// suspended and continued are the events of the terminal, as messages.
type (
	suspended struct{}
	continued struct{}
)

// run passes the events of the terminal to bubbletea until ctx ends.
func (j *jobControl) run(send func(tea.Msg)) {
	for {
		select {
		case <-j.ctx.Done():
			return
		case e := <-j.terminal.Events():
			if e == tty.Stop {
				send(suspended{})
				continue
			}
			if j.terminal.Await(j.ctx) != nil {
				return
			}
			j.terminal.Mute()
			send(continued{})
		}
	}
}

// stop returns the command that leaves the terminal, does what is needed, and
// draws the screen again. bubbletea leaves and draws: for that, each way is a
// program to be run.
func (j *jobControl) stop(how stopping) tea.Cmd {
	return tea.Exec(away{func() {
		awaitRenderer(j.ctx)
		switch {
		case how == afterStop:
			j.terminal.Unmute()
		case j.terminal.StopNow(j.ctx, how == wholeJob) != nil:
			close(j.left)
			select {} // the process ends; the terminal is not touched again
		}
	}}, nil)
}

// awaitRenderer waits until the goroutine that drew the screen has ended.
// bubbletea does not wait: it tells that goroutine to end and starts the next
// one. Both use the same ticker. If the old goroutine stops the ticker after the
// new one has started it, nothing is drawn any more. Only the stacks of the
// goroutines show whether the old one has ended.
func awaitRenderer(ctx context.Context) {
	for stacks := make([]byte, 1<<16); ctx.Err() == nil; {
		switch n := runtime.Stack(stacks, true); {
		case n == len(stacks):
			stacks = make([]byte, 2*n)
		case !bytes.Contains(stacks[:n], []byte("(*Program).startRenderer")):
			return
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// stopping is a way to leave the screen for a while.
type stopping uint8

// The ways.
const (
	thisProcess stopping = iota // stop only this process
	wholeJob                    // stop all processes of the job
	afterStop                   // the process was stopped already: take the terminal back
)

// away is a tea.ExecCommand that runs a function.
type away struct{ run func() }

func (a away) Run() error        { a.run(); return nil }
func (away) SetStdin(io.Reader)  {}
func (away) SetStdout(io.Writer) {}
func (away) SetStderr(io.Writer) {}

// endTime is how long bubbletea may take to restore the terminal. It takes
// longer if a terminal accepts no output.
const endTime = 2 * time.Second

// untilEnd runs bubbletea until it ends by itself or ctx ends. In the second
// case bubbletea restores the terminal if this process has it. If another job
// has the terminal, the modes of the terminal are of that job, and bubbletea
// would change them.
func (j *jobControl) untilEnd(run func() (tea.Model, error), stopDrawing func()) (tea.Model, error) {
	type result struct {
		model tea.Model
		err   error
	}
	done := make(chan result, 1)
	go func() {
		m, err := run()
		done <- result{m, err}
	}()
	select {
	case r := <-done:
		return r.model, r.err
	case <-j.left:
		return nil, j.ctx.Err()
	case <-j.ctx.Done():
	}
	if j.terminal.Foreground() {
		stopDrawing()
		select {
		case r := <-done:
			return r.model, r.err
		case <-j.left:
			return nil, j.ctx.Err()
		case <-time.After(endTime):
		}
	}
	restored := make(chan struct{})
	go func() {
		defer close(restored)
		j.terminal.Restore()
	}()
	select {
	case <-restored:
	case <-time.After(endTime):
	}
	return nil, j.ctx.Err()
}
