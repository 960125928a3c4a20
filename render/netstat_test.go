package render

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

// netstatSocket returns an established socket with the given addresses, after
// change.
func netstatSocket(family tcp.Family, local, peer string, change func(*tcp.Socket)) *tcp.Socket {
	s := &tcp.Socket{State: tcp.Established, Family: family, Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer)}
	if change != nil {
		change(s)
	}
	return s
}

func writeNetstat(t *testing.T, n *Netstat, sockets ...*tcp.Socket) string {
	t.Helper()
	var b strings.Builder
	if err := n.Write(&b, each(sockets...)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The text was printed by net-tools 2.10, except for the last three sockets,
// which no current kernel has.
func TestNetstatLayout(t *testing.T) {
	n := &Netstat{All: true, Extended: true, Timers: true, Program: func(inode uint32) (int, string, bool) {
		return 812, "/usr/sbin/nginx", inode == 412
	}}
	got := writeNetstat(t, n,
		netstatSocket(tcp.IPv4, "0.0.0.0:80", "0.0.0.0:0", func(s *tcp.Socket) {
			s.State, s.AcceptQueue, s.AcceptQueueMax = tcp.Listen, 3, tcp.Known(uint32(511))
			s.Owner = tcp.FullSocketOwner(0, 412)
		}),
		netstatSocket(tcp.IPv4, "10.0.0.1:80", "10.0.0.9:51000", func(s *tcp.Socket) {
			s.RecvQueue, s.SendQueue, s.Owner = 7, 1448, tcp.FullSocketOwner(1000, 413)
			s.Timer = tcp.Timer{Kind: tcp.TimerKeepalive, Expires: 7195470 * time.Millisecond}
		}),
		netstatSocket(tcp.IPv4, "10.0.0.1:80", "10.0.0.9:51001", func(s *tcp.Socket) {
			s.State, s.Timer = tcp.SynRecv, tcp.Timer{Kind: tcp.TimerOn, Expires: 230 * time.Millisecond, Retransmits: 2}
			s.ProcLine = tcp.Known(tcp.ProcLine{UID: 33, Resends: 2})
		}),
		netstatSocket(tcp.IPv6, "[::]:22", "[::]:0", func(s *tcp.Socket) { s.State = tcp.Listen }),
		netstatSocket(tcp.IPv6, "[::ffff:10.0.0.1]:22", "[::ffff:10.0.0.9]:51002", func(s *tcp.Socket) {
			s.State, s.Timer = tcp.TimeWait, tcp.Timer{Kind: tcp.TimerTimeWait, Expires: 59029 * time.Millisecond}
		}),
		netstatSocket(tcp.IPv6, "[fe80::1%eth0]:22", "[2001:db8:1234:5678:9abc:def0:1234:5678]:51003", func(s *tcp.Socket) {
			s.State, s.SendQueue = tcp.FinWait1, 4294967295
			s.Timer = tcp.Timer{Kind: tcp.TimerPersist, Expires: 5 * time.Millisecond, Retransmits: 4}
			s.ProcLine = tcp.Known(tcp.ProcLine{UID: 4294967294, Resends: 1, Probes: 4})
		}),
		netstatSocket(tcp.IPv4, "10.0.0.1:1", "10.0.0.9:2", func(s *tcp.Socket) {
			s.Timer = tcp.Timer{Kind: 5, Expires: 40 * time.Millisecond}
		}),
		netstatSocket(tcp.IPv4, "10.0.0.1:1", "10.0.0.9:3", func(s *tcp.Socket) {
			s.Timer = tcp.Timer{Kind: tcp.TimerPersist, Expires: time.Second, Retransmits: 3}
		}),
	)
	want := `Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       User       Inode      PID/Program name     Timer
tcp        3      0 0.0.0.0:80              0.0.0.0:*               LISTEN      0          412        812/nginx            off (0.00/0/0)
tcp        7   1448 10.0.0.1:80             10.0.0.9:51000          ESTABLISHED 1000       413        -                    keepalive (7195.47/0/0)
tcp        0      0 10.0.0.1:80             10.0.0.9:51001          SYN_RECV    33         0          -                    on (0.23/2/0)
tcp6       0      0 :::22                   :::*                    LISTEN      0          0          -                    off (0.00/0/0)
tcp6       0      0 10.0.0.1:22             10.0.0.9:51002          TIME_WAIT   0          0          -                    timewait (59.02/0/0)
tcp6       0 4294967295 fe80::1:22              2001:db8:1234:567:51003 FIN_WAIT1   -2         0          -                    probe (0.00/1/4)
tcp        0      0 10.0.0.1:1              10.0.0.9:2              ESTABLISHED 0          0          -                    unkn-5 (0.04/0/0)
tcp        0      0 10.0.0.1:1              10.0.0.9:3              ESTABLISHED 0          0          -                    probe (1.00/0/3)
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNetstatHeaders(t *testing.T) {
	const columns = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
	program := func(uint32) (int, string, bool) { return 0, "", false }
	tests := []struct {
		layout Netstat
		want   string
	}{
		{Netstat{}, "(w/o servers)\n" + columns},
		{Netstat{Listening: true}, "(only servers)\n" + columns},
		{Netstat{All: true, Listening: true}, "(servers and established)\n" + columns},
		{Netstat{Extended: true}, "(w/o servers)\n" + columns + " User       Inode     "},
		{Netstat{Program: program}, "(w/o servers)\n" + columns + " PID/Program name    "},
		{Netstat{Timers: true, Wide: true}, "(w/o servers)\n" + columns + " Timer"},
	}
	for _, test := range tests {
		if got, want := writeNetstat(t, &test.layout), "Active Internet connections "+test.want+"\n"; got != want {
			t.Errorf("%+v: got %q, want %q", test.layout, got, want)
		}
	}
}

func TestNetstatShows(t *testing.T) {
	listener := netstatSocket(tcp.IPv4, "0.0.0.0:80", "0.0.0.0:0", nil)
	connected := netstatSocket(tcp.IPv4, "10.0.0.1:80", "10.0.0.9:51000", nil)
	tests := []struct {
		layout               Netstat
		server, notListening bool
	}{
		{Netstat{}, false, true},
		{Netstat{Listening: true}, true, false},
		{Netstat{All: true}, true, true},
		{Netstat{All: true, Listening: true}, true, true},
	}
	for _, test := range tests {
		if server, connection := test.layout.Shows(listener), test.layout.Shows(connected); server != test.server || connection != test.notListening {
			t.Errorf("%+v shows listeners %v, connections %v", test.layout, server, connection)
		}
	}
}

// Most of these texts were printed by net-tools 2.10 for such addresses and
// names.
func TestNetstatEndpoints(t *testing.T) {
	hosts := map[string]string{
		"10.0.0.1": "short.example.org", "10.0.0.2": "a-quite-long-host-name.example.org", "fd7f::2": "a-quite-long-six-name.example.org", "10.0.0.3": "ab",
	}
	services := map[uint16]string{22: "ssh", 83: "abcdefghijklmnopqrstuvwxyz", 96: "abcdefghijklmnopqr"}
	numbers := Netstat{}
	wide := Netstat{Wide: true}
	names := Netstat{
		Host:    func(addr netip.Addr) string { return hosts[addr.String()] },
		Service: func(port uint16) string { return services[port] },
	}
	wideNames := names
	wideNames.Wide = true
	tests := []struct {
		layout   *Netstat
		endpoint string
		want     string
	}{
		{&numbers, "0.0.0.0:0", "0.0.0.0:*"},
		{&numbers, "255.255.255.255:65535", "255.255.255.255:65535"},
		{&numbers, "[::]:0", ":::*"},
		{&numbers, "[::1]:22", "::1:22"},
		{&numbers, "[::ffff:10.0.0.1]:22", "10.0.0.1:22"},
		{&numbers, "[::1.2.3.4]:81", "::1.2.3.4:81"},
		{&numbers, "[::1:2]:81", "::0.1.0.2:81"},
		{&numbers, "[::2:3:4]:81", "::2:3:4:81"},
		{&numbers, "[::ffff:0:1.2.3.4]:81", "::ffff:0:102:304:81"},
		{&numbers, "[fd7f:0:0:1::]:81", "fd7f:0:0:1:::81"},
		{&numbers, "[1:0:2:3:4:5:6:7]:81", "1:0:2:3:4:5:6:7:81"},
		{&numbers, "[fe80::1%eth0]:81", "fe80::1:81"},
		{&numbers, "[fd7f::1234:5678:9abc:def0]:33333", "fd7f::1234:5678:9:33333"},
		{&wide, "[fd7f::1234:5678:9abc:def0]:33333", "fd7f::1234:5678:9abc:def0:33333"},
		{&numbers, "[2001:db8:1234:5678::1]:22", "2001:db8:1234:5678:::22"},
		{&names, "0.0.0.0:22", "0.0.0.0:ssh"},
		{&names, "[::]:22", "[::]:ssh"},
		{&names, "[::]:0", "[::]:*"},
		{&names, "[::]:96", "[::]:abcdefghijklmnopqr"},
		{&names, "[::ffff:10.0.0.1]:22", "10.0.0.1:ssh"},
		{&names, "10.0.0.1:22", "short.example.org:ssh"},
		{&names, "10.0.0.1:82", "short.example.org:82"},
		{&names, "10.0.0.2:65531", "a-quite-long-host:65531"},
		{&wideNames, "10.0.0.2:65531", "a-quite-long-host-name.example.org:65531"},
		{&names, "10.0.0.2:83", "a-qu:abcdefghijklmnopqr"},
		{&names, "10.0.0.3:83", "ab:abcdefghijklmnopqr"},
		{&names, "[fd7f::2]:8081", "a-quite-long-six-n:8081"},
		{&wideNames, "[fd7f::2]:8081", "a-quite-long-six-name.example.org:8081"},
	}
	for _, test := range tests {
		got := string(test.layout.appendEndpoint([]byte("x"), netip.MustParseAddrPort(test.endpoint)))
		if want := "x" + test.want + strings.Repeat(" ", max(0, 23-len(test.want))); got != want {
			t.Errorf("%s is %q, want %q", test.endpoint, got, want)
		}
	}
}

func TestNetstatPrograms(t *testing.T) {
	tests := []struct{ argument, want string }{
		{"/usr/sbin/nginx", "812/nginx"},
		{"nginx: master process /usr/sbin/nginx", "812/nginx: master p"},
		{"./labrun", "812/./labrun"},
		{"-bash/foo", "812/-bash/foo"},
		{"/a/b c/d e", "812/d e"},
		{"", "812/"},
		{"/", "812/"},
		{"/opt/" + strings.Repeat("x", 600) + "/y", "812/xxxxxxxxxxxxxxx"},
		{"\x1b[31mred\x7f\u202e", "812/.[31mred...."},
	}
	for _, test := range tests {
		n := Netstat{Program: func(uint32) (int, string, bool) { return 812, test.argument, true }}
		if got := n.program(7); got != test.want {
			t.Errorf("%q is %q, want %q", test.argument, got, test.want)
		}
		if got := n.program(0); got != "-" {
			t.Errorf("a socket without a file has the program %q", got)
		}
	}
}

func TestNetstatNamesUsers(t *testing.T) {
	n := &Netstat{All: true, Extended: true, User: func(uid uint32) string { return map[uint32]string{33: "www-data"}[uid] }}
	for uid, want := range map[uint32]string{33: " www-data   0         \n", 34: " 34         0         \n"} {
		s := netstatSocket(tcp.IPv4, "10.0.0.1:1", "10.0.0.9:2", func(s *tcp.Socket) { s.ProcLine = tcp.Known(tcp.ProcLine{UID: uid}) })
		if got := writeNetstat(t, n, s); !strings.HasSuffix(got, "ESTABLISHED"+want) {
			t.Errorf("user %d: %q does not end with %q", uid, got, want)
		}
	}
}

func TestNetstatReturnsErrors(t *testing.T) {
	broken := errors.New("broken")
	sockets := func(yield func(*tcp.Socket, error) bool) {
		_ = yield(established(), nil) && yield(nil, broken)
	}
	var b strings.Builder
	if err := (&Netstat{}).Write(&b, sockets); err != broken || strings.Count(b.String(), "\n") != 3 {
		t.Errorf("%v after %q", err, b.String())
	}
	if err := (&Netstat{}).Write(failingWriter{broken}, each(established())); err != broken {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
