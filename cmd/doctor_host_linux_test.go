package cmd

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// setSetting sets a parameter of the lab's network namespace to any text.
func setSetting(t *testing.T, name, value string) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0))
}

// TestDoctorSeesDescriptorsRunOut lowers the descriptor limit of a process.
func TestDoctorSeesDescriptorsRunOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		fds, _ := dialIn(t, l, at, fd, 0, 20)
		pid := given(t, "hoarder", fds...)
		entries, err := os.ReadDir(fmt.Sprint("/proc/", pid, "/fd"))
		must(t, err)
		open := len(entries)
		limit := func(n int) {
			var now unix.Rlimit
			must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &now))
			now.Cur = uint64(n)
			must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil))
		}
		limit(open*100/79 + 1)
		finds(t, nil, nil)
		limit(open * 100 / 80)
		f := finds(t, nil, nil, "warning fd-limit-near")
		f.names(t, pid, "hoarder")
		f.says(t, fmt.Sprintf("hoarder (pid %d) has %d of %d descriptors open", pid, open, open*100/80))
		f.wants(t, "open", open, "limit", open*100/80, "tcp_sockets", 20)
		limit(open + 1)
		f = finds(t, nil, nil, "critical fd-limit-near")
		f.wants(t, "limit", open+1)
	})
}

// TestDoctorSeesPortsRunOut reduces the range of local ports to 100, and compares
// the findings with the result of connect().
func TestDoctorSeesPortsRunOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		setSetting(t, "net.ipv4.ip_local_port_range", "40000 40109")
		setSetting(t, "net.ipv4.ip_local_reserved_ports", "40000-40009,50000")
		must(t, l.SetSysctl("net.ipv4.tcp_tw_reuse", 0))
		risky := "info sysctl-risky" // because the range is so small
		listen := func(port int) int {
			fd := newSocket(t, &unix.SockaddrInet4{})
			must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: lab.Host4.As4(), Port: port}))
			must(t, unix.Listen(fd, 16))
			return fd
		}
		one, two := listen(5432), listen(5433)
		connect := func(listener, port, n int) (clients, servers []int) {
			for range n {
				client := newSocket(t, &unix.SockaddrInet4{})
				must(t, unix.Connect(client, &unix.SockaddrInet4{Addr: lab.Host4.As4(), Port: port}))
				server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
				must(t, err)
				clients, servers = append(clients, client), append(servers, server)
			}
			return clients, servers
		}
		connect(two, 5433, 69) // to another destination, so these do not count
		clients, _ := connect(one, 5432, 69)
		pid := given(t, "client", clients...)
		finds(t, nil, nil, risky)
		connect(one, 5432, 1)
		f := finds(t, nil, nil, "warning port-exhaustion", risky)
		f.names(t, pid, "client")
		f.says(t, "10.77.0.1 has 70 of 100 local ports taken for 10.77.0.1:5432", fmt.Sprintf("client (pid %d)", pid))
		f.wants(t, "ports_taken", ssCount(t, "dport", "=", ":5432"), "ports", 100, "time_wait", 0)
		connect(one, 5432, 20)
		f = finds(t, nil, nil, "critical port-exhaustion", risky)
		f.wants(t, "ports_taken", 90)
		clients, servers := connect(one, 5432, 10)
		client := newSocket(t, &unix.SockaddrInet4{})
		to := &unix.SockaddrInet4{Addr: lab.Host4.As4(), Port: 5432}
		if err := unix.Connect(client, to); err != unix.EADDRNOTAVAIL {
			t.Errorf("with 100 of 100 ports taken, connect returns %v", err)
		}

		// Ports in TIME_WAIT count only if connect() cannot reuse them.
		closeAll(t, clients...)
		closeAll(t, servers...)
		f = finds(t, nil, nil, "critical port-exhaustion", risky)
		f.wants(t, "ports_taken", 100, "time_wait", ssCount(t, "state", "time-wait"))
		if err := unix.Connect(client, to); err != unix.EADDRNOTAVAIL {
			t.Errorf("with 10 ports in TIME_WAIT and no reuse, connect returns %v", err)
		}
		must(t, l.SetSysctl("net.ipv4.tcp_tw_reuse", 1))
		f = finds(t, nil, nil, "critical port-exhaustion", risky)
		f.wants(t, "ports_taken", 90, "time_wait", 10)
		lab.Await(t, func() error { // reuse is allowed after one second (tcp_tw_reuse in ip-sysctl.rst)
			err := unix.Connect(client, to)
			if err != nil && err != unix.EADDRNOTAVAIL {
				t.Fatal(err)
			}
			return err
		})
	})
}

