package procnet

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// A test that needs processes has actors of the lab, with two roles of this
// package's own.
func init() {
	lab.Play(map[string]lab.Role{"rename": renameAll, "look": look})
}

// renamings is how many sockets a child of the role rename holds in turn.
const renamings = 40

// renameAll holds one socket after the other, each under a name of its own, and
// reports which. It goes on to the next when it reads a line.
func renameAll(name string, ready func(...any)) error {
	ready()
	lines := bufio.NewScanner(os.Stdin)
	for i := range renamings {
		mine := fmt.Sprint(name, "-", i)
		if err := lab.SetName(mine); err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return err
		}
		fmt.Println(stat.Ino, mine)
		lines.Scan()
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

// look prints what there is to see of the owners of the sockets whose inodes it
// reads.
func look(_ string, ready func(...any)) error {
	ready()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		inode, err := strconv.ParseUint(lines.Text(), 10, 32)
		if err != nil {
			return err
		}
		o, err := Open("/proc").Owners(context.Background(), OwnersQuery{Inodes: set(uint32(inode)), Details: true})
		if err != nil {
			return err
		}
		fmt.Printf("%d %d %v %v\n", os.Geteuid(), len(o.Of(uint32(inode))), o.Unreadable > 0, o.Hidden)
	}
	return nil
}

// hold starts an actor that holds the files.
func hold(t *testing.T, name string, files ...*os.File) *lab.Player {
	t.Helper()
	return lab.Actor{Name: name}.Start(t, fdsOf(files...)...)
}

func fdsOf(files ...*os.File) (fds []int) {
	for _, file := range files {
		fds = append(fds, int(file.Fd()))
	}
	return fds
}

// listener makes a listener, its inode, and a file of it to hand on, which is
// another descriptor of this process.
func listener(t *testing.T) (uint32, *os.File) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	number := inode(t, l.(*net.TCPListener))
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Cleanup(func() { file.Close() })
	return uint32(number), file
}

// plain hides from Owners that its directory is a real one.
type plain struct{ fs.ReadLinkFS }

func (p plain) Open(name string) (fs.File, error) {
	file, err := p.ReadLinkFS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.ReadDirFile }{file.(fs.ReadDirFile)}, nil
}

func (p plain) ReadFile(name string) ([]byte, error) { return fs.ReadFile(p.ReadLinkFS, name) }

// ways are the two ways to read a real /proc.
func ways() map[string]*Proc {
	return map[string]*Proc{"raw": Open("/proc"), "plain": {FS: plain{os.DirFS("/proc").(fs.ReadLinkFS)}, Dir: "/proc"}}
}

func TestWaysAreTwo(t *testing.T) {
	for name, p := range ways() {
		tree, err := p.openTree()
		if err != nil {
			t.Fatal(err)
		}
		if _, raw := tree.(*rawTree); raw != (name == "raw") {
			t.Errorf("%s is read by %T", name, tree)
		}
		tree.close()
	}
}

