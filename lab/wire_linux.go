package lab

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/lab/segment"
)

const etherHeader = 14

// wire carries the segments between the hosts.
type wire struct {
	capture *Capture
	ends    [There + 1]*end

	receivers, deliverers sync.WaitGroup

	capturing sync.Mutex

	// The lock of the stage guards what follows.
	rules  []*rule
	passed []passing // all segments that were on the wire
	first  map[flow]uint32
}

// end is the end of the wire at a host.
type end struct {
	file *os.File
	out  chan outgoing // to the host
}

// outgoing is a frame on its way to a host.
type outgoing struct {
	frame []byte
	due   time.Time
}

// passing is a segment as the wire sees it.
type passing struct {
	segment.Segment
	from Side
	fate Fate
}

// flow is one direction of a connection.
type flow struct{ src, dst string }

// match reports whether a segment is one of those that a rule or a note is about.
type match func(*passing) bool

// rule says what happens to the next n segments that match.
type rule struct {
	match match
	n     int
	fate  Fate // Lost or Held
	kept  []outgoing
	to    []passing
}

func newWire(capture *Capture) *wire {
	return &wire{capture: capture, first: map[flow]uint32{}}
}

// open opens the end of the wire that leads to a host: a packet socket on a link of
// the namespace of the calling thread.
func (w *wire) open(side Side, link string) error {
	device, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	for _, option := range []int{unix.PACKET_IGNORE_OUTGOING, unix.PACKET_QDISC_BYPASS} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1)
		}
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: device.Index})
	}
	if err != nil {
		unix.Close(fd)
		return os.NewSyscallError("opening a packet socket", err)
	}
	w.ends[side] = &end{file: os.NewFile(uintptr(fd), link), out: make(chan outgoing, 1<<14)}
	return nil
}

func bigEndian(v uint16) uint16 { return v<<8 | v>>8 }

// start begins to carry segments.
func (w *wire) start(s *stage) {
	for _, side := range []Side{Here, There} {
		w.receivers.Go(func() { w.receive(s, side) })
		w.deliverers.Go(func() { w.deliver(s, side) })
	}
}

// close ends the wire. What is still on its way is lost.
func (w *wire) close() {
	for _, e := range w.ends[Here:] {
		e.file.Close()
	}
	w.receivers.Wait()
	for _, e := range w.ends[Here:] {
		close(e.out)
	}
	w.deliverers.Wait()
}

// receive takes the frames that a host sends.
func (w *wire) receive(s *stage, from Side) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := w.ends[from].file.Read(buffer)
		at := time.Now()
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err == nil && n > etherHeader {
			frame := slices.Clone(buffer[:n])
			segment.Complete(frame[etherHeader:])
			w.take(s, at, from, frame)
		}
	}
}

// take decides what happens to a frame of a host. It first reads the host's
// sockets: a host changes its state before it sends.
func (w *wire) take(s *stage, at time.Time, from Side, frame []byte) {
	got, err := segment.ParsePacket(frame[etherHeader:])
	if err != nil { // not TCP
		w.send(from.other(), outgoing{frame, at.Add(Delay)})
		return
	}
	p := passing{Segment: got, from: from}
	s.cueFor(at, &p)
	s.sample(from, at)
	w.write(at, frame)
	s.mu.Lock()
	defer s.mu.Unlock()
	out := outgoing{frame, at.Add(Delay)}
	if r := w.ruleFor(&p); r != nil {
		r.n--
		p.fate = r.fate
		if r.fate == Held {
			r.kept, r.to = append(r.kept, out), append(r.to, p)
		}
	} else {
		w.send(from.other(), out)
	}
	w.record(s, at, p)
}

// ruleFor returns the rule for a segment, or nil.
func (w *wire) ruleFor(p *passing) *rule {
	for _, r := range w.rules {
		if r.n > 0 && r.match(p) {
			return r
		}
	}
	return nil
}

