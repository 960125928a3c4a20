package cmd

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/tty"
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
		Host: host, Quiet: o.quiet, Names: o.stream.Names, Book: book, Words: env.words, Color: o.stream.Format.Color, ASCII: !env.locale().UTF8(), Parse: f.filterParser(),
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
	env.takeTime()
	return untilTerminated(ctx, s.Run)
}

// filterParser returns the function that parses a filter that is typed on the
// screen. Unless lookUp is true, which is not so after each key, it looks up no names
// of hosts, and reads the names of the processes only once.
func (f *watchFlags) filterParser() func(text string, lookUp bool) (*filter.Filter, error) {
	seen := sync.OnceValue(procnet.Open(f.proc).ProcessNames)
	return func(text string, lookUp bool) (*filter.Filter, error) {
		names := collect.FilterNames(f.netns, f.proc)
		if !lookUp {
			names.Host = nil
			names.Process = func(name string) bool { return slices.Contains(slices.Collect(maps.Values(seen())), name) }
		}
		parsed, err := filter.Parse([]string{text}, names)
		if err != nil {
			return nil, err
		}
		return parsed, parsed.Unknown("watch", []string{"autobound"})
	}
}

// ending are the signals that end a process and can be caught. The runtime of Go
// keeps the others that end a process for itself.
var ending = []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT}

// untilTerminated runs a function that must restore the terminal even if a signal
// ends the process. After that the process ends by the same signal, so that the
// parent process sees the reason.
func untilTerminated(ctx context.Context, run func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	signals := make(chan os.Signal, 1)
	for _, s := range ending {
		if !signal.Ignored(s) { // nohup(1) ignores SIGHUP
			signal.Notify(signals, s)
		}
	}
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
		tty.Die(end.by)
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
