package cmd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	list, noLive, ascii, noPager bool
	netns                        string
	json                         bool
	format, color                string
	quiet                        bool
}

func newExplainCommand(env *environment) *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use: "explain [flags] [TOPIC | ADDRESS[:PORT] | :PORT | PROCESS | pid N]",
		Example: `  tcpstate explain
  tcpstate explain CLOSE_WAIT
  tcpstate explain why-four --lang zh
  tcpstate explain :443
  tcpstate explain nginx
  tcpstate explain pid 812
  tcpstate explain --list`,
		RunE: func(c *cobra.Command, args []string) error {
			e, err := f.parse(c.Flags(), args, env)
			if err != nil {
				return misused(err)
			}
			return e.run(c.Context())
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return offered("", explainCandidates(env.words, word)), cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && strings.EqualFold(args[0], "pid"):
				pids, _ := operandCandidates(procnet.Open(collect.DefaultProc), "pid", "")
				return offered("", pids), cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && strings.EqualFold(args[0], "process"):
				return offered("", named(plainProcesses(procnet.Open(collect.DefaultProc))...)), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.list, "list", false, "")
	flags.BoolVar(&f.noLive, "no-live", false, "")
	flags.StringVarP(&f.netns, "netns", "N", "", "")
	flags.BoolVar(&f.ascii, "ascii", false, "")
	flags.BoolVar(&f.noPager, "no-pager", false, "")
	flags.BoolVar(&f.json, "json", false, "")
	flags.StringVar(&f.format, "format", "text", "")
	flags.StringVar(&f.color, "color", "auto", "")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "")
	complete(c, "format", oneWord(func() []candidate { return named("text", "markdown", "json") }))
	complete(c, "color", oneWord(func() []candidate { return named("auto", "always", "never") }))
	complete(c, "netns", completeNetns)
	completeNoFiles(c)
	return c
}

// explanation is one run of explain.
type explanation struct {
	*explainFlags
	env      *environment
	book     *explain.Book
	format   string
	terminal explain.Terminal

	topic        *explain.Topic // nil: the whole state machine, or the sockets that socketFilter selects
	socketFilter *filter.Filter // selects the sockets to explain; nil: none
	named        string         // these sockets, as the user named them

	warnings collect.Warnings // of reading the host
}

// parse checks the flags and the arguments. Its errors are mistakes in them.
func (f *explainFlags) parse(flags *pflag.FlagSet, args []string, env *environment) (*explanation, error) {
	e := &explanation{explainFlags: f, env: env, format: f.format}
	if !flags.Changed("lang") {
		env.speakLanguageOf(args)
	}
	var err error
	if e.book, err = explain.Open(env.words.Language()); err != nil {
		return nil, err
	}
	color, err := useColor(f.color, env)
	if err != nil {
		return nil, err
	}
	e.terminal = explain.Terminal{Color: color, ASCII: f.ascii || !env.locale().UTF8()}
	if env.stdoutTTY {
		e.terminal.Width, _ = env.size()
	}
	switch {
	case f.json && flags.Changed("format") && f.format != "json":
		return nil, wording.Fail("cmd.flag.exclude", "one", "--json", "other", "--format "+f.format)
	case f.json:
		e.format = "json"
	}
	switch e.format {
	case "text", "markdown", "json":
	default:
		return nil, wording.Fail("cmd.unknown.format", "name", f.format).WithChoices(f.format, "text", "markdown", "json")
	}
	switch {
	case f.list && len(args) > 0:
		return nil, wording.Fail("cmd.explain.list", "argument", args[0])
	case f.netns == collect.AllNamespaces:
		return nil, wording.Fail("cmd.explain.all").WithHint("cmd.explain.all.hint")
	case f.netns != "" && f.noLive:
		return nil, wording.Fail("cmd.flag.exclude", "one", "--netns", "other", "--no-live")
	}
	return e, e.parseTopic(args)
}

