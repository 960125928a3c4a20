package doctor

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// Listener is what a Survey knows about an address with a listener. It covers
// all the sockets that share the address with SO_REUSEPORT, and the connections
// that arrived there. The second is inferred from the local address and port of
// a connection.
type Listener struct {
	Local       netip.AddrPort
	Sockets     int   // the number of sockets that listen there
	AcceptQueue int64 // connections that wait in their accept queues
	// AcceptQueueMax is the sum of the maximums of these queues. It is unknown
	// if the source does not report them.
	AcceptQueueMax tcp.Optional[int64]
	// Drops is how many SYNs and final ACKs the kernel has dropped since the
	// sockets were opened, and Dropped how many of them between the two
	// readings. The kernel counts them for each socket. Either is unknown if the
	// source, or the first reading, does not report it.
	Drops, Dropped tcp.Optional[int64]
	SynRecv        int       // half-open connections
	Connections    int       // connections in other states; inferred
	Processes      []Process // the visible processes that hold the sockets
	Kernel         bool      // no process holds one of the sockets: the kernel itself serves it

	sockets    []queued    // those that came without their processes
	full       int         // sockets whose accept queue is filled to the threshold
	near       int         // sockets whose accept queue is nearly filled to it
	fullOf     []Process   // the processes that hold the full ones
	nearOf     []Process   // and the nearly full ones
	other      int64       // the longest accept queue that is not filled to the threshold
	timesFull  int         // readings between the first and the last at which the queue of one of them was full
	peak       uint32      // connections that waited in it at most
	worst      *tcp.Socket // the one with the fullest accept queue
	worstFill  float64
	members    examples // the sockets with the fullest accept queues
	unaccepted group    // connections without a file: the program has not accepted them
	resent     int      // half-open connections whose SYN-ACK was resent
	arrived    int      // half-open connections that were not there at the first reading
	unplaced   int      // half-open connections of which that is unknown
	byResends  [len(halfOpenSpans)]int
	halfOpen   group
	peers      spread // the peers of half-open connections
	prefixes   spread // the networks of these peers, by their first address
}

// capacity returns how many half-open connections the sockets can hold, and
// whether that is known. Each socket holds one more than the maximum of its
// accept queue (inet_csk_reqsk_queue_is_full). With SYN cookies off, it holds
// at most three quarters of tcp_max_syn_backlog (tcp_conn_request in
// net/ipv4/tcp_input.c).
func (l *Listener) capacity(s *lifecycle.Settings) (int64, bool) {
	most, known := l.AcceptQueueMax.Get()
	if !known {
		return 0, false
	}
	most += int64(l.Sockets)
	if backlog, known := s.MaxSynBacklog.Get(); known && backlog > 0 && s.SynCookies.Or(1) == 0 {
		most = min(most, int64(l.Sockets)*int64(backlog-backlog>>2))
	}
	return most, true
}

// addSocket adds a LISTEN socket of the address.
func (l *Listener) addSocket(s *tcp.Socket, v *Survey) {
	t := &v.thresholds
	l.Sockets++
	l.addDrops(s, v.earlier)
	l.timesFull = max(l.timesFull, v.queues[s.Cookie].full)
	l.peak = max(l.peak, v.queues[s.Cookie].most, s.AcceptQueue)
	l.AcceptQueue += int64(s.AcceptQueue)
	l.Processes = addProcesses(l.Processes, s.Processes)
	l.Kernel = l.Kernel || s.Owner.Kernel
	if len(s.Processes) == 0 && s.Owner.Inode != 0 {
		l.sockets = append(l.sockets, queued{inode: s.Owner.Inode})
	}
	most, known := s.AcceptQueueMax.Get()
	if !known {
		return
	}
	l.AcceptQueueMax = tcp.Known(l.AcceptQueueMax.Or(0) + int64(most))
	// A backlog of 0 lets one connection wait (sk_acceptq_is_full).
	queue, most64 := int64(s.AcceptQueue), max(1, int64(most))
	switch {
	case t.reaches(acceptFill, queue, most64):
		l.full++
		l.fullOf = addProcesses(l.fullOf, s.Processes)
		l.mark(s, queueFull)
	default:
		if queue >= t.number(acceptLeast) && t.reaches(acceptNear, queue, most64) {
			l.near++
			l.nearOf = addProcesses(l.nearOf, s.Processes)
			l.mark(s, queueNear)
		}
		l.other = max(l.other, queue)
	}
	fill := float64(queue) / float64(most64)
	l.members.add(int64(fill*1e6), s)
	if l.worst == nil || fill > l.worstFill {
		l.worst, l.worstFill = s.Clone(), fill
	}
}

