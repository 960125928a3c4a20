package cmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/render"
	"tcpstate/wording"
)

// overviewFlags are the flags of tcpstate without a command.
type overviewFlags struct{ sharedFlags }

// addOverview makes a command show the overview: one screen about the host.
func addOverview(c *cobra.Command, env *environment) {
	var f overviewFlags
	f.register(c)
	flags := c.Flags()
	for _, name := range []string{"processes", "resolve", "numeric", "explain-filter", "verbose"} {
		flags.Lookup(name).Hidden = true // the overview always shows processes, and always numbers
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		query, o, err := f.parse(c.Flags(), env)
		if err != nil {
			return misused(err)
		}
		return runOverview(c.Context(), query, o, notes{env: env, quiet: f.quiet})
	}
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
		Netns: c.Netns, Findings: doctor.Examine(c.Observation, doctor.Rules()), Checked: checked, Unchecked: unchecked,
		Sockets: survey.Counts.Total(),
	}, warnings.Texts())
	if err == nil {
		err = warnings.Failure()
	}
	return err
}
