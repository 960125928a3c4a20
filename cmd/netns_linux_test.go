package cmd

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// neighbours are network namespaces in addition to the lab's own: two with names, and
// one that only a process holds. Each named one has a listener, a connection whose
// two ends this process holds, another connection that was not accepted, and a
// TIME_WAIT on the side of the listener.
type neighbours struct {
	red, blue *lab.Namespace
	nameless  int        // the id of the process that holds the third
	host      netip.Addr // the address of the listeners, which no other namespace of this host uses
	ports     map[string]int
}

func makeNeighbours(t *testing.T, l *lab.Lab) *neighbours {
	t.Helper()
	pid := os.Getpid()
	n := &neighbours{host: netip.AddrFrom4([4]byte{127, 1 + byte(pid>>16), byte(pid >> 8), byte(pid)}), ports: map[string]int{}}
	var errRed, errBlue error
	n.red, errRed = l.Namespace("red")
	n.blue, errBlue = l.Namespace("blue")
	must(t, errors.Join(errRed, errBlue))
	for name, space := range map[string]*lab.Namespace{"red": n.red, "blue": n.blue} {
		must(t, space.Do(func() error {
			listener, address := listenOn(t, sockaddrOf(n.host, 0), func(int) {})
			n.ports[name] = address.(*unix.SockaddrInet4).Port
			for _, name := range []string{"held", "short", "never accepted"} {
				client := newSocket(t, sockaddrOf(n.host, 0))
				must(t, unix.Connect(client, address))
				if name == "never accepted" {
					break
				}
				server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
				must(t, err)
				if name == "short" {
					must(t, unix.Close(server)) // closed first, so it gets the TIME_WAIT
					must(t, unix.Close(client))
				}
			}
			return nil
		}))
	}
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	n.nameless = cmd.Process.Pid
	return n
}

// byNetns returns the sockets of each namespace.
func byNetns(t *testing.T, sockets []map[string]any) map[string][]map[string]any {
	t.Helper()
	spaces := map[string][]map[string]any{}
	for _, s := range sockets {
		name, known := s["netns"].(string)
		if !known {
			t.Fatalf("%s has no namespace", endsOf(s))
		}
		spaces[name] = append(spaces[name], s)
	}
	return spaces
}

// rows returns the states and ends of sockets, sorted.
func rows(sockets []map[string]any) []string {
	var rows []string
	for _, s := range sockets {
		rows = append(rows, fmt.Sprintf("%s %s:%v %s:%v", s["state"], s["local.address"], s["local.port"], s["peer.address"], s["peer.port"]))
	}
	slices.Sort(rows)
	return rows
}

// staying returns rows without those in TIME_WAIT, which ends after a minute.
func staying(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return strings.HasPrefix(row, "TIME_WAIT ") })
}

// ssRowsIn returns the states and ends of the sockets that ss lists, in the form of
// rows.
func ssRowsIn(t *testing.T, args ...string) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ss", append([]string{"-tanH"}, args...)...).Output()
	must(t, err)
	var rows []string
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		end := func(text string) string {
			text = strings.Replace(strings.Replace(text, "[", "", 1), "]", "", 1)
			host, port := text[:strings.LastIndex(text, ":")], text[strings.LastIndex(text, ":")+1:]
			host, _, _ = strings.Cut(host, "%")
			if port == "*" {
				port = "0"
			}
			return host + ":" + port
		}
		rows = append(rows, ssStates[fields[0]]+" "+end(fields[3])+" "+end(fields[4]))
	}
	slices.Sort(rows)
	return rows
}

