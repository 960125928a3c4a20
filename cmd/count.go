package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/fields"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// countFlags are the flags of count.
type countFlags struct {
	sharedFlags
	by       string
	limit    int
	noHeader bool
}

func newCountCommand(env *environment) *cobra.Command {
	var f countFlags
	c := &cobra.Command{
		Use: "count [flags] [FILTER]",
		Example: `  tcpstate count
  tcpstate count -q --state TIME_WAIT
  tcpstate count --by peer --state SYN_RECV --limit 10
  tcpstate count --by listener,state --json`,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(c.Flags(), args, env)
			if err != nil {
				return misused(err)
			}
			if done, err := f.explain(o.query, env); done || err != nil {
				return err
			}
			return runCount(c.Context(), o, env)
		},
	}
	f.register(c)
	f.registerListening(c)
	flags := c.Flags()
	flags.StringVar(&f.by, "by", "", "")
	flags.IntVar(&f.limit, "limit", 0, "")
	flags.BoolVarP(&f.noHeader, "no-header", "H", false, "")
	complete(c, "by", wordsOf(fields.InGroups, dimensionCandidates))
	f.completeFilter(c)
	completeNoFiles(c)
	return c
}

func dimensionNames() []string {
	var names []string
	for _, d := range collect.Dimensions {
		names = append(names, d.Name)
	}
	return names
}

// countOptions are the options of one run of count.
type countOptions struct {
	query    collect.Query
	by       []*collect.Dimension
	counting render.Counting
	limit    int
	quiet    bool
	bare     bool // print only the number
}

// options checks the flags and turns them into options. Its errors are mistakes
// in the flags or arguments.
func (f *countFlags) options(flags *pflag.FlagSet, args []string, env *environment) (*countOptions, error) {
	query, err := f.query(flags, args)
	if err != nil {
		return nil, err
	}
	format, color, err := f.output(flags, env)
	if err != nil {
		return nil, err
	}
	query.Counted = true
	o := &countOptions{query: query, limit: f.limit, quiet: f.quiet,
		counting: render.Counting{Format: format, Header: !f.noHeader, Color: color, Words: env.words}}
	if o.by, err = f.dimensions(flags.Changed("by")); err != nil {
		return nil, err
	}
	for _, d := range o.by {
		o.counting.By = append(o.counting.By, render.CountKey{Name: d.Name, Numeric: d.Numeric})
		o.query.Detail |= d.Needs
	}
	if f.resolve {
		o.query.Detail |= tcp.DetailNames
	}
	o.bare = f.quiet && o.by == nil && !f.json && !flags.Changed("format")
	if o.bare {
		o.query.Exact = f.named()
	}
	switch {
	case f.resolve && o.by == nil:
		return nil, wording.Fail("cmd.count.resolve").WithHint("cmd.count.resolve.hint")
	case flags.Changed("limit") && o.by == nil:
		return nil, wording.Fail("cmd.count.limit").WithHint("cmd.count.limit.hint")
	case flags.Changed("limit") && f.limit < 1:
		return nil, wording.Fail("cmd.flag.less-than-one", "flag", "--limit", "n", f.limit)
	case f.noHeader && format != render.Table && format != render.CSV:
		return nil, wording.Fail("cmd.no-header", "format", format)
	}
	return o, nil
}

// dimensions returns the dimensions of the groups. As in every command, -p
// requests processes: here it is the dimension process. named reports whether
// --by was given.
func (f *countFlags) dimensions(named bool) ([]*collect.Dimension, error) {
	list := f.by
	switch {
	case named && f.processes:
		list = "process," + list
	case f.processes:
		list = "process"
	case !named:
		return nil, nil
	}
	by, err := collect.ParseDimensions(list)
	if err != nil {
		return nil, err
	}
	for _, d := range by {
		if d.Name == "netns" && f.netns == "" {
			return nil, wording.Fail("cmd.count.netns").WithHint("cmd.count.netns.hint")
		}
	}
	return by, nil
}

func runCount(ctx context.Context, o *countOptions, env *environment) error {
	listeners, err := o.findListeners(ctx)
	if err != nil {
		return err
	}
	snapshot, err := collect.Open(ctx, o.query)
	if err != nil {
		return err
	}
	notes := notes{env: env, quiet: o.quiet}
	notes.printNew(snapshot.Warnings())
	o.counting.Meta = metaOf(snapshot, env)

	counts, groups, err := collect.Tally(withProgress(snapshot.Sockets(), env, o.quiet), o.by, listeners)
	if err != nil {
		return err
	}
	notes.printNew(snapshot.Warnings())
	if o.bare {
		if _, err := fmt.Fprintln(env.stdout, counts.Total()); err != nil {
			return err
		}
		return snapshot.Warnings().Failure()
	}
	if o.limit > 0 && len(groups) > o.limit {
		groups = groups[:o.limit]
	}
	rows := make([]render.CountGroup, 0, len(groups))
	for _, g := range groups {
		rows = append(rows, render.CountGroup(g))
	}
	o.labelNamespaces(rows, snapshot)
	if err := o.counting.Write(env.stdout, counts, rows, snapshot.Warnings().Texts()); err != nil {
		return err
	}
	return snapshot.Warnings().Failure()
}

// labelNamespaces replaces the names of network namespaces by their labels, in the
// formats for people.
func (o *countOptions) labelNamespaces(rows []render.CountGroup, snapshot *collect.Snapshot) {
	if o.counting.Format != render.Table && o.counting.Format != render.Markdown {
		return
	}
	for i, d := range o.by {
		if d.Name != "netns" {
			continue
		}
		labels := snapshot.NamespaceLabels()
		for _, row := range rows {
			if label, ok := labels[row.Values[i]]; ok {
				row.Values[i] = label
			}
		}
	}
}

// findListeners reads the listeners in advance if they distinguish the groups: a
// connection may be listed before the listener through which it came in.
func (o *countOptions) findListeners(ctx context.Context) (*collect.Listeners, error) {
	needed := false
	for _, d := range o.by {
		needed = needed || d.Name == "listener"
	}
	if !needed {
		return nil, nil
	}
	return collect.FindListeners(ctx, o.query)
}
