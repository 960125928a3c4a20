package cmd

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// withEtc returns a command that runs the program in its own mount namespace,
// where the given files replace those of /etc.
func withEtc(t *testing.T, files map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	etc := t.TempDir()
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644))
	}
	script := `etc=$1; shift; for f in "$etc"/*; do mount --bind "$f" "/etc/${f##*/}"; done; exec "$@"`
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-ec", script, "sh", etc, program(t)}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	return cmd
}

// runToEnd runs a command to its end and returns the result.
func runToEnd(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// TestNamesOfHostsAndServices resolves hosts and services with test files in /etc.
func TestNamesOfHostsAndServices(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for _, where := range []string{"127.0.0.1:443", "127.0.0.2:7777", "127.0.0.3:5432", "127.0.0.4:9999", "[::1]:443", "[::]:22", "0.0.0.0:3306", "[fd7f::9]:22", "[::ffff:127.0.0.2]:22"} {
			end := netip.MustParseAddrPort(where)
			listenOn(t, sockaddrOf(end.Addr(), int(end.Port())), func(fd int) {
				must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1))
				must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
			})
		}
		files := map[string]string{
			"resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", // no server there: a query is refused at once
			"nsswitch.conf": "hosts: files dns\n",
			"hosts":         "127.0.0.1 first.example second.example\n127.0.0.2 db-1\n::1 six.example\nfd7f::9 \x1b[31mevil\n127.0.0.3 evil\x1b[0m\n",
			"services":      "sevens 7777/tcp alias\nfancy-https 443/tcp\nudp-only 9999/udp\n",
		}
		local := func(args ...string) (outcome, string) {
			got := runToEnd(t, withEtc(t, files, append([]string{"ls", "-rH", "--sort", "local"}, args...)...))
			var ends []string
			for line := range strings.Lines(got.stdout) {
				ends = append(ends, strings.Fields(line)[3])
			}
			return got, strings.Join(ends, " ")
		}
		got, ends := local("sport = 443 or sport = 7777 or sport = 9999")
		if got.code != exitDone {
			t.Errorf("%+v", got)
		}
		if want := "first.example:fancy-https db-1:sevens 127.0.0.4:9999 six.example:fancy-https"; ends != want {
			t.Errorf("the ends are %q, want %q; stderr %q", ends, want, got.stderr)
		}
		got, ends = local("src 127.0.0.3 or sport = 3306 or sport = 22")
		if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitDone {
			t.Errorf("%+v, %s", got, bad)
		}
		for _, want := range []string{":postgresql", "0.0.0.0:mysql", "[::]:ssh", "db-1:ssh"} { // services that /etc/services does not have
			if !strings.Contains(" "+ends+" ", want+" ") {
				t.Errorf("the ends are %q, want %q among them", ends, want)
			}
		}

		// -n is the default: names are shown only with -r.
		plain := runToEnd(t, withEtc(t, files, "ls", "-nH"))
		if strings.Contains(plain.stdout, "example") || strings.Contains(plain.stdout, "ssh") || plain.code != exitDone {
			t.Errorf("with -n: %+v", plain)
		}

		// JSON has the names in addition to the numbers.
		var document struct {
			Sockets []struct {
				Local struct {
					Address, Host, Service string
					Port                   int
				}
			}
		}
		got = runToEnd(t, withEtc(t, files, "ls", "-r", "--json", "src 127.0.0.2 and sport = 7777"))
		must(t, json.Unmarshal([]byte(got.stdout), &document))
		if len(document.Sockets) != 1 || document.Sockets[0].Local.Address != "127.0.0.2" || document.Sockets[0].Local.Host != "db-1" ||
			document.Sockets[0].Local.Service != "sevens" || document.Sockets[0].Local.Port != 7777 {
			t.Errorf("JSON has %+v", document)
		}
		got = runToEnd(t, withEtc(t, files, "count", "-r", "--by", "local", "--format", "csv", "-H", "src 127.0.0.0/8"))
		if !strings.Contains(got.stdout, "\nfirst.example,1,") && !strings.HasPrefix(got.stdout, "first.example,1,") || got.code != exitDone {
			t.Errorf("count -r: %+v", got)
		}

		// A filter knows the names of services with and without the file.
		files["services"] = "nothing 1/tcp\n"
		for _, filter := range []string{"sport = https", "sport = :https"} {
			if got := runToEnd(t, withEtc(t, files, "count", "-q", filter)); got != (outcome{exitDone, "2\n", ""}) {
				t.Errorf("count %s: %+v", filter, got)
			}
		}
		if got := runToEnd(t, withEtc(t, files, "ls", "sport = sevens")); got.code != exitUsage {
			t.Errorf("a service that does not exist: %+v", got)
		}
	})
}

// silentServer opens a name server that receives queries and never answers.
func silentServer(t *testing.T) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:53")
	must(t, err)
	t.Cleanup(func() { server.Close() })
}

var silentEtc = map[string]string{
	"resolv.conf":   "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n",
	"nsswitch.conf": "hosts: files dns\n",
	"hosts":         "127.0.0.1 localhost\n",
}

// TestNamesThatNeverCome resolves names by a name server that never answers.
func TestNamesThatNeverCome(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		silentServer(t)
		if err := l.Fill("synrecv4=300"); err != nil {
			t.Fatal(err)
		}
		got := runToEnd(t, withEtc(t, silentEtc, "ls", "-rH"))
		if n := strings.Count(got.stdout, "\nSYN_RECV"); got.code != exitDone || n != 300 {
			t.Errorf("exit %d, %d half-open connections, stderr %q", got.code, n, got.stderr)
		}
		if strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "were not found within") {
			t.Errorf("stderr %q", got.stderr)
		}
		if !strings.Contains(got.stdout, "100.0.0.") {
			t.Errorf("the listing has no addresses: %.500q", got.stdout)
		}
	})
}

// TestCtrlCWhileNamesAreAwaited interrupts the program while it waits for a name
// server.
func TestCtrlCWhileNamesAreAwaited(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("synrecv4=300"); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"ls", "-r"}, {"ls", "-r", "--json"}, {"count", "-r", "--by", "peer"}, {"ls", "-rc"}} {
			server, err := net.ListenPacket("udp", "127.0.0.1:53")
			must(t, err)
			var stdout, stderr bytes.Buffer
			cmd := withEtc(t, silentEtc, args...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			must(t, cmd.Start())
			must(t, server.SetReadDeadline(time.Now().Add(lab.Patience)))
			if _, _, err := server.ReadFrom(make([]byte, 512)); err != nil { // the program has sent a query
				t.Fatal(err)
			}
			must(t, cmd.Process.Signal(syscall.SIGINT))
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || strings.Contains(stderr.String(), "tcpstate: context") {
				t.Errorf("%q: exit %d, stderr %q", args, code, stderr.String())
			}
			if args[len(args)-1] != "--json" && stdout.Len() > 0 {
				t.Errorf("%q: a part of a table is printed: %.300q", args, stdout.String())
			}
			must(t, server.Close()) // this drops the remaining queries
		}
	})
}
