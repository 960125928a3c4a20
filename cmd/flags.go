package cmd

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/filter"
	"tcpstate/render"
	"tcpstate/tcp"
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
	json       bool
	format     string
	color      string
	quiet      bool

	explainFilter, verbose bool
}

// register adds the flags to a command.
func (f *sharedFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.states, "state", nil, "only these states, joined by commas: "+stateExamples)
	flags.BoolVarP(&f.ipv4, "ipv4", "4", false, "only IPv4")
	flags.BoolVarP(&f.ipv6, "ipv6", "6", false, "only IPv6")
	flags.BoolVarP(&f.processes, "processes", "p", false, "the processes that hold each socket")
	flags.BoolVarP(&f.resolve, "resolve", "r", false, "names of hosts and services instead of numbers")
	flags.BoolVarP(&f.numeric, "numeric", "n", false, "addresses and ports as numbers (the default)")
	flags.StringVarP(&f.netns, "netns", "N", "", "another network namespace: its `NAME`, the path of its file, the id of a process in it; or all")
	flags.StringVar(&f.source, "source", collect.Auto.String(), "where to read: "+alternatives(collect.SourceNames()))
	flags.StringVar(&f.proc, "proc", collect.DefaultProc, "read another /proc, such as a host's mounted in a container")
	flags.BoolVar(&f.json, "json", false, "the same as --format json")
	flags.StringVar(&f.format, "format", render.Table.String(), "table, json, ndjson, csv or markdown")
	flags.StringVar(&f.color, "color", "auto", "colours: auto, always or never")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no notes on stderr")
	flags.BoolVar(&f.explainFilter, "explain-filter", false, "print how the filter is read, and what the kernel judges of it, and end")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print the same on stderr, and go on")
	complete := func(flag string, words ...string) {
		// The only error is that of a flag that does not exist.
		if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	complete("state", strings.Split(tcp.All.String(), ",")...)
	complete("source", collect.SourceNames()...)
	complete("format", "table", "json", "ndjson", "csv", "markdown")
	complete("color", "auto", "always", "never")
}

const stateExamples = "SYN_RECV, close-wait, TIME_WAIT, ..."

// query returns the part of a query that the flags say, and the arguments,
// which are a filter.
func (f *sharedFlags) query(flags *pflag.FlagSet, args []string) (collect.Query, error) {
	switch {
	case f.proc == "":
		return collect.Query{}, errors.New("--proc names no directory")
	case f.netns == "" && flags.Changed("netns"):
		return collect.Query{}, errors.New("--netns names no network namespace")
	}
	source, err := collect.ParseSource(f.source)
	if err != nil {
		return collect.Query{}, err
	}
	switch otherHost := filepath.Clean(f.proc) != collect.DefaultProc; {
	case otherHost && source.ThisHostOnly():
		return collect.Query{}, &hintedError{fmt.Errorf("--source %s and --proc exclude each other", source),
			source.String() + " knows only the network namespaces of this host"}
	case otherHost && f.netns != "":
		return collect.Query{}, &hintedError{errors.New("--netns and --proc exclude each other"),
			"only a network namespace of this host can be entered"}
	case f.numeric && f.resolve:
		return collect.Query{}, errors.New("--numeric and --resolve exclude each other")
	}
	states, err := f.stateSet()
	if err != nil {
		return collect.Query{}, err
	}
	expression, err := filter.Parse(args, collect.FilterNames(f.netns))
	if err != nil {
		return collect.Query{}, err
	}
	return collect.Query{Source: source, Proc: f.proc, Netns: f.netns, States: states, Families: f.families(), Filter: expression}, nil
}

// stateSet returns the states that were named, or all.
func (f *sharedFlags) stateSet() (tcp.StateSet, error) {
	if len(f.states) == 0 {
		return tcp.All, nil
	}
	var set tcp.StateSet
	for _, names := range f.states {
		named, err := tcp.ParseStateSet(names)
		if err != nil {
			return 0, err
		}
		set |= named
	}
	return set, nil
}

// families returns the address families that were asked for; none is both.
func (f *sharedFlags) families() []tcp.Family {
	switch {
	case f.ipv4 && !f.ipv6:
		return []tcp.Family{tcp.IPv4}
	case f.ipv6 && !f.ipv4:
		return []tcp.Family{tcp.IPv6}
	}
	return []tcp.Family{tcp.IPv4, tcp.IPv6}
}

// output returns the format that was asked for, and whether it is coloured.
func (f *sharedFlags) output(flags *pflag.FlagSet, w *world) (format render.Format, color bool, err error) {
	if format, err = f.outputFormat(flags); err == nil {
		color, err = useColor(f.color, w)
	}
	return format, color, err
}

// outputFormat returns the format that was asked for.
func (f *sharedFlags) outputFormat(flags *pflag.FlagSet) (render.Format, error) {
	format, err := render.ParseFormat(f.format)
	if err != nil {
		return 0, err
	}
	if f.json {
		if flags.Changed("format") && format != render.JSON {
			return 0, fmt.Errorf("--json and --format %s exclude each other", f.format)
		}
		return render.JSON, nil
	}
	return format, nil
}

// useColor decides whether the output is coloured. An explicit --color decides
// alone; else CLICOLOR_FORCE and NO_COLOR are asked, in this order, and at last
// whether stdout is a terminal that knows colours.
func useColor(choice string, w *world) (bool, error) {
	switch choice {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		if force := w.getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
			return true, nil
		}
		return w.getenv("NO_COLOR") == "" && w.stdoutTTY && w.getenv("TERM") != "dumb", nil
	}
	return false, &hintedError{fmt.Errorf("unknown --color %q", choice), "it takes auto, always or never"}
}

// alternatives joins words with commas and an "or" before the last.
func alternatives(words []string) string {
	last := len(words) - 1
	return joinWords(words[:last]) + " or " + words[last]
}

// joinWords joins words as a sentence does, but for the "and".
func joinWords(words []string) string { return strings.Join(words, ", ") }
