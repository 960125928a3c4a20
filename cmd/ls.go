package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/fields"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// lsFlags are the flags of ls.
type lsFlags struct {
	sharedFlags
	all, tcpOnly                   bool // accepted, without effect
	wide                           bool // one line for each socket, however long
	udp                            bool // a note says that UDP is not listed
	timers, extended, info, memory bool
	mptcp                          bool
	noHeader                       bool
	columns, sort                  string
	limit                          int
	continuous                     bool
	interval                       time.Duration
}

func newLsCommand(env *environment) *cobra.Command {
	var f lsFlags
	c := &cobra.Command{
		Use: "ls [flags] [FILTER]",
		Example: `  tcpstate ls --state SYN_RECV,CLOSE_WAIT
  tcpstate ls -lnt
  tcpstate ls -antoe
  tcpstate ls --json | jq '.sockets[] | select(.recv_q_bytes > 0)'
  tcpstate ls --columns state,local,peer,rtt --sort -rtt --limit 5`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args, env) },
	}
	f.register(c)
	return c
}

// run lists the sockets that the flags and the arguments request.
func (f *lsFlags) run(c *cobra.Command, args []string, env *environment) error {
	o, err := f.options(c.Flags(), args, env)
	if err != nil {
		return misused(err)
	}
	if done, err := f.explain(o.query, env); done || err != nil {
		return err
	}
	if o.withoutUDP {
		(&notes{env: env, quiet: f.quiet}).print(wording.Say("cmd.ls.udp").In(env.words))
	}
	return repeat(c.Context(), o.again, func() error { return runLs(c.Context(), o, env) })
}

// register adds the flags to the command.
func (f *lsFlags) register(c *cobra.Command) {
	f.sharedFlags.register(c)
	flags := c.Flags()
	flags.BoolVarP(&f.all, "all", "a", false, "")
	f.registerListening(c)
	flags.BoolVarP(&f.tcpOnly, "tcp", "t", false, "")
	flags.BoolVarP(&f.udp, "udp", "u", false, "")
	flags.BoolVarP(&f.extended, "extended", "e", false, "")
	flags.BoolVarP(&f.timers, "timers", "o", false, "")
	flags.BoolVarP(&f.info, "info", "i", false, "")
	flags.BoolVarP(&f.memory, "memory", "m", false, "")
	flags.BoolVar(&f.mptcp, "mptcp", false, "")
	flags.BoolVarP(&f.wide, "wide", "W", false, "")
	flags.BoolVarP(&f.noHeader, "no-header", "H", false, "")
	flags.StringVar(&f.columns, "columns", "", "")
	flags.StringVar(&f.sort, "sort", "", "")
	flags.IntVar(&f.limit, "limit", 0, "")
	flags.BoolVarP(&f.continuous, "continuous", "c", false, "")
	flags.DurationVar(&f.interval, "interval", time.Second, "")
	complete(c, "columns", wordsOf(fields.InColumns, columnCandidates))
	complete(c, "sort", wordsOf(fields.InColumns, columnCandidates))
	f.completeFilter(c)
	completeNoFiles(c)
}

// lsOptions are the options of one run of ls.
type lsOptions struct {
	query   collect.Query
	listing render.Listing
	quiet   bool

	withoutUDP bool // UDP was requested, and is not listed

	again time.Duration // from one listing to the next; 0: there is only one
}

// options checks the flags and turns them into options. Its errors are mistakes
// in the flags or arguments.
func (f *lsFlags) options(flags *pflag.FlagSet, args []string, env *environment) (*lsOptions, error) {
	query, err := f.query(flags, args)
	if err != nil {
		return nil, err
	}
	format, color, err := f.output(flags, env)
	if err != nil {
		return nil, err
	}
	o := &lsOptions{query: query, quiet: f.quiet, withoutUDP: f.udp, listing: render.Listing{
		Format: format, Limit: f.limit, Header: !f.noHeader, Color: color,
	}}
	if flags.Changed("sort") {
		if o.listing.Sort, err = render.ParseSort(f.sort); err != nil {
			return nil, err
		}
	}
	if err := f.chooseColumns(&o.listing, flags.Changed("columns")); err != nil {
		return nil, err
	}
	if f.info && !f.wide && !flags.Changed("columns") {
		o.listing.Head, o.listing.Width = f.sections().Head(o.listing.Sort), f.lineWidth(env)
	}
	if env.stdoutTTY && !env.locale().UTF8() {
		o.listing.Columns = render.ASCII(o.listing.Columns)
	}
	switch asJSON := format == render.JSON || format == render.NDJSON; {
	case f.noHeader && (asJSON || format == render.Markdown):
		return nil, wording.Fail("cmd.no-header", "format", format)
	case flags.Changed("limit") && f.limit < 1:
		return nil, wording.Fail("cmd.flag.less-than-one", "flag", "--limit", "n", f.limit)
	case f.interval <= 0:
		return nil, wording.Fail("cmd.flag.not-more-than-zero", "flag", "--interval", "value", f.interval).WithHint("cmd.flag.intervals")
	case f.continuous || flags.Changed("interval"):
		o.again = f.interval
	}
	o.query.Detail = f.detail(&o.listing)
	switch {
	case f.mptcp:
		o.query.MPTCP = collect.MPTCPConnections
		o.query.Detail |= tcp.DetailExtended // in which a subflow says what it is
		o.listing.Unsorted = true
	case o.query.Detail.Has(tcp.DetailExtended):
		o.query.MPTCP = collect.MPTCPMarked
	}
	return o, nil
}

