package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tcpstate/doctor"
	"tcpstate/tcp"
	"tcpstate/text"
)

// severityColors gives each severity its colour.
var severityColors = [...]text.Style{doctor.Info: text.Cyan, doctor.Warning: text.Yellow, doctor.Critical: text.Red}

// paragraph is one text of a finding with its label in the margin.
type paragraph struct {
	lead    string // the label: "proof", or the number of a step
	text    string
	command string // a command to paste, on its own line; "" if there is none
}

// told is a finding in the form for people.
type told struct {
	severity doctor.Severity
	title    string
	parts    []paragraph
	steps    []paragraph
}

func (c *Checkup) told(f *doctor.Finding) told {
	t := told{severity: f.Severity, title: f.Title}
	if c.Netns != "" {
		t.title = c.Netns + ": " + t.title
	}
	add := func(lead, body string) {
		if body != "" {
			t.parts = append(t.parts, paragraph{lead: lead, text: body})
		}
	}
	add("meaning", f.Meaning)
	add("proof", facts(f.Evidence))
	add("inferred", f.Inference)
	if f.Confidence != doctor.Measured {
		add("sure", f.Confidence.String())
	}
	add("listener", joined(f.Listeners, listenerLine))
	add("process", joined(f.Processes, doctor.Process.String))
	add("sockets", joined(f.Sockets, socketLine))
	rule := f.Code
	if len(f.Related) > 0 {
		rule += ", with " + strings.Join(f.Related, ", ")
	}
	add("rule", rule)
	add("more", "tcpstate explain "+f.Topic)
	for i, a := range f.Advice {
		say := a.Say
		if a.Run != "" {
			say += ":"
		}
		t.steps = append(t.steps, paragraph{lead: strconv.Itoa(i+1) + ".", text: say, command: a.Run})
	}
	return t
}

// shownOf is how many sockets or processes of a finding the text shows.
const shownOf = 3

func joined[T any](list []T, line func(T) string) string {
	var lines []string
	for _, element := range list[:min(len(list), shownOf)] {
		lines = append(lines, line(element))
	}
	if more := len(list) - shownOf; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, ", ")
}

func socketLine(s *tcp.Socket) string {
	if s.State == tcp.Listen {
		return s.Local.String()
	}
	return s.Local.String() + " - " + s.Peer.String()
}

func listenerLine(l *doctor.Listener) string {
	queue := strconv.FormatInt(l.AcceptQueue, 10)
	if most, known := l.AcceptQueueMax.Get(); known {
		queue += " of " + strconv.FormatInt(most, 10)
	}
	return fmt.Sprintf("%v (accept queue %s, %d half-open, %d connections)", l, queue, l.SynRecv, l.Connections)
}

// facts writes evidence as names and numbers. The names and units are those of
// JSON, so a reader can find the same value there.
func facts(e doctor.Evidence) string {
	var words []string
	for _, f := range e {
		words = append(words, fmt.Sprintf("%s %v", f.Name, f.Value))
	}
	return strings.Join(words, ", ")
}

// margin is the column at which the text of a finding begins.
const margin = 10

// appendText appends the findings for a terminal.
func (f *Findings) appendText(b []byte, checkups []Checkup) []byte {
	for i := range checkups {
		for j := range checkups[i].Findings {
			b = f.appendTold(b, checkups[i].told(&checkups[i].Findings[j]))
			b = append(b, '\n')
		}
	}
	for _, line := range f.closing(checkups) {
		b = f.appendWrapped(b, "", 0, line)
	}
	return b
}

func (f *Findings) appendTold(b []byte, t told) []byte {
	b = f.appendLead(b, t.severity.String(), severityColors[t.severity])
	b = f.appendWrapped(b, text.Bold, margin, t.title)
	for _, p := range t.parts {
		b = f.appendLead(b, "  "+p.lead, text.Dim)
		b = f.appendWrapped(b, "", margin+2, p.text)
	}
	for i, p := range t.steps {
		lead := ""
		if i == 0 {
			lead = "  do"
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
	return text.AppendSpaces(b, max(space-len(lead), 1))
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
	looked := fmt.Sprintf("Looked at %d sockets, and at the counters since boot.", sockets)
	if f.Interval > 0 {
		looked = fmt.Sprintf("Looked at %d sockets, and at the counters over %s.", sockets, text.AppendDuration(nil, uint64(f.Interval)))
	}
	var lines []string
	if total == 0 {
		nothing := "Nothing wrong. "
		if slices.ContainsFunc(checkups, func(c Checkup) bool { return len(c.Unchecked) > 0 }) {
			nothing = "Nothing wrong, as far as could be seen. "
		}
		lines = append(lines, nothing+looked, "Checked: "+strings.Join(checked, ", ")+".")
	} else {
		var counts []string
		for s := doctor.Critical; s >= doctor.Info; s-- {
			if by[s] > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", by[s], s))
			}
		}
		lines = append(lines, fmt.Sprintf("%s. %s", strings.Join(counts, ", "), looked))
	}
	return append(lines, notChecked(checkups)...)
}

// notChecked lists the rules that could not be judged, or only in part. It has
// one line for each reason, with all the network namespaces that have the same
// line.
func notChecked(checkups []Checkup) []string {
	var lines []string
	spaces := map[string][]string{} // the network namespaces of each line
	for i := range checkups {
		for _, line := range checkups[i].notChecked() {
			if spaces[line] == nil {
				lines = append(lines, line)
			}
			spaces[line] = append(spaces[line], checkups[i].Netns)
		}
	}
	for i, line := range lines {
		if of := spaces[line]; of[0] != "" {
			lines[i] = joined(of, func(name string) string { return name }) + ": " + line
		}
	}
	return lines
}

func (c *Checkup) notChecked() []string {
	var reasons []string
	codes := map[string][]string{}
	for _, u := range c.Unchecked {
		if codes[u.Reason] == nil {
			reasons = append(reasons, u.Reason)
		}
		codes[u.Reason] = append(codes[u.Reason], u.Code)
	}
	var lines []string
	for _, reason := range reasons {
		lines = append(lines, fmt.Sprintf("Not or not fully checked, since %s: %s.", reason, strings.Join(codes[reason], ", ")))
	}
	return lines
}

// appendMarkdown appends the findings for a report.
func (f *Findings) appendMarkdown(b []byte, checkups []Checkup) []byte {
	escape := func(s string) string { return text.EscapeMarkdown(text.Escape(s)) }
	for i := range checkups {
		for j := range checkups[i].Findings {
			t := checkups[i].told(&checkups[i].Findings[j])
			b = fmt.Appendf(b, "## %s: %s\n\n", t.severity, escape(t.title))
			for _, p := range t.parts {
				b = fmt.Appendf(b, "- %s: %s\n", p.lead, escape(p.text))
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
	}
	for _, line := range f.closing(checkups) {
		b = append(append(b, escape(line)...), '\n', '\n')
	}
	return b[:max(len(b)-1, 0)]
}
