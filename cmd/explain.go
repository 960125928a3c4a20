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
	"tcpstate/tcp"
	"tcpstate/wording"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	list, noLive, ascii, noPager bool
	language, netns              string
	json                         bool
	format, color                string
	quiet                        bool
}

func newExplainCommand(w *world) *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use: "explain [flags] [TOPIC | ADDRESS | ADDRESS:PORT | :PORT | pid N]",
		Example: `  tcpstate explain
  tcpstate explain CLOSE_WAIT
  tcpstate explain why-four --lang zh
  tcpstate explain :443
  tcpstate explain pid 812
  tcpstate explain --list`,
		RunE: func(c *cobra.Command, args []string) error {
			e, err := f.parse(c.Flags(), args, w)
			if err != nil {
				return misused(err)
			}
			return e.run(c.Context())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return topicNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.list, "list", false, "")
	flags.StringVar(&f.language, "lang", "", "")
	flags.BoolVar(&f.noLive, "no-live", false, "")
	flags.StringVarP(&f.netns, "netns", "N", "", "")
	flags.BoolVar(&f.ascii, "ascii", false, "")
	flags.BoolVar(&f.noPager, "no-pager", false, "")
	flags.BoolVar(&f.json, "json", false, "")
	flags.StringVar(&f.format, "format", "text", "")
	flags.StringVar(&f.color, "color", "auto", "")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "")
	return c
}

func topicNames() []string {
	var names []string
	for _, t := range explain.Topics() {
		names = append(names, t.Name)
	}
	return names
}

// explanation is a run of the command.
type explanation struct {
	*explainFlags
	w        *world
	book     *explain.Book
	format   string
	terminal explain.Terminal

	topic        *explain.Topic // nil: the whole machine, or the sockets that socketFilter selects
	socketFilter *filter.Filter // selects the sockets to explain; nil: none
	named        string         // as they were asked for

	warnings collect.Warnings // what a reader should know of how the host was read
}

// parse checks the flags and the arguments. Its errors are the caller's mistakes.
func (f *explainFlags) parse(flags *pflag.FlagSet, args []string, w *world) (*explanation, error) {
	e := &explanation{explainFlags: f, w: w, format: f.format}
	locale := wording.Locale{All: w.getenv("LC_ALL"), Messages: w.getenv("LC_MESSAGES"), Ctype: w.getenv("LC_CTYPE"), Lang: w.getenv("LANG")}
	language := locale.Language()
	var err error
	if flags.Changed("lang") {
		if language, err = wording.ParseLanguage(f.language); err != nil {
			return nil, err
		}
	}
	if e.book, err = explain.Open(language); err != nil {
		return nil, err
	}
	color, err := useColor(f.color, w)
	if err != nil {
		return nil, err
	}
	e.terminal = explain.Terminal{Color: color, ASCII: f.ascii || !locale.UTF8()}
	if w.stdoutTTY {
		e.terminal.Width, _ = w.size()
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
		return nil, wording.Fail("cmd.unknown.format", "name", f.format).Unlike(f.format, "text", "markdown", "json")
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

// parseTopic reads what is to be explained.
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
		return err
	}
	return nil
}

// socketsNamed returns the filter for the sockets that the arguments name by an
// address, a port or a process, or "" where they name a topic.
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
	if len(args) > 1 {
		return "", nil
	}
	if address, err := netip.ParseAddr(strings.Trim(args[0], "[]")); err == nil {
		return endsAt(address, ""), nil
	}
	if end, err := netip.ParseAddrPort(args[0]); err == nil {
		return endsAt(end.Addr(), fmt.Sprintf(":%d", end.Port())), nil
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
	if strings.Contains(args[0], ":") {
		return "", wording.Fail("cmd.explain.address", "text", args[0]).WithHint("cmd.explain.address.hint")
	}
	return "", nil
}

// endsAt returns the filter for the sockets of which an end is at an address, with
// a port or without. It leaves the zone out, which addresses in filters do not have.
func endsAt(address netip.Addr, port string) string {
	end := address.WithZone("").String() + port
	if address.Is6() {
		end = "[" + address.WithZone("").String() + "]" + port
	}
	if address.IsUnspecified() {
		return "src " + end // the peer of every listener is it, too
	}
	return "src " + end + " or dst " + end
}

// elsewhere reports whether a socket is in another zone than that of the address
// that was given. /proc/net/tcp6 tells no zones; then it may be in any.
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
		return show(page.Bytes(), e.w)
	}
	_, err := e.w.stdout.Write(page.Bytes())
	return err
}

func (e *explanation) write(ctx context.Context, out io.Writer) error {
	switch {
	case e.list:
		return e.writeList(out)
	case e.socketFilter != nil:
		return e.writeStory(ctx, out)
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

// writeStory tells what becomes of the sockets that were named.
func (e *explanation) writeStory(ctx context.Context, out io.Writer) error {
	query := e.query()
	settings, err := collect.ReadSettings(query)
	if err != nil {
		return err
	}
	query.Detail = tcp.DetailProcesses | tcp.DetailAge | tcp.DetailInfo
	query.Filter = e.socketFilter
	snapshot, err := collect.Open(ctx, query)
	if err != nil {
		return err
	}
	notes := notes{w: e.w, quiet: e.quiet}
	notes.say(snapshot.Warnings())
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
	notes.say(e.warnings)
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

// host reads what the page says of this host, or returns nil where that is left
// out. A host that cannot be looked at is no reason not to explain.
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
	(&notes{w: e.w, quiet: e.quiet}).say(warnings)
	return host, nil
}

func (e *explanation) query() collect.Query {
	return collect.Query{Netns: e.netns, States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}}
}

func (e *explanation) envelope() explain.Envelope {
	host, err := e.w.hostname()
	if err != nil {
		host = "" // a host without a name has states all the same
	}
	return explain.Envelope{TakenAt: e.w.now(), Host: host, Warnings: e.warnings.Texts()}
}
