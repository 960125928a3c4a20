package cmd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/internal/pane"
)

// connections opens a listener on 127.0.0.1:8080 and connections to it from the
// ports 41001, 41002 and 41003. The last one sends five bytes that nobody reads.
func connections(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:8080")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	for port := 41001; port <= 41003; port++ {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
		client, err := dialer.DialContext(t.Context(), "tcp4", "127.0.0.1:8080")
		must(t, err)
		server, err := listener.Accept()
		must(t, err)
		t.Cleanup(func() { client.Close(); server.Close() })
		if port == 41003 {
			_, err = client.Write([]byte("12345"))
			must(t, err)
		}
	}
}

// onTerminal runs watch on a terminal.
func onTerminal(t *testing.T, env string, args string) *pane.Pane {
	t.Helper()
	return pane.Start(t, 80, 24, fmt.Sprintf("%s exec %s watch %s", env, program(t), args))
}

const english = "LC_ALL=C.UTF-8"

// TestScreen uses the screen as a user does: it filters, sorts, groups, opens a
// socket and an explanation, and resizes the terminal.
func TestScreen(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		p := onTerminal(t, english, "--interval 250ms -p")
		screen := p.Wait("sock_diag", "7 sockets  every 250ms", "4 ESTABLISHED          6", "7 sockets  sort state", "127.0.0.1:8080", "? keys  q quit")
		if !regexp.MustCompile(`(?m)^> LISTEN +0 .* +127\.0\.0\.1:8080 +0\.0\.0\.0:\* .*/`).MatchString(screen) {
			t.Errorf("the cursor is not on a listener with its process:\n%s", screen)
		}

		p.Press("/")
		p.Write("sport = 8080 and dprt =")
		p.Wait("filter: sport = 8080 and dprt =", "\n"+strings.Repeat(" ", len("filter: sport = 8080 and "))+"^ ")
		p.Press("BSpace", "BSpace", "BSpace", "BSpace", "BSpace")
		p.Write("port >= :41002")
		p.Wait("2 sockets  sort state", "Enter applies it")
		p.Press("Enter")
		p.Wait("2 sockets  sort state  filter sport = 8080 and dport >= :41002", "127.0.0.1:41002", "127.0.0.1:41003")

		p.Press("s")
		screen = p.Wait("sort recv-q down", "> ESTABLISHED        5")
		if strings.Index(screen, "127.0.0.1:41003") > strings.Index(screen, "127.0.0.1:41002") {
			t.Errorf("not sorted by the bytes not read:\n%s", screen)
		}

		p.Press("g", "g")
		p.Wait("1 group by peer  sort total down", "> 127.0.0.1       2          ESTABLISHED 2")
		p.Press("g", "g", "g", "s")
		p.Wait("2 sockets  sort recv-q down")

		p.Press("Enter")
		p.Wait("socket 127.0.0.1:8080 - 127.0.0.1:41003", "ESTABLISHED", "5 bytes not read", "History", "existed when watch began")
		p.Press("End")
		p.Until("the last line of the socket", func(screen string) bool {
			lines := regexp.MustCompile(`lines \d+-(\d+) of (\d+) `).FindStringSubmatch(screen)
			return lines != nil && lines[1] == lines[2]
		})
		p.Press("e")
		p.Wait("explain ESTABLISHED", "lines 1-22")
		p.Press("q")
		p.Wait("socket 127.0.0.1:8080 - 127.0.0.1:41003")
		p.Press("q")
		p.Wait("2 sockets  sort recv-q down")

		p.Resize(40, 10)
		p.Wait("2 sockets  sort recv-q down", "127.0.0.1:41003", "? keys  q quit")
		p.Resize(200, 60)
		p.Wait("127.0.0.1:41003", "PROCESS", "p pause")
		p.Press("q")
		if status := p.Ended(); status != exitDone {
			t.Errorf("exit %d: %s", status, p.Stderr())
		}
		if p.Stderr() != "" {
			t.Errorf("stderr: %s", p.Stderr())
		}
	})
}

