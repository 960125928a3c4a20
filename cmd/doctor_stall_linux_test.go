package cmd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDoctorSeesDeadPathsInCloseWait has peers that close and then acknowledge
// nothing: their program waits for the path, and leaks nothing.
func TestDoctorSeesDeadPathsInCloseWait(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		fds, peers := dialIn(t, l, at, fd, 0, 5)
		for i, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
			if i < 4 {
				must(t, writeAll(fds[i], make([]byte, 200)))
			}
		}
		pid := given(t, "answering", fds...)
		thresholds := append(set("dead-path.resends=2", "dead-path.count=4"), set("close-wait-leak.count=1", "close-wait-leak.age=300ms")...)
		f := soonFindsSo(t, thresholds, "close_wait", 1, "warning close-wait-leak", "warning dead-path")
		f.names(t, pid, "answering") // only the one with nothing to send is a leak
		f = finds(t, nil, set("dead-path.resends=2", "dead-path.count=4"), "warning dead-path")
		f.names(t, pid, "answering")
		f.wants(t, "connections", 4, "unacknowledged_bytes", 800)
	})
}

// TestDoctorSeesWindowsThatShrink has a peer close its window over data that is
// on its way, and answer what is resent. Another peer answers nothing.
func TestDoctorSeesWindowsThatShrink(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		fds, peers := dialIn(t, l, at, fd, 0, 2)
		for i, p := range peers {
			must(t, writeAll(fds[i], make([]byte, 300)))
			_, err := p.ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
			must(t, err)
			p.Ack -= 300
			p.Window = 0
			must(t, p.Send(lab.PSH|lab.ACK, []byte("full")))
		}
		must(t, unix.SetNonblock(fds[0], true))
		answering, stop := peers[0], make(chan struct{})
		done := make(chan error, 1)
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				_, err := answering.ExpectFunc("a resend", func(s lab.Segment) bool { return len(s.Payload) > 0 })
				if err == nil {
					answering.Ack -= 300
					err = answering.Send(lab.ACK, nil)
				}
				if err != nil {
					done <- err
					return
				}
			}
		}()
		for _, fd := range fds {
			_, err := unix.Read(fd, make([]byte, 4))
			must(t, err)
		}
		pid := given(t, "sender", fds...)
		thresholds := set("peer-not-reading.age=1s", "dead-path.resends=100", "dead-path.probes=3")
		f := soonFinds(t, thresholds, "info dead-path", "info peer-not-reading")
		f.names(t, pid, "sender")
		f.says(t, peerNumber(1).String())
		e := examine(t, nil, thresholds...)
		for _, f := range e.Findings {
			if f.Code == "peer-not-reading" {
				f.says(t, peerNumber(0).String(), "for at least ", "its window is closed")
				f.names(t, pid, "sender")
			}
		}
		finds(t, nil, set("peer-not-reading.age=1h", "dead-path.probes=100"))
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestDoctorSeesAddressesThatAreGone takes an address from this host while
// connections use it.
func TestDoctorSeesAddressesThatAreGone(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		link, err := netlink.LinkByName(lab.HostLink)
		must(t, err)
		moving, err := netlink.ParseAddr("10.66.0.1/32")
		must(t, err)
		must(t, netlink.AddrAdd(link, moving))
		fd, at := listenWith(t, netip.MustParseAddr("10.66.0.1"), 32)
		fds, _ := dialIn(t, l, at, fd, 0, 5)
		waiting, waitingPeers := dialIn(t, l, at, fd, 20, 1)

		// A connection of another address, whose peer has closed its window.
		other, otherAt := listenWith(t, lab.Host4, 32)
		slow, slowPeers := dialIn(t, l, otherAt, other, 40, 1)
		slowPeers[0].Window = 0
		must(t, slowPeers[0].Send(lab.PSH|lab.ACK, []byte("wait")))
		_, err = slowPeers[0].Expect(lab.ACK)
		must(t, err)
		must(t, writeAll(slow[0], make([]byte, 300)))

		must(t, writeAll(waiting[0], make([]byte, 100)))
		_, err = waitingPeers[0].ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
		must(t, err)
		patience := set("dead-path.probes=100")
		finds(t, nil, patience)

		must(t, netlink.AddrDel(link, moving))
		for _, fd := range fds {
			must(t, writeAll(fd, make([]byte, 100)))
		}
		pid := given(t, "stranded", fds[:4]...)
		thresholds := append(patience, set("send-blocked.tries=2")...)
		f := soonFindsSo(t, thresholds, "connections", 5, "warning send-blocked")
		f.says(t, "5 connections cannot send", "the data does not leave this host", "the local address 10.66.0.1 is on no interface")
		f.wants(t, "local_address_gone", "10.66.0.1", "unsent_bytes", 500, "closed_by_program", 0)
		if f.Confidence != "likely" {
			t.Errorf("its confidence is %s", f.Confidence)
		}
		closeAll(t, fds[4]) // FIN_WAIT1
		f = soonFindsSo(t, thresholds, "closed_by_program", 1, "warning send-blocked")
		if len(f.Processes) != 1 || f.Processes[0].PID != pid {
			t.Errorf("it names %v, not %d", f.Processes, pid)
		}
		finds(t, nil, append(patience, set("send-blocked.tries=100")...))

		// What was on its way when the address went is resent in vain.
		f = soonFinds(t, append(set("dead-path.resends=2", "send-blocked.tries=100"), patience...), "info dead-path")
		f.says(t, fmt.Sprintf("(peer %v)", peerNumber(20)), "the local address 10.66.0.1 is on no interface")
	})
}