// TestNetnsAll lists all network namespaces in one run.
func TestNetnsAll(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		n := makeNeighbours(t, l)
		// A second name of a namespace, or a process in it, must not make it appear
		// twice.
		twin := filepath.Join(filepath.Dir(n.red.Path), "twin")
		must(t, os.WriteFile(twin, nil, 0o444))
		must(t, unix.Mount(n.red.Path, twin, "", unix.MS_BIND, ""))
		must(t, n.blue.Do(func() error { lab.Actor{Name: "inside"}.Start(t); return nil }))

		for _, source := range []string{"sock_diag", "procfs"} {
			// Timers of the kernel end sockets. So each namespace is listed before and
			// after, until none has changed meanwhile.
			each := func() (own, red, blue []string) {
				return rows(list(t, "--source", source).Sockets), rows(list(t, "-N", "red", "--source", source).Sockets),
					rows(list(t, "-N", "blue", "--source", source).Sockets)
			}
			var d document
			var own []string
			alone := map[string][]string{}
			lab.Await(t, func() error {
				own, alone["red"], alone["blue"] = each()
				got := runArgs(t, "ls", "-N", "all", "--json", "-pe", "--source", source)
				if got.code != exitDone {
					t.Fatalf("%+v", got)
				}
				d = readDocument(t, got.stdout)
				if later, red, blue := each(); !slices.Equal(own, later) || !slices.Equal(alone["red"], red) || !slices.Equal(alone["blue"], blue) {
					return fmt.Errorf("%s: the sockets change all the time", source)
				}
				return nil
			})
			seen := map[string]bool{} // by inode: no two namespaces share one
			spaces := byNetns(t, d.Sockets)
			for _, name := range []string{"red", "blue"} {
				// The TIME_WAIT may have ended.
				if want := alone[name]; !slices.Equal(rows(spaces[name]), want) || len(staying(want)) != 5 {
					t.Errorf("%s: -N all lists %[3]q in %[2]s, -N %[2]s lists %[4]q", source, name, rows(spaces[name]), want)
				}
			}
			if spaces["twin"] != nil {
				t.Errorf("%s: red is listed twice", source)
			}
			found := 0
			for name, sockets := range spaces {
				if slices.Equal(rows(sockets), own) {
					found++
				}
				for _, s := range sockets {
					if s["inode"] == nil {
						continue
					}
					if inode := fmt.Sprint(s["inode"]); seen[inode] {
						t.Errorf("%s: socket %s in %s is listed twice", source, inode, name)
					} else {
						seen[inode] = true
					}
				}
			}
			if found != 1 {
				t.Errorf("%s: the lab's own sockets are listed %d times", source, found)
			}
			for _, name := range []string{"red", "blue"} {
				for _, s := range spaces[name] {
					switch held := pidsOf(processesIn(t, s["processes"])); {
					case s["inode"] != nil && !slices.Contains(held, os.Getpid()):
						t.Errorf("%s: %s in %s is held by %v", source, endsOf(s), name, held)
					case s["inode"] == nil && listenerOf(t, s) != fmt.Sprintf("%s:%d [%d]", n.host, n.ports[name], os.Getpid()):
						t.Errorf("%s: %s %s in %s has the listener %q", source, s["state"], endsOf(s), name, listenerOf(t, s))
					}
				}
			}
		}
	})
}

