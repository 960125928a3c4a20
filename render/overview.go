package render

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"tcpstate/doctor"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Overview says how to write the overview of the host, one screen: as Table or
// JSON.
type Overview struct {
	Format        Format
	Color         bool
	Width, Height int                // of the terminal; 0: 80 columns, 24 lines
	Words         *wording.Catalogue // of the table; nil: English
	Meta          Meta
}

// overviewJSON is the document of an overview; docs/json.md describes it.
type overviewJSON struct {
	headJSON
	Netns     label             `json:"netns,omitzero"`
	Total     int               `json:"total"`
	States    statesJSON        `json:"states"`
	Listeners []findingListener `json:"listeners"`
	Findings  []findingJSON     `json:"findings"`
	Checked   []string          `json:"checked"`
	Unchecked []uncheckedJSON   `json:"unchecked"`
	tailJSON
}

// Write writes the overview to w: the counts of the states, the listeners with
// the busiest first, and the doctor's findings from one reading.
func (o *Overview) Write(w io.Writer, counts tcp.Counts, listeners []*doctor.Listener, c *Checkup, warnings []string) error {
	out := &output{w: w}
	if o.Format == JSON {
		if err := o.appendJSON(out, counts, listeners, c, warnings); err != nil {
			return err
		}
		return out.flush()
	}
	lines := o.lines(counts, listeners, c)
	out.buf = append(out.buf, strings.Join(lines, "\n")...)
	out.buf = append(out.buf, '\n')
	return out.flush()
}

func (o *Overview) appendJSON(out *output, counts tcp.Counts, listeners []*doctor.Listener, c *Checkup, warnings []string) error {
	document := overviewJSON{
		headJSON: o.Meta.head("overview"), Netns: label(c.Netns), Total: counts.Total(), States: statesJSON{counts, o.Meta.Unlisted},
		Listeners: []findingListener{}, Findings: []findingJSON{}, Checked: append([]string{}, c.Checked...),
		Unchecked: []uncheckedJSON{}, tailJSON: tailOf(warnings),
	}
	for _, l := range listeners {
		document.Listeners = append(document.Listeners, findingListenerOf(l))
	}
	for i := range c.Findings {
		document.Findings = append(document.Findings, findingOf(&c.Findings[i], c.Netns))
	}
	for _, u := range c.Unchecked {
		document.Unchecked = append(document.Unchecked, uncheckedJSON{Code: u.Code, Reason: label(u.Reason.String())})
	}
	return appendLineOf(out, document)
}

// The minimum size of a screen.
const (
	leastWidth  = 80
	leastHeight = 24
)

// lines returns the lines of the screen. Listeners and findings share the
// height that the other parts leave.
func (o *Overview) lines(counts tcp.Counts, listeners []*doctor.Listener, c *Checkup) []string {
	const fixed = 1 + 1 + (tcp.NumStates+1)/2 + 1 + 1 + 1 + 1 + 2 + 1 // title, blank lines, states, heading, closing lines, and the prompt
	room := max(o.Height, leastHeight) - fixed
	forFindings := min(len(o.findings(c, math.MaxInt)), max(room/2, room-len(listeners)))
	lines := []string{o.title(counts, c), ""}
	lines = append(lines, o.states(counts)...)
	lines = append(lines, "")
	shown := o.listeners(listeners, room-forFindings)
	lines = append(lines, shown...)
	lines = append(lines, "")
	lines = append(lines, o.findings(c, max(forFindings, room+1-len(shown)))...)
	lines = append(lines, "")
	return append(lines,
		text.Dim.If(o.Color).Paint(o.say("overview.commands.first")),
		text.Dim.If(o.Color).Paint(o.say("overview.commands.second")))
}

// say returns a text in the language of the overview.
func (o *Overview) say(key string, values ...any) string {
	return wording.Say(key, values...).In(o.Words)
}

// cut escapes a text and cuts it to the given number of columns.
func cut(s string, columns int) string { return text.Truncate(text.Escape(s), columns, "...") }

func (o *Overview) title(counts tcp.Counts, c *Checkup) string {
	parts := []string{o.Meta.TakenAt.UTC().Format("2006-01-02 15:04:05 UTC"), o.Meta.Source, o.say("overview.sockets", "n", counts.Total())}
	if c.Netns != "" {
		parts = slices.Insert(parts, 0, o.say("overview.netns", "name", c.shown()))
	}
	if o.Meta.Host != "" {
		parts = slices.Insert(parts, 0, o.Meta.Host)
	}
	return text.Bold.If(o.Color).Paint(cut(strings.Join(parts, "  "), max(o.Width, leastWidth)))
}

