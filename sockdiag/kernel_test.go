//go:build linux

package sockdiag

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// These tests compare the decoder's values for real sockets with the values
// that the sockets themselves report.

// everything requests all states and all details.
var everything = Request{
	Families: []tcp.Family{tcp.IPv4, tcp.IPv6},
	States:   tcp.All,
	Detail:   tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended,
}

// find returns the socket with this local and this peer address from the
// kernel's list.
func find(t *testing.T, local, peer netip.AddrPort) *tcp.Socket {
	t.Helper()
	d, err := Open(t.Context(), everything)
	if err != nil {
		t.Fatal(err)
	}
	for socket, err := range d.Sockets() {
		if err != nil {
			t.Fatal(err)
		}
		if socket.Local == local && socket.Peer == peer {
			return socket.Clone()
		}
	}
	t.Fatalf("the kernel lists no socket from %v to %v", local, peer)
	return nil
}

// pair returns the two ends of a connection over a loopback address. It calls
// prepare with the descriptors of the listener and of the client before they
// connect.
func pair(t *testing.T, network, address string, prepare func(fd int)) (client, server *net.TCPConn) {
	t.Helper()
	control := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			if prepare != nil {
				prepare(int(fd))
			}
		})
	}
	listenConfig := net.ListenConfig{Control: control}
	listenConfig.SetMultipathTCP(false) // Go's default for listeners, and MPTCP refuses some options
	listener, err := listenConfig.Listen(t.Context(), network, net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialer := net.Dialer{Control: control, KeepAlive: -1}
	clientConn, err := dialer.Dial(network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	serverConn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clientConn.Close(); serverConn.Close() })
	return clientConn.(*net.TCPConn), serverConn.(*net.TCPConn)
}

// onFD calls f with the descriptor of a connection.
func onFD(t *testing.T, c *net.TCPConn, f func(fd int) error) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		t.Fatal(err)
	}
	if inner != nil {
		t.Fatal(inner)
	}
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

func TestSocketsReportTheSame(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
		t.Run(network, func(t *testing.T) {
			client, server := pair(t, network, address, func(fd int) {
				if err := unix.BindToDevice(fd, "lo"); err != nil {
					t.Errorf("binding to lo: %v", err)
				}
			})
			if _, err := client.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the data to be acknowledged", func() bool {
				return find(t, addrPort(client.LocalAddr()), addrPort(client.RemoteAddr())).SendQueue == 0
			})

			got := find(t, addrPort(server.LocalAddr()), addrPort(server.RemoteAddr()))
			if got.State != tcp.Established || got.RecvQueue != 1000 {
				t.Errorf("%s with %d bytes unread, want ESTABLISHED with 1000", got.State, got.RecvQueue)
			}
			onFD(t, server, func(fd int) error {
				var stat unix.Stat_t
				if err := unix.Fstat(fd, &stat); err != nil {
					return err
				}
				if uint64(got.Owner.Inode) != stat.Ino {
					t.Errorf("inode %d, want %d", got.Owner.Inode, stat.Ino)
				}
				if uid, ok := got.Owner.UID.Get(); !ok || int(uid) != unix.Getuid() {
					t.Errorf("uid %d (known: %v), want %d", uid, ok, unix.Getuid())
				}
				cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
				if uint64(got.Cookie) != cookie {
					t.Errorf("cookie %s, want %#x", got.Cookie, cookie)
				}
				return err
			})
			if lo, err := net.InterfaceByName("lo"); err != nil || got.InterfaceIndex != uint32(lo.Index) {
				t.Errorf("interface index %d, want the index of lo (%v, %v)", got.InterfaceIndex, lo, err)
			}
			checkInfo(t, server, got.Info)
			checkMemory(t, server, got.Memory)
		})
	}
}

// checkInfo compares got with the result of getsockopt(TCP_INFO) in the layout
// of package unix. It leaves out the times that run on, and the values computed
// from them.
func checkInfo(t *testing.T, c *net.TCPConn, got *tcp.Info) {
	t.Helper()
	if got == nil {
		t.Fatal("no tcp_info")
	}
	onFD(t, c, func(fd int) error {
		want, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return err
		}
		us := func(v uint32) time.Duration { return time.Duration(v) * time.Microsecond }
		equal := func(name string, got, want any) {
			if got != want {
				t.Errorf("tcp_info %s is %v, want %v", name, got, want)
			}
		}
		equal("ca_state", got.CAState, tcp.CAState(want.Ca_state))
		equal("options", got.Options, tcp.InfoOptions(want.Options))
		equal("rto", got.RTO, us(want.Rto))
		equal("ato", got.ATO, us(want.Ato))
		equal("snd_mss", got.SendMSS, want.Snd_mss)
		equal("rcv_mss", got.RecvMSS, want.Rcv_mss)
		equal("pmtu", got.PathMTU, want.Pmtu)
		equal("rcv_ssthresh", got.RecvSSThresh, want.Rcv_ssthresh)
		equal("rtt", got.RTT, us(want.Rtt))
		equal("rttvar", got.RTTVar, us(want.Rttvar))
		equal("snd_ssthresh", got.SendSSThresh, want.Snd_ssthresh)
		equal("snd_cwnd", got.SendCwnd, want.Snd_cwnd)
		equal("advmss", got.AdvertisedMSS, want.Advmss)
		equal("reordering", got.Reordering, want.Reordering)
		equal("rcv_space", got.RecvSpace, want.Rcv_space)
		equal("bytes_received", got.ReceivedBytes, want.Bytes_received)
		equal("bytes_acked", got.AckedBytes, want.Bytes_acked)
		equal("segs_out", got.SegsOut, want.Segs_out)
		equal("segs_in", got.SegsIn, want.Segs_in)
		equal("min_rtt", got.MinRTT, us(want.Min_rtt))
		equal("data_segs_in", got.DataSegsIn, want.Data_segs_in)
		equal("delivered", got.Delivered, want.Delivered)
		equal("snd_wnd", got.SendWindow, want.Snd_wnd)
		equal("rcv_wnd", got.RecvWindow, want.Rcv_wnd)
		return nil
	})
}

