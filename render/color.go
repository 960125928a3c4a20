package render

import (
	"tcpstate/tcp"
	"tcpstate/text"
)

// stateColors colours a state by what it means: green is well, yellow waits for
// the peer to open, blue closes in order, magenta waits for the last ACK, red
// is the local program's omission, and dim needs nobody.
var stateColors = [tcp.NumStates + 1]text.Style{
	tcp.Listen:        text.Cyan,
	tcp.SynSent:       text.Yellow,
	tcp.SynRecv:       text.Yellow,
	tcp.Established:   text.Green,
	tcp.FinWait1:      text.Blue,
	tcp.FinWait2:      text.Blue,
	tcp.Closing:       text.Blue,
	tcp.TimeWait:      text.Dim,
	tcp.CloseWait:     text.Red,
	tcp.LastAck:       text.Magenta,
	tcp.Close:         text.Dim,
	tcp.BoundInactive: text.Dim,
}

// StateStyle returns how the state is drawn where there are colours.
func StateStyle(s tcp.State) text.Style { return stateColors[s] }

// paintHeading appends the heading of a column.
func (l *Listing) paintHeading(b []byte, _ *Column, heading []byte) []byte {
	return text.AppendPainted(b, text.Bold.If(l.Color), heading)
}

// paintCell appends a cell of a column: a state in its colour, and dim the
// listener of a socket without a process, which is not its owner.
func (l *Listing) paintCell(b []byte, c *Column, cell []byte) []byte {
	var style text.Style
	switch {
	case !l.Color:
	case c.name == "state":
		if state, err := tcp.ParseState(string(cell)); err == nil { // or it is a number that is no state
			style = stateColors[state]
		}
	case c.name == "process" && cell[0] == '(':
		style = text.Dim
	}
	return text.AppendPainted(b, style, cell)
}