// TestDoctorSeesPathsWithSmallMTU has peers that answer small segments and no
// full ones, and others that answer no segment at all, or not any more.
func TestDoctorSeesPathsWithSmallMTU(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		next := 0
		come := func() (int, *lab.Peer) {
			p, err := l.Peer(peerNumber(next))
			must(t, err)
			next++
			p.Host, p.Options = at, []byte{2, 4, 5, 180} // an MSS of 1460
			must(t, p.Send(lab.SYN, nil))
			_, err = p.Expect(lab.SYN | lab.ACK)
			must(t, err)
			must(t, p.Send(lab.ACK, nil))
			fd, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			must(t, err)
			return fd, p
		}
		acknowledged := func(fd int, p *lab.Peer, size int) {
			must(t, writeAll(fd, make([]byte, size)))
			_, err := p.ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
			must(t, err)
			must(t, p.Send(lab.ACK, nil))
		}
		var fds []int
		large := func(greeting int) {
			fd, p := come()
			acknowledged(fd, p, greeting)
			must(t, writeAll(fd, make([]byte, 4000)))
			fds = append(fds, fd)
		}
		large(40)
		large(200)
		small, _ := come()
		must(t, writeAll(small, make([]byte, 1000))) // a dead path
		carried, p := come()
		acknowledged(carried, p, 1460)
		must(t, writeAll(carried, make([]byte, 4000))) // a path that died later
		f := soonFindsSo(t, nil, "connections", 2, "info mtu-blackhole")
		f.wants(t, "segment_bytes", 1460, "path_mtu_bytes", 1500)
		if f.Confidence != "possible" {
			t.Errorf("of two connections its confidence is %s", f.Confidence)
		}
		large(40)
		pid := given(t, "sshd", fds...)
		f = soonFinds(t, nil, "warning mtu-blackhole")
		f.names(t, pid, "sshd")
		f.says(t, "3 connections of sshd", "get no answer to full segments", "MTU")
		f.wants(t, "connections", 3, "unacknowledged_bytes", 12000)
		if advice := fmt.Sprint(f.Advice); f.Confidence != "likely" || !strings.Contains(advice, "ping -M do -c 3 -s 1472 10.9.0.") || !strings.Contains(advice, "tcp_mtu_probing=1") {
			t.Errorf("%s, it advises %s", f.Confidence, advice)
		}
		finds(t, nil, set("mtu-blackhole.resends=100"))
		soonFinds(t, set("dead-path.resends=2"), "warning mtu-blackhole", "info dead-path")
		small, _ = come()
		must(t, writeAll(small, make([]byte, 1000)))
		soonFinds(t, set("dead-path.resends=2"), "info dead-path", "info mtu-blackhole") // which may be one outage
	})
}