// parseTopic reads the arguments: a topic, sockets, or nothing. A name that is that of
// a topic and of a process is the topic: what an argument means must not depend on
// what runs.
func (e *explanation) parseTopic(args []string) error {
	expression, err := socketsNamed(args)
	switch {
	case err != nil:
		return err
	case expression != "":
		if e.noLive {
			return wording.Fail("cmd.explain.no-live", "words", strings.Join(args, " "))
		}
		e.named = strings.Join(args, " ")
		e.socketFilter, err = filter.Parse([]string{expression}, filter.Names{})
		return err
	case len(args) > 0:
		topic, err := explain.Find(strings.Join(args, " "))
		e.topic = &topic
		if err != nil && !e.noLive && runs(strings.Join(args, " ")) {
			e.topic = nil
			return e.selectProcess(strings.Join(args, " "))
		}
		return err
	}
	return nil
}

// runs reports whether a process with the name runs. Of a longer name the kernel
// keeps the beginning.
func runs(name string) bool {
	return procnet.Open(collect.DefaultProc).Runs(filter.StoredName(name))
}

// selectProcess selects the sockets that processes with the name hold.
func (e *explanation) selectProcess(name string) (err error) {
	e.named = name
	e.socketFilter, err = filter.Parse([]string{"process " + filter.Literal(name)}, filter.Names{})
	return err
}

// socketsNamed returns the filter for the sockets that the arguments name by an
// address, a port or a process, or "" if they name a topic.
func socketsNamed(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	first, number, _ := strings.Cut(args[0], "=")
	if strings.EqualFold(first, "pid") {
		number = strings.TrimSpace(strings.Join(append([]string{number}, args[1:]...), " "))
		if pid, err := strconv.ParseUint(number, 10, 31); err != nil || pid == 0 {
			return "", wording.Fail("cmd.explain.pid", "text", number).WithHint("cmd.explain.pid.hint")
		}
		return "pid = " + number, nil
	}
	if strings.EqualFold(first, "process") {
		name := strings.TrimSpace(strings.Join(append([]string{number}, args[1:]...), " "))
		if name == "" {
			return "", wording.Fail("cmd.explain.process").WithHint("cmd.explain.process.hint")
		}
		return "process = " + filter.Literal(name), nil
	}
	if len(args) > 1 {
		return "", nil
	}
	if address, err := netip.ParseAddr(strings.Trim(args[0], "[]")); err == nil {
		return endsAt(address, ""), nil
	}
	if end, err := netip.ParseAddrPort(args[0]); err == nil {
		return endsAt(end.Addr(), fmt.Sprintf(":%d", end.Port())), nil
	}
	if prefix, err := netip.ParsePrefix(args[0]); err == nil {
		return fmt.Sprintf("src %s or dst %[1]s", prefix), nil
	}
	if _, err := strconv.ParseUint(args[0], 10, 31); err == nil {
		return "", wording.Fail("explain.error.topic", "name", args[0]).WithHint("cmd.explain.number.hint", "number", args[0])
	}
	if text, ok := strings.CutPrefix(strings.TrimPrefix(args[0], "*"), ":"); ok {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return "", wording.Fail("cmd.explain.port", "text", args[0]).WithHint("cmd.explain.port.hint")
		}
		return fmt.Sprintf("sport = %d or dport = %d", port, port), nil
	}
	if strings.Contains(args[0], ":") && !runs(args[0]) {
		return "", wording.Fail("cmd.explain.address", "text", args[0]).WithHint("cmd.explain.address.hint")
	}
	return "", nil
}

// endsAt returns the filter for the sockets that have the address at one of their
// ends. port is a colon and a number, or "". The filter has no zone, because
// addresses in filters have none.
func endsAt(address netip.Addr, port string) string {
	end := address.WithZone("").String() + port
	if address.Is6() {
		end = "[" + address.WithZone("").String() + "]" + port
	}
	if address.IsUnspecified() {
		return "src " + end // it is also the peer of every listener
	}
	return "src " + end + " or dst " + end
}

// elsewhere reports whether a socket is in a different zone than the address that
// the user named. /proc/net/tcp6 has no zones, so a socket from there may be in
// any zone.
func (e *explanation) elsewhere(socket *tcp.Socket) bool {
	_, asked, _ := strings.Cut(strings.TrimSuffix(e.named, "]"), "%")
	asked, _, _ = strings.Cut(asked, "]")
	zone := cmp.Or(socket.Local.Addr().Zone(), socket.Peer.Addr().Zone())
	return asked != "" && zone != "" && zone != asked
}

