package cmd

import (
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

var loopback4 = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}

// owned has the holders of sockets that are held in all possible ways.
type owned struct {
	forked, passed, doubled, threaded int // process ids of actors
	forkedTwin                        int // holds the socket of forked
	reuse                             [2]int
	port                              int // the port of both listeners of reuse
}

// makeOwned makes sockets that are shared with children, that are passed to another
// process and kept or closed here, that are open several times in one process, that a
// process with several threads holds, and that listen on one port in two processes.
func makeOwned(t *testing.T) (o owned) {
	t.Helper()
	shared, _ := listenOn(t, loopback4, func(int) {}) // this process holds it too
	o.forked = lab.Actor{Name: "forked"}.Start(t, shared).PID
	o.forkedTwin = lab.Actor{Name: "twin"}.Start(t, shared).PID

	client, server := connectTo(t, loopback4, func(int) {})
	for i, fd := range []int{client, server} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0))
		if i == 0 {
			must(t, unix.Close(fd)) // only the other process holds it
		}
		pid := lab.Actor{Role: "receive", Name: "stranger"}.Start(t, pair[1]).PID
		if i == 0 {
			o.passed = pid
		}
		must(t, unix.Close(pair[0]))
		must(t, unix.Close(pair[1]))
	}

	double, _ := listenOn(t, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}, func(int) {})
	o.doubled = lab.Actor{Name: "two-of-them"}.Start(t, double, double, double).PID
	must(t, unix.Close(double))

	client, server = connectTo(t, loopback4, func(int) {})
	o.threaded = lab.Actor{Role: "threads", Name: "weaver"}.Start(t, client).PID
	must(t, unix.Close(client))
	must(t, unix.Close(server)) // then it is in FIN_WAIT2 without a process

	at := &unix.SockaddrInet4{Addr: loopback4.Addr}
	for i := range o.reuse {
		fd := newSocket(t, at)
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		must(t, unix.Bind(fd, at))
		must(t, unix.Listen(fd, 16))
		name, err := unix.Getsockname(fd)
		must(t, err)
		at = name.(*unix.SockaddrInet4)
		o.reuse[i] = lab.Actor{Name: "worker-" + strconv.Itoa(i)}.Start(t, fd).PID
		must(t, unix.Close(fd))
	}
	o.port = at.Port
	return o
}

// process is one of the processes of a socket, in JSON.
type process struct {
	pid     int
	name    string
	fds     []int
	uid     int // -1: absent
	user    string
	exe     string
	cmdline []string
}

func (p process) String() string { return fmt.Sprintf("%d/%q/%d", p.pid, p.name, p.fds) }

// processesIn returns the processes in a JSON value. The list must not be empty, and
// the descriptors of each process must be sorted.
func processesIn(t *testing.T, value any) []process {
	t.Helper()
	if value == nil {
		return nil
	}
	var processes []process
	for _, object := range value.([]any) {
		fields := object.(map[string]any)
		p := process{pid: int(fields["pid"].(float64)), name: fields["name"].(string), uid: -1}
		for _, fd := range fields["fds"].([]any) {
			p.fds = append(p.fds, int(fd.(float64)))
		}
		if !slices.IsSorted(p.fds) || float64(p.fds[0]) != fields["fd"] {
			t.Errorf("the lowest descriptor of %v is %v", p, fields["fd"])
		}
		if uid, known := fields["uid"].(float64); known {
			p.uid = int(uid)
		}
		p.user, _ = fields["user"].(string)
		p.exe, _ = fields["exe"].(string)
		if list, known := fields["cmdline"].([]any); known {
			for _, argument := range list {
				p.cmdline = append(p.cmdline, argument.(string))
			}
		}
		processes = append(processes, p)
	}
	if len(processes) == 0 {
		t.Error("processes is present but empty")
	}
	return processes
}

func pidsOf(processes []process) (pids []int) {
	for _, p := range processes {
		pids = append(pids, p.pid)
	}
	return pids
}

// ourOwners returns the owners of each socket by its cookie. It leaves out sockets
// without owners and those that ss does not request.
func ourOwners(t *testing.T, sockets []map[string]any) map[string]string {
	t.Helper()
	owners := map[string]string{}
	for _, s := range sockets {
		if processes := processesIn(t, s["processes"]); processes != nil && s["state"] != "BOUND_INACTIVE" && s["state"] != "CLOSE" {
			owners[s["cookie"].(string)] = fmt.Sprint(processes)
		}
	}
	return owners
}

