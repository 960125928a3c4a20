package collect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// This file makes sockets that filters distinguish, and filters that distinguish
// them.

// mark is the mark of the lab's first marked sockets.
const mark = 0xbeef

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fillLab makes a socket of every kind, and others with marks, on links, with
// chosen and with automatic ports. It returns the cookies of the sockets that
// chose their port in bind(2).
func fillLab(t *testing.T, l *lab.Lab) (asked map[tcp.Cookie]bool) {
	t.Helper()
	made, err := l.States()
	must(t, err)
	asked = map[tcp.Cookie]bool{}
	for _, s := range made {
		if s.State == tcp.Close { // the lab bound it to a chosen port, then reset it
			asked[tcp.Cookie(s.Kernel.Cookie)] = true
		}
	}
	for i, text := range []string{"127.0.0.1", "127.0.9.1", "::1"} {
		host := netip.MustParseAddr(text)
		at := netip.AddrPortFrom(host, uint16(5000+i))
		listener := bound(t, at, "", mark+i)
		must(t, unix.Listen(listener, 8))
		asked[cookieOf(t, listener)] = true
		for _, client := range []struct {
			port uint16
			link string
			mark int
			stay bool
		}{
			{0, "", 0, true},
			{uint16(6000 + i), "lo", mark, true},
			{0, "lo", 0x10, false},
		} {
			fd := bound(t, netip.AddrPortFrom(host, client.port), client.link, client.mark)
			must(t, unix.Connect(fd, sockaddr(at)))
			server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			must(t, err)
			if client.port != 0 {
				asked[cookieOf(t, fd)] = true
			}
			if !client.stay { // the one that closes first stays in TIME_WAIT
				must(t, unix.Close(fd))
				must(t, unix.Close(server))
			}
		}
		asked[cookieOf(t, bound(t, netip.AddrPortFrom(host, uint16(7000+i)), "", mark))] = true // BOUND_INACTIVE
	}
	for _, host := range []netip.Addr{lab.Host4, lab.Host6} {
		halfOpen(t, l, host)
	}
	return asked
}

// halfOpen makes a SYN_RECV socket with a mark, on a link.
func halfOpen(t *testing.T, l *lab.Lab, host netip.Addr) {
	t.Helper()
	listener := bound(t, netip.AddrPortFrom(host, 0), lab.HostLink, 0x20)
	must(t, unix.Listen(listener, 8))
	from := netip.MustParseAddrPort("10.3.0.1:4000")
	if host.Is6() {
		from = netip.MustParseAddrPort("[fd03::1]:4000")
	}
	p, err := l.Peer(from)
	must(t, err)
	name, err := unix.Getsockname(listener)
	must(t, err)
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		p.Host = netip.AddrPortFrom(host, uint16(name.Port))
	case *unix.SockaddrInet6:
		p.Host = netip.AddrPortFrom(host, uint16(name.Port))
	}
	must(t, p.Send(lab.SYN, nil))
	_, err = p.Expect(lab.SYN | lab.ACK)
	must(t, err)
}

// bound returns a socket that is bound to an address, and to a link if one is
// named. It exists as long as the lab's namespace.
func bound(t *testing.T, at netip.AddrPort, link string, mark int) int {
	t.Helper()
	domain := unix.AF_INET
	if at.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	must(t, err)
	if link != "" {
		must(t, unix.BindToDevice(fd, link))
	}
	must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark))
	must(t, unix.Bind(fd, sockaddr(at)))
	return fd
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	}
	return &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
}

func cookieOf(t *testing.T, fd int) tcp.Cookie {
	t.Helper()
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	must(t, err)
	return tcp.Cookie(cookie)
}

// writer writes expressions about the existing sockets. It uses the ports and
// addresses of some of them, so that the expressions select some and not
// others.
type writer struct {
	*rand.Rand
	sockets []*tcp.Socket
	marks   bool // whether expressions may use marks
}

func newWriter(seed uint64, sockets []*tcp.Socket) *writer {
	return &writer{Rand: rand.New(rand.NewPCG(seed, 7)), sockets: sockets, marks: true}
}

func pick[T any](w *writer, from ...T) T { return from[w.IntN(len(from))] }

// expression returns an expression. One in three uses only terms that the
// kernel can judge.
func (w *writer) expression() string {
	term := w.anyTerm
	if w.IntN(3) == 0 {
		term = w.kernelTerm
	}
	expr := w.operand(3, term)
	if strings.HasPrefix(expr, "state") {
		expr = "( " + expr + " )" // else it would be joined with the states before it
	}
	switch w.IntN(6) {
	case 0, 1:
		return "state " + w.states() + " " + expr
	case 2:
		return "exclude " + pick(w, "established", "listening", "time-wait", "big") + " " + expr
	}
	return expr
}