// TestNetnsColumn checks how the network namespace is shown, and the groups of count.
func TestNetnsColumn(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		n := makeNeighbours(t, l)
		one := fmt.Sprintf("src = %s:%d", n.host, n.ports["red"])
		quiet := []string{"-q", "-N", "all", "--state", "LISTEN", one}
		tests := []struct {
			args []string
			want string
		}{
			{[]string{"ls", "--columns", "netns,state,local"}, fmt.Sprintf("NETNS  STATE   LOCAL\nred    LISTEN  %s:%d\n", n.host, n.ports["red"])},
			{[]string{"ls", "--format", "csv", "--columns", "netns,state"}, "netns,state\nred,LISTEN\n"},
			{[]string{"count", "--by", "netns", "--format", "csv", "-H"}, "red,1,1,0,0,0,0,0,0,0,0,0,0,0\n"},
		}
		for _, test := range tests {
			if got := runArgs(t, append(slices.Clone(test.args), quiet...)...); got.stdout != test.want && n.ports["red"] != n.ports["blue"] {
				t.Errorf("%q: %+v, want %q", test.args, got, test.want)
			}
		}
		table := runArgs(t, append([]string{"ls"}, quiet...)...)
		if !strings.HasPrefix(table.stdout, "NETNS  STATE ") {
			t.Errorf("the table is %q", table.stdout)
		}
		if alone := runArgs(t, "ls", "-N", "red"); strings.Contains(alone.stdout, "NETNS") || alone.code != exitDone {
			t.Errorf("the table of one namespace is %+v", alone)
		}

		// Compare count only in the test's own namespaces: sockets of other namespaces
		// of this host may change.
		want := map[string]int{}
		for name, sockets := range byNetns(t, readDocument(t, runArgs(t, "ls", "-N", "all", "--json").stdout).Sockets) {
			if n.ports[name] != 0 {
				want[name] = len(sockets)
			}
		}
		var counted struct {
			Total  int
			Groups []struct {
				By    map[string]string
				Total int
			}
		}
		got := runArgs(t, "count", "-N", "all", "--by", "netns", "--json")
		if err := json.Unmarshal([]byte(got.stdout), &counted); err != nil || got.code != exitDone {
			t.Fatalf("%v in %+v", err, got)
		}
		groups := map[string]int{}
		total := 0
		for _, g := range counted.Groups {
			total += g.Total
			if name := g.By["netns"]; n.ports[name] != 0 {
				groups[name] = g.Total
			}
		}
		if !maps.Equal(groups, want) || len(groups) < 2 || total != counted.Total {
			t.Errorf("count has the groups %v and a total of %d, ls lists %v", groups, counted.Total, want)
		}
	})
}

// TestNetnsByNamePathAndPID selects one network namespace in each way, and compares
// the listing with ss in that namespace.
func TestNetnsByNamePathAndPID(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		n := makeNeighbours(t, l)
		pid := 0
		must(t, n.red.Do(func() error { pid = lab.Actor{Name: "inside"}.Start(t).PID; return nil }))
		lists := func() []string { return staying(ssRowsIn(t, "-N", "red")) }
		want := lists()
		if len(want) != 5 {
			t.Fatalf("ss lists %q", want)
		}
		for _, spec := range []string{"red", n.red.Path, strconv.Itoa(pid), fmt.Sprintf("/proc/%d/ns/net", pid)} {
			for _, source := range []string{"sock_diag", "procfs"} {
				d := list(t, "-N", spec, "--source", source)
				if got := staying(rows(d.Sockets)); !slices.Equal(got, want) || d.Source != source {
					t.Errorf("-N %s from %s lists %q, ss %q", spec, d.Source, got, want)
				}
			}
			some := []string{"count", "-N", spec, "--state", "LISTEN,ESTABLISHED"}
			if got := runArgs(t, append(some, "-q")...); got != (outcome{exitDone, "5\n", ""}) {
				t.Errorf("count -N %s: %+v", spec, got)
			}
			if got := runArgs(t, append(some, "--by", "listener", "--format", "csv", "-H")...); got.code != exitDone ||
				!strings.HasPrefix(got.stdout, fmt.Sprintf("%s:%d,3,", n.host, n.ports["red"])) {
				t.Errorf("count --by listener -N %s: %+v", spec, got)
			}
		}
		if got := list(t, "-N", strconv.Itoa(n.nameless)).Sockets; len(got) != 0 {
			t.Errorf("ls lists %q in the namespace without sockets", rows(got))
		}
		lab.Await(t, func() error { // timers of the kernel may end a socket between two listings
			if got, want := rows(list(t, "-N", "/proc/self/ns/net").Sockets), rows(list(t).Sockets); !slices.Equal(got, want) {
				return fmt.Errorf("with the path of the current namespace ls lists %q, without %q", got, want)
			}
			// The program is still in its own namespace.
			if got, want := rows(list(t).Sockets), ssRowsIn(t); len(got) != len(want)+4 { // ss does not list CLOSE and BOUND_INACTIVE
				return fmt.Errorf("ls lists %q, ss %q", got, want)
			}
			return nil
		})
	})
}

