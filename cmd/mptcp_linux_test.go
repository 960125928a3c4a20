package cmd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// mptcpPair is a connection of multipath TCP between two Go sockets over the
// loopback interface, and the listener of Go that accepted it. Go's listeners
// speak MPTCP by default.
type mptcpPair struct {
	listener       net.Listener
	port           int
	client, server *net.TCPConn
}

// needMPTCP skips the test if the kernel has no MPTCP. In CI that is a failure.
func needMPTCP(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/mptcp/enabled")
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatal("this kernel has no MPTCP")
		}
		t.Skip("this kernel has no MPTCP")
	}
	must(t, err)
	if strings.TrimSpace(string(text)) != "1" {
		must(t, os.WriteFile("/proc/sys/net/mptcp/enabled", []byte("1"), 0))
	}
}

func connectMPTCP(t *testing.T, address string) *mptcpPair {
	t.Helper()
	needMPTCP(t)
	var config net.ListenConfig
	config.SetMultipathTCP(true)
	l, err := config.Listen(t.Context(), "tcp", address)
	must(t, err)
	p := &mptcpPair{listener: l, port: l.Addr().(*net.TCPAddr).Port}
	dialer := net.Dialer{KeepAlive: -1}
	dialer.SetMultipathTCP(true)
	client, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	must(t, err)
	server, err := l.Accept()
	must(t, err)
	p.client, p.server = client.(*net.TCPConn), server.(*net.TCPConn)
	for _, c := range []*net.TCPConn{p.client, p.server} {
		if used, err := c.MultipathTCP(); err != nil || !used {
			t.Fatalf("the connection is not of MPTCP: %v", err)
		}
		must(t, c.SetKeepAlive(false))
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		l.Close()
	})
	return p
}

// ssLine is one connection as ss -M prints it.
type ssLine struct {
	state, recvQ, local, peer, token string
}

// ssMPTCP returns the connections that ss -M lists, by their token.
func ssMPTCP(t *testing.T) map[string]ssLine {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ss", "-ManiOH").Output()
	must(t, err)
	found := map[string]ssLine{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		token := regexp.MustCompile(`token:([0-9a-f]+)`).FindStringSubmatch(line)
		if token == nil {
			continue
		}
		found[token[1]] = ssLine{words[0], words[1], words[3], words[4], token[1]}
	}
	return found
}

// TestMPTCPConnections compares the connections of multipath TCP with those of ss,
// while the peer has closed one and data is unread.
func TestMPTCPConnections(t *testing.T) {
	lab.Run(t, func(t *testing.T, _ *lab.Lab) {
		p := connectMPTCP(t, "127.0.0.1:0")
		_, err := p.client.Write(make([]byte, 500))
		must(t, err)
		must(t, p.client.CloseWrite())
		var sockets []map[string]any
		lab.Await(t, func() error {
			sockets = list(t, "--mptcp", "-p").Sockets
			for _, s := range sockets {
				if s["state"] == "CLOSE_WAIT" && s["recv_q_bytes"].(float64) >= 500 {
					return nil
				}
			}
			return fmt.Errorf("no connection in CLOSE_WAIT among %v", sockets)
		})
		ss := ssMPTCP(t)
		seen, subflows, listeners := 0, 0, 0
		var connection map[string]any // the last one
		for _, s := range sockets {
			switch {
			case s["mptcp_connection.listener"] == true:
				listeners++
				if s["state"] != "LISTEN" || s["local.port"] != float64(p.port) || s["mptcp_connection.subflows"] != nil || s["mptcp_token"] != nil {
					t.Errorf("listener %v", s)
				}
			case s["mptcp_connection.listener"] == false:
				seen++
				connection = s
				token := fmt.Sprintf("%x", int64(s["mptcp_token"].(float64)))
				want, ok := ss[token]
				local := netip.AddrPortFrom(netip.MustParseAddr(s["local.address"].(string)), uint16(s["local.port"].(float64)))
				state := strings.NewReplacer("ESTAB", "ESTABLISHED", "-WAIT-", "_WAIT", "-", "_").Replace(want.state)
				if !ok || state != s["state"] || want.recvQ != fmt.Sprint(s["recv_q_bytes"]) || want.local != local.String() {
					t.Errorf("connection %v; ss has %+v", s, want)
				}
				if s["processes"] == nil {
					t.Errorf("no process holds %v", s)
				}
				if age, known := s["age_ms"]; known && (s["age_exact"] != false || s["age_at_least"] != true || age.(float64) > 60_000) {
					t.Errorf("the age of %v is no lower bound", s)
				}
			default: // a subflow of the connection before it
				subflows++
				if s["mptcp_token"] != connection["mptcp_token"] || s["state"] != "ESTABLISHED" || s["recv_q_bytes"] != 0.0 || s["inode"] != connection["inode"] {
					t.Errorf("subflow %v of %v", s, connection)
				}
				if local := s["mptcp.token_local"]; local != nil && local != s["mptcp_token"] {
					t.Errorf("the kernel says token %v of %v", local, s)
				}
			}
		}
		if seen != 2 || subflows != 2 || listeners != 1 || len(ss) != 2 {
			t.Errorf("%d connections, %d subflows, %d listeners; ss has %d connections", seen, subflows, listeners, len(ss))
		}

		// The state and the filter select connections; their subflows come along.
		for _, args := range [][]string{{"--mptcp", "--state", "CLOSE_WAIT"}, {"--mptcp", "-p", "state", "close-wait", "recvq", "gt", "0"},
			{"--mptcp", "-p", fmt.Sprintf("pid = %d and state close-wait", os.Getpid())}} {
			if got := list(t, args...).Sockets; len(got) != 2 || got[0]["state"] != "CLOSE_WAIT" || got[1]["state"] != "ESTABLISHED" || got[0]["mptcp_token"] != got[1]["mptcp_token"] {
				t.Errorf("%q: %v", args, got)
			}
		}
		table := runArgs(t, "ls", "--mptcp")
		if !regexp.MustCompile(`(?m)^connection 0x([0-9a-f]+) +CLOSE_WAIT .*\nsubflow of 0x([0-9a-f]+) +ESTABLISHED `).MatchString(table.stdout) {
			t.Errorf("ls --mptcp:\n%s", table.stdout)
		}

		// A listing of TCP marks the subflows, and is otherwise the same as ever.
		marked := runArgs(t, "ls", "-e", fmt.Sprintf("sport = :%d", p.port))
		if !regexp.MustCompile(`(?m)^ESTABLISHED .* subflow of 0x[0-9a-f]+ `).MatchString(marked.stdout) || !regexp.MustCompile(`(?m)^LISTEN .* listener `).MatchString(marked.stdout) {
			t.Errorf("ls -e:\n%s", marked.stdout)
		}
		for _, s := range list(t).Sockets {
			if s["mptcp_token"] != nil || s["mptcp_connection.listener"] != nil || s["state"] == "CLOSE_WAIT" {
				t.Errorf("ls lists %v", s)
			}
		}

		// /proc lists no connections, and says so.
		if got := runArgs(t, "ls", "--mptcp", "--source", "procfs"); got.code != exitFailed || !strings.Contains(got.stderr, "/proc does not list connections of multipath TCP") {
			t.Errorf("from procfs: exit %d, %q", got.code, got.stderr)
		}
		if got := runArgs(t, "ls", "-e", "--source", "procfs"); !strings.Contains(got.stderr, "3 sockets are of multipath TCP") {
			t.Errorf("ls -e from procfs: %q", got.stderr)
		}
	})
}