// holdersOf returns the holders of a socket in words.
func holdersOf(o *Owners, inode uint32) string {
	var words []string
	for _, h := range o.Of(inode) {
		words = append(words, fmt.Sprintf("%d/%q/%d", h.PID, h.Name, h.FD))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// check compares the holders of a socket, as seen in both ways, alone and among
// all others.
func check(t *testing.T, inode uint32, want ...string) {
	t.Helper()
	slices.Sort(want)
	for name, p := range ways() {
		for what, inodes := range map[string]map[uint32]struct{}{"it": set(inode), "all": nil} {
			o, err := p.Owners(t.Context(), OwnersQuery{Inodes: inodes})
			if err != nil {
				t.Fatal(err)
			}
			if got := holdersOf(o, inode); got != strings.Join(want, " ") {
				t.Errorf("%s, asked for %s: got %q, want %q", name, what, got, want)
			}
		}
	}
}

func holder(pid int, name string, fd int) string { return fmt.Sprintf("%d/%q/%d", pid, name, fd) }

// me is this process as a holder.
func me(t *testing.T, file *os.File) string {
	t.Helper()
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return holder(os.Getpid(), strings.TrimSuffix(string(comm), "\n"), int(file.Fd()))
}

func TestOwnersSharedByFork(t *testing.T) {
	inode, file := listener(t)
	check(t, inode, me(t, file))
	one := hold(t, "one", file)
	two := hold(t, "two", file, file) // twice
	check(t, inode, me(t, file), holder(one.PID, "one", 3), holder(two.PID, "two", 3), holder(two.PID, "two", 4))

	file.Close()
	check(t, inode, holder(one.PID, "one", 3), holder(two.PID, "two", 3), holder(two.PID, "two", 4))
	two.End()
	check(t, inode, holder(one.PID, "one", 3))
	one.End()
	check(t, inode)
}

func TestOwnersPassedOverUnixSocket(t *testing.T) {
	inode, file := listener(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(file.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	file.Close()
	check(t, inode) // nobody's, while it is on its way
	c := lab.Actor{Name: "heir", Role: "receive"}.Start(t, fdsOf(theirs)...)
	theirs.Close()
	number, err := strconv.Atoi(c.Answer)
	if err != nil {
		t.Fatal(err)
	}
	check(t, inode, holder(c.PID, "heir", number))
}

// Names come as they are, whatever they would do to a terminal.
func TestOwnersNames(t *testing.T) {
	for _, name := range []string{"", "a b", "\x1b[2J\x1b[31m", "a\nb\n", "\xff\xfe", "(x) R 1", "fifteen-letters"} {
		inode, file := listener(t)
		mine := me(t, file)
		c := hold(t, name, file)
		check(t, inode, mine, holder(c.PID, name, 3))
		c.End()
	}
}

// A process whose first thread has ended lives on in the others.
func TestOwnersWithoutFirstThread(t *testing.T) {
	inode, file := listener(t)
	c := lab.Actor{Name: "headless", Role: "leaderless"}.Start(t, fdsOf(file)...)
	file.Close()
	stat := fmt.Sprintf("/proc/%d/stat", c.PID)
	lab.Await(t, func() error {
		text, err := os.ReadFile(stat)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("(headless) Z ")) {
			return fmt.Errorf("the first thread does not end: %s", text)
		}
		return nil
	})
	check(t, inode, holder(c.PID, "headless", 3))
}

func TestOwnersDetailsOfAProcess(t *testing.T) {
	inode, file := listener(t)
	args := []string{"detailed-one", "--of", "two words"}
	c := lab.Actor{Name: "detailed", Args: args}.Start(t, fdsOf(file)...)
	file.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range ways() {
		o, err := p.Owners(t.Context(), OwnersQuery{Inodes: set(inode), Details: true})
		if err != nil {
			t.Fatal(err)
		}
		holders := o.Of(inode)
		if len(holders) != 1 || holders[0].PID != c.PID {
			t.Fatalf("%s: %+v", name, holders)
		}
		h := holders[0]
		if !slices.Equal(h.Cmdline, args) {
			t.Errorf("%s: command line %q, want %q", name, h.Cmdline, args)
		}
		if h.Exe != exe || h.UID != tcp.Known(uint32(os.Geteuid())) {
			t.Errorf("%s: exe %q, want %q; user %v", name, h.Exe, exe, h.UID)
		}
	}
}

// Another user's processes are counted, and no error.
func TestOwnersOfAnotherUser(t *testing.T) {
	inode, file := listener(t)
	defer file.Close()
	// Root looks as user 65534, and does not find its own socket. Others look
	// as themselves and find theirs; process 1 is the other user's.
	attr, want := (*syscall.SysProcAttr)(nil), fmt.Sprint(os.Geteuid(), " 1 true false\n")
	if os.Geteuid() == 0 {
		attr, want = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, "65534 0 true false\n"
	}
	c := lab.Actor{Name: "looker", Role: "look", Attr: attr}.Start(t)
	fmt.Fprintln(c.Input, inode)
	if got, err := c.Output.ReadString('\n'); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// What is open of a process that has ended answers for no other that may have
// been given its number.
func TestOwnersTableOutlivesProcess(t *testing.T) {
	inode, file := listener(t)
	c := hold(t, "mortal", file)
	opened, err := Open("/proc").openTree()
	if err != nil {
		t.Fatal(err)
	}
	defer opened.close()
	held, err := opened.open(c.PID, c.PID)
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if got, err := held.socket(3); got != inode || err != nil {
		t.Fatalf("socket %d, %v, want %d", got, err, inode)
	}
	c.End()
	if os.Geteuid() == 0 { // nobody else may say which number comes next
		reuse(t, c.PID, file)
	}
	if got, err := held.socket(3); got != 0 || err != nil {
		t.Errorf("the descriptor of a dead process is on socket %d, %v", got, err)
	}
	if name, err := readName(held); !isGone(err) {
		t.Errorf("the dead process is called %q, %v", name, err)
	}
	if link, err := held.link("exe"); !isGone(err) {
		t.Errorf("the dead process runs %q, %v", link, err)
	}
	if seen, err := held.sockets(func(int32, uint32) error { return nil }); seen != 0 || !isGone(err) {
		t.Errorf("the dead process has %d descriptors, %v", seen, err)
	}
}

// reuse starts a process with the number of one that has ended, and gives it
// the file as its descriptor 3. Others may be faster, so it tries again.
func reuse(t *testing.T, pid int, file *os.File) {
	t.Helper()
	for range 200 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Logf("the number is not used again: %v", err) // root in a container may not say it either
			return
		}
		c := hold(t, "impostor", file)
		if c.PID == pid {
			return
		}
		c.End()
	}
	t.Errorf("no process got the number %d", pid)
}

// Hundreds of processes come and go, and each of their sockets has a name. Most
// sockets live for a moment, and may be seen or not; one of each process lives
// until two searches have begun and ended, which both must see it.
func TestOwnersUnderChurn(t *testing.T) {
	type owner struct {
		pid  int
		name string
	}
	var mu sync.Mutex
	searched := sync.NewCond(&mu) // that a search has ended
	owners, patient := map[uint32]owner{}, map[uint32]bool{}
	begun, ended, over := 0, 0, false
	const children = 15
	var spawners sync.WaitGroup
	for w := range 2 {
		spawners.Go(func() {
			for i := range children {
				c := lab.Actor{Name: fmt.Sprint("n", w, "-", i), Role: "rename"}.Start(t)
				for n := range renamings {
					line, err := c.Output.ReadString('\n')
					if err != nil {
						break
					}
					number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
					inode, err := strconv.ParseUint(number, 10, 32)
					if err != nil {
						t.Errorf("a child says %q", line)
						break
					}
					mu.Lock()
					owners[uint32(inode)] = owner{c.PID, name}
					if n == renamings/2 {
						patient[uint32(inode)] = true
						for enough := begun + 2; ended < enough && !over; {
							searched.Wait()
						}
					}
					mu.Unlock()
					fmt.Fprintln(c.Input, "next")
				}
				c.End()
			}
		})
	}
	// And some that hold nothing, as fast as a shell starts them.
	shell := exec.Command("/bin/sh", "-c", "while :; do /bin/true; done")
	shell.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { spawners.Wait(); close(done) }()

	seen := map[uint32]map[owner]int{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		mu.Lock()
		begun++
		mu.Unlock()
		for _, p := range ways() {
			o, err := p.Owners(t.Context(), OwnersQuery{Details: true})
			if err != nil {
				t.Error(err)
				continue
			}
			for _, h := range o.holders {
				if seen[h.Inode] == nil {
					seen[h.Inode] = map[owner]int{}
				}
				seen[h.Inode][owner{h.PID, h.Name}]++
			}
		}
		mu.Lock()
		ended++
		over = t.Failed()
		searched.Broadcast()
		mu.Unlock()
	}
	shell.Process.Kill()
	shell.Wait()

	known := 0
	for inode, want := range owners {
		sightings := seen[inode]
		if len(sightings) > 0 {
			known++
		}
		for got := range sightings {
			if got != want {
				t.Errorf("socket %d is %d %q's, not %d %q's", inode, want.pid, want.name, got.pid, got.name)
			}
		}
		if patient[inode] && sightings[want] < len(ways()) {
			t.Errorf("socket %d of %d %q was there during a whole search and was seen %d times", inode, want.pid, want.name, sightings[want])
		}
	}
	if len(owners) != 2*children*renamings || len(patient) != 2*children {
		t.Errorf("%d children held %d sockets", len(patient), len(owners))
	}
	t.Logf("%d rounds, %d of %d sockets seen", ended, known, len(owners))
}

// The owners are those that ss(8) finds.
func TestOwnersAgreeWithSS(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("est=400", "listen=40", "bound=20", "closewait=20"); err != nil {
			t.Fatal(err)
		}
		_, file := listener(t)
		hold(t, "shares", file, file)
		want := ssOwners(t)
		wanted := map[uint32]struct{}{}
		for inode := range want {
			wanted[inode] = struct{}{}
		}
		if len(wanted) < 461 { // it does not list what is only bound
			t.Fatalf("ss finds %d sockets", len(wanted))
		}
		for name, p := range ways() {
			o, err := p.Owners(t.Context(), OwnersQuery{Inodes: wanted})
			if err != nil {
				t.Fatal(err)
			}
			for inode := range wanted {
				if got := holdersOf(o, inode); got != want[inode] {
					t.Errorf("%s, socket %d: got %s, ss says %s", name, inode, got, want[inode])
				}
			}
		}
	})
}

