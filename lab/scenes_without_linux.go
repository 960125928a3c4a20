package lab

import (
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/lab/segment"
	"tcpstate/tcp"
	"tcpstate/wording"
)

func withoutThirdACK(p *script) {
	request := synFrom(forged(7), 1000)
	request.Payload = make([]byte, 20)
	p.note(wording.Say("lab.without-third-ack.listen"))
	listener := p.listen(There, port, 8)
	p.note(wording.Say("lab.without-third-ack.usual"))
	p.forge(Here, request)
	p.state(There, tcp.SynRecv)
	p.settle()
	listener.call("accept()", unix.EAGAIN, func() (string, error) {
		if err := unix.SetNonblock(listener.fd, true); err != nil {
			return "", err
		}
		_, _, err := unix.Accept4(listener.fd, unix.SOCK_CLOEXEC)
		return "", err
	})
	listener.close()
	p.gone(There, tcp.SynRecv, patience)
	p.note(wording.Say("lab.without-third-ack.without"))
	p.set("net.ipv4.tcp_fastopen", tfoServer|tfoNoCookie|tfoEveryListener)
	listener = p.listen(There, port, 8)
	listener.option(unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 8, "TCP_FASTOPEN")
	request.Src = forged(8)
	p.forge(Here, request)
	p.arrived(There)
	server := listener.accept()
	server.read()
	p.note(wording.Say("lab.without-third-ack.end"))
}

// The bits of net.ipv4.tcp_fastopen (ip-sysctl).
const tfoServer, tfoNoCookie, tfoEveryListener = 0x2, 0x200, 0x400

// firstNumber is the first sequence number of a host that does not choose it at
// random.
const firstNumber = 100000

// The options of TCP_REPAIR (include/uapi/linux/tcp.h). They set the first sequence
// number of a socket before it connects.
const sendQueue, noQueue = 2, 0

// numbered sets the first sequence number of a socket.
func (k *socket) numbered(first int) {
	k.call("TCP_QUEUE_SEQ", 0, func() (string, error) {
		for _, o := range [][2]int{{unix.TCP_REPAIR, 1}, {unix.TCP_REPAIR_QUEUE, sendQueue}, {unix.TCP_QUEUE_SEQ, first},
			{unix.TCP_REPAIR_QUEUE, noQueue}, {unix.TCP_REPAIR, unix.TCP_REPAIR_OFF_NO_WP}} {
			if err := unix.SetsockoptInt(k.fd, unix.IPPROTO_TCP, o[0], o[1]); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// sameName connects a client with a port and a first sequence number of its own.
func (p *script) sameName(listener *socket) (client, server *socket) {
	client = p.socket(Here)
	client.numbered(firstNumber)
	client.bind(5000)
	client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	return client, listener.accept()
}

// endsAtOnce closes a connection, the client first. Its TIME_WAIT does not last.
func (p *script) endsAtOnce(client, server *socket) {
	client.shutdown()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	server.close()
	p.gone(Here, tcp.FinWait2, patience)
	client.close()
	p.settle()
}

func withoutTimeWait(p *script) {
	p.note(wording.Say("lab.without-time-wait.world"))
	p.set("net.ipv4.tcp_max_tw_buckets", 0)
	p.set("net.ipv4.tcp_timestamps", 0)
	listener := p.listen(There, port, 8)
	p.note(wording.Say("lab.without-time-wait.first"))
	client, server := p.sameName(listener)
	client.write(100)
	p.arrived(There)
	p.settle()
	server.read()
	old, _ := p.lastOf(data(Here))
	p.endsAtOnce(client, server)
	p.note(wording.Say("lab.without-time-wait.second"))
	_, server = p.sameName(listener)
	p.note(wording.Say("lab.without-time-wait.duplicate"))
	answer, _ := p.lastOf(with(There, synBit|ackBit))
	old.Ack = answer.Seq + 1
	p.forge(Here, old)
	p.arrived(There)
	server.read()
	p.note(wording.Say("lab.without-time-wait.end"))
}

func withoutTimeWaitSYN(p *script) {
	p.note(wording.Say("lab.without-time-wait-syn.world"))
	p.set("net.ipv4.tcp_max_tw_buckets", 0)
	p.set("net.ipv4.tcp_timestamps", 0)
	listener := p.listen(There, port, 8)
	client := p.socket(Here)
	client.bind(5000)
	client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	server := listener.accept()
	client.shutdown()
	p.state(There, tcp.CloseWait)
	p.state(Here, tcp.FinWait2)
	p.note(wording.Say("lab.without-time-wait-syn.lost"))
	p.lose(1, with(Here, ackBit))
	server.close()
	p.gone(Here, tcp.FinWait2, patience)
	client.close()
	p.note(wording.Say("lab.without-time-wait-syn.again"))
	again := p.socket(Here)
	again.bind(5000)
	p.before(with(There, ackBit), wording.Say("lab.without-time-wait-syn.challenge"))
	connecting := again.connect(at(There, port))
	connecting.returns()
	p.state(There, tcp.Established)
	p.note(wording.Say("lab.without-time-wait-syn.end"))
}

func withoutRandomNumbers(p *script) {
	listener := p.listen(There, port, 8)
	p.note(wording.Say("lab.without-random-numbers.connect", "n", firstNumber))
	client, server := p.sameName(listener)
	p.note(wording.Say("lab.without-random-numbers.wrong"))
	guess := segment.Segment{Src: at(Here, 5000), Dst: at(There, port), Flags: rstBit, Seq: firstNumber + 1000}
	p.forge(Here, guess)
	p.settle()
	p.note(wording.Say("lab.without-random-numbers.right", "n", firstNumber+1))
	guess.Seq = firstNumber + 1
	p.forge(Here, guess)
	p.gone(There, tcp.Established, patience)
	server.readFails(unix.ECONNRESET)
	p.note(wording.Say("lab.without-random-numbers.client"))
	client.write(10)
	p.gone(Here, tcp.Established, patience)
	p.note(wording.Say("lab.without-random-numbers.end"))
}

func withoutPersist(p *script) {
	c := p.connectedWith(small)
	p.note(wording.Say("lab.without-persist.fill"))
	c.client.fill()
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind == tcp.TimerPersist })
	p.note(wording.Say("lab.without-persist.read"))
	updates := p.lose(1<<30, opened)
	probes := p.lose(1<<30, with(Here, ackBit))
	c.server.read()
	p.pause(3 * Delay)
	p.release(updates)
	p.note(wording.Say("lab.without-persist.wait"))
	p.pause(3 * time.Second)
	p.note(wording.Say("lab.without-persist.back"))
	p.release(probes)
	p.timer(Here, tcp.Established, patience, func(t tcp.Timer) bool { return t.Kind != tcp.TimerPersist })
	p.pause(200 * time.Millisecond)
	p.note(wording.Say("lab.without-persist.end"))
}
