package procnet

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// Tests that need other processes start actors of the lab. This package adds
// two roles.
func init() {
	lab.Play(map[string]lab.Role{"rename": renameAll, "look": look})
}

// renamings is the number of sockets that a child in the role rename holds, one
// after the other.
const renamings = 40

// renameAll holds one socket after the other and has a different name for each.
// It prints the inode and the name, and continues with the next socket when it
// reads a line.
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

// look reads inodes and prints what this user can see of the owners of each.
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

// listener returns the inode of a listener, and a file of the listener that can
// be passed to a child. The file is a descriptor of this process too.
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

// plain hides from Owners that its directory is a real directory.
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

func TestWaysDiffer(t *testing.T) {
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

// holdersOf returns the holders of a socket as text.
func holdersOf(o *Owners, inode uint32) string {
	var words []string
	for _, h := range o.Of(inode) {
		words = append(words, fmt.Sprintf("%d/%q/%d", h.PID, h.Name, h.FD))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// check compares the holders of a socket with want, for both ways to read
// /proc, and for a query for this socket and a query for all sockets.
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
				t.Errorf("%s, query for %s: got %q, want %q", name, what, got, want)
			}
		}
	}
}

func holder(pid int, name string, fd int) string { return fmt.Sprintf("%d/%q/%d", pid, name, fd) }

// me returns this process as a holder.
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
	check(t, inode) // no process holds it while it is in the UNIX-domain socket
	c := lab.Actor{Name: "heir", Role: "receive"}.Start(t, fdsOf(theirs)...)
	theirs.Close()
	number, err := strconv.Atoi(c.Answer)
	if err != nil {
		t.Fatal(err)
	}
	check(t, inode, holder(c.PID, "heir", number))
}

// Names are returned unchanged, even if they contain control characters for a
// terminal.
func TestOwnersNames(t *testing.T) {
	for _, name := range []string{"", "a b", "\x1b[2J\x1b[31m", "a\nb\n", "\xff\xfe", "(x) R 1", "fifteen-letters"} {
		inode, file := listener(t)
		mine := me(t, file)
		c := hold(t, name, file)
		check(t, inode, mine, holder(c.PID, name, 3))
		c.End()
	}
}

// A process whose first thread has ended continues in its other threads.
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
			return fmt.Errorf("the first thread has not ended: %s", text)
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

// Processes of another user are counted, and are not an error.
func TestOwnersOfAnotherUser(t *testing.T) {
	inode, file := listener(t)
	defer file.Close()
	// Root searches as user 65534, who must not find root's socket. Other users
	// search as themselves and find their own socket; process 1 belongs to
	// another user.
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

// A descriptor costs no allocation, whether the query asks for its socket or
// not.
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
			t.Errorf("500 more descriptors cost %v more allocations", many-few)
		}
	}
}

// Run this benchmark in a namespace that has sockets:
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
