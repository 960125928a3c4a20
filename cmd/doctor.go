package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/netns"
	"tcpstate/render"
	"tcpstate/text"
	"tcpstate/wording"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	sharedFlags
	interval   time.Duration
	length     time.Duration // of --for; 0: no readings between
	only, skip []string
	set        []string
	failOn     string
	baseline   string
	list       bool
	noPager    bool
}

func newDoctorCommand(env *environment) *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use: "doctor [flags] [FILTER]",
		Example: `  tcpstate doctor
  tcpstate doctor --fail-on warning -q
  tcpstate doctor --only close-wait-leak --set close-wait-leak.age=5m
  tcpstate doctor --baseline good-hour.json
  tcpstate doctor --list`,
		RunE: func(c *cobra.Command, args []string) error {
			d, err := f.parse(c.Flags(), args, env)
			if err != nil {
				return misused(err)
			}
			if d.list {
				return d.writeList()
			}
			return d.run(c.Context())
		},
	}
	f.register(c)
	flags := c.Flags()
	for _, name := range []string{"processes", "resolve", "numeric", "explain-filter", "verbose"} {
		flags.Lookup(name).Hidden = true // the doctor always shows processes, and always numbers
	}
	flags.DurationVar(&f.interval, "interval", time.Second, "")
	flags.DurationVar(&f.length, "for", 0, "")
	flags.StringSliceVar(&f.only, "only", nil, "")
	flags.StringSliceVar(&f.skip, "skip", nil, "")
	flags.StringArrayVar(&f.set, "set", nil, "")
	flags.StringVar(&f.failOn, "fail-on", "", "")
	flags.StringVar(&f.baseline, "baseline", "", "")
	flags.BoolVar(&f.list, "list", false, "")
	flags.BoolVar(&f.noPager, "no-pager", false, "")
	rules := listOf(func() []candidate { return ruleCandidates(env.words) })
	complete(c, "only", rules)
	complete(c, "skip", rules)
	complete(c, "set", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offered("", thresholdCandidates(env.words)), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	complete(c, "fail-on", oneWord(func() []candidate { return named("info", "warning", "critical") }))
	f.completeFilter(c)
	completeNoFiles(c, "baseline")
	return c
}

// diagnosis is one run of doctor.
type diagnosis struct {
	*doctorFlags
	env        *environment
	query      collect.Query
	rules      []doctor.Rule
	thresholds doctor.Thresholds
	severity   doctor.Severity // of --fail-on; 0: the flag was not given
	findings   render.Findings
	before     *doctor.Baseline // nil: there is none
	missing    []string         // what the source cannot report
}

// parse checks the flags and turns them into a diagnosis. Its errors are mistakes
// in the flags or arguments.
func (f *doctorFlags) parse(flags *pflag.FlagSet, args []string, env *environment) (*diagnosis, error) {
	d := &diagnosis{doctorFlags: f, env: env, thresholds: doctor.DefaultThresholds()}
	var err error
	if d.query, err = f.query(flags, args); err != nil {
		return nil, err
	}
	format, color, err := f.output(flags, env)
	if err != nil {
		return nil, err
	}
	if flags.Changed("for") {
		switch {
		case flags.Changed("interval"):
			return nil, wording.Fail("cmd.doctor.for-interval")
		case f.length <= 0:
			return nil, wording.Fail("cmd.flag.not-more-than-zero", "flag", "--for", "value", f.length).WithHint("cmd.flag.seconds")
		}
		f.interval = f.length
	}
	d.findings = render.Findings{Format: format, Color: color, Interval: f.interval, Quiet: f.quiet, Words: env.words}
	if env.stdoutTTY {
		d.findings.Width, _ = env.size()
	}
	if d.rules, err = doctor.Select(f.only, f.skip); err != nil {
		return nil, err
	}
	if len(d.rules) == 0 {
		return nil, wording.Fail("cmd.doctor.no-rule")
	}
	for _, setting := range f.set {
		if err := d.thresholds.Set(setting); err != nil {
			return nil, err
		}
	}
	if flags.Changed("fail-on") {
		if d.severity, err = doctor.ParseSeverity(f.failOn); err != nil {
			return nil, err
		}
	}
	switch {
	case format == render.CSV:
		return nil, wording.Fail("cmd.doctor.csv").WithHint("cmd.doctor.csv.hint")
	case f.interval <= 0:
		return nil, wording.Fail("cmd.flag.not-more-than-zero", "flag", "--interval", "value", f.interval).WithHint("cmd.flag.seconds")
	case f.baseline == "" && !f.list && !slices.ContainsFunc(d.rules, func(r doctor.Rule) bool { return r.Needs&doctor.NeedBaseline == 0 }):
		return nil, wording.Fail("cmd.doctor.no-baseline")
	case f.list && len(args) > 0:
		return nil, wording.Fail("cmd.doctor.list", "argument", args[0])
	}
	return d, nil
}