// TestScreenStart begins with columns, an order and groups that flags request, and
// uses the mouse.
func TestScreenStart(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		p := onTerminal(t, english, "--columns state,local,peer,recv_q --sort -recv_q")
		p.Wait("sort recv-q down", "RECV-Q▼", "> ESTABLISHED  127.0.0.1:8080   127.0.0.1:41003        5")
		if on := p.Says("mouse_any_flag"); on != "1" {
			t.Errorf("the mouse is %s", on)
		}
		p.Write("\x1b[<0;18;9M\x1b[<0;18;9m") // a click on the heading LOCAL, as a terminal sends it (ctlseqs, SGR mouse mode)
		p.Wait("sort local", "LOCAL▲")
		p.Press("m")
		p.Until("the mouse off", func(string) bool { return p.Says("mouse_any_flag") == "0" })
		p.Press("q")
		p.Ended()

		p = onTerminal(t, english, "--by peer --sort name --mouse off")
		p.Wait("groups by peer  sort name", "PEER▲")
		if on := p.Says("mouse_any_flag"); on != "0" {
			t.Errorf("the mouse is %s against --mouse off", on)
		}
		p.Press("q")
		p.Ended()
		for _, args := range []string{"--by pear", "--sort rtt", "--mouse maybe", "--columns rtt"} {
			p := onTerminal(t, english, args)
			if status := p.Ended(); status != exitUsage || p.Stderr() == "" {
				t.Errorf("%s: exit %d: %s", args, status, p.Stderr())
			}
		}
	})
}

// TestScreenOfListeners fills the accept queue of a listener that does not accept, and
// opens further connections, which it drops.
func TestScreenOfListeners(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		must(t, err)
		defer syscall.Close(fd)
		must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Port: 9090, Addr: [4]byte{127, 0, 0, 1}}))
		must(t, syscall.Listen(fd, 1))
		p := onTerminal(t, english, "--state LISTEN --interval 250ms")
		p.Wait("2 listeners", "sort recv-q down", "127.0.0.1:8080", "127.0.0.1:9090")
		for range 4 {
			client, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
			must(t, err)
			defer syscall.Close(client)
			if err := syscall.Connect(client, &syscall.SockaddrInet4{Port: 9090, Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != syscall.EINPROGRESS {
				t.Fatal(err)
			}
		}
		p.Until("a full queue with drops", func(screen string) bool {
			return regexp.MustCompile(`(?m)^> 127\.0\.0\.1:9090 +2/1 +(2 +)?[1-9]\d*( \+\d+)? +\d+ +\S+ +\S+ +\d+/`).MatchString(screen)
		})
		p.Press("l")
		p.Wait("sort state")
		p.Press("q")
		p.Ended()
	})
}

