package lab

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/lab/segment"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// rto is about the timeout with which the hosts resend once they have measured the
// round trip: 200 ms and that, rounded up.
const rto = 240 * time.Millisecond

// longest returns how long a scene waits for the end of a schedule. The kernel's
// timers fire late, by up to an eighth.
func longest(c lifecycle.Schedule) time.Duration { return c.GivenUp*5/4 + patience }

// exact returns a time as notes show it.
func exact(d time.Duration) string { return text.Duration(d.Round(100 * time.Millisecond)) }

// silence has the wire lose everything that a host sends: as if the other host, or
// the path to it, were gone.
func (p *script) silence(from Side) *rule { return p.lose(1<<30, every(from)) }

func listenState(p *script) {
	p.note(wording.Say("lab.listen.listen"))
	listener := p.listen(There, port, 2)
	p.state(There, tcp.Listen)
	p.note(wording.Say("lab.listen.connect"))
	client := p.socket(Here)
	client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.listen.close"))
	listener.close()
	p.gone(Here, tcp.Established, patience)
	p.settle()
	client.readFails(unix.ECONNRESET)
	p.note(wording.Say("lab.listen.end"))
}

func synSent(p *script) {
	schedule := p.settings.SYNSchedule()
	p.note(wording.Say("lab.syn-sent.cut"))
	p.silence(Here)
	p.ask(wording.Say("lab.syn-sent.ask"), 0)
	p.note(wording.Say("lab.syn-sent.connect", "n", len(schedule.Resends), "time", exact(schedule.GivenUp)))
	p.socket(Here).connect(at(There, port)).fails(longest(schedule), unix.ETIMEDOUT)
	p.answer(wording.Say("lab.syn-sent.end", "n", len(schedule.Resends), "time", exact(schedule.GivenUp)))
}

// forged is an address that no host has, as a flood uses it.
func forged(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 40000)
}

// syn returns a SYN from a forged address to the server.
func synFrom(from netip.AddrPort, seq uint32) segment.Segment {
	return segment.Segment{Src: from, Dst: at(There, port), Flags: synBit, Seq: seq, Window: 64240, Options: []byte{2, 4, 0x05, 0xb4}}
}

func synRecv(p *script) {
	schedule := p.settings.SYNACKSchedule()
	p.listen(There, port, 8)
	p.note(wording.Say("lab.syn-recv.forge"))
	p.forge(Here, synFrom(forged(7), 1000))
	p.state(There, tcp.SynRecv)
	p.note(wording.Say("lab.syn-recv.wait", "n", len(schedule.Resends), "time", exact(schedule.GivenUp)))
	p.gone(There, tcp.SynRecv, longest(schedule))
	p.note(wording.Say("lab.syn-recv.end"))
}

func established(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.established.write"))
	p.before(with(There, ackBit), wording.Say("lab.established.ack"))
	c.client.write(100)
	p.arrived(There)
	p.sent(with(There, ackBit), 1, patience)
	p.settle()
	p.note(wording.Say("lab.established.read"))
	c.server.read()
	p.note(wording.Say("lab.established.idle"))
	p.pause(2 * time.Second)
	p.note(wording.Say("lab.established.end"))
}

func finWait1(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.fin-wait.cut"))
	p.silence(Here)
	schedule := p.settings.OrphanSchedule(rto)
	p.ask(wording.Say("lab.fin-wait.ask"), tcp.FinWait1)
	p.note(wording.Say("lab.fin-wait.close", "time", exact(schedule.GivenUp)))
	c.client.close()
	p.state(Here, tcp.FinWait1)
	p.gone(Here, tcp.FinWait1, longest(schedule))
	p.answer(wording.Say("lab.fin-wait.end"))
}

func finWait2(p *script) {
	c := p.connected()
	full, small := p.settings.OrphanFinWait2(rto)
	p.note(wording.Say("lab.fin-wait2.close", "time", exact(full+small)))
	c.client.close()
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.fin-wait2.wait"))
	p.gone(Here, tcp.FinWait2, full+small+patience)
	p.ask(wording.Say("lab.fin-wait2.ask"), 0)
	p.note(wording.Say("lab.fin-wait2.late"))
	c.server.close()
	p.gone(There, tcp.CloseWait, patience)
	p.gone(There, tcp.LastAck, patience)
	p.answer(wording.Say("lab.fin-wait2.end"))
}

