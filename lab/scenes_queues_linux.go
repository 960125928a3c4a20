package lab

import (
	"tcpstate/tcp"
	"tcpstate/wording"
)

// floodBacklog is the backlog of the listener that is flooded, and floodSize is how
// many forged SYNs come.
const floodBacklog, floodSize = 2, 6

// flood sends forged SYNs to the server.
func (p *script) flood() {
	for n := range floodSize {
		p.forge(Here, synFrom(forged(10+n), uint32(1000*n)))
	}
	p.settle()
}

func synFlood(p *script) {
	p.set("net.ipv4.tcp_syncookies", 1)
	p.note(wording.Say("lab.syn-flood.listen", "backlog", floodBacklog))
	listener := p.listen(There, port, floodBacklog)
	p.ask(wording.Say("lab.syn-flood.ask", "n", floodSize, "backlog", floodBacklog), 0)
	p.note(wording.Say("lab.syn-flood.flood", "n", floodSize))
	p.flood()
	p.answer(wording.Say("lab.syn-flood.answer"))
	p.note(wording.Say("lab.syn-flood.client"))
	p.socket(Here).connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	listener.accept()
	p.note(wording.Say("lab.syn-flood.end"))
}

func withoutCookies(p *script) {
	p.set("net.ipv4.tcp_syncookies", 0)
	schedule := p.settings.SYNACKSchedule()
	listener := p.listen(There, port, floodBacklog)
	p.note(wording.Say("lab.without-cookies.flood", "n", floodSize))
	p.flood()
	p.note(wording.Say("lab.without-cookies.client"))
	client := p.socket(Here).connect(at(There, port))
	p.sent(func(s *passing) bool { return with(Here, synBit)(s) && s.Src.Addr() == HereAddr }, 2, patience)
	p.note(wording.Say("lab.without-cookies.wait", "time", exact(schedule.GivenUp)))
	p.stateWithin(There, tcp.Established, 1, 2*longest(schedule))
	client.returns()
	listener.accept()
	p.note(wording.Say("lab.without-cookies.end"))
}

func backlog(p *script) {
	p.note(wording.Say("lab.backlog.listen"))
	listener := p.listen(There, port, 1)
	p.socket(Here).connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.backlog.two"))
	acks := p.hold(2, with(Here, ackBit))
	one := p.socket(Here).connect(at(There, port))
	other := p.socket(Here).connect(at(There, port))
	one.returns()
	other.returns()
	p.sent(with(Here, ackBit), 3, patience)
	p.note(wording.Say("lab.backlog.overflow"))
	p.release(acks)
	p.stateWithin(There, tcp.Established, 2, patience)
	p.settle()
	p.ask(wording.Say("lab.backlog.ask"), tcp.SynRecv)
	p.note(wording.Say("lab.backlog.resend"))
	p.sent(with(There, synBit|ackBit), 4, patience)
	p.settle()
	p.answer(wording.Say("lab.backlog.answer"))
	p.note(wording.Say("lab.backlog.fourth"))
	fourth := p.socket(Here).connect(at(There, port))
	p.settle()
	p.note(wording.Say("lab.backlog.accept"))
	listener.accept()
	listener.accept()
	p.stateWithin(There, tcp.Established, 4, 2*patience)
	fourth.returns()
	p.note(wording.Say("lab.backlog.end"))
}
