package cmd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// makeRareSockets makes sockets with attributes that the sockets of lab.States do
// not have, so that ss prints nearly every figure that it knows.
func makeRareSockets(t *testing.T, l *lab.Lab) {
	t.Helper()
	if err := l.SetSysctl("net.ipv4.tcp_ecn", 1); err != nil {
		t.Fatal(err)
	}
	for _, host := range []unix.Sockaddr{
		&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, &unix.SockaddrInet6{Addr: [16]byte{15: 1}},
	} {
		marked(t, host)
		stuck(t, host)
		for _, algorithm := range congestionControls(t) {
			busy(t, host, algorithm)
		}
	}
	lossy(t, l)
	outOfOrder(t, l)
}

func congestionControls(t *testing.T) []string {
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	must(t, err)
	return strings.Fields(string(text))
}

// newSocket returns a TCP socket of the family of host. It stays open until the
// process ends, and the lab's network namespace ends with the process.
func newSocket(t *testing.T, host unix.Sockaddr) int {
	t.Helper()
	domain := unix.AF_INET
	if _, ok := host.(*unix.SockaddrInet6); ok {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	must(t, err)
	return fd
}

func listenOn(t *testing.T, host unix.Sockaddr, prepare func(fd int)) (fd int, at unix.Sockaddr) {
	t.Helper()
	fd = newSocket(t, host)
	prepare(fd)
	must(t, unix.Bind(fd, host))
	must(t, unix.Listen(fd, 16))
	at, err := unix.Getsockname(fd)
	must(t, err)
	return fd, at
}

// connectTo returns both sockets of a connection over the loopback interface.
func connectTo(t *testing.T, host unix.Sockaddr, prepare func(fd int)) (client, server int) {
	t.Helper()
	listener, at := listenOn(t, host, prepare)
	defer unix.Close(listener)
	client = newSocket(t, host)
	prepare(client)
	must(t, unix.Connect(client, at))
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	must(t, err)
	return client, server
}

// marked makes sockets that have a mark, a type of service, a priority and a
// maximum pacing rate, are bound to lo, and belong to another user if the user
// namespace has one.
func marked(t *testing.T, host unix.Sockaddr) {
	client, _ := connectTo(t, host, func(fd int) {
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, 0xbeef))
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 5))
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, 1_000_000))
		must(t, unix.BindToDevice(fd, "lo"))
		if _, ok := host.(*unix.SockaddrInet6); ok {
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x28))
		} else {
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, 0x10))
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1))
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
		}
		if mapsOtherUsers() {
			must(t, unix.Fchown(fd, 4711, -1))
		}
	})
	must(t, writeAll(client, make([]byte, 3000)))
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

// busy makes a connection that has carried data in both directions.
func busy(t *testing.T, host unix.Sockaddr, algorithm string) {
	client, server := connectTo(t, host, func(fd int) {
		must(t, unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, algorithm))
	})
	buffer := make([]byte, 4000)
	for range 20 {
		for _, way := range [][2]int{{client, server}, {server, client}} {
			must(t, writeAll(way[0], buffer))
			for got := 0; got < len(buffer); {
				n, err := unix.Read(way[1], buffer)
				must(t, err)
				got += n
			}
		}
	}
}

// stuck makes a connection whose receiver does not read and whose sender has
// filled all buffers, so that the receive window limits it.
func stuck(t *testing.T, host unix.Sockaddr) {
	client, _ := connectTo(t, host, func(fd int) {
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8000))
	})
	must(t, unix.SetNonblock(client, true))
	lab.Await(t, func() error {
		for {
			_, err := unix.Write(client, make([]byte, 4000))
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			must(t, err)
		}
		info, err := unix.GetsockoptTCPInfo(client, unix.IPPROTO_TCP, unix.TCP_INFO)
		must(t, err)
		if info.Notsent_bytes == 0 || info.Rwnd_limited <= 2000 {
			return fmt.Errorf("the connection is not limited by the window: %+v", info)
		}
		return nil
	})
}

// acceptFrom returns the accepted socket of a connection from a peer of the lab.
func acceptFrom(t *testing.T, l *lab.Lab, from netip.AddrPort) (int, *lab.Peer) {
	t.Helper()
	listener, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
	p, err := l.Peer(from)
	must(t, err)
	p.Host = netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
	p.Options = []byte{2, 4, 1000 >> 8, 1000 & 0xff, 1, 1, 4, 2} // MSS 1000, SACK permitted (RFC 2018)
	must(t, p.Send(lab.SYN, nil))
	_, err = p.Expect(lab.SYN | lab.ACK)
	must(t, err)
	must(t, p.Send(lab.ACK, nil))
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	must(t, err)
	return fd, p
}

// lossy makes a connection that has lost its first segments: the peer acknowledges
// later segments with SACK, and the kernel resends the first.
func lossy(t *testing.T, l *lab.Lab) {
	fd, p := acceptFrom(t, l, netip.MustParseAddrPort("10.9.0.1:5000"))
	must(t, unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno"))
	must(t, writeAll(fd, make([]byte, 8000)))
	first, err := p.Expect(lab.ACK)
	must(t, err)
	block := func(from, to uint32) []byte {
		return slices.Concat([]byte{1, 1, 5, 10}, binary.BigEndian.AppendUint32(nil, from), binary.BigEndian.AppendUint32(nil, to))
	}
	for n := range uint32(4) {
		must(t, p.SendRaw(lab.Segment{Src: p.Addr, Dst: p.Host, Flags: lab.ACK, Seq: p.Seq, Ack: first.Seq, Window: p.Window,
			Options: block(first.Seq+2000, first.Seq+3000+1000*n)}))
	}
	waitForInfo(t, fd, "segments acknowledged by SACK and a slow start threshold", func(info *unix.TCPInfo) bool {
		return info.Sacked > 0 && info.Snd_ssthresh < 0xffff && info.Retrans > 0
	})
}

// outOfOrder makes a connection that has received a segment out of order.
func outOfOrder(t *testing.T, l *lab.Lab) {
	fd, p := acceptFrom(t, l, netip.MustParseAddrPort("10.9.0.2:5000"))
	p.Seq += 100
	must(t, p.Send(lab.PSH|lab.ACK, make([]byte, 50)))
	waitForInfo(t, fd, "a segment out of order", func(info *unix.TCPInfo) bool { return info.Rcv_ooopack > 0 })
}

func waitForInfo(t *testing.T, fd int, what string, ready func(*unix.TCPInfo) bool) {
	t.Helper()
	lab.Await(t, func() error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		must(t, err)
		if !ready(info) {
			return fmt.Errorf("waiting for %s: %+v", what, info)
		}
		return nil
	})
}
