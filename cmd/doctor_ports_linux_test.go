package cmd

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// manyDestinations are listeners on the ports from 5001 on, to which a program
// connects in turn.
type manyDestinations struct {
	listeners []int
	servers   []int // that were accepted
	next      int
}

func listenOnMany(t *testing.T, n int) *manyDestinations {
	t.Helper()
	var m manyDestinations
	for i := range n {
		fd := newSocket(t, &unix.SockaddrInet4{})
		must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 5001 + i}))
		must(t, unix.Listen(fd, 16))
		m.listeners = append(m.listeners, fd)
	}
	return &m
}

// connect connects n sockets, which prepare binds before, or not.
func (m *manyDestinations) connect(t *testing.T, n int, prepare func(fd int)) (clients []int) {
	t.Helper()
	for range n {
		to := m.next % len(m.listeners)
		m.next++
		client := newSocket(t, &unix.SockaddrInet4{})
		prepare(client)
		must(t, unix.Connect(client, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 5001 + to}))
		server, _, err := unix.Accept4(m.listeners[to], unix.SOCK_CLOEXEC)
		must(t, err)
		m.servers = append(m.servers, server)
		clients = append(clients, client)
	}
	return clients
}

// hangUp closes the servers from the n-th on.
func (m *manyDestinations) hangUp(t *testing.T, n int) {
	t.Helper()
	closeAll(t, m.servers[n:]...)
	m.servers = m.servers[:n]
}

var boundTo = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}}

// TestDoctorSeesBoundPortsRunOut has a program bind a port before each of its
// connections to many destinations. Each destination has few of them, and yet bind()
// finds no port in the end.
func TestDoctorSeesBoundPortsRunOut(t *testing.T) {
	risky := "info sysctl-risky" // so few ports are
	bind := func(fd int) { must(t, unix.Bind(fd, boundTo)) }
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		setSetting(t, "net.ipv4.ip_local_port_range", "40000 40099")
		m := listenOnMany(t, 10)
		pid := given(t, "binder", m.connect(t, 89, bind)...)
		finds(t, nil, nil, risky)
		m.connect(t, 1, bind)
		f := finds(t, nil, nil, "warning port-exhaustion", risky)
		f.names(t, pid, "binder")
		f.says(t, "127.0.0.2 has 90 of 100 local ports in use", fmt.Sprintf("by binder (pid %d)", pid), "bind() may fail with EADDRINUSE: ")
		f.wants(t, "ports_taken", 90, "ports_free", 10, "ports", 100, "sockets", 90, "destinations", 10)
		if f.Confidence != "possible" {
			t.Errorf("how sure it is: %s", f.Confidence)
		}
		m.connect(t, 10, bind)
		if err := unix.Bind(newSocket(t, boundTo), boundTo); err != unix.EADDRINUSE {
			t.Errorf("with 100 of 100 ports bound, bind returns %v", err)
		}
	})
}

// TestDoctorIsCalmAboutSharedPorts has the same with IP_BIND_ADDRESS_NO_PORT.
func TestDoctorIsCalmAboutSharedPorts(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		setSetting(t, "net.ipv4.ip_local_port_range", "40000 40099")
		m := listenOnMany(t, 10)
		const noPort = 24 // IP_BIND_ADDRESS_NO_PORT, linux/in.h
		m.connect(t, 250, func(fd int) {
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, noPort, 1))
			must(t, unix.Bind(fd, boundTo))
		})
		for _, f := range examine(t, nil).Findings {
			if f.Severity != "info" {
				t.Errorf("with ports that destinations share it finds %s %s: %s", f.Severity, f.Code, f.Title)
			}
		}
	})
}

// TestDoctorNamesWhoExhaustsPorts has two processes connect to one destination.
func TestDoctorNamesWhoExhaustsPorts(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		setSetting(t, "net.ipv4.ip_local_port_range", "40000 40099")
		must(t, l.SetSysctl("net.ipv4.tcp_tw_reuse", 0))
		risky := "info sysctl-risky"
		m := listenOnMany(t, 1)
		plain := func(int) {}
		few := given(t, "few", m.connect(t, 20, plain)...)
		many := given(t, "many", m.connect(t, 50, plain)...)
		f := finds(t, nil, nil, "warning port-exhaustion", risky)
		f.says(t, fmt.Sprintf("by many (pid %d) and other processes", many))
		if len(f.Processes) != 2 || f.Processes[0].PID != many || f.Processes[1].PID != few {
			t.Errorf("it names %v, want many (pid %d), few (pid %d)", f.Processes, many, few)
		}
		f.wants(t, "ports_taken", 70, "ports_free", 30)
		for args, want := range map[string]string{
			"--no-pager": "From 127.0.0.1 to 127.0.0.1:5001: 70 of 100 local ports are used, 30 are free.",
			"--json":     `"ports":{"local":"127.0.0.1","peer":"127.0.0.1:5001","used":70,"usable":100,"free":30}`,
		} {
			got := runIn(t, t.Context(), ticking(nil), "explain", "port-exhaustion", args)
			if !strings.Contains(strings.Join(strings.Fields(got.stdout), " "), want) || got.code != exitDone {
				t.Errorf("explain port-exhaustion %s does not print %q: %+v", args, want, got)
			}
		}
	})
}

// TestDoctorNamesWhoLeftTimeWaits has only TIME_WAITs, and one connection to another
// port of the destination.
func TestDoctorNamesWhoLeftTimeWaits(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		setSetting(t, "net.ipv4.ip_local_port_range", "40000 40099")
		must(t, l.SetSysctl("net.ipv4.tcp_tw_reuse", 0))
		m := listenOnMany(t, 2)
		m.next = 1
		pid := given(t, "poller", m.connect(t, 1, func(int) {})...)
		for range 75 {
			m.next = 0
			closeAll(t, m.connect(t, 1, func(int) {})...)
		}
		// The servers close too; then TIME_WAIT is at the clients.
		m.hangUp(t, 1)
		var f finding
		lab.Await(t, func() error {
			e := examine(t, nil, "--only", "port-exhaustion")
			if f = append(e.Findings, finding{})[0]; fmt.Sprint(f.Evidence["time_wait"]) != "75" {
				return fmt.Errorf("it finds %+v", f)
			}
			return nil
		})
		f.names(t, pid, "poller")
		if f.Confidence != "likely" {
			t.Errorf("how sure it is that poller talks to it: %s", f.Confidence)
		}
	})
}

// TestDoctorSeesConnectionsWithThemselves connects a socket to its own port.
func TestDoctorSeesConnectionsWithThemselves(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		client, server := connectTo(t, loopback4, func(int) {})
		given(t, "ordinary", client, server)
		finds(t, nil, nil)
		at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 40123}
		fd := newSocket(t, at)
		must(t, unix.Bind(fd, at))
		must(t, unix.Connect(fd, at))
		pid := given(t, "narcissus", fd)
		f := finds(t, nil, nil, "warning self-connect")
		f.names(t, pid, "narcissus")
		f.says(t, fmt.Sprintf("narcissus (pid %d) is connected with itself on 127.0.0.1:40123", pid))
		f.wants(t, "local", "127.0.0.1:40123", "peer", "127.0.0.1:40123", "state", "ESTABLISHED")
		if ssCount(t, "src", "127.0.0.1:40123", "dst", "127.0.0.1:40123") != 1 {
			t.Error("ss does not list it")
		}
	})
}