var (
	ssCookie = regexp.MustCompile(` sk:([0-9a-f]+) `)
	ssUser   = regexp.MustCompile(`\("((?:[^"])*)",pid=(\d+),fd=(\d+)\)`)
)

// ssOwners returns the owners that ss prints, in the form of ourOwners, with all
// descriptors of each process.
func ssOwners(t *testing.T) map[string]string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ss", "-tanpeH").Output()
	must(t, err)
	owners := map[string]string{}
	for line := range strings.Lines(string(output)) {
		cookie := ssCookie.FindStringSubmatch(line)
		if cookie == nil {
			t.Fatalf("ss prints no cookie in %q", line)
		}
		byPID := map[int]process{}
		for _, match := range ssUser.FindAllStringSubmatch(line, -1) {
			pid, err := strconv.Atoi(match[2])
			must(t, err)
			fd, err := strconv.Atoi(match[3])
			must(t, err)
			byPID[pid] = process{pid: pid, name: match[1], fds: append(byPID[pid].fds, fd)}
		}
		var processes []process
		for _, pid := range slices.Sorted(maps.Keys(byPID)) {
			p := byPID[pid]
			slices.Sort(p.fds)
			processes = append(processes, p)
		}
		if processes != nil {
			owners["0x"+cookie[1]] = fmt.Sprint(processes)
		}
	}
	return owners
}

// TestLsNamesTheOwnersThatSSNames compares ls -p with ss -p, socket by socket, and
// the owners from /proc with those from sock_diag.
func TestLsNamesTheOwnersThatSSNames(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		o := makeOwned(t)
		want := ssOwners(t)
		sockets := list(t, "-p").Sockets
		got := ourOwners(t, sockets)
		for cookie := range mergeNames(got, want) {
			if got[cookie] != want[cookie] {
				t.Errorf("socket %s has the owners %s, ss prints %s", cookie, got[cookie], want[cookie])
			}
		}
		if len(want) < 30 {
			t.Errorf("ss names the owners of only %d sockets", len(want))
		}

		// Check that the sockets were held in all ways.
		all := slices.Sorted(maps.Values(want))
		sharing := func(pids ...int) bool {
			return slices.ContainsFunc(all, func(owners string) bool {
				return !slices.ContainsFunc(pids, func(pid int) bool { return !strings.Contains(owners, fmt.Sprint(pid, "/")) })
			})
		}
		if !sharing(os.Getpid(), o.forked, o.forkedTwin) || !sharing(o.passed) || !sharing(o.doubled) || !sharing(o.threaded) ||
			!sharing(o.reuse[0]) || !sharing(o.reuse[1]) || sharing(o.reuse[0], o.reuse[1]) || sharing(o.passed, os.Getpid()) {
			t.Errorf("the sockets are not held as they should be: %+v in %q", o, all)
		}

		// /proc has no cookies, so compare by inode.
		byInode := map[any]string{}
		for _, s := range sockets {
			byInode[s["inode"]] = fmt.Sprint(processesIn(t, s["processes"]))
		}
		for _, s := range list(t, "-p", "--source", "procfs").Sockets {
			if got := fmt.Sprint(processesIn(t, s["processes"])); s["inode"] != nil && got != byInode[s["inode"]] {
				t.Errorf("socket %v has the owners %s from /proc, %s from sock_diag", s["inode"], got, byInode[s["inode"]])
			}
		}
	})
}

func mergeNames(a, b map[string]string) map[string]bool {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	return names
}

// TestLsShowsProcessesAsInProc compares the fields that -e adds to processes with
// /proc.
func TestLsShowsProcessesAsInProc(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, _ := listenOn(t, loopback4, func(int) {})
		args := []string{"a server", "", "--option=two words", "zwölf"}
		actorPID := lab.Actor{Name: "server", Args: args}.Start(t, fd).PID
		pids := map[int]bool{}
		for _, s := range list(t, "-p").Sockets {
			for _, p := range processesIn(t, s["processes"]) {
				if p.cmdline != nil || p.exe != "" || p.user != "" || p.uid != -1 {
					t.Errorf("without -e ls shows %+v", p)
				}
			}
		}
		for _, s := range list(t, "-pe").Sockets {
			for _, p := range processesIn(t, s["processes"]) {
				pids[p.pid] = true
				dir := fmt.Sprintf("/proc/%d/", p.pid)
				exe, err := os.Readlink(dir + "exe")
				must(t, err)
				cmdline, err := os.ReadFile(dir + "cmdline")
				must(t, err)
				status, err := os.ReadFile(dir + "status")
				must(t, err)
				uid := regexp.MustCompile(`(?m)^Uid:\t\d+\t(\d+)`).FindSubmatch(status)
				name := ""
				if u, err := user.LookupId(string(uid[1])); err == nil {
					name = u.Username
				}
				got := fmt.Sprintf("%q %q %d %q", p.exe, p.cmdline, p.uid, p.user)
				want := fmt.Sprintf("%q %q %s %q", exe, strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00"), uid[1], name)
				if got != want {
					t.Errorf("process %d is %s, want %s", p.pid, got, want)
				}
				if p.pid == actorPID && !slices.Equal(p.cmdline, args) {
					t.Errorf("the arguments are %q, want %q", p.cmdline, args)
				}
			}
		}
		if !pids[actorPID] || !pids[os.Getpid()] {
			t.Errorf("ls shows the processes %v, want %d and %d among them", pids, actorPID, os.Getpid())
		}
	})
}

