package doctor

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// Survey is what the rules know of the sockets of one network namespace. It
// looks at each socket once and keeps sums and a few examples, so that a million
// sockets take no more memory than some thousand: see frequent, spread and
// groups for what is bounded how. Observe makes one.
//
// The rules know most where the sockets have tcp.DetailProcesses, tcp.DetailInfo
// and tcp.DetailAge. What a socket does not tell is not judged, and Check says
// so.
type Survey struct {
	Counts tcp.Counts

	thresholds Thresholds
	settings   lifecycle.Settings

	listeners  map[netip.AddrPort]*Listener
	unlisted   int     // sockets of listeners past maxListeners
	listening  portSet // ports that somebody listens on
	lastLocal  netip.AddrPort
	lastTaken  *Listener // the listener that lastLocal was found to belong to
	choosable  portSet   // local ports that connect() chooses from
	processes  map[int]*processSockets
	lastHolder *processSockets

	destinations *frequent[destination]

	synSent    groups[netip.AddrPort]
	closeWait  groups[owner]
	finWait2   groups[owner]
	closing    group
	deadPath   group
	unreadPeer group
	unreadApp  groups[owner]
	silent     groups[owner] // idle without keepalive
	suspects   group

	owned, unowned int // sockets that have a file: whose process is known, is not
	aged, unaged   int // ESTABLISHED sockets whose clocks are known, are not
}

// What a survey tells apart at most.
const (
	maxListeners      = 4096
	maxProcesses      = 4096
	maxDestinations   = 16384
	maxProcessesShown = 16
)

// destination is what an outgoing connection needs a free local port towards.
type destination struct {
	local netip.Addr
	peer  netip.AddrPort
}

// hashDestination returns a hash with a secret, for peers may choose where a
// program connects to. The interface of a link-local address does not enter it.
func hashDestination(secret maphash.Seed) func(destination) uint64 {
	return func(d destination) uint64 {
		var b [34]byte
		local, peer := d.local.As16(), d.peer.Addr().As16()
		copy(b[:16], local[:])
		copy(b[16:32], peer[:])
		binary.LittleEndian.PutUint16(b[32:], d.peer.Port())
		return maphash.Bytes(secret, b[:])
	}
}

func compareDestinations(a, b destination) int {
	return cmp.Or(a.local.Compare(b.local), a.peer.Compare(b.peer))
}

// processSockets is a process and how many sockets it holds.
type processSockets struct {
	Process
	sockets int
}

func newSurvey(settings lifecycle.Settings, thresholds Thresholds) *Survey {
	v := &Survey{
		thresholds:   thresholds,
		settings:     settings,
		listeners:    make(map[netip.AddrPort]*Listener),
		processes:    make(map[int]*processSockets),
		destinations: newFrequent(maxDestinations, hashDestination(maphash.MakeSeed())),
	}
	if ports, known := settings.LocalPortRange.Get(); known {
		v.choosable.add(ports)
		for _, reserved := range settings.LocalReservedPorts.Or(nil) {
			v.choosable.remove(reserved)
		}
	}
	return v
}

// Add looks at one socket and keeps nothing of it but copies. Listeners should
// come before the connections that came in by them, as both sources list them:
// a connection that comes before its listener is taken for an outgoing one.
func (v *Survey) Add(s *tcp.Socket) {
	v.Counts.Add(s.State)
	v.addHolders(s)
	if s.State == tcp.Listen {
		v.listenerAt(s.Local).addSocket(s, &v.thresholds)
		v.listening.set(s.Local.Port())
		return
	}
	listener := v.listenerOf(s)
	if s.State == tcp.SynRecv {
		if listener == nil { // that was not listed, since a filter left it out
			listener = v.listenerAt(s.Local)
		}
		listener.addHalfOpen(s)
		return
	}
	if listener != nil {
		listener.addConnection(s, v.thresholds.span(acceptWait))
	} else if v.choosable.has(s.Local.Port()) && tcp.Connected.Has(s.State) {
		v.addOutgoing(s)
	}
	switch s.State {
	case tcp.Established:
		v.addEstablished(s)
	case tcp.SynSent:
		v.addSynSent(s)
	case tcp.CloseWait:
		v.addCloseWait(s)
	case tcp.FinWait2:
		v.addFinWait2(s)
	case tcp.FinWait1, tcp.Closing, tcp.LastAck:
		v.addClosing(s)
	}
}

// Listeners returns the listeners, the busiest first: by what waits in their
// queues, then by connections, then by address.
func (v *Survey) Listeners() []*Listener {
	var list []*Listener
	for _, l := range v.listeners {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *Listener) int {
		return cmp.Or(
			cmp.Compare(b.AcceptQueue+int64(b.SynRecv), a.AcceptQueue+int64(a.SynRecv)),
			cmp.Compare(b.Connections, a.Connections), a.Local.Compare(b.Local))
	})
	return list
}

