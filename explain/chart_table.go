package explain

import (
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// point is a position on the chart: columns from the left, lines from the top.
type point struct{ x, y int }

// The size of the chart and of its boxes, in columns and lines. The positions
// of the boxes are set by hand, in three columns like figure 5 of RFC 9293:
// opening is at the top, the end that closes first on the left, and the end
// that closes second on the right.
const (
	chartWidth  = 80
	chartHeight = 39
	boxWidth    = 21
	boxHeight   = 3

	leftColumn   = 1
	middleColumn = 30
	rightColumn  = 58
)

// boxes has the upper left corner of each state's box.
var boxes = [tcp.NumStates + 1]point{
	tcp.BoundInactive:  {leftColumn, 0},
	tcp.Close:          {middleColumn, 0},
	tcp.Listen:         {leftColumn, 6},
	tcp.SynSent:        {rightColumn, 6},
	tcp.SynRecv:        {leftColumn, 12},
	tcp.Established:    {middleColumn, 16},
	tcp.FinWait1:       {leftColumn, 22},
	tcp.CloseWait:      {rightColumn, 22},
	tcp.FinWait2:       {leftColumn, 28},
	tcp.Closing:        {middleColumn, 28},
	tcp.LastAck:        {rightColumn, 28},
	tcp.TimeWait:       {leftColumn, 34},
	lifecycle.NoSocket: {rightColumn, 34},
}

// edge is a line of the chart: a transition of the state machine. A test finds
// each edge in the machine, and checks what its label says is sent.
type edge struct {
	from, to tcp.State
	event    lifecycle.Event
	label    string // the line next to it has the same label
	at       point  // where the label starts
	path     []point
}

// edges are the transitions of a connection that opens and closes normally.
// Resets and timeouts are left out: they lead from almost every state to the
// end, so their lines would hide the others.
var edges = []edge{
	{tcp.Close, tcp.BoundInactive, lifecycle.EventBind, "bind()", point{23, 0}, []point{{29, 1}, {22, 1}}},
	{tcp.BoundInactive, tcp.Listen, lifecycle.EventListen, "listen()", point{13, 3}, []point{{11, 3}, {11, 5}}},
	{tcp.Close, tcp.Listen, lifecycle.EventListen, "listen()", point{27, 3}, []point{{36, 3}, {36, 4}, {18, 4}, {18, 5}}},
	{tcp.Close, tcp.SynSent, lifecycle.EventConnect, "connect() / SYN", point{53, 0}, []point{{51, 1}, {68, 1}, {68, 5}}},
	{tcp.Listen, tcp.SynRecv, lifecycle.EventReceiveSYN, "SYN / SYN,ACK", point{13, 10}, []point{{11, 9}, {11, 11}}},
	{tcp.SynSent, tcp.SynRecv, lifecycle.EventReceiveSYN, "SYN / SYN,ACK", point{42, 6}, []point{{57, 7}, {40, 7}, {40, 13}, {22, 13}}},
	{tcp.SynSent, tcp.Established, lifecycle.EventReceiveSYNACK, "SYN,ACK / ACK", point{53, 16}, []point{{68, 9}, {68, 17}, {51, 17}}},
	{tcp.SynRecv, tcp.Established, lifecycle.EventReceiveACK, "ACK", point{13, 16}, []point{{11, 15}, {11, 17}, {29, 17}}},
	{tcp.Established, tcp.FinWait1, lifecycle.EventClose, "close() / FIN,ACK", point{13, 19}, []point{{36, 19}, {36, 20}, {11, 20}, {11, 21}}},
	{tcp.Established, tcp.CloseWait, lifecycle.EventReceiveFIN, "FIN / ACK", point{53, 19}, []point{{44, 19}, {44, 20}, {68, 20}, {68, 21}}},
	{tcp.FinWait1, tcp.FinWait2, lifecycle.EventReceiveACKOfFIN, "ACK", point{7, 26}, []point{{11, 25}, {11, 27}}},
	{tcp.FinWait1, tcp.Closing, lifecycle.EventReceiveFIN, "FIN / ACK", point{24, 22}, []point{{22, 23}, {40, 23}, {40, 27}}},
	{tcp.FinWait1, tcp.TimeWait, lifecycle.EventReceiveFINACK, "FIN,ACK / ACK", point{27, 25}, []point{{18, 25}, {18, 26}, {26, 26}, {26, 35}, {22, 35}}},
	{tcp.FinWait2, tcp.TimeWait, lifecycle.EventReceiveFIN, "FIN / ACK", point{1, 32}, []point{{11, 31}, {11, 33}}},
	{tcp.Closing, tcp.TimeWait, lifecycle.EventReceiveACKOfFIN, "ACK", point{42, 33}, []point{{40, 31}, {40, 35}, {22, 35}}},
	{tcp.CloseWait, tcp.LastAck, lifecycle.EventClose, "close() / FIN,ACK", point{50, 26}, []point{{68, 25}, {68, 27}}},
	{tcp.LastAck, lifecycle.NoSocket, lifecycle.EventReceiveACKOfFIN, "ACK", point{64, 32}, []point{{68, 31}, {68, 33}}},
	{tcp.TimeWait, lifecycle.NoSocket, lifecycle.EventTimeWaitEnd, "60 s", point{38, 37}, []point{{11, 37}, {11, 38}, {68, 38}, {68, 37}}},
}