func (e *explanation) run(ctx context.Context) error {
	var page bytes.Buffer
	if err := e.write(ctx, &page); err != nil {
		return err
	}
	if e.format == "text" && !e.noPager {
		return show(page.Bytes(), e.env)
	}
	_, err := e.env.stdout.Write(page.Bytes())
	return err
}

func (e *explanation) write(ctx context.Context, out io.Writer) error {
	switch {
	case e.list:
		return e.writeList(out)
	case e.socketFilter != nil:
		return e.writeSockets(ctx, out)
	}
	host, err := e.host(ctx)
	switch {
	case err != nil:
		return err
	case e.topic == nil:
		return e.writeChart(out, host)
	}
	page, err := e.book.Page(*e.topic, host)
	switch {
	case err != nil:
		return err
	case e.format == "json":
		return page.WriteJSON(out, e.envelope())
	case e.format == "markdown":
		return page.WriteMarkdown(out)
	}
	return page.WriteText(out, e.terminal)
}

func (e *explanation) writeList(out io.Writer) error {
	switch e.format {
	case "json":
		return e.book.WriteListJSON(out, e.envelope())
	case "markdown":
		return e.book.WriteListMarkdown(out)
	}
	return e.book.WriteList(out, e.terminal)
}

func (e *explanation) writeChart(out io.Writer, host *explain.Host) error {
	switch e.format {
	case "json":
		return e.book.WriteChartJSON(out, host, e.envelope())
	case "markdown":
		return e.book.WriteChartMarkdown(out, host)
	}
	return e.book.WriteChart(out, host, e.terminal)
}

// writeSockets explains the sockets that the user named.
func (e *explanation) writeSockets(ctx context.Context, out io.Writer) error {
	query := e.query()
	settings, err := collect.ReadSettings(query)
	if err != nil {
		return err
	}
	query.Detail = tcp.DetailProcesses | tcp.DetailAge | tcp.DetailInfo | tcp.DetailExtended // for IPV6_V6ONLY
	query.Filter, query.MPTCP = e.socketFilter, collect.MPTCPAdded
	snapshot, err := collect.Open(ctx, query)
	if err != nil {
		return err
	}
	notes := notes{env: e.env, quiet: e.quiet}
	notes.printNew(snapshot.Warnings())
	explainer := e.book.SocketExplainer(settings)
	n := 0
	for socket, err := range snapshot.Sockets() {
		if err != nil {
			return err
		}
		if e.elsewhere(socket) {
			continue
		}
		explainer.Add(socket)
		n++
	}
	e.warnings = snapshot.Warnings()
	notes.printNew(e.warnings)
	if n == 0 {
		return wording.Fail("cmd.explain.nothing", "words", e.named).WithHint("cmd.explain.nothing.hint")
	}
	explanation, err := explainer.Explain()
	switch {
	case err != nil:
		return err
	case e.format == "json":
		return explanation.WriteJSON(out, e.envelope())
	case e.format == "markdown":
		return explanation.WriteMarkdown(out)
	}
	return explanation.WriteText(out, e.terminal)
}

// host reads what the page shows of this host, or returns nil if the page is
// about no host. If the host cannot be read, the page is still written, with a
// warning, unless the user named a network namespace.
func (e *explanation) host(ctx context.Context) (*explain.Host, error) {
	if e.noLive || runtime.GOOS != "linux" {
		return nil, nil
	}
	var topic explain.Topic
	if e.topic != nil {
		topic = *e.topic
	}
	host, warnings, err := collect.ReadHost(ctx, e.query(), topic)
	if err != nil && (ctx.Err() != nil || e.netns != "") {
		return nil, err
	}
	if err != nil {
		warnings = append(warnings, collect.LeaveHostOut(err))
		host, e.noLive = nil, true
	}
	e.warnings = warnings
	(&notes{env: e.env, quiet: e.quiet}).printNew(warnings)
	return host, nil
}

func (e *explanation) query() collect.Query {
	return collect.Query{Netns: e.netns, States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}}
}

func (e *explanation) envelope() explain.Envelope {
	host, err := e.env.hostname()
	if err != nil {
		host = "" // the page does not need a name of the host
	}
	return explain.Envelope{TakenAt: e.env.now(), Host: host, Warnings: e.warnings.Texts()}
}