func (w *writer) states() string {
	return pick(w, "all", "connected", "synchronized", "bucket", "big", "established", "listening", "time-wait,syn-recv",
		"fin-wait-2", "closed", "bound-inactive", "established,close-wait,close")
}

func (w *writer) operand(depth int, term func() string) string {
	switch {
	case depth == 0 || w.IntN(3) == 0:
		return term()
	case w.IntN(4) == 0:
		return "not " + w.operand(depth-1, term)
	}
	expr := "( " + w.operand(depth-1, term)
	for range 1 + w.IntN(3) {
		expr += " " + pick(w, "and", "or", "or", "") + " " + w.operand(depth-1, term)
	}
	return expr + " )"
}

// anyTerm returns a term of any kind.
func (w *writer) anyTerm() string {
	if w.IntN(4) > 0 {
		return w.kernelTerm()
	}
	return pick(w,
		"state "+pick(w, "=", "!=")+" "+w.states(),
		"user "+pick(w, "=", "!=")+" 0",
		"timer "+pick(w, "=", "!=")+" "+pick(w, "off", "on", "keepalive,persist", "timewait"),
		"recvq "+w.order()+" "+pick(w, "0", "1", "100"), "sendq "+w.order()+" "+pick(w, "0", "1", "200"),
		"acceptq "+w.order()+" "+pick(w, "0", "2"), "retrans "+pick(w, "= 254", ">= 0"),
		"age "+pick(w, ">= 0s", "> 2h"), "idle "+pick(w, ">= 0s", "> 2h"), "rtt "+pick(w, "> 0s", "> 10s"))
}

func (w *writer) order() string { return pick(w, "=", "!=", "<", "<=", ">", ">=") }

// kernelTerm returns a term that some kernel can judge.
func (w *writer) kernelTerm() string {
	equal := pick(w, "", "=", "!=")
	s := pick(w, w.sockets...)
	host, port, end := "src", "sport", s.Local
	if w.IntN(2) == 0 {
		host, port, end = "dst", "dport", s.Peer
	}
	switch w.IntN(14) {
	case 0, 1:
		return port + " " + w.order() + " " + strconv.Itoa(int(w.near(end.Port())))
	case 2:
		return port + " " + equal + " " + w.ports(end.Port())
	case 3, 4:
		return host + " " + equal + " " + w.host(end)
	case 5:
		return host + " " + equal + " " + w.host(end) + "," + w.host(pick(w, w.sockets...).Peer)
	case 6:
		return host + " " + equal + " *:" + strconv.Itoa(int(w.near(end.Port())))
	case 7:
		return host + " " + equal + " " + pick(w, "inet:", "inet6:") + pick(w, "*", ":"+strconv.Itoa(int(end.Port())))
	case 8, 9:
		return "dev " + equal + " " + pick(w, "0", "1", strconv.Itoa(int(s.InterfaceIndex)), "77")
	case 10:
		return "family " + equal + " " + pick(w, "ipv4", "ipv6")
	case 11:
		return pick(w, "autobound", "not autobound")
	case 12:
		return "cgroup " + equal + " " + pick(w, "/ours", "/other")
	}
	if !w.marks {
		return port + " " + w.order() + " 5001"
	}
	return "fwmark " + equal + " " + pick(w, "0", "0xbeef", "0xbeef/0xfff0", "0x10/0x10", "0x20", "0/1", "1/0")
}

// near returns a port, a port next to it, or an extreme one.
func (w *writer) near(port uint16) uint16 {
	return pick(w, port, port, port, port-1, port+1, 0, 65535)
}

func (w *writer) ports(port uint16) string {
	first, last := w.near(port), w.near(pick(w, w.sockets...).Local.Port())
	return pick(w, "*", fmt.Sprintf("%d,%d", first, last), fmt.Sprintf("%d-%d", min(first, last), max(first, last)),
		fmt.Sprintf("%d,%d-%d", port, min(first, last), max(first, last)), fmt.Sprintf("inet6:%d", port))
}

// host returns the address of an end or a network that contains it, with or
// without the port.
func (w *writer) host(end netip.AddrPort) string {
	addr := end.Addr().WithZone("")
	if addr.Is4In6() && w.IntN(2) == 0 {
		addr = addr.Unmap()
	}
	text := addr.String()
	if w.IntN(2) == 0 {
		text += "/" + strconv.Itoa(w.IntN(addr.BitLen()+1))
	}
	if addr.Is6() {
		text = "[" + text + "]"
	}
	if w.IntN(4) == 0 {
		text += ":" + strconv.Itoa(int(end.Port()))
	}
	return text
}
