package watch

import (
	"strconv"
	"strings"
	"time"

	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// LineFormat is the format of events and ticks: lines for people, or JSON with
// one object in each line.
//
// A line for people has the time, a sign, the states, and the columns of the
// socket. The sign is + for opened, - for closed, > for a change of state, =
// for the counts of a tick and ! for lost lines.
type LineFormat struct {
	JSON    bool
	Color   bool               // of states, for people
	Columns []*render.Column   // of a socket, for people
	Words   *wording.Catalogue // of lines for people; nil: English
}

// The widths into which most values fit: two states with > between them, and an
// IPv4 address with its port.
const (
	statesWidth = len("ESTABLISHED>CLOSE_WAIT")
	columnWidth = len("255.255.255.255:65535")
)

func (f *LineFormat) appendEvent(b []byte, e *tcp.Event) []byte {
	if f.JSON {
		b = appendJSONTime(append(append(b, `{"event":"`...), e.Kind.String()...), e.At)
		if e.From != 0 {
			b = append(append(append(b, `,"from":"`...), e.From.String()...), '"')
		}
		if e.To != 0 {
			b = append(append(append(b, `,"to":"`...), e.To.String()...), '"')
		}
		b = render.AppendSocket(append(b, `,"socket":`...), e.Socket)
		return append(b, "}\n"...)
	}
	signs := [...]byte{tcp.Opened: '+', tcp.Changed: '>', tcp.Closed: '-'}
	b = append(appendClock(b, e.At), ' ', signs[e.Kind], ' ')
	width := 0
	for _, state := range [...]tcp.State{e.From, e.To} {
		if state == 0 {
			continue
		}
		if width > 0 {
			b = append(b, '>')
			width++
		}
		b = render.AppendState(b, state, f.Color)
		width += len(state.String())
	}
	b = text.AppendSpaces(b, statesWidth-width)
	for i, c := range f.Columns {
		b = append(b, "  "...)
		start := len(b)
		b = c.AppendCell(b, e.Socket)
		if i < len(f.Columns)-1 {
			b = text.AppendSpaces(b, columnWidth-text.Width(b[start:]))
		}
	}
	return append(b, '\n')
}

func (f *LineFormat) appendTick(b []byte, tick *Tick) []byte {
	total := int64(tick.Counts.Total())
	if f.JSON {
		b = appendJSONTime(append(b, `{"event":"tick`...), tick.At)
		b = strconv.AppendInt(append(b, `,"total":`...), total, 10)
		b = render.AppendStates(append(b, `,"states":`...), &tick.Counts, tick.Unlisted)
		b = appendMissing(b, tick.Unlisted)
		return append(b, "}\n"...)
	}
	b = strconv.AppendInt(append(appendClock(b, tick.At), " = "...), total, 10)
	separator := ":  "
	for state := range tcp.All.States() {
		if n := tick.Counts.Of(state); n > 0 {
			b = render.AppendState(append(b, separator...), state, f.Color)
			b = strconv.AppendInt(append(b, ' '), int64(n), 10)
			separator = "  "
		}
	}
	return append(b, '\n')
}

// appendMissing appends the states of which a tick has no number, with the names
// that they have in the list "missing" of a document.
func appendMissing(b []byte, unlisted tcp.StateSet) []byte {
	if unlisted == 0 {
		return b
	}
	separator := `,"missing":[`
	for state := range unlisted.States() {
		b = append(append(append(append(b, separator...), '"'), strings.ToLower(state.String())...), '"')
		separator = ","
	}
	return append(b, ']')
}

// appendLost appends the line that reports what was lost because the reader was
// too slow.
func (f *LineFormat) appendLost(b []byte, at time.Time, l lost) []byte {
	if f.JSON {
		b = appendJSONTime(append(b, `{"event":"dropped`...), at)
		b = strconv.AppendInt(append(b, `,"events":`...), int64(l.events), 10)
		b = strconv.AppendInt(append(b, `,"ticks":`...), int64(l.ticks), 10)
		return append(b, "}\n"...)
	}
	b = append(append(appendClock(b, at), " ! "...), wording.Say("watch.dropped", "events", l.events, "ticks", l.ticks).In(f.Words)...)
	return append(b, '\n')
}

// appendJSONTime ends the string with the name of the event, and appends the
// time.
func appendJSONTime(b []byte, at time.Time) []byte {
	b = at.UTC().AppendFormat(append(b, `","at":"`...), time.RFC3339Nano)
	return append(b, '"')
}

// appendClock appends the time of the day, in the zone of the time.
func appendClock(b []byte, at time.Time) []byte { return at.AppendFormat(b, "15:04:05.000") }
