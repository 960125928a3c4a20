package lab

import (
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
	"tcpstate/wording"
)

func teardownThree(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.teardown-three.wait"))
	c.server.readAndClose()
	p.note(wording.Say("lab.teardown-three.fin"))
	c.client.close()
	p.state(Here, tcp.TimeWait)
	p.settle()
	p.note(wording.Say("lab.teardown-three.end"))
}

func halfClose(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.half-close.shutdown"))
	c.client.shutdown()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.half-close.write"))
	c.server.write(100)
	p.arrived(Here)
	p.settle()
	c.client.read()
	p.note(wording.Say("lab.half-close.close"))
	c.server.close()
	p.state(Here, tcp.TimeWait)
	p.gone(There, tcp.LastAck, patience)
	p.note(wording.Say("lab.half-close.end"))
}

func simultaneousOpen(p *script) {
	p.note(wording.Say("lab.simultaneous-open.bind"))
	here, there := p.socket(Here), p.socket(There)
	here.bind(5000)
	there.bind(5001)
	p.note(wording.Say("lab.simultaneous-open.connect"))
	first := p.hold(1, with(Here, synBit))
	one := here.connect(at(There, 5001))
	p.sent(with(Here, synBit), 1, patience)
	p.before(with(Here, synBit|ackBit), wording.Say("lab.simultaneous-open.synack"))
	other := there.connect(at(Here, 5000))
	p.sent(with(There, synBit), 1, patience)
	p.release(first)
	one.returns()
	other.returns()
	p.settle()
	p.note(wording.Say("lab.simultaneous-open.end"))
}

func simultaneousClose(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.simultaneous-close.close"))
	first := p.hold(1, fin(Here))
	p.before(with(Here, ackBit), wording.Say("lab.simultaneous-close.ack"))
	c.client.close()
	p.sent(fin(Here), 1, patience)
	c.server.close()
	p.sent(fin(There), 1, patience)
	p.release(first)
	p.state(Here, tcp.TimeWait)
	p.state(There, tcp.TimeWait)
	p.note(wording.Say("lab.simultaneous-close.end"))
}

func reset(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.reset.write"))
	c.client.write(100)
	p.arrived(There)
	p.settle()
	p.note(wording.Say("lab.reset.close"))
	c.server.close()
	p.gone(Here, tcp.Established, patience)
	p.note(wording.Say("lab.reset.read"))
	c.client.readFails(unix.ECONNRESET)
	p.note(wording.Say("lab.reset.end"))
}

func refused(p *script) {
	p.note(wording.Say("lab.refused.connect"))
	p.socket(Here).connect(at(There, port)).fails(patience, unix.ECONNREFUSED)
	p.note(wording.Say("lab.refused.end"))
}

func orphan(p *script) {
	c := p.connectedWith(small)
	p.note(wording.Say("lab.orphan.fill"))
	c.client.fill()
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind == tcp.TimerPersist })
	p.note(wording.Say("lab.orphan.close"))
	c.client.close()
	p.state(Here, tcp.FinWait1)
	p.pause(time.Second)
	p.note(wording.Say("lab.orphan.read"))
	p.until(patience, "end of file", func() bool { return p.hosts[There].count(tcp.CloseWait) > 0 || p.drain(c.server) })
	p.settle()
	p.note(wording.Say("lab.orphan.end"))
	c.server.close()
	p.gone(There, tcp.CloseWait, patience)
	p.gone(There, tcp.LastAck, patience)
}

// drain reads what a socket has and logs nothing: a program that reads on and on. It
// returns false.
func (p *script) drain(k *socket) bool {
	buffer := make([]byte, 1<<20)
	for {
		if n, _, err := unix.Recvfrom(k.fd, buffer, unix.MSG_DONTWAIT); err != nil || n == 0 {
			return false
		}
	}
}

func zeroWindow(p *script) {
	c := p.connectedWith(small)
	p.note(wording.Say("lab.zero-window.fill"))
	c.client.fill()
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind == tcp.TimerPersist })
	p.ask(wording.Say("lab.zero-window.ask"), tcp.Established)
	p.note(wording.Say("lab.zero-window.probe"))
	p.sent(with(Here, ackBit), 4, patience) // the ACK of the handshake, and three probes
	p.settle()
	p.answer(wording.Say("lab.zero-window.answer"))
	p.note(wording.Say("lab.zero-window.read"))
	c.server.read()
	p.sent(data(Here), 3, patience)
	p.settle()
	p.note(wording.Say("lab.zero-window.end"))
}

func keepalive(p *script) {
	schedule := p.settings.KeepaliveSchedule()
	c := p.connected()
	p.note(wording.Say("lab.keepalive.option", "time", exact(schedule.Resends[0])))
	c.server.option(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, "SO_KEEPALIVE")
	p.sent(with(There, ackBit), 1, longest(schedule))
	p.settle()
	p.note(wording.Say("lab.keepalive.alive"))
	p.settle()
	p.ask(wording.Say("lab.keepalive.ask"), 0)
	p.note(wording.Say("lab.keepalive.dies", "n", len(schedule.Resends), "time", exact(schedule.GivenUp)))
	p.silence(There)
	p.gone(There, tcp.Established, longest(schedule))
	p.settle()
	c.server.readFails(unix.ETIMEDOUT)
	p.answer(wording.Say("lab.keepalive.end"))
}

func powerLoss(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.power-loss.cut"))
	dead := p.silence(There)
	c.client.vanish()
	p.ask(wording.Say("lab.power-loss.ask"), tcp.Established)
	p.note(wording.Say("lab.power-loss.wait"))
	p.pause(3 * time.Second)
	p.answer(wording.Say("lab.power-loss.answer"))
	p.note(wording.Say("lab.power-loss.back"))
	p.release(dead)
	c.server.write(10)
	p.gone(There, tcp.Established, patience)
	p.settle()
	c.server.readFails(unix.ECONNRESET)
	p.note(wording.Say("lab.power-loss.end"))
}

// vanish takes a socket away without a segment, as if its host had lost its memory:
// a socket that is closed in repair mode sends nothing (__tcp_close, net/ipv4/tcp.c).
func (k *socket) vanish() {
	k.p.try(func() error {
		if err := unix.SetsockoptInt(k.fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1); err != nil {
			return err
		}
		return unix.Close(k.fd)
	})
	k.p.gone(k.host, tcp.Established, patience)
}
