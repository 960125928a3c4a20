package sockdiag

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"syscall"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// bufferLen is the size of a receive buffer in bytes. The kernel fills no more
// than 32 KiB at once (netlink_dump in net/netlink/af_netlink.c).
const bufferLen = 32 << 10

// readAhead is how many received buffers may wait for the decoder.
const readAhead = 6

// conn is a netlink socket on which one dump was requested.
type conn interface {
	// receive fills b with the next datagram of the kernel.
	receive(b []byte) (int, error)
	// sequence returns the number that the answers to the request carry.
	sequence() uint32
	close()
}

// dialer opens a conn and requests the sockets of one family or of both.
type dialer func(family tcp.Family, req Request) (conn, error)

// Dump is a dump that the kernel has begun to answer.
type Dump struct {
	ctx     context.Context
	req     Request
	passes  []tcp.Family // the families to request, one after the other
	dial    dialer
	decoder *decoder

	conn  conn   // the connection of the current pass
	first packet // the first answer of the first pass

	interrupted bool
}

// packet is a datagram of the kernel whose netlink framing has been parsed.
type packet struct {
	family      tcp.Family
	buffer      []byte // given back after decoding, for a later packet
	messages    []byte // the sockets' messages, with their headers
	done        bool   // this is the last packet of its pass
	interrupted bool
	err         error // the error that follows the messages, if any
}

// Open requests sockets from the kernel and waits for the first part of the
// answer. An error means that sock_diag does not work here and that no socket
// was listed. The error is an *OpError or a *MessageError, except where the
// request names no family. The most likely causes are EPROTONOSUPPORT and EPERM
// (netlink is forbidden to this process), ENOENT (a kernel without tcp_diag)
// and EINVAL (a kernel before 3.3).
func Open(ctx context.Context, req Request) (*Dump, error) {
	return open(ctx, req, newDialer(), runningRelease().from(7, 0))
}

func open(ctx context.Context, req Request, dial dialer, accECNBits bool) (*Dump, error) {
	if len(req.Families) == 0 {
		return nil, wording.Fail("sockdiag.no-family")
	}
	d := &Dump{ctx: ctx, req: req, dial: dial, decoder: newDecoder(req.Detail, accECNBits)}
	d.decoder.connections = req.Connections
	if !req.Connections && slices.Contains(req.Families, tcp.IPv4) && slices.Contains(req.Families, tcp.IPv6) {
		d.passes = []tcp.Family{bothFamilies}
		if d.begin() == nil {
			return d, nil
		}
		// This kernel may no longer know the older request, so ask again below,
		// one family at a time.
	}
	d.passes = req.Families
	if err := d.begin(); err != nil {
		return nil, err
	}
	return d, nil
}

// begin requests the sockets of the first pass and receives the first answer.
// It tries again when the kernel is short of memory, since that may pass.
func (d *Dump) begin() error {
	const tries = 3
	for try := 1; ; try++ {
		err := d.beginOnce(d.passes[0])
		if err == nil || try == tries || !errors.Is(err, syscall.ENOBUFS) {
			return err
		}
	}
}

func (d *Dump) beginOnce(family tcp.Family) error {
	c, err := d.dial(family, d.req)
	if err != nil {
		return err
	}
	first := receivePacket(c, family, make([]byte, bufferLen))
	if first.err != nil && len(first.messages) == 0 {
		c.close()
		return first.err
	}
	d.conn, d.first = c, first
	return nil
}

// Close ends a dump that is not read to its end. It is not needed after a range
// over Sockets, even if the loop ended early.
func (d *Dump) Close() {
	if d.conn != nil {
		d.conn.close()
		d.conn = nil
	}
}

// Interrupted reports whether the kernel said that its table changed during the
// dump, so that sockets may be missing or listed twice (NLM_F_DUMP_INTR). Call
// it after Sockets has been read.
func (d *Dump) Interrupted() bool { return d.interrupted }

// Sockets yields the sockets of the dump. A dump can be read only once. The
// Socket is reused: it is valid until the next one. At most one error is
// yielded, as the last value: an *OpError, a *MessageError, or the error of the
// context.
func (d *Dump) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		packets, giveBack, stop := d.receiveAll()
		defer stop()
		for p := range packets {
			d.interrupted = d.interrupted || p.interrupted
			if !d.decodeAll(p, yield) {
				return
			}
			if p.err != nil {
				yield(nil, p.err)
				return
			}
			giveBack(p.buffer)
		}
		if err := d.ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// decodeAll yields the sockets of one packet. It reports whether to continue.
func (d *Dump) decodeAll(p packet, yield func(*tcp.Socket, error) bool) bool {
	for b := p.messages; len(b) > 0; {
		length := readHeader(b).len
		if err := d.decoder.decode(b[nlmsgHeaderLen:length]); err != nil {
			yield(nil, &OpError{reading(p.family), err})
			return false
		}
		if !yield(&d.decoder.socket, nil) {
			return false
		}
		b = b[min(align(length), len(b)):]
	}
	return true
}

