package filter

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// This file generates expressions and sockets from a small set of values, so
// that they often match.

var (
	somePorts = []string{"0", "1", "22", "80", "443", "8000", "65535"}
	someAddrs = []string{"10.0.0.1", "10.0.0.2", "10.1.0.1", "192.0.2.1", "0.0.0.0", "fe80::1", "2001:db8::1", "::", "::1",
		"::ffff:10.0.0.1", "::ffff:10.1.0.1", "::ffff:192.0.2.1", "::10.0.0.1"}
	someHosts = []string{"10.0.0.1", "10.0.0.0/8", "10.0.0.0/31", "10.1.0.1/16", "0.0.0.0/0", "192.0.2.1", "0.0.0.0",
		"[::]/0", "[2001:db8::]/33", "[fe80::]/10", "[::1]", "[::]", "[::ffff:10.0.0.1]", "[::ffff:10.0.0.0/104]", "[::ffff:0:0/96]", "*",
		"inet:10.0.0.0/8", "inet6:*", "inet:*"}
	someStates = []string{"all", "connected", "synchronized", "bucket", "big", "listen", "established", "time-wait", "syn-recv",
		"fin-wait-2", "close", "bound-inactive", "syn-sent,close-wait"}
)

// random generates expressions and sockets.
type random struct {
	*rand.Rand

	// These fields describe the simulated kernel: whether it shows marks to
	// this process, and whether it knows the marks of TIME_WAIT sockets.
	netAdmin, timeWaitMarks bool
}

func newRandom(seed uint64) *random {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 1))}
	r.netAdmin, r.timeWaitMarks = r.coin(), r.coin()
	return r
}

func pick[T any](r *random, from ...T) T { return from[r.IntN(len(from))] }
func (r *random) coin() bool             { return r.IntN(2) == 0 }

// list joins one to three elements.
func (r *random) list(from []string) string {
	elements := []string{pick(r, from...)}
	for r.IntN(4) == 0 && len(elements) < 3 {
		elements = append(elements, pick(r, from...))
	}
	return strings.Join(elements, ",")
}

// filter returns a random filter that is valid.
func (r *random) filter(t *testing.T, autobound bool) *Filter {
	for {
		expr := r.expression(autobound)
		f, err := Parse([]string{expr}, testNames)
		if err == nil {
			return f
		}
		if e, ok := err.(*Error); !ok || e.What.String() != "no state is left" {
			t.Fatalf("%s: %v", expr, err)
		}
	}
}

// expression returns a random expression. It uses autobound only if the
// argument says so.
func (r *random) expression(autobound bool) string {
	expr := r.operand(3, autobound)
	switch r.IntN(4) {
	case 0:
		expr = "state " + pick(r, someStates...) + " " + expr
	case 1:
		expr = "state " + pick(r, someStates...) + " exclude " + pick(r, someStates...) + " state listen " + expr
	}
	return expr
}

func (r *random) operand(depth int, autobound bool) string {
	switch {
	case depth == 0 || r.IntN(3) == 0:
		return r.term(autobound)
	case r.IntN(4) == 0:
		return "not " + r.operand(depth-1, autobound)
	}
	operands := []string{r.operand(depth-1, autobound)}
	for range 1 + r.IntN(3) {
		operands = append(operands, pick(r, "and", "or", "or", ""), r.operand(depth-1, autobound))
	}
	return "( " + strings.Join(operands, " ") + " )"
}

func (r *random) term(autobound bool) string {
	end, op := pick(r, "s", "d"), pick(r, "=", "!=", "<", "<=", ">", ">=")
	equal := pick(r, "", "=", "!=")
	switch r.IntN(20) {
	case 0, 1:
		return end + "port " + op + " " + pick(r, somePorts...)
	case 2, 3:
		return end + "port " + equal + " " + r.list(append([]string{"20-90", "0-80", "443-65535", "*", "inet:80", "inet6:0-500"}, somePorts...))
	case 4, 5, 6:
		word := map[string]string{"s": "src", "d": "dst"}[end]
		hosts := append([]string{":443", "10.0.0.0/8:80", "[::1]:22"}, someHosts...)
		return word + " " + equal + " " + r.list(hosts)
	case 7:
		return "state " + equal + " " + pick(r, someStates...)
	case 8:
		return "dev " + equal + " " + pick(r, "0", "1", "2")
	case 9:
		return "fwmark " + equal + " " + pick(r, "0", "1", "3/1", "1/3", "0/1", "0x10/0xf0")
	case 10:
		return "cgroup " + equal + " " + pick(r, "/a.slice", "/k=v|w")
	case 11:
		return "user " + equal + " " + pick(r, "root", "33", "0,33")
	case 12:
		return "timer " + equal + " " + r.list([]string{"off", "on", "keepalive", "timewait", "persist"})
	case 13:
		return pick(r, "recvq", "sendq", "acceptq", "retrans") + " " + op + " " + pick(r, "0", "1", "5")
	case 14:
		return pick(r, "age", "idle", "rtt") + " " + op + " " + pick(r, "0s", "1s", "5s")
	case 15:
		return "process " + equal + " " + r.list([]string{"nginx", "sshd", "tmux:\\ server", "fifteen-bytes-a-and-more"})
	case 16:
		return "pid " + equal + " " + r.list([]string{"1", "2", "3"})
	}
	if r.coin() {
		return pick(r, ":80", ":443,:8000-8100", "10.0.0.1", "10.0.0.0/8,[::1]", "0.0.0.0:22", "::", "nginx", "port 80", "port != 443", "accept_queue_max > 0", "timer.expires_ms < 5s")
	}
	if autobound {
		return "autobound"
	}
	return "family " + equal + " " + pick(r, "ipv4", "ipv6")
}