func closing(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.closing.both"))
	first := p.hold(1, fin(Here))
	acks := p.hold(4, with(There, ackBit))
	c.client.close()
	p.sent(fin(Here), 1, patience)
	c.server.close()
	p.sent(fin(There), 1, patience)
	p.release(first)
	p.state(Here, tcp.Closing)
	p.note(wording.Say("lab.closing.wait"))
	p.sent(with(There, ackBit), 1, patience)
	p.settle()
	p.note(wording.Say("lab.closing.ack"))
	p.release(acks)
	p.state(Here, tcp.TimeWait)
	p.settle()
	p.note(wording.Say("lab.closing.end"))
}

// inTimeWait makes a connection that the client has closed first.
func (p *script) inTimeWait() connection {
	c := p.connected()
	p.note(wording.Say("lab.time-wait.close"))
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	c.server.close()
	p.state(Here, tcp.TimeWait)
	p.gone(There, tcp.LastAck, patience)
	return c
}

func timeWait(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.time-wait.close"))
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.time-wait.lost"))
	p.lose(1, with(Here, ackBit))
	c.server.close()
	p.state(Here, tcp.TimeWait)
	p.gone(There, tcp.LastAck, patience)
	p.note(wording.Say("lab.time-wait.answered"))
	p.ask(wording.Say("lab.time-wait.ask"), 0)
	if p.fast {
		p.note(wording.Say("lab.time-wait.fast"))
		return
	}
	p.note(wording.Say("lab.time-wait.wait"))
	p.gone(Here, tcp.TimeWait, 2*time.Minute)
	p.answer(wording.Say("lab.time-wait.end"))
}

func assassination(p *script) {
	p.inTimeWait()
	p.note(wording.Say("lab.time-wait-assassination.duplicate"))
	p.before(with(Here, ackBit), wording.Say("lab.time-wait-assassination.ack"))
	p.before(with(There, rstBit), wording.Say("lab.time-wait-assassination.reset"))
	old, _ := p.lastOf(fin(There))
	p.forge(There, old)
	p.gone(Here, tcp.TimeWait, patience)
	p.note(wording.Say("lab.time-wait-assassination.end"))
}

func closeWait(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.close-wait.close"))
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.close-wait.read"))
	c.server.read()
	full, small := p.settings.OrphanFinWait2(rto)
	p.ask(wording.Say("lab.close-wait.ask"), tcp.CloseWait)
	p.note(wording.Say("lab.close-wait.wait"))
	p.gone(Here, tcp.FinWait2, full+small+patience)
	p.answer(wording.Say("lab.close-wait.answer"))
	p.note(wording.Say("lab.close-wait.write"))
	c.server.write(10)
	p.gone(There, tcp.CloseWait, patience)
	p.settle()
	p.note(wording.Say("lab.close-wait.end"))
}

func lastAck(p *script) {
	c := p.connected()
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.last-ack.cut"))
	p.silence(There)
	schedule := p.settings.OrphanSchedule(rto)
	p.ask(wording.Say("lab.last-ack.ask"), tcp.LastAck)
	p.note(wording.Say("lab.last-ack.close", "time", exact(schedule.GivenUp)))
	c.server.close()
	p.state(There, tcp.LastAck)
	p.gone(There, tcp.LastAck, longest(schedule))
	p.answer(wording.Say("lab.last-ack.end"))
}

func closeState(p *script) {
	p.note(wording.Say("lab.close.listen"))
	listener := p.listen(There, port, 8)
	client := p.socket(Here)
	client.bind(5000)
	client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	server := listener.accept()
	p.note(wording.Say("lab.close.reset"))
	server.call("setsockopt(SO_LINGER, 0)", 0, func() (string, error) {
		return "", unix.SetsockoptLinger(server.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
	server.close()
	p.gone(Here, tcp.Established, patience)
	p.note(wording.Say("lab.close.read"))
	client.readFails(unix.ECONNRESET)
	client.close()
	p.note(wording.Say("lab.close.end"))
}

func boundInactive(p *script) {
	p.note(wording.Say("lab.bound-inactive.bind"))
	client := p.socket(Here)
	client.bind(5000)
	p.settle()
	p.note(wording.Say("lab.bound-inactive.second"))
	second := p.socket(Here)
	second.call("bind(:5000)", unix.EADDRINUSE, func() (string, error) { return "", unix.Bind(second.fd, sockaddr(at(Here, 5000))) })
	p.note(wording.Say("lab.bound-inactive.connect"))
	p.listen(There, port, 8)
	client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.bound-inactive.end"))
}
