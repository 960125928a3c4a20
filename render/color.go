package render

import "tcpstate/tcp"

// The colours are from the basic sixteen, which every terminal and every theme
// has (ECMA-48, SGR).
const (
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	blue    = "\x1b[34m"
	magenta = "\x1b[35m"
	cyan    = "\x1b[36m"
	plain   = "\x1b[0m"
)

// stateColors gives each state a colour by its meaning: green is a working
// connection, yellow waits for the peer to open, blue closes in order, magenta
// waits for the last ACK, red waits for the local program to close, and dim
// needs no action.
var stateColors = [tcp.NumStates + 1]string{
	tcp.Listen:        cyan,
	tcp.SynSent:       yellow,
	tcp.SynRecv:       yellow,
	tcp.Established:   green,
	tcp.FinWait1:      blue,
	tcp.FinWait2:      blue,
	tcp.Closing:       blue,
	tcp.TimeWait:      dim,
	tcp.CloseWait:     red,
	tcp.LastAck:       magenta,
	tcp.Close:         dim,
	tcp.BoundInactive: dim,
}

// paintHeading appends the heading of a column.
func (l *Listing) paintHeading(b []byte, _ *Column, heading []byte) []byte {
	if !l.Color {
		return append(b, heading...)
	}
	return append(append(append(b, bold...), heading...), plain...)
}

// paintCell appends a cell of a column. A state has its colour. The listener of
// a socket without a process is dim, because it is not the owner.
func (l *Listing) paintCell(b []byte, c *Column, cell []byte) []byte {
	color := ""
	switch {
	case !l.Color:
	case c.name == "state":
		if state, err := tcp.ParseState(string(cell)); err == nil { // an unknown state is shown as a number
			color = stateColors[state]
		}
	case c.name == "process" && cell[0] == '(':
		color = dim
	}
	if color == "" {
		return append(b, cell...)
	}
	return append(append(append(b, color...), cell...), plain...)
}
