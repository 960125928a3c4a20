// Package screen shows the sockets of a [watch.Session] on a terminal.
//
// Two goroutines share the work. The reader (reader.go) owns the session. It
// reads the sockets, sorts and groups them, and makes a frame, which nobody
// changes afterwards. The model (model.go) belongs to bubbletea. It turns keys
// into a request for the reader, and draws the last frame. It formats only the
// items that are on the screen. So the screen answers a key while the reader
// still reads the sockets, no matter how many there are.
package screen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/tty"
	"tcpstate/watch"
	"tcpstate/wording"
)

// Screen holds the settings of the screen.
type Screen struct {
	Session  *watch.Session // a session that has not read anything yet
	Interval time.Duration  // from the start of one reading to the start of the next; more than 0
	Focus    tcp.State      // the focused state; 0: none
	Filter   string         // the text of the session's filter, as the user gave it
	Host     string
	Names    *collect.Naming // names of hosts and services; nil: show numbers
	Book     *explain.Book
	Words    *wording.Catalogue // nil: English
	Quiet    bool               // show no notes about what could not be read

	Listeners bool // begin with the list of listeners
	NoMouse   bool // begin without the mouse

	Color bool
	ASCII bool // draw ASCII characters only

	// Parse parses a filter. It looks up host names only if lookUp is true,
	// because that may take long.
	Parse func(text string, lookUp bool) (*filter.Filter, error)

	Input   *os.File // a terminal
	Output  *os.File // the same terminal
	Environ []string // the environment, as os.Environ returns it; only the variables that describe the terminal matter

	chosen []string // the columns of sockets, by ShowColumns; nil: the usual ones
	group  grouping
	sort   *sorting // nil: the first order of the group
	theme  string   // "": auto
}

// columns returns the columns of sockets at the start, and whether the ages of all
// sockets are wanted.
func (s *Screen) columns() (names []string, allAges bool) {
	if s.chosen == nil {
		return usualColumns(s.Session.Query.Detail, s.Session.Query.Netns), false
	}
	return s.chosen, true
}

// firstGroup returns how the list is grouped at the start.
func (s *Screen) firstGroup() grouping {
	if s.Listeners {
		return theListeners
	}
	return s.group
}

// order returns the order at the start.
func (s *Screen) order() sorting {
	if s.sort == nil {
		return s.firstGroup().sortings()[0]
	}
	return *s.sort
}

// ErrInterrupted reports that the user pressed Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// crash is a panic of the reader. It is passed to bubbletea, which restores the
// terminal first.
type crash struct {
	value any
	stack []byte
}

func (c crash) Error() string { return fmt.Sprintf("panic: %v\n\n%s", c.value, c.stack) }

// Run shows the screen until the user quits, ctx ends, or the first reading of
// the sockets fails. Run always restores the terminal, also after a panic,
// which it then raises again. If the process does not have the terminal, Run
// stops it until the shell gives it the terminal.
func (s *Screen) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t, err := tty.Open(ctx, s.Input, s.Output)
	if err != nil {
		return err
	}
	defer t.Close()
	s.Session.Query.Everything = false // the session sets it for its own readings
	r := newReader(s)
	m := newModel(s, r.ask)
	m.pages = &pages{ctx: ctx, query: s.Session.Query, book: s.Book, words: s.Words, now: s.Session.Now}
	jobs := &jobControl{terminal: t, ctx: ctx, left: make(chan struct{})}
	m.stop = jobs.stop
	profile := colorprofile.Ascii
	if s.Color {
		profile = max(colorprofile.ANSI, min(colorprofile.Env(s.Environ), colorprofile.ANSI256)) // the themes have no more colours
	}
	drawing, stopDrawing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDrawing()
	p := tea.NewProgram(m, tea.WithContext(drawing), tea.WithInput(s.Input), tea.WithOutput(t),
		tea.WithEnvironment(s.Environ), tea.WithColorProfile(profile), tea.WithoutSignalHandler())
	go jobs.run(p.Send)
	go func() {
		defer func() {
			if value := recover(); value != nil {
				p.Send(crash{value, debug.Stack()})
			}
		}()
		r.run(ctx, func(f *frame) { p.Send(f) })
	}()
	end, err := jobs.untilEnd(p.Run, stopDrawing)
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
		return wording.Fail("screen.broke-down")
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return err
	}
}
