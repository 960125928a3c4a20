// Package screen shows on a terminal what a [watch.Session] follows.
//
// Two goroutines share the work. The reader (reader.go) owns the session: it
// looks at the sockets, sorts and groups them, and makes of them a frame, which
// nobody changes any more. The model (model.go) is bubbletea's: it turns keys
// into a wish, which the reader fulfils when it can, and draws the last frame,
// of whose rows it formats those that are on the screen. So a key is answered
// while the sockets are being read, however many there are.
package screen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// Screen is what is shown, and how.
type Screen struct {
	Session  *watch.Session // which has not been used yet
	Interval time.Duration  // from the beginning of one look to that of the next; more than 0
	Front    tcp.State      // the state that is put in front; 0: none
	Filter   string         // that of the session, as it was given
	Host     string
	Names    *collect.Naming // of hosts and services; nil: numbers
	Book     *explain.Book
	Quiet    bool // no notes of what could not be seen

	Color bool
	ASCII bool // no other characters than those of ASCII are drawn

	// Parse reads a filter. Hosts are looked up only where that is asked for, for
	// it may take long.
	Parse func(text string, lookUp bool) (*filter.Filter, error)

	Input   io.Reader // a terminal
	Output  io.Writer // a terminal
	Environ []string  // as os.Environ returns it; of it the terminal's kind matters
}

// ErrInterrupted is that Ctrl-C was pressed.
var ErrInterrupted = errors.New("interrupted")

// crash is a panic of the reader, which the terminal must outlive.
type crash struct {
	value any
	stack []byte
}

func (c crash) Error() string { return fmt.Sprintf("panic: %v\n\n%s", c.value, c.stack) }

// Run shows the screen until its user leaves it, ctx ends, or the sockets cannot
// be read at all. Whatever ends it, the terminal is then as it was before: after
// a panic too, which goes on from here.
func (s *Screen) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.Session.Query.Everything = false // which is for looks alone, and those see to it
	r := newReader(s)
	m := newModel(s, r.ask)
	m.pages = &pages{ctx: ctx, query: s.Session.Query, book: s.Book, now: s.Session.Now}
	profile := colorprofile.Ascii
	if s.Color {
		profile = colorprofile.ANSI
	}
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(s.Input), tea.WithOutput(s.Output),
		tea.WithEnvironment(s.Environ), tea.WithColorProfile(profile), tea.WithoutSignalHandler())
	go func() {
		defer func() {
			if value := recover(); value != nil {
				p.Send(crash{value, debug.Stack()})
			}
		}()
		r.run(ctx, func(f *frame) { p.Send(f) })
	}()
	end, err := p.Run()
	switch m, _ := end.(model); {
	case m.failure != nil:
		var c crash
		if errors.As(m.failure, &c) {
			panic(c)
		}
		return m.failure
	case errors.Is(err, tea.ErrInterrupted):
		return ErrInterrupted
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("the screen broke down; what happened is told above")
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return err
	}
}
