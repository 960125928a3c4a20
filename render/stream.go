package render

import (
	"strconv"

	"tcpstate/tcp"
	"tcpstate/text"
)

// This file is for those who write sockets and counts one at a time, as events
// of a stream.

// AppendSocket appends the socket as a line of NDJSON has it, without the end of
// the line. It allocates nothing.
func AppendSocket(b []byte, s *tcp.Socket) []byte { return appendSocket(b, s) }

// AppendStates appends the object that a document of counts has as "states": a
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

// AppendState appends the name of the state, in its colour where that is wanted.
func AppendState(b []byte, state tcp.State, color bool) []byte {
	return text.AppendPainted(b, stateColors[state].If(color), state.String())
}

// AppendCell appends what a table shows of the socket in the column: "-" where
// that is not known, and nothing that could act on a terminal.
func (c *Column) AppendCell(b []byte, s *tcp.Socket) []byte { return c.appendCell(b, s) }
