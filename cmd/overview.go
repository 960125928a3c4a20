package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/filter"
	"tcpstate/render"
	"tcpstate/wording"
)

// overviewFlags are the flags of tcpstate without a command: those of the overview,
// which its help lists, and those of ls.
type overviewFlags struct {
	lsFlags
	version bool
}

// onlyOfLs are the flags with which tcpstate without a command lists the sockets.
// The overview always shows processes, and always numbers.
var onlyOfLs = []string{"processes", "resolve", "numeric", "all", "listening", "tcp", "udp", "extended", "timers", "info", "memory", "mptcp", "wide",
	"no-header", "columns", "sort", "limit", "continuous", "interval"}

// addOverview makes a command show the overview: one screen about the host. If
// there are arguments or flags that only ls has, it does what ls does with them:
// people type what they typed after netstat.
func addOverview(c *cobra.Command, env *environment) {
	var f overviewFlags
	f.register(c)
	flags := c.Flags()
	flags.BoolVarP(&f.version, "version", "V", false, "")
	for _, name := range append([]string{"explain-filter", "verbose"}, onlyOfLs...) {
		flags.Lookup(name).Hidden = true
	}
	completeFilter := c.ValidArgsFunction
	c.ValidArgsFunction = func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 && word == "" {
			return nil, cobra.ShellCompDirectiveNoFileComp // only commands, until the user begins something else
		}
		return completeFilter(c, args, word)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case f.version:
			return writeVersion(env)
		case len(args) > 0 || slices.ContainsFunc(onlyOfLs, flags.Changed):
			return slipOfCommand(c, args, f.run(c, args, env))
		}
		query, o, err := f.parse(flags, env)
		if err != nil {
			return misused(err)
		}
		return runOverview(c.Context(), query, o, notes{env: env, quiet: f.quiet})
	}
}

// slipOfCommand returns the error of a listing without a command. If its first
// argument begins no filter, the user may have meant a command.
func slipOfCommand(c *cobra.Command, args []string, err error) error {
	var wrong *filter.Error
	if !errors.As(err, &wrong) || strings.TrimSpace(wrong.Expr[:wrong.Offset]) != "" {
		return err
	}
	given, words := wrong.Spelling()
	if given == "" {
		return err
	}
	commands := commandNames(c)
	near, ok := wording.Nearest(given, append(commands, words...))
	switch {
	case !ok:
		return misused(wording.Fail("cmd.unknown.word", "word", given).WithHint("cmd.unknown.word.hint", "commands", commands))
	case slices.Contains(commands, near):
		return misused(wording.Fail("cmd.unknown.command", "name", given).WithChoices(given, commands...))
	}
	return err
}

// parse checks the flags and turns them into options. Its errors are mistakes in
// the flags.
func (f *overviewFlags) parse(flags *pflag.FlagSet, env *environment) (collect.Query, *render.Overview, error) {
	query, err := f.query(flags, nil)
	if err != nil {
		return query, nil, err
	}
	format, color, err := f.output(flags, env)
	switch {
	case err != nil:
		return query, nil, err
	case format != render.Table && format != render.JSON:
		return query, nil, wording.Fail("cmd.overview.format", "format", format)
	case f.netns == collect.AllNamespaces:
		return query, nil, wording.Fail("cmd.overview.all").WithHint("cmd.overview.all.hint")
	}
	o := &render.Overview{Format: format, Color: color, Words: env.words}
	if env.stdoutTTY {
		o.Width, o.Height = env.size()
	}
	return query, o, nil
}

// runOverview reads the host once. It does not wait for a second reading, so no
// counters are compared.
func runOverview(ctx context.Context, query collect.Query, o *render.Overview, notes notes) error {
	query.Counted = true
	checkups, warnings, err := collect.BeginCheckups(ctx, query, doctor.DefaultThresholds(), collect.Once)
	if err != nil {
		return err
	}
	c := checkups[0]
	if err := c.End(0); err != nil {
		return err
	}
	warnings = append(warnings, c.Warnings()...)
	notes.printNew(warnings)
	o.Meta = metaFrom(c.Source(), notes.env)
	o.Meta.Missing, o.Meta.Unlisted = c.Missing(), c.Observation.Unlisted
	checked, unchecked := doctor.Check(c.Observation, doctor.Rules())
	survey := c.Observation.Survey
	err = o.Write(notes.env.stdout, survey.Counts, survey.Listeners(), &render.Checkup{
		Netns: c.Netns, Label: c.Label, Findings: doctor.Examine(c.Observation, doctor.Rules()), Checked: checked, Unchecked: unchecked,
		Sockets: survey.Counts.Total(),
	}, warnings.Texts())
	if err == nil {
		err = warnings.Failure()
	}
	return err
}