// queued is a LISTEN socket, and how full its accept queue is.
type queued struct {
	inode uint32
	fill  uint8
}

// The fills of an accept queue that matter.
const (
	queueFull uint8 = 1 + iota
	queueNear
)

// mark notes how full the accept queue of the last socket is.
func (l *Listener) mark(s *tcp.Socket, fill uint8) {
	if n := len(l.sockets); n > 0 && l.sockets[n-1].inode == s.Owner.Inode {
		l.sockets[n-1].fill = fill
	}
}

// addDrops adds what the kernel dropped for a LISTEN socket (tcp_listendrop in
// include/net/tcp.h). The counter has 32 bits, so its rise is taken modulo 2^32.
func (l *Listener) addDrops(s *tcp.Socket, earlier *Earlier) {
	if s.Memory == nil {
		return
	}
	drops, known := s.Memory.Drops.Get()
	if !known {
		return
	}
	l.Drops = tcp.Known(l.Drops.Or(0) + int64(drops))
	if past, known := earlier.Of(s); known {
		l.Dropped = tcp.Known(l.Dropped.Or(0) + int64(drops-past.Drops))
	}
}

// addProcesses adds those processes to a list that are not in it.
func addProcesses(list []Process, more []tcp.Process) []Process {
	for _, p := range more {
		if len(list) < maxProcessesShown && !slices.ContainsFunc(list, func(q Process) bool { return q.PID == p.PID }) {
			list = append(list, Process{PID: p.PID, Name: p.Name})
		}
	}
	return list
}

// behind returns the processes that do not accept fast enough: those that hold
// the full sockets, else the nearly full ones, else the sockets in which more
// connections wait than in the others. With one socket these are all processes
// of the listener.
func (l *Listener) behind() []Process {
	switch {
	case l.full > 0:
		return l.fullOf
	case l.near > 0:
		return l.nearOf
	}
	var list []Process
	for _, s := range l.members.sockets() {
		if s.AcceptQueue > 0 && 2*s.AcceptQueue >= l.worst.AcceptQueue {
			list = addProcesses(list, s.Processes)
		}
	}
	if len(list) == 0 {
		return l.Processes
	}
	return list
}

// addHalfOpen adds a SYN_RECV of the listener.
func (l *Listener) addHalfOpen(s *tcp.Socket, earlier *Earlier) {
	l.SynRecv++
	l.byResends[min(int(s.Timer.Retransmits), len(halfOpenSpans)-1)]++
	switch isNew, known := earlier.isNew(s); {
	case !known:
		l.unplaced++
	case isNew:
		l.arrived++
	}
	if s.Timer.Retransmits > 0 {
		l.resent++
	}
	l.halfOpen.add(s, s.Age, 0, 0)
	peer := s.Peer.Addr().Unmap().WithZone("")
	l.peers.add(peer)
	l.prefixes.add(network(peer).Addr())
}

// halfOpenSpans is for how long a half-open connection has had its SYN-ACK resent
// a number of times: never for 1 s, once from then on for 2 s, and so on
// (reqsk_timer_handler, net/ipv4/inet_connection_sock.c). The last has no end, and
// those that have been resent more often are counted there.
var halfOpenSpans = [...]float64{1, 2, 4, 8, 16, 32}

// arrivals returns how many SYNs came in a second that are half-open now. The
// two readings show how many came between them. The resends show when the others
// came: the rate is that of the busiest time. A second is the shortest time to
// judge by.
func (l *Listener) arrivals(interval time.Duration) int64 {
	most := float64(l.byResends[0]) / halfOpenSpans[0]
	if l.unplaced == 0 {
		// TCP_DEFER_ACCEPT keeps them without a resend for longer.
		most = float64(l.arrived) / max(1, interval.Seconds())
	}
	for resends, n := range l.byResends {
		if resends > 0 {
			most = max(most, float64(n)/halfOpenSpans[resends])
		}
	}
	return int64(math.Round(most))
}

// addConnection adds a connection of the listener in another state.
func (l *Listener) addConnection(s *tcp.Socket, wait time.Duration) {
	l.Connections++
	if s.Owner.Inode == 0 && len(s.Processes) == 0 && (s.State == tcp.Established || s.State == tcp.CloseWait) {
		l.unaccepted.add(s, s.Age, wait, s.RecvQueue)
	}
}
