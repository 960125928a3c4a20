package ground

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Peer is the remote end of a connection, which a test controls segment by
// segment. It does nothing by itself: it does not answer, resend or
// acknowledge. So a peer without instructions is a silent peer.
type Peer struct {
	Addr netip.AddrPort // its own address
	Host netip.AddrPort // the address of the kernel's socket, from Dial or from a segment that it sent

	// Seq is the next sequence number to send (SND.NXT), and Ack is the next
	// one expected (RCV.NXT). Send and Expect update them. A test may set them.
	Seq, Ack uint32
	Window   uint16 // the window advertised to the kernel; with 0 the kernel stops sending
	Options  []byte // the options of the peer's SYN or SYN-ACK, such as an MSS

	wire  *wire
	mu    sync.Mutex
	queue []Segment
	more  chan struct{} // signals that the queue has grown; holds one signal
}

// Peer returns a peer at the given address. The address must be routed to the
// wire: any address except the loopback's and the lab's own. The peer receives
// what the kernel sends to the address until Close.
func (l *Lab) Peer(at netip.AddrPort) (*Peer, error) {
	at = netip.AddrPortFrom(at.Addr().WithZone(""), at.Port())
	p := &Peer{Addr: at, Seq: 1000, Window: 0xffff, wire: l.wire, more: make(chan struct{}, 1)}
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	if l.wire.peers[at] != nil {
		return nil, fmt.Errorf("adding peer %s: there is one already", at)
	}
	l.wire.peers[at] = p
	return p, nil
}

// Dial returns a peer that is connected to the listener at host. It sends the
// SYN, waits for the SYN-ACK and acknowledges it.
func (l *Lab) Dial(from, host netip.AddrPort) (*Peer, error) {
	p, err := l.Peer(from)
	if err != nil {
		return nil, err
	}
	p.Host = netip.AddrPortFrom(host.Addr().WithZone(""), host.Port())
	if err := p.Send(SYN, nil); err != nil {
		return nil, err
	}
	if _, err := p.Expect(SYN | ACK); err != nil {
		return nil, err
	}
	return p, p.Send(ACK, nil)
}

// Accept completes a connection that a program of the host opens to the peer.
// It waits for the SYN, answers it, and waits for the last ACK.
func (p *Peer) Accept() error {
	if _, err := p.Expect(SYN); err != nil {
		return err
	}
	if err := p.Send(SYN|ACK, nil); err != nil {
		return err
	}
	_, err := p.Expect(ACK)
	return err
}

// Send sends a segment that begins at Seq, with the present Ack and Window, and
// adds its length to Seq.
func (p *Peer) Send(flags Flags, payload []byte) error {
	s := Segment{Src: p.Addr, Dst: p.Host, Flags: flags, Seq: p.Seq, Window: p.Window, Payload: payload}
	if flags&ACK != 0 {
		s.Ack = p.Ack
	}
	if flags&SYN != 0 {
		s.Options = p.Options
	}
	if err := p.wire.send(&s); err != nil {
		return err
	}
	p.Seq += s.Len()
	return nil
}

// SendRaw sends a segment without a change. Seq and Ack stay as they are.
func (p *Peer) SendRaw(s Segment) error { return p.wire.send(&s) }

// Expect returns the next segment with at least the given flags. It skips
// others, such as resent ones. It sets Ack to the end of the segment, so the
// next segment of the peer acknowledges it.
func (p *Peer) Expect(flags Flags) (Segment, error) {
	return p.ExpectFunc(flags.String(), func(s Segment) bool { return s.Flags&flags == flags })
}

// ExpectFunc is like Expect, for the next segment for which match returns true.
// what describes the segment in the error if none arrives.
func (p *Peer) ExpectFunc(what string, match func(Segment) bool) (Segment, error) {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	var passed []Segment
	for {
		for s, ok := p.pop(); ok; s, ok = p.pop() {
			if match(s) {
				p.Host, p.Ack = s.Src, s.Seq+s.Len()
				return s, nil
			}
			passed = append(passed, s)
		}
		select {
		case <-p.more:
		case <-deadline.C:
			return Segment{}, fmt.Errorf("peer %s: waiting for %s: none in %v, but %v", p.Addr, what, Patience, passed)
		}
	}
}

// Close removes the peer. The lab then drops what the kernel sends to its
// address.
func (p *Peer) Close() {
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	delete(p.wire.peers, p.Addr)
}

// deliver queues a segment. If 1024 segments are waiting, it drops the oldest.
func (p *Peer) deliver(s Segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) >= 1024 {
		p.queue = p.queue[1:]
	}
	p.queue = append(p.queue, s)
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *Peer) pop() (Segment, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return Segment{}, false
	}
	s := p.queue[0]
	p.queue = p.queue[1:]
	return s, true
}
