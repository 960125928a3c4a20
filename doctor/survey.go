package doctor

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// Survey is what the rules know about the sockets of one network namespace. It
// reads each socket once and keeps sums and a few examples, so that a million
// sockets take no more memory than some thousand. frequent, spread and groups
// describe the limits. Observe makes a Survey.
//
// The rules work best if the sockets have tcp.DetailProcesses, tcp.DetailInfo
// and tcp.DetailAge. Unknown values are not judged, and Check reports that.
type Survey struct {
	Counts tcp.Counts

	thresholds Thresholds
	settings   lifecycle.Settings
	earlier    *Earlier // nil: there is no first reading
	queues     map[tcp.Cookie]queueSamples

	listeners  map[netip.AddrPort]*Listener
	unlisted   int     // sockets of listeners beyond maxListeners
	listening  portSet // ports that have a listener
	lastLocal  netip.AddrPort
	lastTaken  *Listener // the listener that was found for lastLocal
	choosable  portSet   // local ports from which connect() chooses
	processes  map[int]*processSockets
	lastHolder *processSockets

	destinations *frequent[destination]
	localPorts   map[netip.Addr]*portUse
	lastAddress  netip.Addr
	lastUse      *portUse      // that was found for lastAddress
	selfConnect  []*tcp.Socket // connections with themselves

	synSent       groups[netip.AddrPort]
	closeWait     groups[owner]
	mptcpEnded    groups[owner]       // connections of multipath TCP in CLOSE_WAIT
	mptcpUnread   groups[owner]       // connections of multipath TCP whose data is not read
	quietSubflows map[uint32]struct{} // tokens of the connections of which a subflow has no timer
	finWait2      groups[owner]
	orphaned      groups[netip.Addr] // FIN_WAIT2s that no program holds, by their peers
	closing       group
	closingWindow int // of closing: the peer answers, and its window is closed
	deadPath      group
	unreadPeer    group
	dropping      group // the kernel dropped packets for them between the readings
	losses        losses
	full          group // only full segments get no answer
	blocked       group // what they send does not leave this host
	unreadApp     groups[owner]
	silent        groups[owner] // idle without keepalive
	suspects      group         // nothing has arrived for a long time, and there is no keepalive
	probed        group         // keepalive probes have no answer

	// A survey that was deferred: see owners.go.
	deferred bool
	owners   Owners // nil: they are not known yet
	waiting  [numOwnerRules][]*tcp.Socket
	waits    int
	files    files
	outgoing []outward

	owned, unowned int // sockets with a file whose process is known, and unknown
	aged, unaged   int // ESTABLISHED sockets whose clocks are known, and unknown
}

// The maximum number of objects that a survey distinguishes.
const (
	maxListeners      = 4096
	maxProcesses      = 4096
	maxDestinations   = 16384
	maxProcessesShown = 256
	maxLocalAddresses = 128 // each takes 8 KiB
	maxSelfConnects   = 64
)

// processSockets is a process and how many sockets it holds.
type processSockets struct {
	Process
	sockets int
	cut     bool // it may hold more
	listens bool // it holds a listener
	out     int  // its established connections to listeners of others
}

