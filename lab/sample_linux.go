package lab

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// sample reads the sockets and the counters and logs what has changed since the
// last reading.
func (h *host) sample(s *stage, at time.Time) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	now, err := h.list()
	if err != nil {
		return err
	}
	for cookie := range h.sockets {
		if now[cookie] != nil {
			continue
		}
		// A socket that moves between two tables of the kernel may be missed by a
		// dump: read again before it is called gone.
		if now, err = h.list(); err != nil {
			return err
		}
		break
	}
	read := time.Now()
	steps := h.compare(now, read)
	counters, err := h.proc.Counters()
	if err != nil {
		return err
	}
	steps = append(steps, h.moved(counters)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	h.sockets, h.read, h.counters = now, read, counters
	for _, step := range steps {
		step.Host = h.side
		s.add(at, step)
	}
	if len(steps) > 0 {
		s.wake()
	}
	return nil
}

// slack is by how much two readings of the same timer may differ.
const slack = 60 * time.Millisecond

// compare returns the differences between the last reading and this one: first the
// sockets that were there before, in the order of their cookies, and then new ones.
func (h *host) compare(now map[tcp.Cookie]*tcp.Socket, read time.Time) []Step {
	var steps []Step
	for _, cookie := range slices.Sorted(maps.Keys(h.sockets)) {
		before, after := h.sockets[cookie], now[cookie]
		switch {
		case after == nil:
			steps = append(steps, Step{Kind: State, Socket: before, From: before.State})
		case before.State != after.State:
			steps = append(steps, Step{Kind: State, Socket: after, From: before.State, To: after.State})
		case setAgain(before.Timer, after.Timer, read.Sub(h.read)), before.AcceptQueue != after.AcceptQueue:
			steps = append(steps, Step{Kind: Timer, Socket: after})
		}
	}
	fresh := make([]*tcp.Socket, 0)
	for cookie, socket := range now {
		if h.sockets[cookie] == nil {
			fresh = append(fresh, socket)
		}
	}
	slices.SortFunc(fresh, func(a, b *tcp.Socket) int { return cmp.Compare(a.Cookie, b.Cookie) })
	for _, socket := range fresh {
		steps = append(steps, Step{Kind: State, Socket: socket, To: socket.State})
	}
	return steps
}

// setAgain reports whether a timer is another one than before, has fired, or was
// set again.
func setAgain(before, after tcp.Timer, passed time.Duration) bool {
	if before.Kind != after.Kind || before.Retransmits != after.Retransmits {
		return true
	}
	return after.Kind != tcp.TimerOff && after.Expires > before.Expires-passed+slack
}

// noise are counters that count every segment, and so say nothing of a scene.
var noise = map[string]bool{
	"Tcp.InSegs": true, "Tcp.OutSegs": true, "Tcp.CurrEstab": true, "Tcp.RtoAlgorithm": true, "Tcp.RtoMin": true, "Tcp.RtoMax": true,
	"Tcp.MaxConn": true, "TcpExt.TCPHPHits": true, "TcpExt.TCPPureAcks": true, "TcpExt.TCPHPAcks": true, "TcpExt.TCPOrigDataSent": true,
	"TcpExt.TCPDelivered": true, "TcpExt.TCPAutoCorking": true, "TcpExt.TCPRcvCoalesce": true, "TcpExt.TcpTimeoutRehash": true,
	"TcpExt.TcpDuplicateDataRehash": true, "TcpExt.TCPAckCompressed": true,
}

// moved returns the counters that have risen since the last reading, by name.
func (h *host) moved(now procnet.Counters) []Step {
	var steps []Step
	for _, name := range slices.Sorted(maps.Keys(now)) {
		group, short, _ := strings.Cut(name, ".")
		if group != "Tcp" && group != "TcpExt" || noise[name] || now[name] <= h.counters[name] {
			continue
		}
		steps = append(steps, Step{Kind: Counter, Name: short, Delta: now[name] - h.counters[name]})
	}
	return steps
}

// listed returns the sockets of the last reading. The caller holds the lock of the
// stage.
func (h *host) listed() []*tcp.Socket { return slices.Collect(maps.Values(h.sockets)) }

// count counts the sockets in a state in the last reading. The caller holds the
// lock of the stage.
func (h *host) count(state tcp.State) int {
	n := 0
	for _, socket := range h.sockets {
		if socket.State == state {
			n++
		}
	}
	return n
}