// TestLsWithoutPrivilegeReportsUnknownOwners runs ls -p as a user who may read only
// some processes.
func TestLsWithoutPrivilegeReportsUnknownOwners(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		fd, _ := listenOn(t, loopback4, func(int) {})
		mine, _ := listenOn(t, loopback4, func(int) {})
		type viewer struct {
			name  string
			start func(func())
			attr  *syscall.SysProcAttr
		}
		viewers := []viewer{{"without capabilities", func(f func()) { must(t, lab.WithoutCapabilities(f)) }, nil}}
		if mapsOtherUsers() {
			nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			viewers = append(viewers, viewer{"nobody", func(f func()) { f() }, nobody})
		}
		for _, who := range viewers {
			t.Run(who.name, func(t *testing.T) {
				own := 0
				who.start(func() { own = lab.Actor{Name: "own", Attr: who.attr}.Start(t, mine).PID })
				strangers := lab.Actor{Name: "strangers"}.Start(t, fd).PID
				var got outcome
				who.start(func() { got = runProgram(t, who.attr, "ls", "-p", "-e", "--json") })
				if got.code != exitDone {
					t.Fatalf("%+v", got)
				}
				seen, not := 0, 0
				for _, s := range readDocument(t, got.stdout).Sockets {
					processes := processesIn(t, s["processes"])
					switch {
					case processes != nil && !slices.Equal(pidsOf(processes), []int{own}):
						t.Errorf("%v is held by %v, but only %d is visible to this user", s["cookie"], processes, own)
					case processes != nil:
						seen++
					case s["inode"] != nil:
						not++
					}
				}
				if seen != 1 || not < 30 {
					t.Errorf("%d sockets have processes and %d do not, want 1 and at least 30", seen, not)
				}
				want := regexp.MustCompile(fmt.Sprintf(`\Atcpstate: note: the processes of %d of %d sockets are not known: (\d+ processes|one process) may not be read by this user\n\z`, not, not+seen))
				if !want.MatchString(got.stderr) {
					t.Errorf("stderr %q, want %s", got.stderr, want)
				}
				if warnings := readDocument(t, got.stdout).Warnings; len(warnings) != 1 || "tcpstate: note: "+warnings[0]+"\n" != got.stderr {
					t.Errorf("warnings %q, stderr %q", warnings, got.stderr)
				}
				who.start(func() { got = runProgram(t, who.attr, "count", "-p") })
				if got.code != exitDone || !want.MatchString(got.stderr) || !strings.Contains(got.stdout, "own") || strings.Contains(got.stdout, "strangers") {
					t.Errorf("count -p: %+v, of processes %d and %d", got, own, strangers)
				}
				who.start(func() { got = runProgram(t, who.attr, "ls", "-p", "--quiet") })
				if got.code != exitDone || got.stderr != "" {
					t.Errorf("ls -p -q: exit %d, stderr %q", got.code, got.stderr)
				}
				who.start(func() {
					got = runProgram(t, who.attr, "ls", "-pH", "--format", "csv", "--columns", "processes", "process", "own")
				})
				if want := fmt.Sprintf("%d/own\n", own); got.code != exitDone || got.stdout != want {
					t.Errorf("ls process own: %+v, want stdout %q", got, want)
				}
			})
		}
	})
}