func checkMemory(t *testing.T, c *net.TCPConn, got *tcp.Memory) {
	t.Helper()
	if got == nil {
		t.Fatal("no memory")
	}
	onFD(t, c, func(fd int) error {
		receive, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil {
			return err
		}
		send, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		if int(got.RecvBuffer) != receive || int(got.SendBuffer) != send {
			t.Errorf("buffers of %d and %d bytes, want %d and %d", got.RecvBuffer, got.SendBuffer, receive, send)
		}
		if got.RecvAlloc == 0 {
			t.Error("no receive memory in use, with data unread")
		}
		return err
	})
}

// The client requests a small receive buffer, so its window scale is smaller
// than the server's. The scale with which one end sends is the scale with which
// the other receives.
func TestWindowScalesAreNotSwapped(t *testing.T) {
	first := true
	client, server := pair(t, "tcp4", "127.0.0.1", func(fd int) {
		if !first { // the listener came first
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096); err != nil {
				t.Error(err)
			}
		}
		first = false
	})
	c := find(t, addrPort(client.LocalAddr()), addrPort(client.RemoteAddr())).Info
	s := find(t, addrPort(server.LocalAddr()), addrPort(server.RemoteAddr())).Info
	if c.RecvWindowScale != 0 || c.SendWindowScale == 0 {
		t.Errorf("the client's windows are shifted by %d and its peer's by %d, want 0 and more than 0", c.RecvWindowScale, c.SendWindowScale)
	}
	if c.SendWindowScale != s.RecvWindowScale || c.RecvWindowScale != s.SendWindowScale {
		t.Errorf("client %d/%d, server %d/%d: the send scale of one end must be the receive scale of the other",
			c.SendWindowScale, c.RecvWindowScale, s.SendWindowScale, s.RecvWindowScale)
	}
}

func TestExtendedOfRealSockets(t *testing.T) {
	client, _ := pair(t, "tcp6", "::1", func(fd int) {
		for _, option := range []struct{ level, name, value int }{
			{unix.IPPROTO_IP, unix.IP_TOS, 0x10},
			{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x20},
			{unix.SOL_IP, unix.IP_FREEBIND, 1},
		} {
			if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
				t.Errorf("option %d of level %d: %v", option.name, option.level, err)
			}
		}
		if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno"); err != nil {
			t.Errorf("congestion control: %v", err)
		}
		if netAdmin() {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, 42); err != nil {
				t.Errorf("mark: %v", err)
			}
		}
	})
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := find(t, addrPort(client.LocalAddr()), addrPort(client.RemoteAddr()))
	x := got.Extended
	if x.TOS.Or(0) != 0x10 || x.TrafficClass.Or(0) != 0x20 {
		t.Errorf("tos %#x and traffic class %#x, want 0x10 and 0x20", x.TOS.Or(0), x.TrafficClass.Or(0))
	}
	if !slices.Contains(x.Options.Or(0).Names(), "freebind") || slices.Contains(x.Options.Or(0).Names(), "transparent") {
		t.Errorf("options %v, want freebind and not transparent", x.Options.Or(0).Names())
	}
	if x.Shutdown.Or(0) != tcp.ShutdownSend {
		t.Errorf("shutdown %v, want send", x.Shutdown.Or(0))
	}
	if got.Congestion == nil || got.Congestion.Algorithm != "reno" {
		t.Errorf("congestion control %+v, want reno", got.Congestion)
	}
	if mark, known := x.Mark.Get(); known != ProbeAbilities().Marks || known && mark != 42 {
		t.Errorf("mark %d (known: %v), want 42 if this process may see marks", mark, known)
	}
}

