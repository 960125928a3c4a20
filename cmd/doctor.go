package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/netns"
	"tcpstate/render"
	"tcpstate/wording"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	sharedFlags
	interval   time.Duration
	only, skip []string
	set        []string
	failOn     string
	list       bool
	noPager    bool
}

func newDoctorCommand(w *world) *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use: "doctor [flags] [FILTER]",
		Example: `  tcpstate doctor
  tcpstate doctor --fail-on warning -q
  tcpstate doctor --only close-wait-leak --set close-wait-leak.age=5m
  tcpstate doctor --list`,
		RunE: func(c *cobra.Command, args []string) error {
			d, err := f.parse(c.Flags(), args, w)
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
		flags.Lookup(name).Hidden = true // it looks at processes always, and shows numbers
	}
	flags.DurationVar(&f.interval, "interval", time.Second, "")
	flags.StringSliceVar(&f.only, "only", nil, "")
	flags.StringSliceVar(&f.skip, "skip", nil, "")
	flags.StringArrayVar(&f.set, "set", nil, "")
	flags.StringVar(&f.failOn, "fail-on", "", "")
	flags.BoolVar(&f.list, "list", false, "")
	flags.BoolVar(&f.noPager, "no-pager", false, "")
	return c
}

// diagnosis is a run of the command.
type diagnosis struct {
	*doctorFlags
	w          *world
	query      collect.Query
	rules      []doctor.Rule
	thresholds doctor.Thresholds
	severity   doctor.Severity // that --fail-on asks for; 0: none
	findings   render.Findings
}

// parse checks the flags and turns them into a diagnosis. Its errors are the
// caller's mistakes.
func (f *doctorFlags) parse(flags *pflag.FlagSet, args []string, w *world) (*diagnosis, error) {
	d := &diagnosis{doctorFlags: f, w: w, thresholds: doctor.DefaultThresholds()}
	var err error
	if d.query, err = f.query(flags, args); err != nil {
		return nil, err
	}
	format, color, err := f.output(flags, w)
	if err != nil {
		return nil, err
	}
	d.findings = render.Findings{Format: format, Color: color, Interval: f.interval, Quiet: f.quiet, Words: w.words}
	if w.stdoutTTY {
		d.findings.Width, _ = w.size()
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
	case f.list && len(args) > 0:
		return nil, wording.Fail("cmd.doctor.list", "argument", args[0])
	}
	return d, nil
}

// errFindings is that --fail-on was asked for and something was found. It says
// nothing: the findings have been told.
var errFindings = errors.New("something was found")

func (d *diagnosis) run(ctx context.Context) error {
	checkups, source, warnings, err := d.examine(ctx)
	if err != nil {
		return err
	}
	notes := notes{w: d.w, quiet: d.quiet}
	notes.say(warnings)
	d.findings.Meta = metaFrom(source, d.w)
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
	return nil
}

// write writes what is for people through a pager, where it is longer than the
// terminal is high.
func (d *diagnosis) write(to func(io.Writer) error) error {
	if d.findings.Format != render.Table || d.noPager {
		return to(d.w.stdout)
	}
	var page bytes.Buffer
	if err := to(&page); err != nil {
		return err
	}
	return show(page.Bytes(), d.w)
}

// examine looks at the host, for as long as the interval, and judges what it saw.
func (d *diagnosis) examine(ctx context.Context) (list []render.Checkup, source collect.Source, warnings collect.Warnings, err error) {
	begun := d.w.now()
	checkups, warnings, err := collect.BeginCheckups(ctx, d.query, d.thresholds, collect.Twice)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := sleep(ctx, d.interval-d.w.now().Sub(begun)); err != nil {
		return nil, nil, nil, err
	}
	for _, c := range checkups {
		err := c.End(d.w.now().Sub(begun))
		if errors.Is(err, netns.ErrGone) && d.query.Netns == collect.AllNamespaces {
			continue // with all that was wrong in it
		}
		if err != nil {
			return nil, nil, nil, err
		}
		source = c.Source()
		warnings = append(warnings, c.Warnings()...)
		checked, unchecked := doctor.Check(c.Observation, d.rules)
		list = append(list, render.Checkup{
			Netns: c.Netns, Findings: doctor.Examine(c.Observation, d.rules), Checked: checked, Unchecked: unchecked,
			Sockets: c.Observation.Survey.Counts.Total(),
		})
	}
	return list, source, warnings, nil
}

// sleep waits, or returns why it need not any more.
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
	rules := render.Rules{Format: d.findings.Format, Color: d.findings.Color, Width: d.findings.Width, Words: d.w.words, Thresholds: d.thresholds}
	return d.write(func(out io.Writer) error { return rules.Write(out, d.rules) })
}
