package render

import (
	"strconv"

	"tcpstate/tcp"
	"tcpstate/text"
)

// This file has the functions for callers that write one socket or one set of
// counts at a time, as events of a stream.

// AppendSocket appends the socket as a line of NDJSON without its newline. It
// allocates nothing.
func AppendSocket(b []byte, s *tcp.Socket) []byte { return appendSocket(b, s) }

// AppendStates appends the object "states" of a document of counts. It has a
// key for every state, in the order of a connection's life.
func AppendStates(b []byte, counts *tcp.Counts) []byte {
	b = append(b, '{')
	for state := range tcp.All.States() {
		if state != tcp.Listen {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), state.String()...), `":`...)
		b = strconv.AppendInt(b, int64(counts.Of(state)), 10)
	}
	return append(b, '}')
}

// AppendState appends the name of the state, in its colour if color is true.
func AppendState(b []byte, state tcp.State, color bool) []byte {
	return text.AppendPainted(b, stateColors[state].If(color), state.String())
}

// AppendCell appends the cell of the socket in the column, as in a table. An
// unknown value is "-". The text is escaped, so it cannot control a terminal.
func (c *Column) AppendCell(b []byte, s *tcp.Socket) []byte { return c.appendCell(b, s) }