// TestDoctorSeesTimeWaitLeftOut lowers tcp_max_tw_buckets, so that the kernel ends
// connections without TIME_WAIT.
func TestDoctorSeesTimeWaitLeftOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		must(t, l.SetSysctl("net.ipv4.tcp_max_tw_buckets", 20))
		risky := "info sysctl-risky"
		end := func(n int) func() {
			return func() {
				for range n {
					client, server := connectTo(t, loopback4, func(int) {})
					closeAll(t, client, server)
				}
			}
		}
		finds(t, end(17), nil, risky)
		f := finds(t, end(1), nil, "warning time-wait-overflow", risky)
		f.says(t, "18 TIME_WAITs of at most 20")
		f.wants(t, "time_wait", ssCount(t, "state", "time-wait"), "tcp_max_tw_buckets", 20)
		before := counter(t, "TcpExtTCPTimeWaitOverflow")
		f = finds(t, end(5), nil, "warning time-wait-overflow", risky)
		f.says(t, "3 connections ended without TIME_WAIT")
		f.wants(t, "tcp_time_wait_overflow", counter(t, "TcpExtTCPTimeWaitOverflow")-before, "time_wait", 20)

		// What no longer rises is told with its number, with two readings as with one.
		f = finds(t, nil, nil, "warning time-wait-overflow", risky)
		f.says(t, "20 TIME_WAITs of at most 20: soon connections end without one, as 3 did since boot")
		must(t, l.SetSysctl("net.ipv4.tcp_max_tw_buckets", 65536))
		f = finds(t, nil, nil, "info time-wait-overflow")
		f.says(t, "since boot 3 connections ended without TIME_WAIT, and none within")
		f.wants(t, "tcp_time_wait_overflow_since_boot", counter(t, "TcpExtTCPTimeWaitOverflow"))
		if got := runIn(t, t.Context(), ticking(nil), "-q"); !strings.Contains(got.stdout, "since boot 3 connections ended without TIME_WAIT") {
			t.Errorf("the overview says %s", got.stdout)
		}
	})
}

// TestDoctorSeesAPeerThatDoesNotClose closes connections that their peer keeps.
func TestDoctorSeesAPeerThatDoesNotClose(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		closeTo := func(host string, n int) {
			for i := range n {
				p, err := l.Dial(netip.AddrPortFrom(netip.MustParseAddr(host), uint16(5000+i)), at)
				must(t, err)
				server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
				must(t, err)
				closeAll(t, server)
				_, err = p.Expect(lab.FIN | lab.ACK)
				must(t, err)
				must(t, p.Send(lab.ACK, nil))
			}
		}
		closeTo("10.9.7.1", 20)
		closeTo("10.9.7.2", 19)
		lab.Await(t, func() error {
			if n := ssCount(t, "state", "fin-wait-2"); n != 39 {
				return fmt.Errorf("%d are in FIN_WAIT2", n)
			}
			return nil
		})
		f := finds(t, nil, set("fin-wait2-orphans.count=20"), "info fin-wait2-orphans")
		f.says(t, "20 FIN_WAIT2s without a program, all with 10.9.7.1: that peer does not close")
		f.wants(t, "fin_wait2_orphans", ssCount(t, "state", "fin-wait-2", "dst", "10.9.7.1"), "peer", "10.9.7.1", "tcp_fin_timeout_ms", 60000)
		finds(t, nil, nil)
	})
}

// awaitUnread waits until data waits in the receive queue of a socket.
func awaitUnread(t *testing.T, fd int) {
	t.Helper()
	lab.Await(t, func() error {
		if n, err := unix.IoctlGetInt(fd, unix.SIOCINQ); err != nil || n == 0 {
			return fmt.Errorf("no data has arrived: %v", err)
		}
		return nil
	})
}