// receiveAll receives packets in a goroutine, one pass after the other, and
// queues at most readAhead packets. The channel is closed after the last
// packet. giveBack returns a buffer for reuse. stop ends the work early and
// waits until the netlink socket is closed.
func (d *Dump) receiveAll() (packets <-chan packet, giveBack func([]byte), stop func()) {
	full := make(chan packet, readAhead)
	free := make(chan []byte, readAhead+2)
	stopped := make(chan struct{})
	var finished sync.WaitGroup
	finished.Go(func() {
		defer close(full)
		defer d.Close()
		d.receivePasses(func(p packet) (next []byte, ok bool) {
			select {
			case full <- p:
			case <-stopped:
				return nil, false
			}
			select {
			case next = <-free:
			default:
				next = make([]byte, bufferLen)
			}
			return next, d.ctx.Err() == nil
		})
	})
	stop = func() {
		close(stopped)
		finished.Wait()
	}
	return full, func(b []byte) { free <- b }, stop
}

// receivePasses passes every packet of every pass to deliver, in order. It ends
// when deliver returns false, or after it has delivered an error. deliver
// returns the buffer for the next packet.
func (d *Dump) receivePasses(deliver func(packet) (buffer []byte, ok bool)) {
	p := d.first
	for i, family := range d.passes {
		if i > 0 {
			d.Close()
			c, err := d.dial(family, d.req)
			if err != nil {
				deliver(packet{family: family, err: err})
				return
			}
			d.conn = c
			p = receivePacket(d.conn, family, p.buffer)
		}
		for {
			buffer, ok := deliver(p)
			if !ok || p.err != nil {
				return
			}
			done := p.done
			p = packet{buffer: buffer}
			if done {
				break
			}
			p = receivePacket(d.conn, family, buffer)
		}
	}
}

// receivePacket receives one datagram and parses its framing.
func receivePacket(c conn, family tcp.Family, buffer []byte) packet {
	n, err := c.receive(buffer)
	if err != nil {
		return packet{family: family, buffer: buffer, err: &OpError{receiving(family), err}}
	}
	p := parsePacket(buffer[:n], c.sequence())
	p.family, p.buffer = family, buffer
	if p.err != nil {
		p.err = &OpError{receiving(family), p.err}
	}
	return p
}

// parsePacket finds the messages of sockets at the start of b, and what follows
// them: the end of b, the end of the dump, or an error.
func parsePacket(b []byte, sequence uint32) (p packet) {
	for offset := 0; offset < len(b); {
		if len(b)-offset < nlmsgHeaderLen {
			p.err = &MessageError{Offset: offset, What: "nlmsghdr", Reason: fmt.Sprintf("only %d bytes are left", len(b)-offset)}
			return p
		}
		h := readHeader(b[offset:])
		if h.len < nlmsgHeaderLen || offset+h.len > len(b) {
			p.err = &MessageError{Offset: offset, What: "nlmsghdr",
				Reason: fmt.Sprintf("length %d does not fit the %d bytes received", h.len, len(b)-offset)}
			return p
		}
		if h.seq != sequence {
			p.err = &MessageError{Offset: offset, What: "nlmsghdr",
				Reason: fmt.Sprintf("answers request %d, not %d", h.seq, sequence)}
			return p
		}
		p.interrupted = p.interrupted || h.flags&nlmFlagDumpInterrupted != 0
		payload := b[offset+nlmsgHeaderLen : offset+h.len]
		switch h.kind {
		case sockDiagByFamily, tcpDiagGetSock:
			p.messages = b[:offset+h.len]
		case nlmsgDone:
			// NLMSG_DONE carries the error that ended the dump early, if any.
			p.done, p.err = true, errnoOf(payload)
			return p
		case nlmsgError:
			if p.err = errnoOf(payload); p.err == nil {
				p.err = &MessageError{Offset: offset, What: "nlmsgerr", Reason: "says that there is no error"}
			}
			return p
		default:
			p.err = &MessageError{Offset: offset, What: "nlmsghdr", Reason: fmt.Sprintf("type %d is not expected", h.kind)}
			return p
		}
		offset = min(offset+align(h.len), len(b))
	}
	return p
}

// requesting, receiving and reading are the steps of one pass over a family.
func requesting(family tcp.Family) wording.Message {
	if family == bothFamilies {
		return wording.Say("sockdiag.requesting")
	}
	return wording.Say("sockdiag.requesting-family", "family", family)
}

func receiving(family tcp.Family) wording.Message {
	if family == bothFamilies {
		return wording.Say("sockdiag.receiving")
	}
	return wording.Say("sockdiag.receiving-family", "family", family)
}

func reading(family tcp.Family) wording.Message {
	if family == bothFamilies {
		return wording.Say("sockdiag.reading")
	}
	return wording.Say("sockdiag.reading-family", "family", family)
}

// errnoOf returns the error in the payload of NLMSG_DONE or NLMSG_ERROR. The
// kernel writes it at the start, as a negative number.
func errnoOf(payload []byte) error {
	if len(payload) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(payload)); code < 0 {
		return syscall.Errno(-code)
	}
	return nil
}