// TestStoriesOfMPTCP explains a connection that the peer has closed, whose subflow
// is still ESTABLISHED.
func TestStoriesOfMPTCP(t *testing.T) {
	lab.Run(t, func(t *testing.T, _ *lab.Lab) {
		p := connectMPTCP(t, "[::]:0")
		_, err := p.client.Write(make([]byte, 500))
		must(t, err)
		must(t, p.client.CloseWrite())
		lab.Await(t, func() error {
			got := runArgs(t, "explain", fmt.Sprintf(":%d", p.port))
			got.stdout = strings.Join(strings.Fields(got.stdout), " ")
			for _, want := range []string{"CLOSE_WAIT (1)", "FIN_WAIT2 (1)", "LISTEN (1)", "has not read all that came before"} {
				if !strings.Contains(got.stdout, want) {
					return fmt.Errorf("explain does not say %q:\n%s", want, got.stdout)
				}
			}
			for _, wrong := range []string{"Open and idle", "ESTABLISHED (", " bytes"} {
				if strings.Contains(got.stdout, wrong) {
					return fmt.Errorf("explain says %q:\n%s", wrong, got.stdout)
				}
			}
			return nil
		})
	})
}

// TestLeakOfMPTCP lets a program read to the end of a connection and keep it, and
// keep another whose data it does not read. Their subflows stay ESTABLISHED, so
// only the connections show it.
func TestLeakOfMPTCP(t *testing.T) {
	lab.Run(t, func(t *testing.T, _ *lab.Lab) {
		read, unread := connectMPTCP(t, "127.0.0.1:0"), connectMPTCP(t, "127.0.0.1:0")
		_, err := unread.client.Write(make([]byte, 500))
		must(t, err)
		must(t, read.client.CloseWrite())
		if n, err := read.server.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Fatalf("read %d bytes, %v", n, err)
		}
		args := []string{"doctor", "--json", "--only", "close-wait-leak,app-not-reading,no-keepalive",
			"--set", "close-wait-leak.count=1", "--set", "close-wait-leak.age=1ms", "--set", "app-not-reading.age=1ms",
			"--set", "no-keepalive.count=1", "--set", "no-keepalive.idle=1ms"}
		lab.Await(t, func() error {
			got := runArgs(t, args...)
			if got.code != exitDone {
				t.Fatalf("exit %d, %s", got.code, got.stderr)
			}
			for _, want := range []string{
				`"title":"1 MPTCP connection of [^"]* in CLOSE_WAIT[^"]*: the program has read all data and does not close"`,
				`"mptcp_connections":1,"data_read":1`, `tcpstate ls --mptcp -p -o state close-wait`,
				`"title":"[^"]* does not read 1 MPTCP connection`, `"unread_memory_bytes":[1-9]`, `"code":"no-keepalive"`,
			} {
				if !regexp.MustCompile(want).MatchString(strings.Join(strings.Fields(got.stdout), " ")) {
					return fmt.Errorf("the findings have no %s:\n%s", want, got.stdout)
				}
			}
			return nil
		})
	})
}
