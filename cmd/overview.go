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

// overviewFlags are the flags of the program without a command.
type overviewFlags struct{ sharedFlags }

// addOverview makes a command show one screen of the host.
func addOverview(c *cobra.Command, w *world) {
	var f overviewFlags
	f.register(c)
	flags := c.Flags()
	for _, name := range []string{"processes", "resolve", "numeric", "explain-filter", "verbose"} {
		flags.Lookup(name).Hidden = true // it shows processes always, and numbers
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		query, o, err := f.parse(c.Flags(), w)
		if err != nil {
			return misused(err)
		}
		return runOverview(c.Context(), query, o, notes{w: w, quiet: f.quiet})
	}
}

// parse checks the flags. Its errors are the caller's mistakes.
func (f *overviewFlags) parse(flags *pflag.FlagSet, w *world) (collect.Query, *render.Overview, error) {
	query, err := f.query(flags, nil)
	if err != nil {
		return query, nil, err
	}
	format, color, err := f.output(flags, w)
	switch {
	case err != nil:
		return query, nil, err
	case format != render.Table && format != render.JSON:
		return query, nil, wording.Fail("cmd.overview.format", "format", format)
	case f.netns == collect.AllNamespaces:
		return query, nil, wording.Fail("cmd.overview.all").WithHint("cmd.overview.all.hint")
	}
	o := &render.Overview{Format: format, Color: color, Words: w.words}
	if w.stdoutTTY {
		o.Width, o.Height = w.size()
	}
	return query, o, nil
}

// runOverview looks at the host once: nothing is compared, and so nothing waits.
func runOverview(ctx context.Context, query collect.Query, o *render.Overview, notes notes) error {
	checkups, warnings, err := collect.BeginCheckups(ctx, query, doctor.DefaultThresholds(), collect.Once)
	if err != nil {
		return err
	}
	c := checkups[0]
	if err := c.End(0); err != nil {
		return err
	}
	warnings = append(warnings, c.Warnings()...)
	notes.say(warnings)
	o.Meta = metaFrom(c.Source(), notes.w)
	checked, unchecked := doctor.Check(c.Observation, doctor.Rules())
	survey := c.Observation.Survey
	return o.Write(notes.w.stdout, survey.Counts, survey.Listeners(), &render.Checkup{
		Netns: c.Netns, Findings: doctor.Examine(c.Observation, doctor.Rules()), Checked: checked, Unchecked: unchecked,
		Sockets: survey.Counts.Total(),
	}, warnings.Texts())
}