// states returns the states in two columns, each with its count and a bar.
func (o *Overview) states(counts tcp.Counts) []string {
	const bar = 10
	largest := max(slices.Max(counts[:]), 1)
	var cells []string
	for s := range tcp.All.States() {
		n := counts.Of(s)
		hashes := 0
		if n > 0 {
			hashes = max(1, n*bar/largest)
		}
		name, number := fmt.Sprintf("%-14s", s), strconv.Itoa(n)
		if !numberKnown(&counts, s, o.Meta.Unlisted) {
			number = "-"
		}
		if n > 0 {
			name = stateColors[s].If(o.Color).Paint(name)
		} else {
			name = text.Dim.If(o.Color).Paint(name)
		}
		cells = append(cells, fmt.Sprintf("%s %9s  %-*s", name, number, bar, strings.Repeat("#", hashes)))
	}
	half := (len(cells) + 1) / 2
	var lines []string
	for i := range half {
		line := cells[i]
		if i+half < len(cells) {
			line += "   " + cells[i+half]
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// listeners returns the headings and the busiest listeners, at most room lines
// of them.
func (o *Overview) listeners(list []*doctor.Listener, room int) []string {
	if len(list) == 0 {
		return []string{o.say("overview.no-listener")}
	}
	shown := list
	if len(list) > room {
		shown = list[:max(room-1, 1)]
	}
	rows := [][4]string{{"LISTENER", "ACCEPT-Q", "SYN_RECV", "CONNECTIONS"}}
	places := 0
	for _, l := range shown {
		queue := strconv.FormatInt(l.AcceptQueue, 10)
		if most, known := l.AcceptQueueMax.Get(); known {
			queue += "/" + strconv.FormatInt(most, 10)
		}
		rows = append(rows, [4]string{cut(l.Local.String(), 44), queue, strconv.Itoa(l.SynRecv), strconv.Itoa(l.Connections)})
	}
	for _, row := range rows {
		places = max(places, text.Width(row[0]))
	}
	var lines []string
	for i, row := range rows {
		line := fmt.Sprintf("%s  %10s  %8s  %11s  ", text.PadRight(row[0], places), row[1], row[2], row[3])
		if i == 0 {
			lines = append(lines, text.Bold.If(o.Color).Paint(line+"PROCESS"))
			continue
		}
		lines = append(lines, strings.TrimRight(line+o.processes(shown[i-1], max(o.Width, leastWidth)-text.Width(line)), " "))
	}
	if more := len(list) - len(shown); more > 0 {
		lines = append(lines, o.say("overview.more-listeners", "n", more))
	}
	return lines
}

func (o *Overview) processes(l *doctor.Listener, columns int) string {
	if len(l.Processes) == 0 {
		return "-"
	}
	first := fmt.Sprintf("%d/%s", l.Processes[0].PID, l.Processes[0].Name)
	if more := len(l.Processes) - 1; more > 0 {
		return cut(first, columns-len(fmt.Sprintf(" +%d", more))) + fmt.Sprintf(" +%d", more)
	}
	return cut(first, columns)
}

// findings returns a line for each finding, at most room lines. A finding whose line
// would end before the cause takes a second one.
func (o *Overview) findings(c *Checkup, room int) []string {
	if len(c.Findings) == 0 {
		return []string{o.say("overview.nothing")}
	}
	var lines []string
	for i := range c.Findings {
		next := o.finding(&c.Findings[i])
		left := len(c.Findings) - i
		spare := 0 // for the line that says how many are left out
		if left > 1 {
			spare = 1
		}
		if i > 0 && len(lines)+len(next)+spare > room {
			return append(lines, o.say("overview.more-findings", "n", left))
		}
		lines = append(lines, next...)
	}
	return lines
}

// finding returns the line of a finding, or its two lines.
func (o *Overview) finding(f *doctor.Finding) []string {
	columns := max(o.Width, leastWidth) - margin
	lead := severityColors[f.Severity].If(o.Color).Paint(text.PadRight(severityNames[f.Severity].In(o.Words), margin))
	headline := f.Headline().In(o.Words)
	if text.Width(text.Escape(headline)) <= columns {
		return []string{lead + oneLine(f.Title.In(o.Words), headline, columns)}
	}
	wrapped := text.WrapString(text.Escape(headline), columns)
	lines := []string{lead + cut(wrapped[0], columns)}
	if len(wrapped) > 1 {
		lines = append(lines, text.Spaces(margin)+cut(strings.Join(wrapped[1:], " "), columns))
	}
	return lines
}