// errFindings reports that a finding has the severity of --fail-on or a higher one.
// Its text is not printed, because the findings already are.
var errFindings = errors.New("there are findings")

func (d *diagnosis) run(ctx context.Context) error {
	if d.baseline != "" {
		if err := d.readBaseline(); err != nil {
			return err
		}
	}
	checkups, source, warnings, err := d.examine(ctx)
	if err != nil {
		return err
	}
	notes := notes{env: d.env, quiet: d.quiet}
	notes.printNew(warnings)
	d.findings.Meta = metaFrom(source, d.env)
	d.findings.Meta.Missing = d.missing
	if err := d.write(func(out io.Writer) error { return d.findings.Write(out, checkups, warnings.Texts()) }); err != nil {
		return err
	}
	for i := range checkups {
		for _, f := range checkups[i].Findings {
			if d.severity > 0 && f.Severity >= d.severity {
				return errFindings
			}
		}
	}
	return warnings.Failure()
}

// readBaseline reads the file of --baseline.
func (d *diagnosis) readBaseline() error {
	file, err := os.Open(d.baseline)
	if err != nil {
		return wording.Wrap(err, "cmd.doctor.baseline", "file", d.baseline)
	}
	defer file.Close()
	if d.before, err = doctor.ReadBaseline(file); err != nil {
		return wording.Wrap(err, "cmd.doctor.baseline", "file", d.baseline)
	}
	d.findings.Baseline = d.before.TakenAt
	return nil
}

// write writes text for people through a pager if it is longer than the screen.
func (d *diagnosis) write(to func(io.Writer) error) error {
	if d.findings.Format != render.Table || d.noPager {
		return to(d.env.stdout)
	}
	var page bytes.Buffer
	if err := to(&page); err != nil {
		return err
	}
	return show(page.Bytes(), d.env)
}

// examine examines the host over the interval. It returns what was found in each
// network namespace.
func (d *diagnosis) examine(ctx context.Context) (list []render.Checkup, source collect.Source, warnings collect.Warnings, err error) {
	begun := d.env.now()
	checkups, warnings, err := collect.BeginCheckups(ctx, d.query, d.thresholds, collect.Twice)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := d.wait(ctx, begun, checkups); err != nil {
		return nil, nil, nil, err
	}
	for _, c := range checkups {
		err := c.End(d.env.now().Sub(begun))
		if errors.Is(err, netns.ErrGone) && d.query.Netns == collect.AllNamespaces {
			continue // it ended during the interval, and its problems with it
		}
		if err != nil {
			return nil, nil, nil, err
		}
		source, d.missing = c.Source(), c.Missing()
		warnings = append(warnings, c.Warnings()...)
		d.findings.Interval = max(d.findings.Interval, c.Observation.Interval) // the first reading itself may take longer
		if d.before != nil {
			c.Observation.SetBaseline(d.before, len(checkups) == 1)
		}
		checked, unchecked := doctor.Check(c.Observation, d.rules)
		findings := doctor.Examine(c.Observation, d.rules)
		list = append(list, render.Checkup{
			Netns: c.Netns, Label: c.Label, Findings: findings, Checked: checked, Unchecked: unchecked,
			Sockets: c.Observation.Survey.Counts.Total(), Measures: c.Observation.Measures(), Gone: c.Observation.Gone(findings, d.rules),
		})
	}
	return list, source, warnings, nil
}

// wait waits for the rest of the interval. With --for it reads in between.
func (d *diagnosis) wait(ctx context.Context, begun time.Time, checkups []*collect.Checkup) error {
	step := min(max(d.length/60, 100*time.Millisecond), time.Second)
	erase := ""
	defer func() { fmt.Fprint(d.env.stderr, erase) }()
	for {
		left := d.interval - d.env.now().Sub(begun)
		if d.length == 0 || left <= step {
			return sleep(ctx, left)
		}
		if d.env.stderrTTY && !d.quiet {
			more := text.Duration(left.Round(time.Second))
			fmt.Fprint(d.env.stderr, text.EraseLine, wording.Say("cmd.doctor.watching", "time", more).In(d.env.words))
			erase = text.EraseLine
		}
		if err := sleep(ctx, step); err != nil {
			return err
		}
		for _, c := range checkups {
			err := c.Sample(d.env.now().Sub(begun))
			if err != nil && !errors.Is(err, netns.ErrGone) { // End reports what is gone
				return err
			}
		}
	}
}

// sleep waits. If ctx ends first, it returns the reason.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// writeList lists the rules.
func (d *diagnosis) writeList() error {
	rules := render.Rules{Format: d.findings.Format, Color: d.findings.Color, Width: d.findings.Width, Words: d.env.words, Thresholds: d.thresholds}
	return d.write(func(out io.Writer) error { return rules.Write(out, d.rules) })
}