// Holders returns the processes that hold sockets, those with most first, at most
// n: whose limits are worth reading.
func (v *Survey) Holders(n int) []Process {
	ids := make([]int, 0, len(v.processes))
	for id := range v.processes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(v.processes[b].sockets, v.processes[a].sockets), cmp.Compare(a, b))
	})
	list := make([]Process, 0, min(n, len(ids)))
	for _, id := range ids[:min(n, len(ids))] {
		list = append(list, v.processes[id].Process)
	}
	return list
}

// Excuse says that of the sockets whose process is not known, n were opened too
// late to be looked for: that is no lack of what could be seen.
func (v *Survey) Excuse(n int) { v.unowned -= n }

// addHolders counts the socket for the processes that hold it.
func (v *Survey) addHolders(s *tcp.Socket) {
	if s.Owner.Inode != 0 {
		if len(s.Processes) > 0 {
			v.owned++
		} else {
			v.unowned++
		}
	}
	for i := range s.Processes {
		p := &s.Processes[i]
		if v.lastHolder == nil || v.lastHolder.PID != p.PID {
			held := v.processes[p.PID]
			if held == nil {
				if len(v.processes) >= maxProcesses {
					continue
				}
				held = &processSockets{Process: Process{PID: p.PID, Name: p.Name}}
				v.processes[p.PID] = held
			}
			v.lastHolder = held
		}
		v.lastHolder.sockets++
	}
}

// listenerAt returns the listener on an address, a new one if need be.
func (v *Survey) listenerAt(local netip.AddrPort) *Listener {
	l := v.listeners[local]
	if l == nil {
		l = &Listener{Local: local}
		if len(v.listeners) < maxListeners {
			v.listeners[local] = l
		} else {
			v.unlisted++
		}
		v.lastLocal = netip.AddrPort{}
	}
	return l
}

// listenerOf returns the listener that a socket came in by: the one that its
// source inferred, else the one on its address, else on all addresses. nil: none,
// so it went out.
func (v *Survey) listenerOf(s *tcp.Socket) *Listener {
	if s.Listener != nil {
		return v.listenerAt(s.Listener.Local)
	}
	if !v.listening.has(s.Local.Port()) {
		return nil
	}
	if s.Local != v.lastLocal {
		v.lastLocal, v.lastTaken = s.Local, v.findListener(s.Local)
	}
	return v.lastTaken
}

func (v *Survey) findListener(local netip.AddrPort) *Listener {
	plain := local.Addr().Unmap()
	for _, address := range [...]netip.Addr{local.Addr(), plain, netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if address == netip.IPv4Unspecified() && !plain.Is4() {
			continue
		}
		if l := v.listeners[netip.AddrPortFrom(address, local.Port())]; l != nil {
			return l
		}
	}
	return nil
}

// addOutgoing counts a connection that takes a local port towards its peer.
func (v *Survey) addOutgoing(s *tcp.Socket) {
	pid := 0
	if len(s.Processes) > 0 {
		pid = s.Processes[0].PID
	}
	// IPv4 over an IPv6 socket takes the same ports as IPv4.
	to := destination{s.Local.Addr().Unmap(), netip.AddrPortFrom(s.Peer.Addr().Unmap(), s.Peer.Port())}
	v.destinations.add(to, s.State == tcp.TimeWait, pid)
}

// ownerOf returns whom the socket is laid to.
func (v *Survey) ownerOf(s *tcp.Socket) owner {
	switch {
	case len(s.Processes) > 0:
		return owner{pid: s.Processes[0].PID}
	case s.Owner.Inode == 0:
		if l := v.listenerOf(s); l != nil {
			return owner{listener: l.Local}
		}
	}
	return owner{uid: s.Owner.UID}
}

func (v *Survey) addEstablished(s *tcp.Socket) {
	idle, known := s.Idle.Get()
	known = known && s.Info != nil
	if known {
		v.aged++
	} else {
		v.unaged++
	}
	switch s.Timer.Kind {
	case tcp.TimerOn:
		v.addDeadPath(s)
	case tcp.TimerPersist:
		v.addUnreadPeer(s)
	case tcp.TimerKeepalive:
		if s.Timer.Retransmits > 0 && int64(s.Timer.Retransmits) >= v.thresholds.number(halfOpenProbes) {
			v.suspects.kinds[suspectProbes]++
			v.suspects.addStanding(s, max(idle, 1), 0)
		}
	case tcp.TimerOff:
		if known && s.Owner.Inode != 0 && s.SendQueue == 0 {
			v.addSilent(s, idle)
		}
	}
	if s.RecvQueue > 0 && s.Owner.Inode != 0 && int64(s.RecvQueue) >= v.thresholds.number(appBytes) {
		v.addUnreadApp(s)
	}
}

