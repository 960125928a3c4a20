package render

import (
	"tcpstate/tcp"
	"tcpstate/text"
)

// stateColors gives each state a colour by its meaning: green is a working
// connection, yellow waits for the peer to open, blue closes in order, magenta
// waits for the last ACK, red waits for the local program to close, and dim
// needs no action.
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

// StateStyle returns the style of a state where colours are used.
func StateStyle(s tcp.State) text.Style { return stateColors[s] }

// AppendState appends the name of the state, in its colour if color is true.
func AppendState(b []byte, state tcp.State, color bool) []byte {
	return text.AppendPainted(b, stateColors[state].If(color), state.String())
}

// paintHeading appends the heading of a column.
func (l *Listing) paintHeading(b []byte, _ *Column, heading []byte) []byte {
	return text.AppendPainted(b, text.Bold.If(l.Color), heading)
}

// paintCell appends a cell of a column. A state has its colour. The listener of
// a socket without a process is dim, because it is not the owner.
func (l *Listing) paintCell(b []byte, c *Column, cell []byte) []byte {
	var style text.Style
	switch {
	case !l.Color:
	case c.name == "state":
		if state, err := tcp.ParseState(string(cell)); err == nil { // an unknown state is shown as a number
			style = stateColors[state]
		}
	case c.name == "process" && cell[0] == '(':
		style = text.Dim
	}
	return text.AppendPainted(b, style, cell)
}
