package lab

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// patience is how long the lab waits for what must come at once on one host,
// before it says that it did not.
const patience = 5 * time.Second

// Peer is the far end of a connection, played segment by segment. It does
// nothing on its own: it neither answers nor resends nor acknowledges, so a
// peer left alone is a silent one.
type Peer struct {
	Addr netip.AddrPort // its own address
	Host netip.AddrPort // the kernel's socket, as learnt from Dial or from what it sent

	// Seq is the next sequence number to send (SND.NXT) and Ack the next one
	// expected (RCV.NXT). Send and Expect keep them; a test may set them.
	Seq, Ack uint32
	Window   uint16 // advertised to the kernel; 0 stops it
	Options  []byte // of the peer's SYN or SYN-ACK, such as an MSS

	wire  *wire
	mu    sync.Mutex
	queue []Segment
	more  chan struct{} // has room for one: the queue has grown
}

// Peer returns a peer at the given address, which must be routed to the wire:
// any but the loopback's and the lab's own. It receives what the kernel sends
// there until it is closed.
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

// Dial returns a peer that has connected to the listener at host: it sends the
// SYN, awaits the SYN-ACK and acknowledges it.
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

// Accept completes the connection that a program of the host opens to the
// peer: it awaits the SYN, answers it, and awaits the last ACK.
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

// Send sends a segment from Seq, with Ack and Window as they stand, and moves
// Seq past it.
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

// SendRaw sends a segment as it is; Seq and Ack stay.
func (p *Peer) SendRaw(s Segment) error { return p.wire.send(&s) }

// Expect returns the next segment with at least the given flags, having passed
// over others such as resent ones, and moves Ack past it: the kernel's next
// segment from the peer acknowledges it.
func (p *Peer) Expect(flags Flags) (Segment, error) {
	return p.ExpectFunc(flags.String(), func(s Segment) bool { return s.Flags&flags == flags })
}

// ExpectFunc is Expect for the next segment that match likes; what names it in
// the error that follows when none comes.
func (p *Peer) ExpectFunc(what string, match func(Segment) bool) (Segment, error) {
	deadline := time.NewTimer(patience)
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
			return Segment{}, fmt.Errorf("peer %s: waiting for %s: none in %v, but %v", p.Addr, what, patience, passed)
		}
	}
}

// Close forgets the peer: what the kernel sends it from now on is lost.
func (p *Peer) Close() {
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	delete(p.wire.peers, p.Addr)
}

// deliver queues a segment. Of more than 1024 that nobody took, the oldest go.
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