// TestNetnsHasItsOwnSettingsAndLinks checks that settings and names of interfaces
// come from the namespace of the sockets.
func TestNetnsHasItsOwnSettingsAndLinks(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		space, err := l.Namespace("red")
		must(t, err)
		unique := [16]byte{0xfe, 0x80, 11: 0x77} // no other namespace of this host has it
		binary.BigEndian.PutUint32(unique[12:], uint32(os.Getpid()))
		zoned := netip.AddrFrom16(unique).String()
		must(t, space.Do(func() error {
			for _, name := range []string{"spare0", "spare2", "only-in-red"} { // several, so that the interface numbers differ from those outside
				attrs := netlink.NewLinkAttrs()
				attrs.Name = name
				must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name[:5] + "-end" + name[len(name)-1:]}))
			}
			link, err := netlink.LinkByName("only-in-red")
			must(t, err)
			must(t, netlink.LinkSetUp(link))
			address, err := netlink.ParseAddr(zoned + "/64")
			must(t, err)
			address.Flags = unix.IFA_F_NODAD
			must(t, netlink.AddrAdd(link, address))
			fd := newSocket(t, &unix.SockaddrInet6{})
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1))
			must(t, unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.MustParseAddr(zoned).As16(), ZoneId: uint32(link.Attrs().Index)}))
			must(t, unix.Listen(fd, 1))
			return nil
		}))
		for _, args := range [][]string{{"-N", "red"}, {"-N", "all"}} {
			got := runArgs(t, append([]string{"ls", "-q", "-eH", "--format", "csv", "--columns", "local.address,interface", "src [" + zoned + "]"}, args...)...)
			if want := zoned + "%only-in-red,only-in-red\n"; got.code != exitDone || got.stdout != want {
				t.Errorf("ls %q: %+v, want %q", args, got, want)
			}
		}
		// A setting determines how long an orphan stays in FIN_WAIT2, and so its age.
		must(t, space.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv4/tcp_fin_timeout", []byte("200"), 0)
		}))
		began := time.Now()
		must(t, space.Do(func() error {
			listener, address := listenOn(t, loopback4, func(int) {})
			client := newSocket(t, loopback4)
			must(t, unix.Connect(client, address))
			_, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			must(t, err)
			return unix.Close(client) // FIN_WAIT2, for 200 s
		}))
		for _, source := range []string{"sock_diag", "procfs"} {
			var sockets []map[string]any
			lab.Await(t, func() error {
				sockets = list(t, "-N", "red", "-o", "--source", source, "--state", "FIN_WAIT2").Sockets
				if len(sockets) == 0 {
					return fmt.Errorf("%s: no socket is in FIN_WAIT2", source)
				}
				return nil
			})
			for _, s := range sockets {
				// With the setting of the host, its age would be unknown.
				if age, known := s["age_ms"].(float64); !known || age > float64(time.Since(began).Milliseconds()+1000) {
					t.Errorf("%s: the FIN_WAIT2 is %v ms old: the settings are those of another namespace", source, s["age_ms"])
				}
			}
		}
	})
}