// TestFiltersByProcess compares the sockets that a filter by process selects with the
// processes that -p shows. Each filter runs in two of the ways to list and count, and in a full run in all.
func TestFiltersByProcess(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		o := makeOwned(t)
		long, _ := listenOn(t, loopback4, func(int) {})
		lab.Actor{Name: "a-very-long-name-of-a-process"}.Start(t, long)
		all := list(t, "-p").Sockets
		held := func(test func(process) bool) func([]process) bool {
			return func(list []process) bool { return slices.ContainsFunc(list, test) }
		}
		not := func(test func([]process) bool) func([]process) bool { // there are processes, but none of these
			return func(list []process) bool { return list != nil && !test(list) }
		}
		named := func(names ...string) func([]process) bool {
			return held(func(p process) bool { return slices.Contains(names, p.name) })
		}
		numbered := func(pids ...int) func([]process) bool {
			return held(func(p process) bool { return slices.Contains(pids, p.pid) })
		}
		self := strconv.Itoa(os.Getpid())
		tests := []struct {
			filter string
			want   func([]process) bool
			none   bool // the filter must select nothing
		}{
			{"process = forked", named("forked"), false},
			{"process forked", named("forked"), false},
			{"process forked,worker-1", named("forked", "worker-1"), false},
			{"process != forked", not(named("forked")), false},
			{"process two-of-them", named("two-of-them"), false},
			{"process a-very-long-name-of-a-process", named("a-very-long-nam"), false},
			{"process a-very-long-nam", named("a-very-long-nam"), false},
			{"process thread-0", named("thread-0"), true},
			{"process Forked", named("Forked"), true},
			{"process fork", named("fork"), true},
			{"pid = " + self, numbered(os.Getpid()), false},
			{"pid != " + self, not(numbered(os.Getpid())), false},
			{fmt.Sprintf("pid %d,%d", o.reuse[0], o.passed), numbered(o.reuse[0], o.passed), false},
			{"pid 4194305", numbered(4194305), true},
			{"state LISTEN and process worker-0 or pid = " + strconv.Itoa(o.threaded), nil, false},
			{"not process forked", not(named("forked")), false}, // not the sockets whose processes are unknown
		}
		ways := [][]string{{}, {"-p"}, {"-q", "--source", "procfs"}, {"-pq", "--source", "procfs"}, nil} // nil: count
		runs := lab.Sample(len(tests)*len(ways), 2*len(tests))
		for i, test := range tests {
			want := map[string]bool{}
			for _, s := range all {
				processes := processesIn(t, s["processes"])
				if test.want != nil && test.want(processes) ||
					test.want == nil && (s["state"] == "LISTEN" && named("worker-0")(processes) || numbered(o.threaded)(processes)) {
					want[s["cookie"].(string)] = true
				}
			}
			if len(want) == len(all) || (len(want) == 0) != test.none {
				t.Errorf("%s: the test expects %d of %d sockets", test.filter, len(want), len(all))
			}
			for j, args := range ways {
				if !slices.Contains(runs, i*len(ways)+j) {
					continue
				}
				if args == nil {
					if got := runArgs(t, "count", "-q", test.filter); got != (outcome{exitDone, fmt.Sprintln(len(want)), ""}) {
						t.Errorf("count -q %s: %+v, want %d", test.filter, got, len(want))
					}
					continue
				}
				got := 0
				for _, s := range list(t, append(args, test.filter)...).Sockets {
					if _, shown := s["processes"]; shown && !slices.Contains(args, "-p") && !slices.Contains(args, "-pq") {
						t.Errorf("ls %q %s shows processes", args, test.filter)
					}
					if _, shown := s["listener.address"]; shown && !slices.Contains(args, "-p") {
						t.Errorf("ls %q %s shows a listener", args, test.filter)
					}
					got++
					if cookie, known := s["cookie"].(string); known && !want[cookie] {
						t.Errorf("ls %q %s lists %s too", args, test.filter, cookie)
					}
				}
				wanted := len(want)
				if slices.Contains(args, "procfs") {
					wanted = 0
					for _, s := range all {
						if want[s["cookie"].(string)] && s["state"] != "BOUND_INACTIVE" && s["state"] != "CLOSE" {
							wanted++
						}
					}
				}
				if got != wanted {
					t.Errorf("ls %q %s lists %d sockets, want %d", args, test.filter, got, wanted)
				}
			}
		}
	})
}

