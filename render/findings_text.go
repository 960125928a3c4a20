package render

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpstate/doctor"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// severityColors are the colours of the severities.
var severityColors = [...]text.Style{doctor.Info: text.Cyan, doctor.Warning: text.Yellow, doctor.Critical: text.Red}

// severityNames and confidenceNames are the names that people read. Documents for
// programs have the names of package doctor.
var (
	severityNames = [...]wording.Message{doctor.Info: wording.Say("findings.info"),
		doctor.Warning: wording.Say("findings.warning"), doctor.Critical: wording.Say("findings.critical")}
	confidenceNames = [...]wording.Message{doctor.Possible: wording.Say("findings.possible"),
		doctor.Likely: wording.Say("findings.likely"), doctor.Measured: wording.Say("findings.measured")}
)

// paragraph is a text of a finding under the margin, with what it is called.
type paragraph struct {
	lead    string // the label: "proof", or the number of a step
	text    string
	command string // a command to paste, on its own line; "" if there is none
}

// findingText is a finding in the form for people.
type findingText struct {
	severity doctor.Severity
	title    string
	headline string // the title without what only adds to it
	parts    []paragraph
	steps    []paragraph
}

// say returns a text in the language of the findings.
func (f *Findings) say(key string, values ...any) string {
	return wording.Say(key, values...).In(f.Words)
}

// textOf returns a finding as people read it.
func (f *Findings) textOf(found found) findingText {
	finding := found.finding
	t := findingText{severity: finding.Severity, title: finding.Title.In(f.Words), headline: finding.Headline().In(f.Words)}
	if found.label != "" {
		t.title = f.say("findings.title", "netns", found.label, "title", t.title)
		t.headline = f.say("findings.title", "netns", found.label, "title", t.headline)
	}
	add := func(lead, body string) {
		if body != "" {
			t.parts = append(t.parts, paragraph{lead: lead, text: body})
		}
	}
	add(f.say("findings.meaning"), finding.Meaning.In(f.Words))
	add(f.say("findings.proof"), facts(finding.Evidence))
	add(f.say("findings.inferred"), finding.Inference.In(f.Words))
	if finding.Confidence != doctor.Measured {
		add(f.say("findings.sure"), confidenceNames[finding.Confidence].In(f.Words))
	}
	if key := likenesses[finding.Likeness]; key != "" {
		add(f.say("findings.baseline"), wording.Say(key, "time", f.Baseline.UTC().Format("2006-01-02 15:04 UTC")).In(f.Words))
	}
	add(f.say("findings.listener"), joined(f, finding.Listeners, f.listenerLine))
	add(f.say("findings.process"), joined(f, finding.Processes, func(p doctor.Process) string { return p.Message().In(f.Words) }))
	add(f.say("findings.sockets"), joined(f, finding.Sockets, f.socketLine))
	rule := finding.Code
	if len(finding.Related) > 0 {
		rule = f.say("findings.with", "code", rule, "related", finding.Related)
	}
	add(f.say("findings.rule"), rule)
	add(f.say("findings.more"), f.say("findings.explain", "topic", finding.Topic))
	for i, a := range finding.Advice {
		say := a.Say.In(f.Words)
		if a.Run != "" {
			say = f.say("findings.step", "step", say)
		}
		t.steps = append(t.steps, paragraph{lead: strconv.Itoa(i+1) + ".", text: say, command: a.Run})
	}
	return t
}

// likenesses are the keys of the sentences that compare a finding with the baseline.
var likenesses = map[doctor.Likeness]string{
	doctor.Same: "findings.baseline.same", doctor.Worse: "findings.baseline.worse", doctor.New: "findings.baseline.new",
}

// shownOf is how many sockets or processes of a finding the text shows.
const shownOf = 3

// joined returns the first few of a list, and how many more there are.
func joined[T any](f *Findings, list []T, line func(T) string) string {
	var lines []string
	for _, element := range list[:min(len(list), shownOf)] {
		lines = append(lines, line(element))
	}
	if more := len(list) - shownOf; more > 0 {
		lines = append(lines, f.say("findings.and-more", "n", more))
	}
	return f.Words.List(lines)
}

func (f *Findings) socketLine(s *tcp.Socket) string {
	if s.State == tcp.Listen {
		holders := f.say("findings.unknown-process")
		if s.Owner.Kernel {
			holders = f.say("findings.kernel")
		}
		if len(s.Processes) > 0 {
			p := doctor.Process{PID: s.Processes[0].PID, Name: s.Processes[0].Name}
			holders = p.Message().In(f.Words)
			if more := len(s.Processes) - 1; more > 0 {
				holders = f.say("findings.holders", "process", holders, "n", more)
			}
		}
		if most, known := s.AcceptQueueMax.Get(); known {
			return f.say("findings.listen-of", "address", s.Local, "queue", s.AcceptQueue, "most", most, "holders", holders)
		}
		return f.say("findings.listen", "address", s.Local, "queue", s.AcceptQueue, "holders", holders)
	}
	return s.Local.String() + " - " + s.Peer.String()
}

