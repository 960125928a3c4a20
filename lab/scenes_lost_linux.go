package lab

import (
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
	"tcpstate/wording"
)

func loseSYN(p *script) {
	p.listen(There, port, 8)
	p.note(wording.Say("lab.lose-syn.connect"))
	p.lose(1, with(Here, synBit))
	client := p.socket(Here).connect(at(There, port))
	p.sent(with(Here, synBit), 2, patience)
	p.note(wording.Say("lab.lose-syn.again"))
	client.returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.lose-syn.end", "n", len(p.settings.SYNSchedule().Resends), "time", exact(p.settings.SYNSchedule().GivenUp)))
}

func loseSYNACK(p *script) {
	p.listen(There, port, 8)
	p.note(wording.Say("lab.lose-syn-ack.connect"))
	p.lose(1, with(There, synBit|ackBit))
	client := p.socket(Here).connect(at(There, port))
	p.sent(with(There, synBit|ackBit), 2, patience)
	p.note(wording.Say("lab.lose-syn-ack.again"))
	client.returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.lose-syn-ack.end", "n", len(p.settings.SYNACKSchedule().Resends), "time", exact(p.settings.SYNACKSchedule().GivenUp)))
}

func loseThirdACK(p *script) {
	p.listen(There, port, 8)
	p.note(wording.Say("lab.lose-third-ack.connect"))
	p.lose(1, with(Here, ackBit))
	p.ask(wording.Say("lab.lose-third-ack.ask"), tcp.SynRecv)
	p.socket(Here).connect(at(There, port)).returns()
	p.note(wording.Say("lab.lose-third-ack.wait"))
	p.state(There, tcp.Established)
	p.answer(wording.Say("lab.lose-third-ack.answer"))
	p.note(wording.Say("lab.lose-third-ack.end", "n", len(p.settings.SYNACKSchedule().Resends), "time", exact(p.settings.SYNACKSchedule().GivenUp)))
}

func loseFIN(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.lose-fin.close"))
	p.lose(1, fin(Here))
	c.client.close()
	p.sent(fin(Here), 2, patience)
	p.note(wording.Say("lab.lose-fin.again"))
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.lose-fin.end", "time", exact(p.settings.OrphanSchedule(rto).GivenUp)))
}

func loseACKOfFIN(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.lose-ack-of-fin.close"))
	p.lose(1, with(There, ackBit))
	p.ask(wording.Say("lab.lose-ack-of-fin.ask"), tcp.FinWait1)
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.note(wording.Say("lab.lose-ack-of-fin.wait"))
	p.state(Here, tcp.FinWait2)
	p.answer(wording.Say("lab.lose-ack-of-fin.answer"))
	p.note(wording.Say("lab.lose-ack-of-fin.end"))
}

func loseSecondFIN(p *script) {
	c := p.connected()
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.lose-second-fin.close"))
	p.lose(1, fin(There))
	p.ask(wording.Say("lab.lose-second-fin.ask"), tcp.LastAck)
	c.server.close()
	p.sent(fin(There), 1, patience)
	p.note(wording.Say("lab.lose-second-fin.wait"))
	p.state(Here, tcp.TimeWait)
	p.gone(There, tcp.LastAck, patience)
	p.answer(wording.Say("lab.lose-second-fin.answer"))
	p.note(wording.Say("lab.lose-second-fin.end", "time", exact(p.settings.OrphanSchedule(rto).GivenUp)))
}

func loseLastACK(p *script) {
	c := p.connected()
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.lose-last-ack.close"))
	p.lose(1, with(Here, ackBit))
	p.ask(wording.Say("lab.lose-last-ack.ask"), tcp.LastAck)
	c.server.close()
	p.sent(with(Here, ackBit), 2, patience)
	p.note(wording.Say("lab.lose-last-ack.wait"))
	p.gone(There, tcp.LastAck, patience)
	p.answer(wording.Say("lab.lose-last-ack.answer"))
	p.note(wording.Say("lab.lose-last-ack.end"))
}

func loseKeepalive(p *script) {
	schedule := p.settings.KeepaliveSchedule()
	c := p.connected()
	p.note(wording.Say("lab.lose-keepalive.option", "time", exact(schedule.Resends[0])))
	p.lose(1, with(There, ackBit))
	c.server.option(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, "SO_KEEPALIVE")
	p.sent(with(There, ackBit), 1, longest(schedule))
	p.note(wording.Say("lab.lose-keepalive.wait", "time", exact(schedule.Resends[1]-schedule.Resends[0])))
	p.sent(with(There, ackBit), 2, longest(schedule))
	p.settle()
	p.note(wording.Say("lab.lose-keepalive.end", "n", len(schedule.Resends)))
}

// opened matches a pure ACK of the server with which its window opens again.
func opened(p *passing) bool { return with(There, ackBit)(p) && p.Window > 0 }

func loseWindowUpdate(p *script) {
	c := p.connectedWith(small)
	p.note(wording.Say("lab.lose-window-update.fill"))
	c.client.fill()
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind == tcp.TimerPersist })
	p.note(wording.Say("lab.lose-window-update.read"))
	lost := p.lose(1<<30, opened)
	c.server.read()
	p.pause(3 * Delay)
	p.release(lost)
	p.note(wording.Say("lab.lose-window-update.wait"))
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind != tcp.TimerPersist })
	p.pause(200 * time.Millisecond)
	p.note(wording.Say("lab.lose-window-update.end"))
}