// The kinds of suspects.
const (
	suspectProbes = iota // keepalive probes without an answer
	suspectIdle          // nothing came for very long, and nothing asks
)

func (v *Survey) addSilent(s *tcp.Socket, idle time.Duration) {
	if idle >= v.thresholds.span(keepaliveIdle) {
		v.silent.get(v.ownerOf(s)).addStanding(s, idle, 0)
	}
	if quiet := min(idle, clocks(s).LastAckRecv); quiet >= v.thresholds.span(halfOpenIdle) {
		v.suspects.kinds[suspectIdle]++
		v.suspects.addStanding(s, quiet, 0)
	}
}

// addDeadPath looks at data that is resent and not answered.
func (v *Survey) addDeadPath(s *tcp.Socket) {
	if s.SendQueue > 0 && s.Timer.Retransmits > 0 && int64(s.Timer.Retransmits) >= v.thresholds.number(deadPathResends) {
		v.deadPath.addStanding(s, clocks(s).LastAckRecv, s.SendQueue)
	}
}

// addUnreadPeer looks at a window that the peer has closed. Where the clocks
// tell, nothing has been sent for so long; a probe of the window starts no clock
// (tcp_xmit_probe_skb in net/ipv4/tcp_output.c).
func (v *Survey) addUnreadPeer(s *tcp.Socket) {
	age := clock(s, clocks(s).LastDataSent)
	v.unreadPeer.add(s, age, v.thresholds.span(peerAge), s.SendQueue)
}

// addUnreadApp looks at data that the program has not read: it has lain there for
// at least as long as no more came. A window probe or an ACK starts another
// clock.
func (v *Survey) addUnreadApp(s *tcp.Socket) {
	age := clock(s, clocks(s).LastDataRecv)
	v.unreadApp.get(v.ownerOf(s)).add(s, age, v.thresholds.span(appAge), s.RecvQueue)
}

func (v *Survey) addSynSent(s *tcp.Socket) {
	g := v.synSent.get(netip.AddrPortFrom(s.Peer.Addr().Unmap(), s.Peer.Port()))
	g.add(s, s.Age, v.thresholds.span(synSentAge), 0)
	if g.process == nil && len(s.Processes) > 0 {
		g.process = &Process{PID: s.Processes[0].PID, Name: s.Processes[0].Name}
	}
}

// The kinds of CLOSE_WAIT, by Recv-Q, where the peer's FIN counts as one.
const (
	closeWaitRead   = iota // 0: the program has read the end of file
	closeWaitUnread        // 1: only the end of file is unread
	closeWaitData          // more: so is data
)

func (v *Survey) addCloseWait(s *tcp.Socket) {
	g := v.closeWait.get(v.ownerOf(s))
	g.kinds[min(s.RecvQueue, closeWaitData)]++
	g.add(s, s.Age, v.thresholds.span(closeWaitAge), s.RecvQueue)
}

// addFinWait2 looks at those that a program holds. Nothing that comes from the
// peer leaves the clock of its last ACK alone, so that clock tells how long the
// peer has been silent, and the state is at least as old as the silence, for it
// began with an ACK.
func (v *Survey) addFinWait2(s *tcp.Socket) {
	if s.Owner.Inode == 0 {
		return
	}
	age := clock(s, clocks(s).LastAckRecv)
	v.finWait2.get(v.ownerOf(s)).add(s, age, v.thresholds.span(finWait2Age), 0)
}

// addClosing looks at a FIN, or data before it, that is resent or held back by a
// closed window. A peer that answers the probes of its window sets their count
// back, but not the doubling of the waits (tcp_ack, tcp_ack_probe in
// net/ipv4/tcp_input.c).
func (v *Survey) addClosing(s *tcp.Socket) {
	tries := s.Timer.Retransmits
	if s.Timer.Kind == tcp.TimerPersist {
		tries = max(tries, clocks(s).Backoff)
	}
	if tries == 0 || int64(tries) < v.thresholds.number(closingResends) {
		return
	}
	switch s.State {
	case tcp.FinWait1:
		v.closing.kinds[0]++
	case tcp.Closing:
		v.closing.kinds[1]++
	case tcp.LastAck:
		v.closing.kinds[2]++
	}
	v.closing.addStanding(s, clocks(s).LastAckRecv, s.SendQueue)
}

// clocks returns the tcp_info of a socket whose clocks are known, else one in
// which they are 0.
func clocks(s *tcp.Socket) *tcp.Info {
	if s.Info == nil || !s.Idle.IsKnown() {
		return &tcp.Info{}
	}
	return s.Info
}

// clock returns one of the clocks, if they are known.
func clock(s *tcp.Socket, value time.Duration) tcp.Optional[time.Duration] {
	if s.Info == nil || !s.Idle.IsKnown() {
		return tcp.Optional[time.Duration]{}
	}
	return tcp.Known(value)
}
