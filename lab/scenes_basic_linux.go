package lab

import (
	"tcpstate/tcp"
	"tcpstate/wording"
)

// port is the port of the server in every scene.
const port = 80

func handshake(p *script) {
	p.note(wording.Say("lab.handshake.listen"))
	listener := p.listen(There, port, 8)
	p.note(wording.Say("lab.handshake.syn"))
	p.before(with(There, synBit|ackBit), wording.Say("lab.handshake.synack"))
	p.before(with(Here, ackBit), wording.Say("lab.handshake.ack"))
	p.socket(Here).connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.handshake.accept"))
	listener.accept()
	p.note(wording.Say("lab.handshake.end"))
}

func teardown(p *script) {
	c := p.connected()
	p.note(wording.Say("lab.teardown.fin"))
	p.before(with(There, ackBit), wording.Say("lab.teardown.ack"))
	c.client.close()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.teardown.read"))
	c.server.read()
	p.note(wording.Say("lab.teardown.second"))
	p.before(with(Here, ackBit), wording.Say("lab.teardown.last"))
	c.server.close()
	p.state(Here, tcp.TimeWait)
	p.gone(There, tcp.LastAck, patience)
	p.note(wording.Say("lab.teardown.end"))
}