// TestScreenIsLeft ends the screen in every possible way, by keys and by signals.
func TestScreenIsLeft(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		for _, test := range []struct {
			name   string
			end    func(p *pane.Pane, process *os.Process)
			status int
		}{
			{"q", func(p *pane.Pane, _ *os.Process) { p.Press("q") }, exitDone},
			{"Ctrl-C", func(p *pane.Pane, _ *os.Process) { p.Press("C-c") }, exitInterrupted},
			{"SIGINT", func(_ *pane.Pane, process *os.Process) { process.Signal(syscall.SIGINT) }, exitInterrupted},
			{"SIGTERM", func(_ *pane.Pane, process *os.Process) { process.Signal(syscall.SIGTERM) }, 128 + int(syscall.SIGTERM)},
			{"SIGQUIT", func(_ *pane.Pane, process *os.Process) { process.Signal(syscall.SIGQUIT) }, 128 + int(syscall.SIGQUIT)},
			{"SIGABRT", func(_ *pane.Pane, process *os.Process) { process.Signal(syscall.SIGABRT) }, 128 + int(syscall.SIGABRT)},
			{"two SIGINTs", func(_ *pane.Pane, process *os.Process) {
				process.Signal(syscall.SIGINT)
				process.Signal(syscall.SIGINT)
			}, exitInterrupted},
			{"SIGHUP", func(_ *pane.Pane, process *os.Process) { process.Signal(syscall.SIGHUP) }, 128 + int(syscall.SIGHUP)},
		} {
			t.Run(test.name, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "pid")
				p := pane.Start(t, 80, 24, fmt.Sprintf("sh -c 'echo $$ > %s; %s exec %s watch'", file, english, program(t)))
				p.Wait("7 sockets  sort state", "127.0.0.1:41003")
				text, err := os.ReadFile(file)
				must(t, err)
				var pid int
				if _, err := fmt.Sscan(string(text), &pid); err != nil {
					t.Fatal(err)
				}
				process, err := os.FindProcess(pid)
				must(t, err)
				test.end(p, process)
				if status := p.Ended(); status != test.status {
					t.Errorf("exit %d, want %d: %s", status, test.status, p.Stderr())
				}
				if screen := p.Screen(); strings.Contains(screen, "ESTABLISHED") {
					t.Errorf("the screen is not cleared:\n%s", screen)
				}
			})
		}
	})
}

// TestScreenCapabilities checks what is drawn if the environment or a flag
// excludes colours, UTF-8 or the whole screen.
func TestScreenCapabilities(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		connections(t)
		for _, test := range []struct {
			name, env, args string
			color, ascii    bool
		}{
			{"colours", english, "", true, false},
			{"NO_COLOR", english + " NO_COLOR=1", "", false, false},
			{"--color never", english, "--color never", false, false},
			{"no UTF-8", "LC_ALL=C", "", true, true},
		} {
			t.Run(test.name, func(t *testing.T) {
				p := onTerminal(t, test.env, "--state ESTABLISHED "+test.args)
				screen := p.Wait("ESTABLISHED 6", "6 sockets  in ESTABLISHED", "0.0.0.0:8080"[7:])
				if ascii := strings.IndexFunc(screen, func(r rune) bool { return r > '~' }) < 0; ascii != test.ascii {
					t.Errorf("only ASCII is %v, want %v:\n%s", ascii, test.ascii, screen)
				}
				if color := strings.Contains(p.Colored(), "\x1b["); color != test.color {
					t.Errorf("colours are %v, want %v:\n%q", color, test.color, p.Colored())
				}
				p.Press("q")
				p.Ended()
			})
		}
		t.Run("dumb", func(t *testing.T) {
			p := pane.Start(t, 80, 24, "TERM=dumb exec "+program(t)+" watch --interval 50ms")
			p.Wait(" = 7:")
			p.Press("C-c")
			if status := p.Ended(); status != exitInterrupted {
				t.Errorf("exit %d", status)
			}
		})
	})
}

// TestScreenOfAFlood checks that the first screen of a flood shows the number of
// half-open connections, the listener and the networks.
func TestScreenOfAFlood(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		plan, err := lab.ParsePlan("synrecv4=3000")
		must(t, err)
		must(t, l.FillPlan(plan.Fill))
		p := onTerminal(t, english, "--state SYN_RECV")
		screen := p.Wait("SYN_RECV 3000", "LISTENER", "ACCEPT-Q", "PREFIX", "/24", "PEER", "age  ", "3000 sockets  in SYN_RECV")
		if !regexp.MustCompile(`(?m)^10\.77\.0\.1:\d+ +0/\d+ +3000 `).MatchString(screen) {
			t.Errorf("the listener is not shown with its queue and its half-open connections:\n%s", screen)
		}
		must(t, l.FillPlan(plan.Fill))
		p.Wait("SYN_RECV 6000", "6000 sockets  in SYN_RECV")
		p.Press("q")
		p.Ended()
	})
}