func TestListenerAndItsKeys(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16()}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	local := netip.AddrPortFrom(netip.IPv6Loopback(), uint16(bound.(*unix.SockaddrInet6).Port))
	nobody := netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	if ProbeAbilities().BoundInactive {
		if got := find(t, local, nobody); got.State != tcp.BoundInactive || !got.Extended.V6Only.Or(false) {
			t.Errorf("%s, v6only %v, want BOUND_INACTIVE and true", got.State, got.Extended.V6Only)
		}
	}
	if err := unix.Listen(fd, 17); err != nil {
		t.Fatal(err)
	}
	if netAdmin() {
		key := unix.TCPMD5Sig{Keylen: 5, Prefixlen: 64, Flags: unix.TCP_MD5SIG_FLAG_PREFIX}
		copy(key.Key[:], "hello")
		key.Addr.Family = unix.AF_INET6
		address := netip.MustParseAddr("fd00::").As16()
		copy(key.Addr.Data[6:], address[:]) // sin6_addr, after port and flow label
		if err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG_EXT, &key); err != nil {
			t.Fatal(err)
		}
	}
	got := find(t, local, nobody)
	if got.State != tcp.Listen || got.AcceptQueue != 0 || got.AcceptQueueMax.Or(0) != 17 {
		t.Errorf("%s with %d of %d waiting, want LISTEN with 0 of 17", got.State, got.AcceptQueue, got.AcceptQueueMax.Or(0))
	}
	if !got.Info.Listener {
		t.Error("Listener is not set in the tcp_info of a listener")
	}
	want := []tcp.MD5Key(nil)
	if ProbeAbilities().Marks {
		want = []tcp.MD5Key{{Prefix: netip.MustParsePrefix("fd00::/64"), Length: 5}}
	}
	if !slices.Equal(got.Extended.MD5Keys, want) {
		t.Errorf("MD5 keys %v, want %v", got.Extended.MD5Keys, want)
	}
}

func TestMultipathSubflow(t *testing.T) {
	listenConfig := net.ListenConfig{}
	listenConfig.SetMultipathTCP(true)
	listener, err := listenConfig.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var dialer net.Dialer
	dialer.SetMultipathTCP(true)
	client, err := dialer.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if multipath, err := client.(*net.TCPConn).MultipathTCP(); err != nil || !multipath {
		t.Logf("this kernel has no MPTCP (%v): the subflow is plain TCP", err)
		return
	}
	x := find(t, addrPort(client.LocalAddr()), addrPort(client.RemoteAddr())).Extended
	if x.ULP != "mptcp" || x.MPTCP == nil || x.MPTCP.TokenLocal == 0 {
		t.Errorf("upper layer %q with %+v, want mptcp with a token", x.ULP, x.MPTCP)
	}
}

func TestEarlyBreakLeavesTheNextDumpAlone(t *testing.T) {
	client, _ := pair(t, "tcp4", "127.0.0.1", nil)
	for range 50 {
		d, err := Open(t.Context(), everything)
		if err != nil {
			t.Fatal(err)
		}
		for range d.Sockets() {
			break
		}
	}
	find(t, addrPort(client.LocalAddr()), addrPort(client.RemoteAddr()))
}

func TestOpenAfterItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := Open(ctx, everything)
	if err != nil {
		return
	}
	defer d.Close()
	for _, err := range d.Sockets() {
		if err == nil {
			continue // the first packet may have arrived before the cancellation
		}
		return
	}
	t.Error("a dump whose context has ended must end with an error")
}

// waitFor polls until done returns true, because the kernel does some work
// later.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	lab.Await(t, func() error {
		if !done() {
			return fmt.Errorf("still waiting for %s", what)
		}
		return nil
	})
}

// The older request for both families must return the same sockets as one newer
// request for each family.
func TestBothRequestsReturnTheSame(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
		pair(t, network, address, nil)
	}
	list := func(passes ...tcp.Family) map[tcp.Cookie]tcp.Socket {
		found := make(map[tcp.Cookie]tcp.Socket)
		for _, family := range passes {
			c, err := newDialer()(family, everything)
			if err != nil {
				t.Fatal(err)
			}
			d := &Dump{ctx: t.Context(), req: everything, passes: []tcp.Family{family}, dial: newDialer(),
				decoder: newDecoder(everything.Detail, false), conn: c}
			d.first = receivePacket(c, family, make([]byte, bufferLen))
			for socket, err := range d.Sockets() {
				if err != nil {
					t.Fatal(err)
				}
				// The other parts are pointers: compare only whether they are set.
				s := tcp.Socket{State: socket.State, Family: socket.Family, Local: socket.Local, Peer: socket.Peer, Owner: socket.Owner}
				s.Interface = fmt.Sprint(socket.Info != nil, socket.Memory != nil, socket.Congestion != nil, socket.Extended != nil)
				found[socket.Cookie] = s
			}
		}
		return found
	}
	// Sockets of other tests come and go: a socket in both lists must be the same, and this test's own must be in both.
	once, twice := list(bothFamilies), list(tcp.IPv4, tcp.IPv6)
	common := 0
	for cookie, socket := range once {
		if other, ok := twice[cookie]; ok && socket.State == other.State {
			common++
			if diff := cmp.Diff(socket, other, compareSockets); diff != "" {
				t.Errorf("one pass and two passes differ (-one +two):\n%s", diff)
			}
		}
	}
	if common < 4 {
		t.Errorf("only %d sockets are in both lists, want at least 4", common)
	}
}
