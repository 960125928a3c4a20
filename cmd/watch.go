package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/watch"
	"tcpstate/watch/screen"
	"tcpstate/wording"
)

// watchFlags are the flags of watch.
type watchFlags struct {
	sharedFlags
	start                       startFlags
	interval, lasting, untilFor time.Duration
	count                       int
	until                       string
}

func newWatchCommand(env *environment) *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use: "watch [flags] [FILTER]",
		Example: `  tcpstate watch --state SYN_RECV
  tcpstate watch --json --interval 250ms | jq 'select(.event == "closed")'
  tcpstate watch --state CLOSE_WAIT --until '>100'
  tcpstate watch --state LISTEN --until '>0' --for 30s sport = :8080`,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(c.Flags(), args, env)
			if err != nil {
				return misused(err)
			}
			if done, err := f.explain(o.query, env); done || err != nil {
				return err
			}
			if f.onScreen(c.Flags(), env) {
				return f.runScreen(c.Context(), o, args, c.Flags(), env)
			}
			if err := f.start.check(c.Flags()); err != nil {
				return misused(err)
			}
			return runWatch(c.Context(), o, env)
		},
	}
	f.register(c)
	f.registerListening(c)
	flags := c.Flags()
	flags.DurationVar(&f.interval, "interval", time.Second, "")
	flags.IntVar(&f.count, "count", 0, "")
	flags.DurationVar(&f.lasting, "for", 0, "")
	flags.StringVar(&f.until, "until", "", "")
	flags.DurationVar(&f.untilFor, "until-for", 0, "")
	f.start.register(c)
	f.completeFilter(c)
	completeNoFiles(c, "config")
	return c
}

// watchOptions are the options of one run of watch.
type watchOptions struct {
	query  collect.Query
	stream watch.Stream // without its feed
	quiet  bool
}

// options checks the flags and turns them into options. Its errors are mistakes
// in the flags or arguments.
func (f *watchFlags) options(flags *pflag.FlagSet, args []string, env *environment) (*watchOptions, error) {
	var until watch.Condition
	if flags.Changed("until") {
		var err error
		if until, err = watch.ParseCondition(f.until); err != nil {
			return nil, wording.Wrap(err, "cmd.watch.until")
		}
	}
	query, err := f.query(flags, args)
	if err != nil {
		return nil, err
	}
	if err := query.Filter.Unknown("watch", []string{"autobound"}); err != nil {
		return nil, err // only the kernel can judge it, but the kernel must list all sockets
	}
	format, color, err := f.output(flags, env)
	if err != nil {
		return nil, err
	}
	if format == render.CSV || format == render.Markdown {
		return nil, wording.Fail("cmd.watch.format", "format", format).WithHint("cmd.watch.format.hint")
	}
	query.Everything, query.Counted = true, true
	if until.IsSet() {
		query.Exact = f.named()
	}
	o := &watchOptions{query: query, quiet: f.quiet, stream: watch.Stream{
		Interval: f.interval, Ticks: f.count, For: f.lasting, UntilFor: f.untilFor,
		Format: watch.LineFormat{JSON: format != render.Table, Color: color, Words: env.words},
	}}
	if err := f.chooseColumns(o, format, flags); err != nil {
		return nil, err
	}
	if env.stdoutTTY && !env.locale().UTF8() {
		o.stream.Format.Columns = render.ASCII(o.stream.Format.Columns)
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

// chooseColumns sets the columns of a line in the format table, and the details
// that they need.
func (f *watchFlags) chooseColumns(o *watchOptions, format render.Format, flags *pflag.FlagSet) (err error) {
	list := "local,peer"
	if f.processes {
		list += ",process"
	}
	if f.netns == collect.AllNamespaces {
		list += ",netns"
	}
	if flags.Changed("columns") {
		names, err := screen.ParseColumns(f.start.columns)
		if err != nil {
			return err
		}
		if o.stream.Format.JSON {
			return wording.Fail("cmd.columns", "format", format).WithHint("cmd.watch.columns.hint")
		}
		list = strings.Join(names, ",")
	}
	if o.stream.Format.Columns, err = render.ParseColumns(list); err != nil {
		return err
	}
	for _, c := range o.stream.Format.Columns {
		o.query.Detail |= c.Needs()
	}
	return nil
}

// checkTimes rejects times and counts that are too small, and --until-for without
// --until.
func (f *watchFlags) checkTimes(flags *pflag.FlagSet) error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"interval", f.interval}, {"for", f.lasting}, {"until-for", f.untilFor}} {
		if d.value <= 0 && (d.name == "interval" || flags.Changed(d.name)) {
			return wording.Fail("cmd.flag.not-more-than-zero", "flag", "--"+d.name, "value", d.value).WithHint("cmd.flag.times")
		}
	}
	switch {
	case flags.Changed("count") && f.count < 1:
		return wording.Fail("cmd.flag.less-than-one", "flag", "--count", "n", f.count)
	case flags.Changed("until-for") && !flags.Changed("until"):
		return wording.Fail("cmd.watch.until-for").WithHint("cmd.watch.until-for.hint")
	}
	return nil
}

func runWatch(ctx context.Context, o *watchOptions, env *environment) error {
	notes := notes{env: env, quiet: o.quiet}
	stream := o.stream
	stream.Feed, stream.Now = &watch.Session{Query: o.query, Now: env.now}, env.now
	stream.Warn = notes.printNew
	outcome, err := stream.Run(ctx, env.stdout)
	if outcome.LostEvents+outcome.LostTicks > 0 && !o.quiet {
		notes.print(wording.Say("cmd.watch.lost", "events", outcome.LostEvents, "ticks", outcome.LostTicks).In(env.words))
	}
	switch {
	case !stream.Until.IsSet():
		return err
	case errors.Is(err, syscall.EPIPE):
		return wording.Fail("cmd.watch.reader-gone", "condition", stream.Until)
	case err != nil:
		return err
	}
	if stream.Silent && !o.quiet {
		if _, err := fmt.Fprintln(env.stdout, outcome.Total); err != nil {
			return err
		}
	}
	if outcome.Held {
		return nil
	}
	if stream.UntilFor > 0 {
		return wording.Fail("cmd.watch.not-reached-for", "condition", stream.Until, "time", stream.UntilFor, "n", outcome.Total)
	}
	return wording.Fail("cmd.watch.not-reached", "condition", stream.Until, "n", outcome.Total)
}