func (f *Findings) listenerLine(l *doctor.Listener) string {
	if most, known := l.AcceptQueueMax.Get(); known {
		return f.say("findings.queue-of", "listener", l, "queue", l.AcceptQueue, "most", most, "half_open", l.SynRecv, "connections", l.Connections)
	}
	return f.say("findings.queue", "listener", l, "queue", l.AcceptQueue, "half_open", l.SynRecv, "connections", l.Connections)
}

// facts writes evidence as names and numbers. The names are those of JSON, so a
// reader can find the same value there; the unit stands at the number, as people
// write it.
func facts(e doctor.Evidence) string {
	var words []string
	for _, f := range e {
		words = append(words, fact(f.Name, f.Value))
	}
	return strings.Join(words, ", ")
}

func fact(name string, value any) string {
	n, ok := value.(int64)
	if !ok || n < 0 {
		return fmt.Sprintf("%s %v", name, value)
	}
	if of, ok := strings.CutSuffix(name, "_ms"); ok && n < math.MaxInt64/int64(time.Millisecond) {
		return of + " " + string(text.AppendDuration(nil, uint64(n)*uint64(time.Millisecond)))
	}
	if of, ok := strings.CutSuffix(name, "_bytes"); ok {
		return of + " " + string(text.AppendSize(nil, uint64(n)))
	}
	if of, ok := strings.CutSuffix(name, "_percent"); ok {
		return of + " " + strconv.FormatInt(n, 10) + "%"
	}
	return name + " " + text.Grouped(n)
}

// margin is the column at which the text of a finding begins.
const margin = 10

// appendText appends the findings for a terminal: where there are several, an
// index of a line each, then the details.
func (f *Findings) appendText(b []byte, checkups []Checkup) []byte {
	var texts []findingText
	for _, found := range inOrder(checkups) {
		texts = append(texts, f.textOf(found))
	}
	if len(texts) > 1 {
		places := len(strconv.Itoa(len(texts)))
		for i := range texts {
			number := fmt.Sprintf("%*d. ", places, i+1)
			b = f.appendLead(b, severityNames[texts[i].severity].In(f.Words), severityColors[texts[i].severity])
			b = append(append(b, number...), oneLine(texts[i].title, texts[i].headline, max(f.Width, 80)-margin-len(number))...)
			b = append(b, '\n')
			texts[i].title = strconv.Itoa(i+1) + ". " + texts[i].title
		}
		b = append(b, '\n')
	}
	for _, t := range texts {
		b = f.appendFinding(b, t)
		b = append(b, '\n')
	}
	for _, line := range f.closing(checkups) {
		b = f.appendWrapped(b, "", 0, line)
	}
	return b
}

// oneLine returns the title of a finding where it fits into the columns, else its
// headline, in which the cause comes before the end is cut.
func oneLine(title, headline string, columns int) string {
	if title = text.Escape(title); text.Width(title) <= columns {
		return title
	}
	return cut(headline, columns)
}

func (f *Findings) appendFinding(b []byte, t findingText) []byte {
	b = f.appendLead(b, severityNames[t.severity].In(f.Words), severityColors[t.severity])
	b = f.appendWrapped(b, text.Bold, margin, t.title)
	for _, p := range t.parts {
		b = f.appendLead(b, "  "+p.lead, text.Dim)
		b = f.appendWrapped(b, "", margin+2, p.text)
	}
	for i, p := range t.steps {
		lead := ""
		if i == 0 {
			lead = "  " + f.say("findings.do")
		}
		b = f.appendLead(b, lead, text.Dim)
		b = append(append(b, p.lead...), ' ')
		b = f.appendWrapped(b, "", margin+5, p.text)
		if p.command != "" {
			b = text.AppendSpaces(b, margin+7)
			b = append(text.AppendEscaped(b, p.command), '\n')
		}
	}
	return b
}

// appendLead appends the label in the margin.
func (f *Findings) appendLead(b []byte, lead string, style text.Style) []byte {
	space := margin
	if strings.HasPrefix(lead, "  ") || lead == "" {
		space += 2
	}
	b = text.AppendPainted(b, style.If(f.Color), lead)
	return text.AppendSpaces(b, max(space-text.Width(lead), 1))
}

// appendWrapped appends a paragraph whose lines begin at the column indent. It
// breaks the text only at spaces. A word that is too long has its own line,
// because addresses and names must not be broken.
func (f *Findings) appendWrapped(b []byte, style text.Style, indent int, paragraph string) []byte {
	wrapped := text.AppendWrapped(nil, text.Escape(paragraph), max(f.Width, 80), indent, indent)
	return append(text.AppendPainted(b, style.If(f.Color), wrapped), '\n')
}

