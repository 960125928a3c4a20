package screen

import (
	"fmt"
	"strconv"
	"strings"

	"tcpstate/render"
	"tcpstate/text"
)

// focusPanel draws the summary of the focused state. A large screen shows more
// of it.
func (m *model) focusPanel() []string {
	f := m.frame.focus
	if f == nil || f.state != m.want.focus {
		return []string{m.line().put(render.StateStyle(m.want.focus), m.want.focus.String()).put("", " ...").String()}
	}
	lines := []string{m.rates(f)}
	if m.height < 16 {
		return append(lines, m.onlyLargest(f))
	}
	n := min(max(3, (m.height-16)/3), maxNamed)
	lines = append(lines, m.largestBlocks(f, n)...)
	return append(lines, m.ages(f)...)
}

// rates draws the number of sockets, how many per second enter and leave the
// state, and a sparkline.
func (m *model) rates(f *focusSummary) string {
	l := m.line().put(text.Bold+render.StateStyle(f.state), f.state.String()).put(text.Bold, " "+strconv.Itoa(f.count))
	if change := m.change(f.state); change != 0 {
		l.put("", " ").put(changeColor(change), signed(change))
	}
	if f.elapsed > 0 {
		seconds := f.elapsed.Seconds()
		l.put("", "  "+m.say("screen.rates", "arrived", perSecond(f.arrived, seconds), "left", perSecond(f.left, seconds)))
	}
	l.put("", "  ")
	return l.put(render.StateStyle(f.state), sparkline(m.frame.history, f.state, m.frame.request.interval, min(m.width-l.columns, 60), m.steps())).String()
}

// perSecond returns a rate. Small rates have one decimal place.
func perSecond(n int, seconds float64) string {
	rate := float64(n) / seconds
	if rate < 10 && n > 0 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// onlyLargest draws the largest listener and the largest prefix.
func (m *model) onlyLargest(f *focusSummary) string {
	l := m.line()
	if len(f.listeners) > 0 {
		l.put("", f.listeners[0].name+" ").put(text.Bold, strconv.Itoa(f.listeners[0].n)).put("", "  ")
	}
	if len(f.prefixes) > 0 {
		l.put("", f.prefixes[0].name+" ").put(text.Bold, strconv.Itoa(f.prefixes[0].n))
	}
	return l.String()
}

// largestBlocks draws the largest listeners, prefixes and peers side by side,
// as far as the screen is wide enough.
func (m *model) largestBlocks(f *focusSummary, n int) []string {
	blocks := [][]string{m.listenersBlock(f, n), namedBlock("PREFIX", f.prefixes, n), namedBlock("PEER", f.peers, n)}
	lines := make([]string, n+1)
	used := 0
	for i, block := range blocks {
		if i > 0 && len(block) == 1 {
			continue // it has only its heading
		}
		widest := 0
		for _, line := range block {
			widest = max(widest, text.Width(line))
		}
		if used > 0 && used+gap+1+widest > m.width {
			continue
		}
		if used > 0 {
			for i := range lines {
				lines[i] = text.PadRight(lines[i], used+gap+1)
			}
			used += gap + 1
		}
		for i, line := range block {
			lines[i] += line
		}
		used += widest
	}
	for i, line := range lines {
		var color text.Style
		if i == 0 {
			color = text.Bold
		}
		lines[i] = m.line().put(color, strings.TrimRight(line, " ")).String()
	}
	return lines
}

// listenersBlock draws the listeners through which the sockets came in.
func (m *model) listenersBlock(f *focusSummary, n int) []string {
	cells := [][3]string{{"LISTENER", "ACCEPT-Q", f.state.String()}}
	for _, l := range f.listeners[:min(n, len(f.listeners))] {
		queue := "-"
		if waiting, known := l.queue.Get(); known {
			queue = strconv.Itoa(int(waiting))
			if most, known := l.queueMax.Get(); known {
				queue += "/" + strconv.Itoa(int(most))
			}
		}
		cells = append(cells, [3]string{text.TruncateMiddle(l.name, 30, m.ellipsis()), queue, strconv.Itoa(l.n)})
	}
	var widths [3]int
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = max(widths[i], text.Width(cell))
		}
	}
	var lines []string
	for _, row := range cells {
		lines = append(lines, text.PadRight(row[0], widths[0])+" "+text.PadLeft(row[1], widths[1])+" "+text.PadLeft(row[2], widths[2]))
	}
	return lines
}

// namedBlock draws names with their numbers.
func namedBlock(heading string, list []nameCount, n int) []string {
	list = list[:min(n, len(list))]
	names, counts := text.Width(heading), 0
	for _, e := range list {
		names, counts = max(names, text.Width(e.name)), max(counts, len(strconv.Itoa(e.n)))
	}
	lines := []string{text.PadRight(heading, names+1+counts)}
	for _, e := range list {
		lines = append(lines, text.PadRight(e.name, names)+" "+text.PadLeft(strconv.Itoa(e.n), counts))
	}
	return lines
}

// agesLines is how many lines the ages take at most.
const agesLines = 3

// ages draws how many sockets there are in each age group. The age of a socket
// is how long it has been in its state.
func (m *model) ages(f *focusSummary) []string {
	var phrases []phrase
	for i, n := range f.ages {
		if n == 0 {
			continue
		}
		name := m.say("screen.age.unknown")
		switch {
		case i < len(ageBounds):
			name = "<" + text.Duration(ageBounds[i])
		case i == len(ageBounds):
			name = "≥" + text.Duration(ageBounds[i-1])
			if m.ascii {
				name = ">=" + text.Duration(ageBounds[i-1])
			}
		}
		phrases = append(phrases, phrase{pieces: []piece{{"", name + " "}, {text.Bold, strconv.Itoa(n)}}})
	}
	if len(phrases) == 0 {
		phrases = []phrase{{pieces: []piece{{"", "-"}}}}
	}
	return m.flow(append([]phrase{{pieces: []piece{{text.Bold, m.say("screen.age")}}}}, phrases...), agesLines)
}
