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

// terminal is where the screen is drawn and keys are read.
type terminal struct {
	in, out *os.File
	environ []string
}

// onScreen reports whether watch draws its screen: a user is at a terminal and
// gave no flag that needs lines of output, such as a format, a condition or an
// end.
func (f *watchFlags) onScreen(flags *pflag.FlagSet, env *environment) bool {
	for _, name := range []string{"json", "format", "until", "count", "for"} {
		if flags.Changed(name) {
			return false
		}
	}
	return env.terminal != nil && env.getenv("TERM") != "dumb" && env.getenv("TERM") != ""
}

// runScreen shows the screen until the user leaves it.
func (f *watchFlags) runScreen(ctx context.Context, o *watchOptions, args []string, flags *pflag.FlagSet, env *environment) error {
	book, err := explain.Open(env.words.Language())
	if err != nil {
		return err
	}
	host, err := env.hostname()
	if err != nil {
		host = "" // the screen then shows no host
	}
	o.query.Counted = false // the screen shows of which states the number is not known
	s := &screen.Screen{
		Session: &watch.Session{Query: o.query, Now: env.now}, Interval: f.interval, Filter: strings.Join(args, " "),
		Host: host, Quiet: o.quiet, Names: o.stream.Names, Book: book, Words: env.words, Color: o.stream.Format.Color, ASCII: !env.locale().UTF8(), Parse: f.parseFilter,
		Input: env.terminal.in, Output: env.terminal.out, Environ: env.terminal.environ,
	}
	switch {
	case o.query.States == tcp.Set(tcp.Listen) && !flags.Changed("by"):
		s.Listeners = true
		s.Session.Query.States = tcp.All
	case o.query.States.Len() == 1: // focus it, so that the screen still counts the others
		for s.Focus = range o.query.States.States() {
		}
		s.Session.Query.States = tcp.All
	}
	if err := f.start.apply(s, flags, env); err != nil {
		return err
	}
	return untilTerminated(ctx, s.Run)
}

// parseFilter parses a filter that is typed on the screen. It looks up names of
// hosts and of processes only if lookUp is true: not after each key.
func (f *watchFlags) parseFilter(text string, lookUp bool) (*filter.Filter, error) {
	names := collect.FilterNames(f.netns, f.proc)
	if !lookUp {
		names.Host = nil
		names.Process = func(string) bool { return true }
	}
	parsed, err := filter.Parse([]string{text}, names)
	if err != nil {
		return nil, err
	}
	return parsed, parsed.Unknown("watch", []string{"autobound"})
}

// untilTerminated runs a function that must restore the terminal even if SIGTERM
// or SIGHUP ends the process. After that it sends the process the same signal
// again, so that the parent process sees the reason.
func untilTerminated(ctx context.Context, run func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		select {
		case by := <-signals:
			stop(terminated{by})
		case <-ctx.Done():
		}
	}()
	err := run(ctx)
	if end, ok := errors.AsType[terminated](context.Cause(ctx)); ok {
		signal.Reset(end.by)
		if self, findErr := os.FindProcess(os.Getpid()); findErr == nil && self.Signal(end.by) == nil {
			select {} // until the signal arrives
		}
		return end
	}
	if errors.Is(err, screen.ErrInterrupted) {
		return context.Canceled
	}
	return err
}

// terminated is the error for a signal that ends the process.
type terminated struct{ by os.Signal }

func (t terminated) Error() string { return t.Message().String() }

func (t terminated) Message() wording.Message { return wording.Say("cmd.watch.signal", "signal", t.by) }
