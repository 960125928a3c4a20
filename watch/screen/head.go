package screen

import (
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
)

// phrase is a part of a line that is drawn whole or not at all.
type phrase struct {
	pieces []piece
	rank   int // the phrase with the highest rank is left out first if the line is too narrow; 0: never left out
}

// piece is a text in a style.
type piece struct {
	style text.Style
	text  string
}

func (p phrase) width() int {
	columns := 0
	for _, piece := range p.pieces {
		columns += text.Width(text.EscapeLine(piece.text))
	}
	return columns
}

// draw adds the phrase to a line, after two spaces if it is not the first.
func (p phrase) draw(l *line) {
	if l.columns > 0 {
		l.put("", "  ")
	}
	for _, piece := range p.pieces {
		l.put(piece.style, piece.text)
	}
}

// title draws the first line: which host and namespace, when the sockets were
// read, and how many there are.
func (m *model) title() string {
	phrases := []phrase{{[]piece{{text.Bold, "tcpstate"}}, 4}}
	add := func(rank int, style text.Style, s string) {
		phrases = append(phrases, phrase{[]piece{{style, s}}, rank})
	}
	if m.host != "" {
		add(1, text.Bold, text.Escape(m.host))
	}
	if m.within != "" {
		add(2, "", m.say("screen.netns", "name", text.Escape(m.within)))
	}
	if f := m.frame; f != nil {
		if f.source != "auto" {
			add(5, "", f.source)
		}
		add(0, "", f.at.Format("15:04:05"))
		add(0, text.Bold, m.say("screen.sockets", "n", f.counts.Total()))
	}
	if m.want.paused {
		add(0, text.Yellow, m.say("screen.paused"))
	} else {
		add(3, "", m.say("screen.every", "time", text.Duration(m.want.interval)))
	}
	for {
		columns, last := -2, 0
		for i, p := range phrases {
			columns += 2 + p.width()
			if p.rank > phrases[last].rank {
				last = i
			}
		}
		if columns <= m.width || phrases[last].rank == 0 {
			break
		}
		phrases = append(phrases[:last], phrases[last+1:]...)
	}
	l := m.line()
	for _, p := range phrases {
		p.draw(l)
	}
	return l.String()
}

// packedStates draws the states that have sockets, and then the focused one and
// those that had sockets before, in at most that many lines. If there is no room
// for all, it says how many are left out.
func (m *model) packedStates(most int) []string {
	var phrases, empty []phrase
	for s := range tcp.All.States() {
		n := m.frame.counts.Of(s)
		if n == 0 && s != m.want.focus && m.change(s) == 0 {
			continue
		}
		p := phrase{pieces: []piece{{render.StateStyle(s), s.String()}, {"", " " + m.number(s)}}}
		if s == m.want.focus {
			p.pieces[0].style = text.Reverse
		}
		if change := m.change(s); change != 0 {
			p.pieces = append(p.pieces, piece{"", " "}, piece{changeColor(change), signed(change)})
		}
		if n == 0 {
			empty = append(empty, p)
		} else {
			phrases = append(phrases, p)
		}
	}
	return m.flow(append(phrases, empty...), most)
}

// flow draws phrases in at most that many lines. If there is no room for all, the
// last phrase says how many are left out.
func (m *model) flow(phrases []phrase, most int) []string {
	for kept := len(phrases); ; kept-- {
		list := phrases[:kept:kept]
		if left := len(phrases) - kept; left > 0 {
			list = append(list, phrase{pieces: []piece{{text.Dim, m.ellipsis() + " " + m.say("screen.more", "n", left)}}})
		}
		var lines []string
		l := m.line()
		for _, p := range list {
			if l.columns > 0 && l.columns+2+p.width() > m.width {
				lines, l = append(lines, l.String()), m.line()
			}
			p.draw(l)
		}
		if lines = append(lines, l.String()); len(lines) <= most || kept == 0 {
			return lines[:min(len(lines), most)]
		}
	}
}