// closing returns sentences that say what was examined, and what could not be.
func (f *Findings) closing(checkups []Checkup) []string {
	var by [doctor.Critical + 1]int
	sockets, total := 0, 0
	var checked []string
	for i := range checkups {
		sockets += checkups[i].Sockets
		total += len(checkups[i].Findings)
		for _, finding := range checkups[i].Findings {
			by[finding.Severity]++
		}
		for _, code := range checkups[i].Checked {
			if !slices.Contains(checked, code) {
				checked = append(checked, code)
			}
		}
	}
	looked := f.say("findings.since-boot", "n", sockets)
	if f.Interval > 0 {
		looked = f.say("findings.over", "n", sockets, "time", text.Duration(f.Interval.Round(time.Millisecond)))
	}
	var lines []string
	if total == 0 {
		nothing := f.say("findings.nothing", "checked", looked)
		if slices.ContainsFunc(checkups, func(c Checkup) bool { return len(c.Unchecked) > 0 }) {
			nothing = f.say("findings.nothing-seen", "checked", looked)
		}
		lines = append(lines, nothing, f.say("findings.rules", "codes", checked))
	} else {
		var counts []string
		for s := doctor.Critical; s >= doctor.Info; s-- {
			if by[s] > 0 {
				counts = append(counts, f.say("findings.count", "n", by[s], "severity", severityNames[s]))
			}
		}
		lines = append(lines, f.say("findings.counts", "counts", counts, "checked", looked))
	}
	for i := range checkups {
		if gone := checkups[i].Gone; len(gone) > 0 {
			lines = append(lines, f.say("findings.baseline.gone", "titles", gone))
		}
	}
	return append(lines, f.notChecked(checkups)...)
}

// notChecked lists the rules that could not be judged, or only in part. Each
// reason has one line, for all the rules and network namespaces that it concerns.
func (f *Findings) notChecked(checkups []Checkup) []string {
	type reason struct {
		doctor.Lack
		codes, spaces []string
	}
	var reasons []*reason
	for i := range checkups {
		var here []doctor.Lack // each thing that is unknown here, once
		for _, u := range checkups[i].Unchecked {
			for _, lack := range u.Lacks {
				at := slices.IndexFunc(reasons, func(r *reason) bool { return r.Key == lack.Key })
				if at < 0 {
					at = len(reasons)
					reasons = append(reasons, &reason{Lack: doctor.Lack{Key: lack.Key}})
				}
				r := reasons[at]
				if !slices.Contains(r.codes, u.Code) {
					r.codes = append(r.codes, u.Code)
				}
				if !slices.Contains(r.spaces, checkups[i].shown()) {
					r.spaces = append(r.spaces, checkups[i].shown())
				}
				if !slices.ContainsFunc(here, func(l doctor.Lack) bool { return l.Key == lack.Key && slices.Equal(l.Settings, lack.Settings) }) {
					here = append(here, lack)
					r.Add(lack)
				}
			}
		}
	}
	var lines []string
	for _, r := range reasons {
		line := f.say("findings.unchecked", "reason", r.Message(), "codes", r.codes)
		if len(checkups) > 1 && len(r.spaces) < len(checkups) {
			line = f.say("findings.of-netns", "netns", joined(f, r.spaces, func(name string) string { return name }), "line", line)
		}
		lines = append(lines, line)
	}
	return lines
}

// appendMarkdown appends the findings for a report.
func (f *Findings) appendMarkdown(b []byte, checkups []Checkup) []byte {
	escape := func(s string) string { return text.EscapeMarkdown(text.Escape(s)) }
	all := inOrder(checkups)
	if len(all) > 1 {
		for i, found := range all {
			t := f.textOf(found)
			b = fmt.Appendf(b, "%d. %s\n", i+1, f.say("findings.lead", "lead", severityNames[t.severity], "text", escape(t.headline)))
		}
		b = append(b, '\n')
	}
	for _, found := range all {
		t := f.textOf(found)
		b = fmt.Appendf(b, "## %s\n\n", f.say("findings.lead", "lead", severityNames[t.severity], "text", escape(t.title)))
		for _, p := range t.parts {
			b = fmt.Appendf(b, "- %s\n", f.say("findings.lead", "lead", p.lead, "text", escape(p.text)))
		}
		b = append(b, '\n')
		for _, p := range t.steps {
			b = fmt.Appendf(b, "%s %s\n", p.lead, escape(p.text))
			if p.command != "" {
				b = fmt.Appendf(b, "\n       %s\n\n", text.Escape(p.command))
			}
		}
		b = append(b, '\n')
	}
	for _, line := range f.closing(checkups) {
		b = append(append(b, escape(line)...), '\n', '\n')
	}
	return b[:max(len(b)-1, 0)]
}