// TestDoctorSeesAborts ends connections early in two ways that a test can cause.
func TestDoctorSeesAborts(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		next := 0
		closeUnread := func(n int) func() { // closes with data unread
			fds, peers := dialIn(t, l, at, fd, next, n)
			next += n
			for i, p := range peers {
				must(t, p.Send(lab.PSH|lab.ACK, []byte("hello")))
				awaitUnread(t, fds[i])
			}
			return func() { closeAll(t, fds...) }
		}
		finds(t, closeUnread(9), nil)
		before := counter(t, "TcpExtTCPAbortOnClose")
		f := finds(t, closeUnread(10), nil, "info aborts-rising")
		f.wants(t, "tcp_abort_on_close", counter(t, "TcpExtTCPAbortOnClose")-before)
		f.says(t, "connections were ended early", "10 because programs closed with data unread")

		timeOut := func(n int) func() { // gives up on unacknowledged data
			fds, _ := dialIn(t, l, at, fd, next, n)
			next += n
			return func() {
				for _, fd := range fds {
					must(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 200))
					must(t, writeAll(fd, make([]byte, 10)))
				}
				for _, fd := range fds {
					lab.Await(t, func() error {
						code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
						must(t, err)
						if unix.Errno(code) != unix.ETIMEDOUT {
							return fmt.Errorf("the connection does not time out: error %d", code)
						}
						return nil
					})
				}
			}
		}
		alone := []string{"--skip", "loss-high"} // the data is also resent
		finds(t, timeOut(9), alone)
		before = counter(t, "TcpExtTCPAbortOnTimeout")
		f = finds(t, timeOut(10), alone, "warning aborts-rising")
		f.wants(t, "tcp_abort_on_timeout", counter(t, "TcpExtTCPAbortOnTimeout")-before)
	})
}

// TestDoctorSeesRiskySettings sets each setting to a risky value, and to the last
// value that is not risky.
func TestDoctorSeesRiskySettings(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		tests := []struct {
			name, usual, edge, risky string
			severity                 string
		}{
			{"net.ipv4.tcp_abort_on_overflow", "0", "0", "1", "warning"},
			{"net.ipv4.tcp_syncookies", "1", "0", "2", "info"}, // 0 is no risk, because other hosts cannot reach the only listener
			{"net.ipv4.tcp_retries2", "15", "8", "7", "info"},
			{"net.ipv4.tcp_retries2", "15", "8", "2", "warning"},
			{"net.ipv4.tcp_fin_timeout", "60", "120", "121", "info"},
			{"net.ipv4.tcp_max_tw_buckets", "131072", "4096", "4095", "info"},
			{"net.ipv4.ip_local_port_range", "32768 60999", "10000 14095", "10000 14094", "info"},
			{"net.core.somaxconn", "4096", "128", "127", "info"},
			{"net.ipv4.tcp_window_scaling", "1", "1", "0", "info"},
			{"net.ipv4.tcp_sack", "1", "1", "0", "info"},
		}
		listenWith(t, netip.MustParseAddr("127.0.0.1"), 16)
		for _, test := range tests {
			setSetting(t, test.name, test.edge)
			finds(t, nil, nil)
			setSetting(t, test.name, test.risky)
			f := finds(t, nil, nil, test.severity+" sysctl-risky")
			f.says(t, test.name+" is "+test.risky+":")
			f.wants(t, "setting", test.name, "value", test.risky)
			setSetting(t, test.name, test.usual)
		}
		// A setting may be risky only together with another one, or only if other
		// hosts can reach a listener.
		setSetting(t, "net.ipv4.tcp_timestamps", "0")
		finds(t, nil, nil)
		setSetting(t, "net.ipv4.tcp_tw_reuse", "1")
		finds(t, nil, nil, "info sysctl-risky")
		setSetting(t, "net.ipv4.tcp_tw_reuse", "2")
		setSetting(t, "net.ipv4.tcp_timestamps", "1")
		setSetting(t, "net.ipv4.tcp_syncookies", "0")
		finds(t, nil, nil)
		listenWith(t, lab.Host4, 16)
		finds(t, nil, nil, "warning sysctl-risky")
	})
}