// specimen is a socket, and what the kernel knows about it.
type specimen struct {
	*tcp.Socket
	entry Entry
}

func (s specimen) String() string {
	return fmt.Sprintf("%s %v %v-%v recvq %d timer %v uid %v if %d ext %+v entry %+v", s.State, s.Family, s.Local, s.Peer, s.RecvQueue,
		s.Timer, s.Owner.UID, s.InterfaceIndex, s.Extended, s.entry)
}

// socket returns a socket as sock_diag reports it.
func (r *random) socket() specimen {
	s := &tcp.Socket{State: tcp.State(1 + r.IntN(tcp.NumStates)), Family: pick(r, tcp.IPv4, tcp.IPv6)}
	s.Local, s.Peer = r.end(s.Family), r.end(s.Family)
	if s.State == tcp.Listen {
		s.Peer = netip.AddrPortFrom(map[tcp.Family]netip.Addr{tcp.IPv4: netip.IPv4Unspecified(), tcp.IPv6: netip.IPv6Unspecified()}[s.Family], 0)
		s.AcceptQueue = uint32(r.IntN(3))
	} else {
		s.RecvQueue, s.SendQueue = uint32(r.IntN(7)), uint32(r.IntN(2))
	}
	s.Timer = tcp.Timer{Kind: tcp.TimerKind(r.IntN(7)), Retransmits: uint8(r.IntN(7))}
	s.InterfaceIndex = uint32(r.IntN(3))
	for _, d := range []*tcp.Optional[time.Duration]{&s.Age, &s.Idle} {
		if r.coin() {
			*d = tcp.Known(time.Duration(r.IntN(7)) * time.Second)
		}
	}
	if !fields.Named("age_ms").CanBeKnownIn().Has(s.State) {
		s.Age = tcp.Optional[time.Duration]{}
	}
	if !fields.Named("idle_ms").CanBeKnownIn().Has(s.State) {
		s.Idle = tcp.Optional[time.Duration]{}
	}
	small := s.State == tcp.SynRecv || s.State == tcp.TimeWait || s.State == tcp.FinWait2 && r.coin()
	entry := Entry{Family: s.Family, Local: s.Local, Peer: s.Peer, Autobound: small || r.coin(), Interface: s.InterfaceIndex}
	mark := uint32(r.IntN(5))
	s.Extended = &tcp.Extended{}
	if !small {
		s.Owner.UID = pick(r, tcp.Known[uint32](0), tcp.Known[uint32](33), tcp.Known[uint32](5), tcp.Optional[uint32]{})
		s.Info = &tcp.Info{Len: pick(r, 0, 60, 280), Listener: s.State == tcp.Listen, RTT: time.Duration(r.IntN(7)) * time.Second}
		for pid := 1 + r.IntN(3); r.coin() && pid < 4; pid++ {
			s.Processes = append(s.Processes, tcp.Process{PID: pid, Name: pick(r, "nginx", "sshd", "tmux: server", "fifteen-bytes-a", "")})
		}
		entry.Cgroup = pick[uint64](r, 7, 10, 11)
		s.Extended.CgroupID = entry.Cgroup
	}
	if !small || s.State == tcp.SynRecv || r.timeWaitMarks {
		entry.Mark = mark
		if r.netAdmin {
			s.Extended.Mark = tcp.Known(mark)
		}
	}
	if small && s.Extended.Mark == (tcp.Optional[uint32]{}) && r.coin() {
		s.Extended = nil
	}
	return specimen{s, entry}
}

// end returns a random address and port of a family.
func (r *random) end(family tcp.Family) netip.AddrPort {
	for {
		addr := netip.MustParseAddr(pick(r, someAddrs...))
		if addr.Is4() != (family == tcp.IPv4) {
			continue
		}
		if addr.IsLinkLocalUnicast() && r.coin() {
			addr = addr.WithZone("eth0")
		}
		port := uint16(r.IntN(100))
		if r.IntN(4) > 0 {
			fmt.Sscan(pick(r, somePorts...), &port)
		}
		return netip.AddrPortFrom(addr, port)
	}
}

// capabilities returns the capabilities of a random kernel.
func (r *random) capabilities() Capabilities {
	c := Capabilities(r.IntN(int(AllCapabilities) + 1))
	if r.coin() {
		c = AllCapabilities
	}
	if r.IntN(8) > 0 {
		c |= Bytecode
	}
	if !r.netAdmin {
		c &^= Mark
	}
	return c
}
