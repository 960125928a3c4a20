package cmd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// watchFlags are the flags of watch.
type watchFlags struct {
	sharedFlags
	interval, lasting, untilFor time.Duration
	count                       int
	until                       string
}

func newWatchCommand(w *world) *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use:   "watch [flags] [FILTER]",
		Short: "Follow the TCP sockets and their states",
		Long: `Follow the TCP sockets of this network namespace. On a terminal it is a screen;
the key ? lists the keys. In a pipe, or with --json, --format, --count, --for or
--until, it writes lines: which sockets are opened (+), change their state (>)
and are closed (-), and after each interval how many there are (=).

What happened between two looks is told by its ends: a socket that came and went
in between is not seen. One that leaves the states or the filter that are asked
for is told with the state that it went to.

With --until nothing is printed but the number of sockets at the end, unless a
format is asked for, and with -q not even that. The exit status is 0 once the
condition holds, and 1 where --for or --count ran out before.`,
		Example: `  tcpstate watch --state SYN_RECV
  tcpstate watch --json --interval 250ms | jq 'select(.event == "closed")'
  tcpstate watch --state CLOSE_WAIT --until '>100'
  tcpstate watch --state LISTEN --until '>0' --for 30s sport = :8080`,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(c.Flags(), args, w)
			if err != nil {
				return misused(err)
			}
			if done, err := f.explain(o.query, w); done || err != nil {
				return err
			}
			if f.onScreen(c.Flags(), w) {
				return f.runScreen(c.Context(), o, args, w)
			}
			return runWatch(c.Context(), o, w)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.Lookup("format").Usage = "table (lines for people), json or ndjson (one event a line, both)"
	flags.DurationVar(&f.interval, "interval", time.Second, "look again so often: 250ms, 5s")
	flags.IntVar(&f.count, "count", 0, "look so many times, and end")
	flags.DurationVar(&f.lasting, "for", 0, "look for so long, and end: 30s, 5m")
	flags.StringVar(&f.until, "until", "", "end once the number of sockets is `'>100'`: > >= == != < <= and a number")
	flags.DurationVar(&f.untilFor, "until-for", 0, "only once it has been so for so long")
	return c
}

// watchOptions say what watch is to do.
type watchOptions struct {
	query  collect.Query
	stream watch.Stream // less its feed
	quiet  bool
}

// options checks the flags and turns them into options. Its errors are the
// caller's mistakes.
func (f *watchFlags) options(flags *pflag.FlagSet, args []string, w *world) (*watchOptions, error) {
	var until watch.Condition
	if flags.Changed("until") {
		var err error
		if until, err = watch.ParseCondition(f.until); err != nil {
			return nil, fmt.Errorf("reading --until: %w", err)
		}
	}
	query, err := f.query(flags, args)
	if err != nil {
		return nil, err
	}
	if err := query.Filter.Unknown("watch", []string{"autobound"}); err != nil {
		return nil, err // the kernel judges it of what it lists, and all must be listed
	}
	format, color, err := f.output(flags, w)
	if err != nil {
		return nil, err
	}
	if format == render.CSV || format == render.Markdown {
		return nil, &hintedError{fmt.Errorf("events are not written as %s", format), "--json writes one event a line"}
	}
	query.Everything = true
	o := &watchOptions{query: query, quiet: f.quiet, stream: watch.Stream{
		Interval: f.interval, Ticks: f.count, For: f.lasting, UntilFor: f.untilFor,
		Format: watch.LineFormat{JSON: format != render.Table, Color: color},
	}}
	if o.stream.Format.Columns, err = f.columns(); err != nil {
		return nil, err
	}
	if f.processes {
		o.query.Detail |= tcp.DetailProcesses
	}
	if f.resolve {
		o.stream.Names = collect.NewNaming()
	}
	o.stream.Until, o.stream.Silent = until, until.IsSet() && !f.json && !flags.Changed("format")
	return o, f.checkTimes(flags)
}

// columns returns what a line for people shows of a socket.
func (f *watchFlags) columns() ([]*render.Column, error) {
	list := "local,peer"
	if f.processes {
		list += ",process"
	}
	if f.netns == collect.AllNamespaces {
		list += ",netns"
	}
	return render.ParseColumns(list)
}

// checkTimes refuses times and numbers that make no sense.
func (f *watchFlags) checkTimes(flags *pflag.FlagSet) error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"interval", f.interval}, {"for", f.lasting}, {"until-for", f.untilFor}} {
		if d.value <= 0 && (d.name == "interval" || flags.Changed(d.name)) {
			return &hintedError{fmt.Errorf("--%s %s is not more than 0", d.name, d.value), "250ms, 5s or 1m are times"}
		}
	}
	switch {
	case flags.Changed("count") && f.count < 1:
		return fmt.Errorf("--count %d is less than 1", f.count)
	case flags.Changed("until-for") && !flags.Changed("until"):
		return &hintedError{errors.New("--until-for says how long --until must hold, and there is none"), "--until '>100' asks for more than 100 sockets"}
	}
	return nil
}

func runWatch(ctx context.Context, o *watchOptions, w *world) error {
	notes := notes{w: w, quiet: o.quiet}
	stream := o.stream
	stream.Feed, stream.Now = &watch.Session{Query: o.query, Now: w.now}, w.now
	stream.Warn = notes.say
	outcome, err := stream.Run(ctx, w.stdout)
	if outcome.LostEvents+outcome.LostTicks > 0 && !o.quiet {
		fmt.Fprintf(w.stderr, "tcpstate: note: %d events and %d ticks were dropped: the reader was too slow\n", outcome.LostEvents, outcome.LostTicks)
	}
	switch {
	case !stream.Until.IsSet():
		return err
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("waiting for %s sockets: the reader of the events is gone", stream.Until)
	case err != nil:
		return err
	}
	if stream.Silent && !o.quiet {
		if _, err := fmt.Fprintln(w.stdout, outcome.Total); err != nil {
			return err
		}
	}
	if outcome.Held {
		return nil
	}
	lasting := ""
	if stream.UntilFor > 0 {
		lasting = fmt.Sprintf(" for %s", stream.UntilFor)
	}
	return fmt.Errorf("waiting for %s sockets%s: there are %d", stream.Until, lasting, outcome.Total)
}
