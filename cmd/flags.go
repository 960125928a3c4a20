package cmd

import (
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/filter"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// sharedFlags are the flags of every command that reads sockets.
type sharedFlags struct {
	states     []string
	ipv4, ipv6 bool
	processes  bool
	numeric    bool
	resolve    bool
	netns      string
	source     string
	proc       string
	procOrder  string
	json       bool
	format     string
	color      string
	quiet      bool
	listening  bool // only of the commands that register it

	explainFilter, verbose bool
}

// register adds the flags to a command. describe adds their texts later.
func (f *sharedFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.states, "state", nil, "")
	flags.BoolVarP(&f.ipv4, "ipv4", "4", false, "")
	flags.BoolVarP(&f.ipv6, "ipv6", "6", false, "")
	flags.BoolVarP(&f.processes, "processes", "p", false, "")
	flags.BoolVarP(&f.resolve, "resolve", "r", false, "")
	flags.BoolVarP(&f.numeric, "numeric", "n", false, "")
	flags.StringVarP(&f.netns, "netns", "N", "", "")
	flags.StringVar(&f.source, "source", collect.Auto.String(), "")
	flags.StringVar(&f.proc, "proc", collect.DefaultProc, "")
	flags.StringVar(&f.procOrder, "proc-byte-order", string(collect.AutoOrder), "")
	flags.BoolVar(&f.json, "json", false, "")
	flags.StringVar(&f.format, "format", render.Table.String(), "")
	flags.StringVar(&f.color, "color", "auto", "")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "")
	flags.BoolVar(&f.explainFilter, "explain-filter", false, "")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "")
	f.completeShared(c)
}

// registerListening adds the flag -l to a command that lists, counts or follows.
func (f *sharedFlags) registerListening(c *cobra.Command) {
	c.Flags().BoolVarP(&f.listening, "listening", "l", false, "")
}

// query returns the query that the flags and the arguments request. The arguments
// are a filter.
func (f *sharedFlags) query(flags *pflag.FlagSet, args []string) (collect.Query, error) {
	switch {
	case f.proc == "":
		return collect.Query{}, wording.Fail("cmd.proc-empty")
	case f.netns == "" && flags.Changed("netns"):
		return collect.Query{}, wording.Fail("cmd.netns-empty")
	}
	source, err := collect.ParseSource(f.source)
	if err != nil {
		return collect.Query{}, err
	}
	switch otherHost := filepath.Clean(f.proc) != collect.DefaultProc; {
	case otherHost && source.ThisHostOnly():
		return collect.Query{}, wording.Fail("cmd.flag.exclude", "one", "--source "+source.String(), "other", "--proc").
			WithHint("cmd.source-here", "source", source)
	case otherHost && f.netns != "":
		return collect.Query{}, wording.Fail("cmd.flag.exclude", "one", "--netns", "other", "--proc").WithHint("cmd.netns-here")
	case f.numeric && f.resolve:
		return collect.Query{}, wording.Fail("cmd.flag.exclude", "one", "--numeric", "other", "--resolve")
	}
	order := collect.ByteOrder(f.procOrder)
	switch orders := byteOrders(); {
	case !slices.Contains(orders, f.procOrder):
		return collect.Query{}, wording.Fail("cmd.unknown.byte-order", "name", f.procOrder).WithChoices(f.procOrder, orders...)
	case order != collect.AutoOrder && filepath.Clean(f.proc) == collect.DefaultProc:
		return collect.Query{}, wording.Fail("cmd.byte-order-here").WithHint("cmd.byte-order-here.hint")
	}
	states, err := f.stateSet()
	if err != nil {
		return collect.Query{}, err
	}
	expression, err := filter.Parse(args, collect.FilterNames(f.netns, f.proc))
	if err != nil {
		return collect.Query{}, err
	}
	return collect.Query{Source: source, Proc: f.proc, Order: order, Netns: f.netns, States: states, Families: f.families(), Filter: expression}, nil
}

// byteOrders returns the values of --proc-byte-order.
func byteOrders() []string {
	return []string{string(collect.AutoOrder), string(collect.LittleEndian), string(collect.BigEndian)}
}

// stateSet returns the states of --state, or all states without that flag. With -l
// only LISTEN can be among them.
func (f *sharedFlags) stateSet() (set tcp.StateSet, err error) {
	within := tcp.All
	if f.listening {
		within = tcp.Set(tcp.Listen)
	}
	if len(f.states) == 0 {
		return within, nil
	}
	for _, names := range f.states {
		named, err := tcp.ParseStateSet(names)
		if err != nil {
			return 0, err
		}
		set |= named
	}
	return set & within, nil
}

// named returns the states that --state names, or none if it names all.
func (f *sharedFlags) named() tcp.StateSet {
	named, err := f.stateSet()
	if err != nil || named == tcp.All {
		return 0
	}
	return named
}

// families returns the requested address families, or both if none is requested.
func (f *sharedFlags) families() []tcp.Family {
	switch {
	case f.ipv4 && !f.ipv6:
		return []tcp.Family{tcp.IPv4}
	case f.ipv6 && !f.ipv4:
		return []tcp.Family{tcp.IPv6}
	}
	return []tcp.Family{tcp.IPv4, tcp.IPv6}
}

// output returns the requested format, and whether the output is coloured.
func (f *sharedFlags) output(flags *pflag.FlagSet, env *environment) (format render.Format, color bool, err error) {
	if format, err = f.outputFormat(flags); err == nil {
		color, err = useColor(f.color, env)
	}
	return format, color, err
}

// outputFormat returns the requested format.
func (f *sharedFlags) outputFormat(flags *pflag.FlagSet) (render.Format, error) {
	format, err := render.ParseFormat(f.format)
	if err != nil {
		return 0, err
	}
	if f.json {
		if flags.Changed("format") && format != render.JSON {
			return 0, wording.Fail("cmd.flag.exclude", "one", "--json", "other", "--format "+f.format)
		}
		return render.JSON, nil
	}
	return format, nil
}

// useColor decides whether the output is coloured. --color always and --color
// never decide alone. Otherwise CLICOLOR_FORCE decides, then NO_COLOR, and finally
// whether stdout is a terminal that has colours.
func useColor(choice string, env *environment) (bool, error) {
	switch choice {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		if force := env.getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
			return true, nil
		}
		return env.getenv("NO_COLOR") == "" && env.stdoutTTY && env.getenv("TERM") != "dumb", nil
	}
	return false, wording.Fail("cmd.unknown.color", "name", choice).WithChoices(choice, "auto", "always", "never")
}
