package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/watch"
	"tcpstate/watch/screen"
	"tcpstate/wording"
)

// terminal is where a screen is shown and keys are read.
type terminal struct {
	in, out *os.File
	environ []string
}

// onScreen reports whether watch is for somebody at a terminal, who has asked for
// nothing that lines are for: a format, a condition, or an end.
func (f *watchFlags) onScreen(flags *pflag.FlagSet, w *world) bool {
	for _, name := range []string{"json", "format", "until", "count", "for"} {
		if flags.Changed(name) {
			return false
		}
	}
	return w.terminal != nil && w.getenv("TERM") != "dumb" && w.getenv("TERM") != ""
}

// runScreen shows the screen until its user leaves it.
func (f *watchFlags) runScreen(ctx context.Context, o *watchOptions, args []string, w *world) error {
	locale := wording.Locale{All: w.getenv("LC_ALL"), Messages: w.getenv("LC_MESSAGES"), Ctype: w.getenv("LC_CTYPE"), Lang: w.getenv("LANG")}
	book, err := explain.Open(locale.Language())
	if err != nil {
		return err
	}
	host, err := w.hostname()
	if err != nil {
		host = "" // a host without a name has sockets all the same
	}
	s := &screen.Screen{
		Session: &watch.Session{Query: o.query, Now: w.now}, Interval: f.interval, Filter: strings.Join(args, " "),
		Host: host, Quiet: o.quiet, Names: o.stream.Names, Book: book, Words: w.words, Color: o.stream.Format.Color, ASCII: !locale.UTF8(), Parse: f.parseFilter,
		Input: w.terminal.in, Output: w.terminal.out, Environ: w.terminal.environ,
	}
	if o.query.States.Len() == 1 { // it is focused, and the counts of the others stay on the screen
		for s.Focus = range o.query.States.States() {
		}
		s.Session.Query.States = tcp.All
	}
	return untilTerminated(ctx, s.Run)
}

// parseFilter reads a filter that is typed on the screen.
func (f *watchFlags) parseFilter(text string, lookUp bool) (*filter.Filter, error) {
	names := collect.FilterNames(f.netns)
	if !lookUp {
		names.Host = nil
	}
	parsed, err := filter.Parse([]string{text}, names)
	if err != nil {
		return nil, err
	}
	return parsed, parsed.Unknown("watch", []string{"autobound"})
}

// untilTerminated runs what must clean up behind itself also when the process is
// told to end. It then ends as it was told, so that its parent sees that.
func untilTerminated(ctx context.Context, run func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(told)
	go func() {
		select {
		case by := <-told:
			stop(terminated{by})
		case <-ctx.Done():
		}
	}()
	err := run(ctx)
	if end, ok := errors.AsType[terminated](context.Cause(ctx)); ok {
		signal.Reset(end.by)
		if self, findErr := os.FindProcess(os.Getpid()); findErr == nil && self.Signal(end.by) == nil {
			select {} // until the signal has come
		}
		return end
	}
	if errors.Is(err, screen.ErrInterrupted) {
		return context.Canceled
	}
	return err
}

// terminated is that the process was told to end.
type terminated struct{ by os.Signal }

func (t terminated) Error() string { return t.Message().String() }

func (t terminated) Message() wording.Message { return wording.Say("cmd.watch.signal", "signal", t.by) }
