package machine

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// walker is one socket on its path, and the peer at its other end.
type walker struct {
	*driver
	path path
	at   node

	fd       int // descriptor of the socket, or -1 if nothing holds it
	listener int // descriptor of its listener, or -1
	local    netip.AddrPort
	remote   netip.AddrPort // unspecified without a peer
	peer     *lab.Peer

	repeated bool // after a failure the path is walked again, so a failure is only logged

	finSent bool // our FIN was sent, and peer.Ack includes it
	shut    bool // the peer's window is zero, so no FIN will be sent
}

// step drives one transition and checks that it happened. The step before has
// already checked the state in which it starts.
func (w *walker) step(tr lifecycle.Transition, rest path) {
	w.do(tr, rest)
	if tr.From == tcp.SynRecv && tr.Sent&lifecycle.FIN != 0 {
		w.send(tr, lab.ACK, nil) // after a resent SYN the congestion window is 1, so the FIN waits for this ACK
	}
	if tr.Sent != 0 && !w.shut {
		w.expect(tr)
	}
	w.at = after(w.at, tr)
	w.see(tr, w.at, rest...)
	w.did(tr)
	if tr.Event == lifecycle.EventReceiveACK || tr.Event == lifecycle.EventReceiveFastOpen || tr.Event == lifecycle.EventReceiveCookie {
		w.accept(tr, rest)
	}
	if w.at.state == tcp.Established {
		w.prepare(tr, rest)
	}
}

// expect waits for the segment that the transition sends.
func (w *walker) expect(tr lifecycle.Transition) {
	const kinds = lab.SYN | lab.FIN | lab.RST
	want := lab.Flags(tr.Sent)
	if _, err := w.peer.ExpectFunc(tr.Sent.String(), func(s lab.Segment) bool {
		return s.Flags&kinds == want&kinds && s.Flags&want == want
	}); err != nil {
		w.fail(w.path, tr, "%v", err)
	}
	if tr.Sent&lifecycle.FIN != 0 {
		w.finSent = true
	}
}

// accept takes a connection out of the accept queue, unless the path needs one
// that is not accepted.
func (w *walker) accept(tr lifecycle.Transition, rest path) {
	if w.fd >= 0 || len(rest) > 0 && rest[0].Event == lifecycle.EventCloseListener {
		return
	}
	fd, _, err := unix.Accept4(w.listener, unix.SOCK_CLOEXEC)
	w.check(tr, err)
	w.fd = fd
}

// prepare sets up what the rest of the path needs, while the socket is a full
// socket in ESTABLISHED.
func (w *walker) prepare(tr lifecycle.Transition, rest path) {
	if len(rest) == 0 || w.fd < 0 {
		return
	}
	for _, later := range rest {
		switch {
		case later.Event == lifecycle.EventFinWait2Shrink:
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_LINGER2, 64)
			return
		case later.Event == lifecycle.EventFinWait2End:
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_LINGER2, 4)
		case later.To == tcp.FinWait2 && later.ToForm == lifecycle.Orphan:
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_LINGER2, 110)
		}
	}
	switch rest[len(rest)-1].Event {
	case lifecycle.EventCloseUnread:
		w.check(tr, w.peer.Send(lab.PSH|lab.ACK, []byte("unread")))
		w.poll(tr, "unread data", func() bool { s := w.find(tr); return s != nil && s.RecvQueue >= 6 })
	case lifecycle.EventProbesGivenUp:
		w.peer.Window = 0
		w.check(tr, w.peer.Send(lab.ACK, nil))
		w.poll(tr, "the zero window", func() bool { s := w.find(tr); return s != nil && s.Info != nil && s.Info.SendWindow == 0 })
		_, err := unix.Write(w.fd, []byte("unsent"))
		w.check(tr, err)
		w.shut = true
	}
}

// see waits until the kernel shows the socket at n. If a timer ends that state,
// a loaded host may show the socket only after the timer has fired.
func (w *walker) see(tr lifecycle.Transition, n node, rest ...lifecycle.Transition) {
	var seen *tcp.Socket
	if eventually(func() bool {
		seen = w.find(tr)
		return w.shows(tr, seen, n) || len(rest) > 0 && rest[0].Event.Kind() == lifecycle.ByTimer && w.shows(tr, seen, after(n, rest[0]))
	}) {
		return
	}
	w.fail(w.path, tr, "want %s, the kernel lists %s, and the descriptor is in %v", n, describe(seen), w.stateOfFD(tr))
}