func newSurvey(settings lifecycle.Settings, thresholds Thresholds) *Survey {
	v := &Survey{
		thresholds:   thresholds,
		settings:     settings,
		listeners:    make(map[netip.AddrPort]*Listener),
		queues:       make(map[tcp.Cookie]queueSamples),
		processes:    make(map[int]*processSockets),
		localPorts:   make(map[netip.Addr]*portUse),
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

// Add examines one socket. It keeps copies, and not the socket itself.
// Listeners should come before their connections, as both sources list them, and
// connections of multipath TCP after their subflows. A
// connection that comes before its listener counts as an outgoing one.
func (v *Survey) Add(s *tcp.Socket) {
	if s.IsConnection() {
		v.addMPTCP(s)
		return
	}
	v.Counts.Add(s.State)
	v.addHolders(s)
	if s.State == tcp.Listen {
		v.listenerAt(s.Local).addSocket(s, v)
		v.listening.set(s.Local.Port())
		v.keepFile(s, nil)
		for _, p := range s.Processes {
			if held := v.processes[p.PID]; held != nil {
				held.listens = true
			}
		}
		return
	}
	listener := v.listenerOf(s)
	if s.State == tcp.SynRecv {
		if listener == nil { // a filter may have left the listener out
			listener = v.listenerAt(s.Local)
		}
		listener.addHalfOpen(s, v.earlier)
		return
	}
	v.keepFile(s, listener)
	if listener != nil {
		listener.addConnection(s, v.thresholds.span(acceptWait))
	} else if v.choosable.has(s.Local.Port()) {
		if tcp.Connected.Has(s.State) {
			v.addOutgoing(s)
		}
		if tcp.Connected.Has(s.State) || s.State == tcp.BoundInactive {
			v.addLocalPort(s)
		}
	}
	if s.Local == s.Peer && s.Owner.Inode != 0 && len(v.selfConnect) < maxSelfConnects {
		v.selfConnect = append(v.selfConnect, s.Clone())
	}
	switch s.State {
	case tcp.Established:
		if listener == nil {
			v.addOut(s)
		}
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

// Listeners returns the listeners, the busiest first: by the number of
// connections in their queues, then by other connections, then by address.
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

// Holders returns at most n processes that hold sockets: first those that do not
// accept fast enough, then those with most sockets. The caller should read the
// limits of these.
func (v *Survey) Holders(n int) []Process {
	behind := map[int]bool{}
	for _, l := range v.listeners {
		if l.full > 0 || l.near > 0 {
			for _, p := range l.behind() {
				behind[p.PID] = true
			}
		}
	}
	first := func(pid int) int {
		if behind[pid] {
			return 0
		}
		return 1
	}
	ids := make([]int, 0, len(v.processes))
	for id := range v.processes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(v.processes[b].sockets, v.processes[a].sockets), cmp.Compare(a, b))
	})
	list := make([]Process, 0, min(n, len(ids)))
	for _, id := range ids[:min(n, len(ids))] {
		list = append(list, v.processes[id].Process)
	}
	return list
}

// Holds reports whether a process holds sockets that the survey has seen.
func (v *Survey) Holds(pid int) bool { return v.processes[pid] != nil }

// Excuse removes n from the sockets whose process is unknown. They were opened
// after the search for processes, so their processes were not hidden.
func (v *Survey) Excuse(n int) { v.unowned -= n }

// addHolders counts the socket for the processes that hold it.
func (v *Survey) addHolders(s *tcp.Socket) {
	if s.Owner.Inode != 0 && !v.deferred {
		if len(s.Processes) > 0 || s.Owner.Kernel {
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

// listenerAt returns the listener on an address, and adds it if it is new.
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

// listenerOf returns the listener of a connection: the one that its source
// inferred, else the one on its local address, else the one on all addresses.
// It returns nil if there is none. The connection is then an outgoing one.
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

// addOut counts an established connection that did not come in through a
// listener, for the processes that hold it.
func (v *Survey) addOut(s *tcp.Socket) {
	if len(s.Processes) == 1 && v.lastHolder != nil && v.lastHolder.PID == s.Processes[0].PID {
		v.lastHolder.out++
		return
	}
	for _, p := range s.Processes {
		if held := v.processes[p.PID]; held != nil {
			held.out++
		}
	}
}

// ownerOf returns the owner to which the socket is attributed.
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
	v.addStalled(s)
	v.addDropping(s)
	switch s.Timer.Kind {
	case tcp.TimerKeepalive:
		if s.Timer.Retransmits > 0 && int64(s.Timer.Retransmits) >= v.thresholds.number(halfOpenProbes) {
			v.probed.addStanding(s, max(idle, 1), 0)
		}
	case tcp.TimerOff:
		if s.IsSubflow() {
			v.addQuietSubflow(s)
		} else if known && s.Owner.Inode != 0 && s.SendQueue == 0 {
			v.addSilent(s, idle)
		}
	}
	if s.RecvQueue > 0 && s.Owner.Inode != 0 && !s.IsSubflow() && int64(s.RecvQueue) >= v.thresholds.number(appBytes) {
		v.addUnreadApp(s)
	}
}

// addSilent examines a connection without keepalive that is idle. It belongs to
// one rule only, so that a socket is reported once.
func (v *Survey) addSilent(s *tcp.Socket, idle time.Duration) {
	if quiet := min(idle, clocks(s).LastAckRecv); quiet >= v.thresholds.span(halfOpenIdle) {
		v.suspects.addStanding(s, quiet, 0)
	} else if idle >= v.thresholds.span(keepaliveIdle) {
		v.sumUp(bySilent, s)
	}
}

func (v *Survey) sumSilent(g *group, s *tcp.Socket) { g.addStanding(s, s.Idle.Or(0), 0) }

// addUnreadApp examines data that the program has not read.
func (v *Survey) addUnreadApp(s *tcp.Socket) {
	if past, known := v.earlier.Of(s); known && past.State != 0 && s.Info != nil {
		read := int64(past.RecvQueue) + int64(s.Info.ReceivedBytes-past.ReceivedBytes) - int64(s.RecvQueue)
		if read > 0 {
			return // it reads slowly
		}
	}
	v.sumUp(byUnread, s)
}

// sumUnread counts a socket with unread data. The data is at least as old as the
// time since the last data arrived. A window probe or an ACK restarts another
// clock.
func (v *Survey) sumUnread(g *group, s *tcp.Socket) {
	age := clock(s, clocks(s).LastDataRecv)
	if past, known := v.earlier.Of(s); known && past.State != 0 && s.Info != nil {
		if past.RecvQueue > 0 && v.earlier.Ago > age.Or(0) {
			age = tcp.Known(v.earlier.Ago) // data that keeps coming restarts the clock
		}
		if s.RecvQueue > past.RecvQueue {
			g.grew++
		}
	}
	g.add(s, age, v.thresholds.span(appAge), s.RecvQueue)
}

func (v *Survey) addSynSent(s *tcp.Socket) {
	g := v.synSent.get(netip.AddrPortFrom(s.Peer.Addr().Unmap(), s.Peer.Port()))
	g.add(s, s.Age, v.thresholds.span(synSentAge), 0)
}

// The kinds of CLOSE_WAIT, by Recv-Q, where the peer's FIN counts as one.
const (
	closeWaitRead    = iota // 0: the program has read the end of file
	closeWaitUnread         // 1: only the end of file is unread
	closeWaitData           // more: data is unread too
	closeWaitAllRead        // multipath TCP: all data is read, and perhaps the end of file
)

func (v *Survey) addCloseWait(s *tcp.Socket) {
	if v.addStalled(s) || delivering(s) {
		return // its program may be waiting for the peer
	}
	if s.IsSubflow() {
		return // the peer has closed a subflow; its connection shows what the program does
	}
	v.sumUp(byCloseWait, s)
}

func (v *Survey) sumCloseWait(g *group, s *tcp.Socket) {
	g.kinds[min(s.RecvQueue, closeWaitData)]++
	if past, known := v.earlier.Of(s); known && past.State != tcp.CloseWait {
		g.entered++
	}
	g.add(s, s.Age, v.thresholds.span(closeWaitAge), s.RecvQueue)
}

// addFinWait2 examines a FIN_WAIT2 that a program holds. Every segment of the
// peer restarts the clock of the last ACK, so that clock shows how long the
// peer has been silent. The state began with an ACK, so it is at least as old
// as the silence.
func (v *Survey) addFinWait2(s *tcp.Socket) {
	if s.IsSubflow() {
		return // the kernel closes subflows by itself
	}
	if s.Owner.Inode == 0 {
		v.orphaned.get(s.Peer.Addr().Unmap().WithZone("")).addStanding(s, 0, 0)
		return
	}
	v.sumUp(byFinWait2, s)
}

func (v *Survey) sumFinWait2(g *group, s *tcp.Socket) {
	g.add(s, clock(s, clocks(s).LastAckRecv), v.thresholds.span(finWait2Age), 0)
}

// addClosing examines a FIN, or data before it, that is resent or that waits
// for a closed window. If the peer answers the window probes, the kernel resets
// their count, but not the doubling of the waits (tcp_ack, tcp_ack_probe in
// net/ipv4/tcp_input.c).
func (v *Survey) addClosing(s *tcp.Socket) {
	why, age := v.stallOf(s)
	v.addLoss(s, why)
	if why == stallBlocked {
		v.addBlocked(s, age.Or(0))
		return
	}
	tries := s.Timer.Retransmits
	if why == stallWindow {
		tries = max(tries, clocks(s).Backoff)
	}
	if v.acked(s) || tries == 0 || int64(tries) < v.thresholds.number(closingResends) {
		return
	}
	if why == stallWindow {
		v.closingWindow++
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

// acked reports whether the peer has acknowledged data of ours since the first
// reading. Then the path and the peer are there, however slow they are.
func (v *Survey) acked(s *tcp.Socket) bool {
	past, known := v.earlier.Of(s)
	return known && past.State != 0 && s.Info != nil && s.Info.AckedBytes > past.AckedBytes
}

// clocks returns the tcp_info of a socket if its clocks are known, and
// otherwise an empty one.
func clocks(s *tcp.Socket) *tcp.Info {
	if s.Info == nil || !s.Idle.IsKnown() {
		return &tcp.Info{}
	}
	return s.Info
}

// clock returns value, which is one of the clocks, if they are known.
func clock(s *tcp.Socket, value time.Duration) tcp.Optional[time.Duration] {
	if s.Info == nil || !s.Idle.IsKnown() {
		return tcp.Optional[time.Duration]{}
	}
	return tcp.Known(value)
}
