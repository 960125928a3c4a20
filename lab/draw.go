package lab

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Drawing draws a run with time going down: the host Here on the left, the host
// There on the right, and the segments between them.
type Drawing struct {
	W     io.Writer
	Width int // in columns; at least 60
	Color bool
	ASCII bool // draw arrows with ASCII characters only
	Words *wording.Catalogue
}

// The columns of a drawing. The time is like "7200.123 s".
const timeColumn = 11

// hostColumn returns the width of the column of a host. An arrow between the hosts
// has a line of its own, so it may reach into both.
func (d *Drawing) hostColumn() int { return min(d.width()*35/100, 32) }

func (d *Drawing) width() int { return max(d.Width, 60) }

// Begin draws what stands above the first step.
func (d *Drawing) Begin(scene *Scene, fast bool) error {
	var b []byte
	b = append(b, text.Bold.If(d.Color).Paint(scene.Name)...)
	b = text.AppendWrapped(append(b, ": "...), scene.Title().In(d.Words), d.width(), len(scene.Name)+2, 2)
	b = append(b, '\n')
	if scene.slow() && !fast {
		b = text.AppendWrapped(b, wording.Say("lab.slow").In(d.Words), d.width(), 0, 0)
		b = append(b, '\n')
	}
	line := text.PadRight(wording.Say("lab.column.time").In(d.Words), timeColumn) +
		text.PadRight(wording.Say("lab.column.here", "address", HereAddr).In(d.Words), d.hostColumn())
	right := wording.Say("lab.column.there", "address", ThereAddr).In(d.Words)
	line = text.PadRight(line, d.rightStart(text.Width(right))) + right
	b = append(append(b, '\n'), text.Bold.If(d.Color).Paint(line)...)
	_, err := d.W.Write(append(b, '\n'))
	return err
}

// rightStart returns the column in which a text of n columns begins that belongs to
// the host There.
func (d *Drawing) rightStart(n int) int {
	return max(min(d.width()-d.hostColumn(), d.width()-n), timeColumn)
}

// Step draws one step.
func (d *Drawing) Step(step Step) error {
	var b []byte
	switch step.Kind {
	case Note, Answer, Question:
		mark := map[Kind]string{Note: "* ", Answer: "= ", Question: "? "}[step.Kind]
		style := map[Kind]text.Style{Note: text.Cyan, Answer: text.Green, Question: text.Yellow}[step.Kind]
		b = append(b, '\n')
		for i, line := range text.WrapString(step.Text.In(d.Words), d.width()-2) {
			if i > 0 {
				mark = "  "
			}
			b = append(append(b, style.If(d.Color).Paint(mark+line)...), '\n')
		}
	case Setting:
		b = append(d.time(step.At), text.Dim.If(d.Color).Paint(step.Name+" = "+step.Value)...)
		b = append(b, '\n')
	case Segment:
		b = d.segment(step)
	default:
		b = d.hostLine(step)
	}
	_, err := d.W.Write(b)
	return err
}

// time returns the column of the time.
func (d *Drawing) time(at time.Duration) []byte {
	return []byte(text.PadRight(text.PadLeft(strconv.FormatFloat(at.Seconds(), 'f', 3, 64)+" s", timeColumn-2), timeColumn))
}

// hostLine draws what happened on one host.
func (d *Drawing) hostLine(step Step) []byte {
	words, style := d.describe(step)
	b := d.time(step.At)
	if step.Host == There {
		b = text.AppendSpaces(b, d.rightStart(text.Width(words))-timeColumn)
	}
	return append(append(b, style.If(d.Color).Paint(words)...), '\n')
}

// describe returns the words for a step on a host, and their style.
func (d *Drawing) describe(step Step) (string, text.Style) {
	switch step.Kind {
	case Call:
		return step.Call, ""
	case Return:
		style := text.Style("")
		if strings.HasPrefix(step.Result, "E") {
			style = text.Red
		}
		return step.Call + " = " + step.Result, style
	case Counter:
		return fmt.Sprintf("+%d %s", step.Delta, step.Name), text.Dim
	case Timer:
		return d.timer(step.Socket), text.Dim
	case State:
		name := wording.Say("lab.state.gone", "state", step.From).In(d.Words)
		if step.To != 0 {
			name = step.To.String()
			if step.Socket.State != tcp.Listen && step.Socket.Timer.Kind != tcp.TimerOff {
				name += ", " + d.timer(step.Socket)
			}
		}
		return name, text.Bold
	}
	return "", ""
}