// TestCountByProcess compares the groups of count with ls.
func TestCountByProcess(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		makeOwned(t)
		want := map[string]int{}
		for _, s := range list(t, "-p").Sockets {
			key := ","
			if processes := processesIn(t, s["processes"]); processes != nil {
				key = fmt.Sprintf("%s,%d", processes[0].name, processes[0].pid)
			}
			want[key]++
		}
		got := map[string]int{}
		rows := runArgs(t, "count", "--by", "process,pid", "--format", "csv")
		records, err := csv.NewReader(strings.NewReader(rows.stdout)).ReadAll()
		if err != nil || rows.code != exitDone || rows.stderr != "" {
			t.Fatalf("%v in %+v", err, rows)
		}
		total := slices.Index(records[0], "total")
		for _, record := range records[1:] {
			n, err := strconv.Atoi(record[total])
			must(t, err)
			got[record[0]+","+record[1]] += n
		}
		if !maps.Equal(got, want) || len(want) < 6 {
			t.Errorf("count has\n%v, ls\n%v", got, want)
		}
		for _, args := range [][2][]string{
			{{"-p"}, {"--by", "process"}},
			{{"-p", "--by", "state"}, {"--by", "process,state"}},
			{{"-p", "--json"}, {"--by", "process", "--json"}},
		} {
			short, long := runArgs(t, append([]string{"count"}, args[0]...)...), runArgs(t, append([]string{"count"}, args[1]...)...)
			if short != long || short.code != exitDone {
				t.Errorf("count %q is %+v, count %q is %+v", args[0], short, args[1], long)
			}
		}
	})
}

// TestLsOpensOnlyNeededProcessFiles watches which files of a recorded /proc ls -p
// opens, with inotify(7).
func TestLsOpensOnlyNeededProcessFiles(t *testing.T) {
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("net/tcp", header+
		"   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0000000000000000 100 0 0 10 0\n"+
		"   1: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0000000000000000 20 4 30 10 -1\n"+
		"   2: 0100007F:0050 0100007F:9C41 06 00000000:00000000 03:00000100 00000000     0        0 0 3 0000000000000000\n")
	write("net/tcp6", header)
	inodes := map[string]string{"1": "7", "812": "101", "813": "102"}
	for pid, inode := range inodes {
		write(pid+"/comm", "process-"+pid+"\n")
		write(pid+"/status", "Uid:\t0\t0\t0\t0\n")
		write(pid+"/cmdline", "process-"+pid+"\x00")
		must(t, os.Mkdir(filepath.Join(dir, pid, "fd"), 0o755))
		must(t, os.Symlink("socket:["+inode+"]", filepath.Join(dir, pid, "fd", "3")))
	}
	tests := []struct {
		args string
		want string // the files of processes that are opened
	}{
		{"", ""},
		{"-e", ""},
		{"-p --state SYN_SENT", ""},
		{"-p -6", ""},
		{"-p dport = 9", ""},
		{"-p --state LISTEN", "1/fd 812/comm 812/fd 813/fd"},
		{"-p --state ESTABLISHED", "1/fd 812/fd 813/comm 813/fd"},
		{"-p --state TIME_WAIT", "1/fd 812/comm 812/fd 813/fd"}, // it is attributed to the listener
		{"-p sport = 80", "1/fd 812/comm 812/fd 813/comm 813/fd"},
		{"-pe --state LISTEN", "1/fd 812/comm 812/fd 813/fd"}, // a table does not show arguments
		{"-pe --json --state LISTEN", "1/fd 812/cmdline 812/comm 812/fd 812/status 813/fd"},
		{"process process-813", "1/fd 812/comm 812/fd 813/comm 813/fd"},
	}
	for _, test := range tests {
		watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
		must(t, err)
		names := map[int]string{}
		for pid := range inodes {
			for _, name := range []string{"comm", "status", "cmdline", "fd"} {
				number, err := unix.InotifyAddWatch(watch, filepath.Join(dir, pid, name), unix.IN_OPEN)
				must(t, err)
				names[number] = pid + "/" + name
			}
		}
		if got := runArgs(t, append([]string{"ls", "-q", "--proc", dir}, strings.Fields(test.args)...)...); got.code != exitDone || got.stderr != "" {
			t.Fatalf("ls %s: %+v", test.args, got)
		}
		opened := map[string]bool{}
		buffer := make([]byte, 64<<10)
		n, err := unix.Read(watch, buffer)
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		for at := 0; at < n; at += unix.SizeofInotifyEvent { // no event is followed by a name
			opened[names[int(int32(binary.NativeEndian.Uint32(buffer[at:])))]] = true
		}
		must(t, unix.Close(watch))
		if got := strings.Join(slices.Sorted(maps.Keys(opened)), " "); got != test.want {
			t.Errorf("ls %s opens %q, want %q", test.args, got, test.want)
		}
	}
}