// TestNetnsMistakes selects namespaces that do not exist or that the program may not
// enter.
func TestNetnsMistakes(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		nobody := runArgs(t, "ls", "-N", "nosuch")
		if nobody.code != exitFailed || nobody.stdout != "" || !strings.HasPrefix(nobody.stderr, "tcpstate: no network namespace \"nosuch\"\ntcpstate: hint: ") {
			t.Errorf("without any named namespace: %+v", nobody)
		}
		n := makeNeighbours(t, l)
		for _, command := range []string{"ls", "count"} {
			got := runArgs(t, command, "-N", "nosuch", "--json")
			if got.code != exitFailed || got.stdout != "" || !strings.HasPrefix(got.stderr, "tcpstate: no network namespace \"nosuch\"\ntcpstate: hint: the names are blue, red; ") {
				t.Errorf("%s: %+v", command, got)
			}
		}
		for _, spec := range []string{"/nowhere/at/all", "4194305", "..", "re"} {
			if got := runArgs(t, "ls", "-N", spec); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, strconv.Quote(spec)) {
				t.Errorf("-N %s: %+v", spec, got)
			}
		}
		for _, file := range []string{"/etc/passwd", "/proc/self/ns/mnt", "/", "/dev/null"} {
			if got := runArgs(t, "ls", "-N", file); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, strconv.Quote(file)) {
				t.Errorf("-N %s: %+v", file, got)
			}
		}
		// A file that is no namespace is a warning with -N all.
		must(t, os.WriteFile(filepath.Join(filepath.Dir(n.red.Path), "broken"), nil, 0o444))
		got := runArgs(t, "ls", "-N", "all")
		if got.code != exitDone || strings.Count(got.stderr, "broken") != 1 || !strings.Contains(got.stdout, "blue") {
			t.Errorf("with a file that is no namespace: %+v", got)
		}

		// Without privileges.
		for _, spec := range []string{"red", n.red.Path} {
			if got := capless(t, "ls", "-N", spec); got.code != exitFailed || got.stdout != "" ||
				!strings.Contains(got.stderr, "operation not permitted\ntcpstate: hint: run as root") {
				t.Errorf("capless -N %s: %+v", spec, got)
			}
		}
		must(t, os.Remove(filepath.Join(filepath.Dir(n.red.Path), "broken")))
		for _, args := range [][]string{{}, {"-p"}, {"--source", "procfs"}} {
			got := capless(t, append([]string{"ls", "-N", "all", "--json"}, args...)...)
			if got.code != exitDone {
				t.Fatalf("capless -N all %q: %+v", args, got)
			}
			spaces := byNetns(t, readDocument(t, got.stdout).Sockets)
			for name := range spaces {
				if name == "red" || name == "blue" {
					t.Errorf("capless -N all %q lists %s", args, name)
				}
			}
			if strings.Count(got.stderr, "may not be entered") != 1 || strings.Count(got.stderr, "may not be seen") > 1 ||
				!regexp.MustCompile(`(?m)^tcpstate: note: \d+ network namespaces may not be entered by this user: .*blue.*red`).MatchString(got.stderr) {
				t.Errorf("capless -N all %q writes to stderr %q", args, got.stderr)
			}
		}
	})
}

// TestNetnsThatEnd lists all network namespaces while others are created and end.
func TestNetnsThatEnd(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		makeNeighbours(t, l)
		var made atomic.Int32
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				cmd := exec.Command("/bin/true")
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
				if err := cmd.Run(); err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
		want := staying(rows(list(t, "-N", "red").Sockets))
		enough := len(lab.Sample(20, 5))
		for rounds := 0; (rounds < enough || int(made.Load()) < enough) && !t.Failed(); rounds++ {
			for _, args := range [][]string{{"-p"}, {"--source", "procfs"}} {
				got := runArgs(t, append([]string{"ls", "-N", "all", "--json"}, args...)...)
				if got.code != exitDone || got.stderr != "" && !strings.Contains(got.stderr, "may not be") && !strings.Contains(got.stderr, "hidepid") {
					t.Errorf("%q: exit %d, stderr %q", args, got.code, got.stderr)
				}
				if got := staying(rows(byNetns(t, readDocument(t, got.stdout).Sockets)["red"])); !slices.Equal(got, want) {
					t.Errorf("%q: red has %q, want %q", args, got, want)
				}
			}
		}
		close(stop)
		<-done
	})
}