var (
	ssInode = regexp.MustCompile(` ino:(\d+) `)
	ssUser  = regexp.MustCompile(`\("((?:[^"])*)",pid=(\d+),fd=(\d+)\)`)
)

// ssOwners returns the holders of each socket that ss lists, as holdersOf has
// them.
func ssOwners(t *testing.T) map[uint32]string {
	t.Helper()
	output, err := exec.Command("ss", "-taepnH").Output()
	if err != nil {
		t.Fatal(err)
	}
	owners := map[uint32]string{}
	for line := range strings.Lines(string(output)) {
		match := ssInode.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		inode, err := strconv.ParseUint(match[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, user := range ssUser.FindAllStringSubmatch(line, -1) {
			words = append(words, fmt.Sprintf("%s/%q/%s", user[2], user[1], user[3]))
		}
		slices.Sort(words)
		owners[uint32(inode)] = strings.Join(words, " ")
	}
	return owners
}

// A descriptor costs no allocation, be it on a socket in question or not.
func TestOwnersAllocateNothingPerDescriptor(t *testing.T) {
	inode, file := listener(t)
	dup := func(n int) (close func()) {
		var fds []int
		for range n {
			fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 100)
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
		}
		return func() {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}
	}
	s := scan{query: OwnersQuery{Inodes: set(inode + 1)}, holders: make([]Holder, 0, 1000)}
	var err error
	if s.tree, err = Open("/proc").openTree(); err != nil {
		t.Fatal(err)
	}
	defer s.tree.close()
	allocations := func() float64 {
		return testing.AllocsPerRun(20, func() {
			s.holders = s.holders[:0]
			if err := s.process(t.Context(), os.Getpid()); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, wanted := range []uint32{inode + 1, inode} {
		s.query.Inodes = set(wanted)
		few := allocations()
		release := dup(500)
		many := allocations()
		release()
		if many != few {
			t.Errorf("500 descriptors more cost %v allocations more", many-few)
		}
	}
}

// Meant to be run where there are sockets:
//
//	go test -c ./procnet && go run ./internal/lab/run est=100000 -- ./procnet.test -test.run '^$' -test.bench Owners
func BenchmarkOwners(b *testing.B) {
	o, err := Open("/proc").Owners(b.Context(), OwnersQuery{})
	if err != nil {
		b.Fatal(err)
	}
	every := map[uint32]struct{}{}
	for _, h := range o.holders {
		every[h.Inode] = struct{}{}
	}
	for _, test := range []struct {
		name   string
		inodes map[uint32]struct{}
	}{{"every", nil}, {"wanted", every}, {"few", set(1)}} {
		for way, p := range ways() {
			b.Run(test.name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Owners(b.Context(), OwnersQuery{Inodes: test.inodes}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(every)), "sockets")
			})
		}
	}
	b.Run("of", func(b *testing.B) {
		for b.Loop() {
			for inode := range every {
				o.Of(inode)
			}
		}
	})
}
