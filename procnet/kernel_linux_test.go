package procnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// TestKernelSockets reads real sockets and compares them with the addresses
// from getsockname and getpeername, the inode from fstat, and the user of this
// process.
func TestKernelSockets(t *testing.T) {
	for _, test := range []struct {
		name            string
		network, listen string
		dial            string
		family          tcp.Family // of the accepting side
	}{
		{"ipv4", "tcp4", "127.0.0.1:0", "127.0.0.1", tcp.IPv4},
		{"ipv6", "tcp6", "[::1]:0", "::1", tcp.IPv6},
		{"v4-mapped", "tcp", "[::]:0", "127.0.0.1", tcp.IPv6},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := os.Stat("/proc/net/tcp6"); test.family == tcp.IPv6 && os.IsNotExist(err) && os.Getenv("CI") == "" {
				t.Skip("this kernel has no IPv6")
			}
			listener, err := net.Listen(test.network, test.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
			client, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(test.dial), port).String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()

			local := listener.Addr().(*net.TCPAddr).AddrPort()
			await(t, "the listener with one connection in its queue", func(s *tcp.Socket) bool {
				return s.State == tcp.Listen && s.Family == test.family && s.Local == local && s.Peer.Port() == 0 &&
					s.AcceptQueue == 1 && !s.AcceptQueueMax.IsKnown() && owned(s, inode(t, listener.(*net.TCPListener)))
			})
			accepted, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			await(t, "the accepted connection with five bytes unread", func(s *tcp.Socket) bool {
				return s.State == tcp.Established && s.Family == test.family && s.RecvQueue == 5 &&
					unmapped(s.Local) == unmapped(address(accepted.LocalAddr())) && unmapped(s.Peer) == unmapped(address(accepted.RemoteAddr())) &&
					s.Local.Addr().Is4() == (test.family == tcp.IPv4) && owned(s, inode(t, accepted.(*net.TCPConn)))
			})
			await(t, "the client's side", func(s *tcp.Socket) bool {
				return s.State == tcp.Established && s.Local == address(client.LocalAddr()) && s.Peer == address(client.RemoteAddr()) &&
					s.SendQueue == 0 && owned(s, inode(t, client.(*net.TCPConn)))
			})
		})
	}
}

func TestKernelClocks(t *testing.T) {
	clocks, err := Open("/proc").Clocks()
	if err != nil {
		t.Fatal(err)
	}
	if clocks.RTOMax < time.Second || clocks.RTOMax > 2*time.Minute {
		t.Errorf("tcp_rto_max_ms is %v, but the kernel allows 1 s to 120 s", clocks.RTOMax)
	}
}

// TestKernelSettings reads every setting that this kernel has, and compares
// each with the text of its file.
func TestKernelSettings(t *testing.T) {
	settings, err := Open("/proc").Settings()
	if err != nil {
		t.Fatal(err)
	}
	for i := range lifecycle.SettingTable {
		setting := &lifecycle.SettingTable[i]
		file, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(setting.Name, ".", "/"))
		got, known := setting.Text(&settings)
		if exists := !errors.Is(err, fs.ErrNotExist); known != exists || known && got+"\n" != string(file) {
			t.Errorf("%s: got %q, known %t; the file has %q, %v", setting.Name, got, known, file, err)
		}
		always := setting.Since == "" && setting.Gone == "" && setting.Only == "" && !setting.Host
		if always && !known {
			t.Errorf("%s: every kernel should have it", setting.Name)
		}
	}
}

// await polls the sockets of this namespace until wanted returns true for one.
func await(t *testing.T, what string, wanted func(*tcp.Socket) bool) {
	t.Helper()
	lab.Await(t, func() error {
		for s, err := range Open("/proc").Sockets(both) {
			if err != nil {
				t.Fatal(err)
			}
			if wanted(s) {
				return nil
			}
		}
		return fmt.Errorf("%s is not in /proc/net", what)
	})
}

func owned(s *tcp.Socket, inode uint64) bool {
	uid, known := s.Owner.UID.Get()
	return known && int(uid) == os.Getuid() && uint64(s.Owner.Inode) == inode
}

func address(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// unmapped returns a v4-mapped address as IPv4, as package net shows it.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// inode returns the inode of the socket's file.
func inode(t *testing.T, c syscall.Conn) uint64 {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var stat syscall.Stat_t
	var statErr error
	if err := raw.Control(func(fd uintptr) { statErr = syscall.Fstat(int(fd), &stat) }); err != nil || statErr != nil {
		t.Fatal(err, statErr)
	}
	return stat.Ino
}

// TestKernelCounters compares the counters with the output of nstat. It runs in
// a namespace of its own, in which few segments change them.
func TestKernelCounters(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			before, err := Open("/proc").Counters()
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("nstat", "-asz", "--json").Output()
			if err != nil {
				t.Fatal(err)
			}
			after, err := Open("/proc").Counters()
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(before, after) {
				continue // a retransmission or an ACK of the lab changed one
			}
			var nstat struct{ Kernel map[string]int64 }
			if err := json.Unmarshal(out, &nstat); err != nil {
				t.Fatal(err)
			}
			if before["TcpExt.TCPOrigDataSent"] == 0 || len(nstat.Kernel) < 200 {
				t.Errorf("too few counters: TCPOrigDataSent is %v, and nstat reports %d counters", before["TcpExt.TCPOrigDataSent"], len(nstat.Kernel))
			}
			for name, value := range before {
				// nstat omits RtoMin and others, which are settings and not counters.
				if got, ok := nstat.Kernel[strings.Replace(name, ".", "", 1)]; ok && got != value {
					t.Errorf("%s is %d, nstat says %d", name, value, got)
				} else if !ok && value > 0 && !strings.HasPrefix(name, "Tcp.") && !strings.HasPrefix(name, "Ip.") {
					t.Errorf("%s is %d, nstat does not know it", name, value)
				}
			}
			stat, err := Open("/proc").SockStat()
			if err != nil || stat["TCP.tw"] == 0 || stat["TCP.orphan"] == 0 || stat["TCP.inuse"] == 0 {
				t.Errorf("sockstat: %v, %v", stat, err)
			}
			return
		}
		t.Fatal("the counters changed during each of 20 readings")
	})
}