// record logs a segment. The caller holds the lock of the stage.
func (w *wire) record(s *stage, at time.Time, p passing) {
	w.passed = append(w.passed, p)
	one := flow{p.Src.String(), p.Dst.String()}
	other := flow{one.dst, one.src}
	if first, known := w.first[one]; !known || p.Flags == segment.SYN && first != p.Seq {
		w.first[one] = p.Seq
		if p.Flags == segment.SYN {
			delete(w.first, other) // a new connection
		}
	} else if p.Flags == segment.SYN|segment.ACK {
		w.first[one] = p.Seq
	}
	step := Step{Kind: Segment, Host: p.from, Segment: &p.Segment, Fate: p.fate, Seq: p.Seq - w.first[one]}
	if first, known := w.first[other]; known && p.Flags&segment.ACK != 0 {
		step.Ack = p.Ack - first
	}
	s.add(at, step)
	s.wake()
}

func (w *wire) write(at time.Time, frame []byte) {
	w.capturing.Lock()
	defer w.capturing.Unlock()
	w.capture.add(at, frame)
}

// send puts a frame on its way to a host.
func (w *wire) send(to Side, out outgoing) {
	select {
	case w.ends[to].out <- out:
	default: // far more than any scene sends
	}
}

// deliver gives a host the frames that are for it, when they are due. Afterwards it
// reads the host's sockets.
func (w *wire) deliver(s *stage, to Side) {
	for out := range w.ends[to].out {
		time.Sleep(time.Until(out.due))
		if _, err := w.ends[to].file.Write(out.frame); err != nil {
			continue // the wire has been closed
		}
		s.sample(to, time.Now())
	}
}

// lose has the wire lose the next n segments that match.
func (s *stage) lose(n int, m match) *rule { return s.rule(&rule{match: m, n: n, fate: Lost}) }

// hold has the wire keep back the next n segments that match, until release.
func (s *stage) hold(n int, m match) *rule { return s.rule(&rule{match: m, n: n, fate: Held}) }

func (s *stage) rule(r *rule) *rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.rules = append(s.wire.rules, r)
	return r
}

// release ends a rule. Segments that it has kept back go on now.
func (s *stage) release(r *rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for i, out := range r.kept {
		p := r.to[i]
		p.fate = Late
		s.wire.send(p.from.other(), outgoing{out.frame, now.Add(Delay)})
		s.wire.record(s, now, p)
	}
	r.n, r.kept, r.to = 0, nil, nil
}

// inject puts a segment on the wire that no host has sent.
func (s *stage) inject(from Side, sent segment.Segment) error {
	frame := append([]byte(nil), hardware(from.other())...)
	frame = append(append(frame, hardware(from)...), 8, 0) // ETH_P_IP
	frame, err := sent.AppendPacket(frame)
	if err != nil {
		return err
	}
	now := time.Now()
	s.wire.write(now, frame)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.send(from.other(), outgoing{frame, now.Add(Delay)})
	s.wire.record(s, now, passing{Segment: sent, from: from, fate: Injected})
	return nil
}

// lastOf returns the last segment that matches and has been on the wire.
func (s *stage) lastOf(m match) (segment.Segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.wire.passed) - 1; i >= 0; i-- {
		if m(&s.wire.passed[i]) {
			return s.wire.passed[i].Segment, true
		}
	}
	return segment.Segment{}, false
}

// every matches every segment of a host.
func every(from Side) match { return func(p *passing) bool { return p.from == from } }

// with matches segments of a host that have exactly these flags, PSH aside, and no
// data.
func with(from Side, flags segment.Flags) match {
	return func(p *passing) bool {
		return p.from == from && p.Flags&^segment.PSH == flags && len(p.Payload) == 0
	}
}

// data matches segments of a host that carry data.
func data(from Side) match {
	return func(p *passing) bool { return p.from == from && len(p.Payload) > 0 }
}

// fin matches segments of a host with FIN.
func fin(from Side) match {
	return func(p *passing) bool { return p.from == from && p.Flags&segment.FIN != 0 }
}