// TestDoctorOfRecordedHosts checks rules that cannot be tested in a network
// namespace. The limits of orphans and of memory apply to the whole host, and only
// its first namespace has their settings. Newer kernels have no tcp_tw_recycle. The
// files are written by hand, in the form of Linux 4.9.
func TestDoctorOfRecordedHosts(t *testing.T) {
	const socket = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	tests := []struct {
		name     string
		sockstat string
		settings map[string]string
		want     string // "": no finding
		says     string
	}{
		{"orphans below a quarter", "TCP: inuse 5 orphan 249 tw 0 alloc 9 mem 10", map[string]string{"tcp_max_orphans": "1000"}, "", ""},
		{"orphans past a quarter", "TCP: inuse 5 orphan 250 tw 0 alloc 9 mem 10", map[string]string{"tcp_max_orphans": "1000"},
			"warning orphans-high", "250 sockets have no program, of at most 1000"},
		{"orphans at the limit", "TCP: inuse 5 orphan 900 tw 0 alloc 9 mem 10", map[string]string{"tcp_max_orphans": "1000"},
			"critical orphans-high", "900 sockets have no program"},
		{"tracked connections", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 10", map[string]string{"../netfilter/nf_conntrack_count": "899", "../netfilter/nf_conntrack_max": "1000"}, "", ""},
		{"many tracked connections", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 10", map[string]string{"../netfilter/nf_conntrack_count": "900", "../netfilter/nf_conntrack_max": "1000"},
			"warning conntrack-full", "the firewall tracks 900 connections, of at most 1,000"},
		{"no more tracked connections", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 10", map[string]string{"../netfilter/nf_conntrack_count": "1000", "../netfilter/nf_conntrack_max": "1000"},
			"critical conntrack-full", "the firewall tracks 1,000 connections"},
		{"memory enough", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 1799", map[string]string{"tcp_mem": "1000\t2000\t3000"}, "", ""},
		{"memory nearly short", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 1800", map[string]string{"tcp_mem": "1000\t2000\t3000"},
			"info tcp-memory-pressure", "1800 pages of 2000"},
		{"memory short", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 2000", map[string]string{"tcp_mem": "1000\t2000\t3000"},
			"warning tcp-memory-pressure", "TCP is short of memory: 2000 pages"},
		{"memory gone", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 3000", map[string]string{"tcp_mem": "1000\t2000\t3000"},
			"critical tcp-memory-pressure", "TCP has no memory left: 3000 pages of at most 3000"},
		{"tcp_tw_recycle off", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 10", map[string]string{"tcp_tw_recycle": "0"}, "", ""},
		{"tcp_tw_recycle on", "TCP: inuse 5 orphan 0 tw 0 alloc 9 mem 10", map[string]string{"tcp_tw_recycle": "1"},
			"warning sysctl-risky", "net.ipv4.tcp_tw_recycle is 1: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			proc := t.TempDir()
			files := map[string]string{
				"net/tcp": socket, "net/tcp6": socket,
				"net/netstat":           "TcpExt: ListenOverflows\nTcpExt: 0\n",
				"net/snmp":              "Tcp: PassiveOpens\nTcp: 0\n",
				"net/sockstat":          "sockets: used 9\n" + test.sockstat + "\n",
				"sys/kernel/osrelease":  "4.9.1\n",
				"sys/net/ipv4/tcp_sack": "1\n",
			}
			for name, value := range test.settings {
				files["sys/net/ipv4/"+name] = value + "\n"
			}
			for name, text := range files {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(proc, name)), 0o755))
				must(t, os.WriteFile(filepath.Join(proc, name), []byte(text), 0o644))
			}
			got := runIn(t, t.Context(), ticking(nil), "doctor", "--json", "--interval", "1ms", "--proc", proc)
			if got.code != exitDone {
				t.Fatalf("%+v", got)
			}
			e := readExamination(t, got.stdout)
			if codes := strings.Join(e.codes(), ", "); codes != test.want {
				t.Fatalf("finds %q, want %q: %+v", codes, test.want, e)
			}
			for _, f := range e.Findings {
				f.says(t, test.says)
				for _, advice := range f.Advice {
					if m := setsSysctl.FindStringSubmatch(advice[strings.LastIndex(advice, ": ")+2:]); m != nil && files["sys/"+strings.ReplaceAll(m[1], ".", "/")] == "" {
						t.Errorf("%s advises %q, but that host does not have the setting", f.Code, advice)
					}
				}
			}
		})
	}
}
