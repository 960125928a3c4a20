package lab

import (
	"tcpstate/tcp"
	"tcpstate/wording"
)

// port is the port of the server in every scene.
const port = 80

func handshake(s *stage) error {
	s.note(wording.Say("lab.handshake.listen"))
	listener, err := s.listen(There, port, 8)
	if err != nil {
		return err
	}
	s.note(wording.Say("lab.handshake.syn"))
	s.before(with(There, synBit|ackBit), wording.Say("lab.handshake.synack"))
	s.before(with(Here, ackBit), wording.Say("lab.handshake.ack"))
	client, err := s.socket(Here)
	if err != nil {
		return err
	}
	if err := client.connect(at(There, port)).wait(patience); err != nil {
		return err
	}
	if err := s.state(There, tcp.Established); err != nil {
		return err
	}
	s.note(wording.Say("lab.handshake.accept"))
	if _, err := listener.accept(); err != nil {
		return err
	}
	s.note(wording.Say("lab.handshake.end"))
	return nil
}

// connection is a connection between a client and a server.
type connection struct{ client, server, listener *socket }

// connected makes a connection, in the ordinary way.
func (s *stage) connected() (c connection, err error) {
	s.note(wording.Say("lab.connected"))
	if c.listener, err = s.listen(There, port, 8); err != nil {
		return c, err
	}
	if c.client, err = s.socket(Here); err != nil {
		return c, err
	}
	if err := c.client.connect(at(There, port)).wait(patience); err != nil {
		return c, err
	}
	if err := s.state(There, tcp.Established); err != nil {
		return c, err
	}
	c.server, err = c.listener.accept()
	return c, err
}

func teardown(s *stage) error {
	c, err := s.connected()
	if err != nil {
		return err
	}
	s.note(wording.Say("lab.teardown.fin"))
	s.before(with(There, ackBit), wording.Say("lab.teardown.ack"))
	if err := c.client.close(); err != nil {
		return err
	}
	if err := s.state(There, tcp.CloseWait); err != nil {
		return err
	}
	if err := s.state(Here, tcp.FinWait2); err != nil {
		return err
	}
	s.note(wording.Say("lab.teardown.read"))
	if _, err := c.server.read(100); err != nil {
		return err
	}
	s.note(wording.Say("lab.teardown.second"))
	s.before(with(Here, ackBit), wording.Say("lab.teardown.last"))
	if err := c.server.close(); err != nil {
		return err
	}
	if err := s.state(Here, tcp.TimeWait); err != nil {
		return err
	}
	if err := s.left(There, tcp.LastAck, patience); err != nil {
		return err
	}
	s.note(wording.Say("lab.teardown.end"))
	return nil
}