// timer returns the words for the timer of a socket, or for the queue of a listener,
// which it has instead.
func (d *Drawing) timer(k *tcp.Socket) string {
	if k.State == tcp.Listen {
		return wording.Say("lab.queue", "n", k.AcceptQueue).In(d.Words)
	}
	left := short(k.Timer.Expires)
	switch k.Timer.Kind {
	case tcp.TimerOn:
		if k.Timer.Retransmits > 0 {
			return wording.Say("lab.timer.again", "time", left, "n", k.Timer.Retransmits).In(d.Words)
		}
		return wording.Say("lab.timer.resend", "time", left).In(d.Words)
	case tcp.TimerKeepalive:
		return wording.Say("lab.timer.keepalive", "time", left).In(d.Words)
	case tcp.TimerTimeWait:
		return wording.Say("lab.timer.ends", "time", left).In(d.Words)
	case tcp.TimerPersist:
		return wording.Say("lab.timer.probe", "time", left).In(d.Words)
	case tcp.TimerDelayedAck:
		return wording.Say("lab.timer.ack", "time", left).In(d.Words)
	}
	return wording.Say("lab.timer.off").In(d.Words)
}

// short returns a time that is left, to tenths of a second where it is short.
func short(left time.Duration) string {
	if left >= 10*time.Second {
		return text.Duration(left.Round(time.Second))
	}
	return strconv.FormatFloat(left.Seconds(), 'f', 1, 64) + "s"
}

// segment draws a segment as an arrow with its flags and numbers.
func (d *Drawing) segment(step Step) []byte {
	from, to := timeColumn+4, d.width()-4
	if d.width() >= 100 {
		from, to = timeColumn+12, d.width()-12
	}
	words := d.label(step)
	if fate := d.fate(step.Fate); fate != "" {
		words += " (" + fate + ")"
	}
	shaft := max(to-from-text.Width(words)-2, 3)
	line, tip := "─", map[bool]string{true: "╳", false: "▶"}[step.Fate == Lost]
	if d.ASCII {
		line, tip = "-", map[bool]string{true: "X", false: ">"}[step.Fate == Lost]
	}
	style := text.Style("")
	switch step.Fate {
	case Lost:
		style = text.Red
		shaft /= 2
	case Held:
		style = text.Yellow
		shaft /= 2
	case Late, Injected:
		style = text.Yellow
	}
	b := text.AppendSpaces(d.time(step.At), from-timeColumn)
	arrow := strings.Repeat(line, shaft)
	if step.Host == Here {
		return append(append(b, style.If(d.Color).Paint(words+" "+arrow+tip)...), '\n')
	}
	if tip == "▶" || tip == ">" {
		tip = map[bool]string{false: "◀", true: "<"}[d.ASCII]
	}
	drawn := tip + arrow + " " + words
	b = text.AppendSpaces(b, max(to-from-text.Width(drawn), 0))
	return append(append(b, style.If(d.Color).Paint(drawn)...), '\n')
}

// label returns the flags and the numbers of a segment.
func (d *Drawing) label(step Step) string {
	g := step.Segment
	words := strings.ReplaceAll(g.Flags.String(), "PSH,", "")
	words += fmt.Sprintf(" seq=%d", int32(step.Seq)) // one of an earlier connection may be below 0
	if g.Flags&ackBit != 0 {
		words += fmt.Sprintf(" ack=%d", int32(step.Ack))
	}
	if len(g.Payload) > 0 {
		words += fmt.Sprintf(" len=%d", len(g.Payload))
	}
	if g.Window == 0 && g.Flags&rstBit == 0 || d.width() >= 100 {
		words += fmt.Sprintf(" win=%d", g.Window)
	}
	if src := g.Src.Addr(); src != step.Host.Addr() || d.width() >= 100 && g.Flags&synBit != 0 {
		words = text.Truncate(where(g.Src), 21, "~") + " " + words
	}
	if dst := g.Dst.Addr(); dst != step.Host.other().Addr() {
		words += " " + wording.Say("lab.to", "address", dst).In(d.Words)
	}
	return words
}

func (d *Drawing) fate(f Fate) string {
	switch f {
	case Lost:
		return wording.Say("lab.fate.lost").In(d.Words)
	case Held:
		return wording.Say("lab.fate.held").In(d.Words)
	case Late:
		return wording.Say("lab.fate.late").In(d.Words)
	case Injected:
		return wording.Say("lab.fate.injected").In(d.Words)
	}
	return ""
}