func (w *walker) shows(tr lifecycle.Transition, seen *tcp.Socket, n node) bool {
	held, hasFD := w.stateOfFD(tr), w.fd >= 0
	switch n.state {
	case lifecycle.NoSocket:
		return seen == nil
	case tcp.Close: // the kernel lists it only while it keeps a port that was bound by number
		return hasFD && held == tcp.Close && (seen == nil || seen.State == tcp.Close)
	case tcp.BoundInactive:
		return hasFD && held == tcp.Close && seen != nil && seen.State == tcp.BoundInactive
	case tcp.TimeWait: // the socket that the program still holds is in CLOSE
		return seen != nil && nodeOf(seen) == n && (!hasFD || held == tcp.Close)
	}
	return seen != nil && nodeOf(seen) == n && (!hasFD || held == n.state)
}

// stateOfFD reads the state from the descriptor itself, with TCP_INFO.
func (w *walker) stateOfFD(tr lifecycle.Transition) tcp.State {
	if w.fd < 0 {
		return lifecycle.NoSocket
	}
	info, err := unix.GetsockoptTCPInfo(w.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	w.check(tr, err)
	state, _ := tcp.StateFromKernel(info.State)
	return state
}

// find returns the walker's socket as sock_diag lists it, or nil.
func (w *walker) find(tr lifecycle.Transition) *tcp.Socket {
	found, err := find(w.local, w.remote)
	w.check(tr, err)
	return found
}

func find(local, remote netip.AddrPort) (*tcp.Socket, error) {
	dump, err := sockdiag.Open(context.Background(), sockdiag.Request{Families: []tcp.Family{tcp.IPv4}, States: tcp.All, Detail: tcp.DetailInfo})
	if err != nil {
		return nil, err
	}
	defer dump.Close()
	var found *tcp.Socket
	for s, err := range dump.Sockets() {
		if err != nil {
			return nil, err
		}
		if s.Local.Port() == local.Port() && s.Peer.Port() == remote.Port() && (remote.Port() == 0 || s.Peer.Addr() == remote.Addr()) {
			found = s.Clone()
		}
	}
	return found, nil
}

// nodeOf derives the form of a socket from what sock_diag reports about it.
func nodeOf(s *tcp.Socket) node {
	form := lifecycle.Held
	switch {
	case s.Timer.Kind == tcp.TimerTimeWait:
		form = lifecycle.Small
	case s.State == tcp.SynRecv && s.Info == nil:
		form = lifecycle.Request
	case s.Owner.Inode == 0 && tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.LastAck).Has(s.State):
		form = lifecycle.Orphan
	}
	return node{s.State, form}
}

func describe(s *tcp.Socket) string {
	if s == nil {
		return "nothing"
	}
	return nodeOf(s).String() + " with timer " + s.Timer.Kind.String()
}

// poll waits until the condition holds.
func (w *walker) poll(tr lifecycle.Transition, what string, holds func() bool) {
	if !eventually(holds) {
		w.fail(w.path, tr, "timed out waiting for %s", what)
	}
}

// eventually checks the condition again and again, with longer pauses over
// time, because many walkers check at the same time.
func eventually(holds func() bool) bool {
	pause := time.Millisecond
	for deadline := time.Now().Add(lab.Patience); time.Now().Before(deadline); time.Sleep(pause) {
		if holds() {
			return true
		}
		pause = min(pause*5/4, 30*time.Millisecond)
	}
	return false
}

// fail reports a failure and ends the goroutine.
func (w *walker) fail(p path, step lifecycle.Transition, format string, args ...any) {
	if w.repeated {
		w.t.Logf("%s: at %s, to be repeated: %s", p, step.Key(), fmt.Sprintf(format, args...))
		runtime.Goexit()
	}
	w.driver.fail(p, step, format, args...)
}

func (w *walker) option(tr lifecycle.Transition, level, name, value int) {
	w.check(tr, unix.SetsockoptInt(w.fd, level, name, value))
}

func (w *walker) check(tr lifecycle.Transition, err error) {
	if err != nil {
		w.fail(w.path, tr, "%v", err)
	}
}

// end closes everything that the walker has opened.
func (w *walker) end() {
	for _, fd := range []int{w.fd, w.listener} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if w.peer != nil {
		w.peer.Close()
	}
}