// sections returns the groups of columns that the one-letter flags request.
func (f *lsFlags) sections() render.Sections {
	return render.Sections{Netns: f.netns == collect.AllNamespaces, Names: f.resolve, Commands: f.processes && f.extended,
		Processes: f.processes, Timers: f.timers, Extended: f.extended, Info: f.info, Memory: f.memory, MPTCP: f.mptcp}
}

// chooseColumns sets the columns of the formats that have columns. A JSON socket
// always has all known fields, so that a script need not choose fields. named
// reports whether --columns was given.
func (f *lsFlags) chooseColumns(l *render.Listing, named bool) (err error) {
	asJSON := l.Format == render.JSON || l.Format == render.NDJSON
	switch {
	case named && asJSON:
		return wording.Fail("cmd.columns", "format", l.Format).WithHint("cmd.columns.hint")
	case named:
		l.Columns, err = render.ParseColumns(f.columns)
	case !asJSON:
		l.Columns, l.Sparse = render.DefaultColumns(l.Format, f.sections(), l.Sort), true
	}
	return err
}

// lineWidth returns the width of the lines of a table with the many values of
// tcp_info: that of the terminal, or 80 columns.
func (f *lsFlags) lineWidth(env *environment) int {
	if !env.stdoutTTY {
		return 80
	}
	width, _ := env.size()
	return width
}

// detail returns what must be requested from the source: what the columns and the
// sort keys need, and, for JSON, which has no columns, what the one-letter flags
// add.
func (f *lsFlags) detail(l *render.Listing) tcp.Detail {
	var detail tcp.Detail
	if l.Columns == nil {
		detail = f.sections().Needs()
	}
	for _, c := range l.Columns {
		detail |= c.Needs()
	}
	for _, key := range l.Sort {
		detail |= key.Column.Needs()
	}
	if f.resolve {
		detail |= tcp.DetailNames // columns of addresses show the names
	}
	return detail
}

// repeat runs f once, and again after each interval until f fails or ctx ends. If
// the interval is 0, it runs f only once.
func repeat(ctx context.Context, interval time.Duration, f func() error) error {
	for {
		if err := f(); err != nil || interval == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

func runLs(ctx context.Context, o *lsOptions, env *environment) error {
	snapshot, err := collect.Open(ctx, o.query)
	if err != nil {
		return err
	}
	notes := notes{env: env, quiet: o.quiet}
	notes.printNew(snapshot.Warnings())

	o.listing.Meta = metaOf(snapshot, env)
	o.listing.Meta.NotRequested = notRequested(o.query.Detail, snapshot.Missing())
	sockets := snapshot.Sockets()
	if o.collectsFirst() {
		sockets = withProgress(sockets, env, o.quiet)
	}
	err = o.listing.Write(env.stdout, sockets, func() []string { return o.warnings(snapshot) })
	notes.printNew(snapshot.Warnings())
	if err == nil {
		err = snapshot.Warnings().Failure()
	}
	return err
}

// warnings returns the warnings of the document.
func (o *lsOptions) warnings(snapshot *collect.Snapshot) []string {
	texts := snapshot.Warnings().Texts()
	if o.withoutUDP {
		texts = append([]string{wording.Say("cmd.ls.udp").String()}, texts...)
	}
	return texts
}

// notRequested returns the options that were not given, and what is absent for want of
// them, so that a script that finds no rtt learns why.
func notRequested(requested tcp.Detail, missing []string) []render.OptionJSON {
	options := map[tcp.Detail]string{tcp.DetailAge: "-o", tcp.DetailInfo: "-i", tcp.DetailMemory: "-m", tcp.DetailExtended: "-e",
		tcp.DetailProcesses: "-p", tcp.DetailNames: "-r"}
	list := []render.OptionJSON{}
	for _, o := range fields.NotRequested(requested, missing) {
		list = append(list, render.OptionJSON{Option: options[o.Detail], Fields: o.Names})
	}
	return list
}

// metaOf returns the part of a document that is about the snapshot.
func metaOf(snapshot *collect.Snapshot, env *environment) render.Meta {
	meta := metaFrom(snapshot.Source(), env)
	meta.Missing, meta.Unlisted = snapshot.Missing(), snapshot.Unlisted()
	return meta
}

// metaFrom returns the part of a document that names the host, the source and the
// time.
func metaFrom(source collect.Source, env *environment) render.Meta {
	host, err := env.hostname()
	if err != nil {
		host = "" // the document then has no host
	}
	return render.Meta{TakenAt: env.now(), Host: host, Source: source.String()}
}

// collectsFirst reports whether all sockets are read before the first is written.
func (o *lsOptions) collectsFirst() bool {
	return len(o.listing.Sort) > 0 || o.listing.Format == render.Table || o.listing.Format == render.Markdown
}
