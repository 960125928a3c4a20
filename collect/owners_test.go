package collect

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// counted is a /proc in a map. It counts how often its processes are listed,
// which happens once for each search.
type counted struct {
	fstest.MapFS
	searches int
}

func (c *counted) Open(name string) (fs.File, error) { return c.MapFS.Open(name) }

func (c *counted) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		c.searches++
	}
	return c.MapFS.ReadDir(name)
}

func (c *counted) ReadFile(name string) ([]byte, error) { return c.MapFS.ReadFile(name) }

func (c *counted) ReadLink(name string) (string, error) { return c.MapFS.ReadLink(name) }

// holds adds a process with the name that has these sockets open, from
// descriptor 3 on.
func (c *counted) holds(pid int, name string, inodes ...uint32) {
	c.end(pid)
	dir := fmt.Sprint(pid)
	c.MapFS[dir+"/comm"] = &fstest.MapFile{Data: []byte(name + "\n")}
	c.MapFS[dir+"/fd"] = &fstest.MapFile{Mode: fs.ModeDir}
	for i, inode := range inodes {
		c.MapFS[fmt.Sprint(dir, "/fd/", 3+i)] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: fmt.Appendf(nil, "socket:[%d]", inode)}
	}
}

func (c *counted) end(pid int) {
	for name := range c.MapFS {
		if strings.HasPrefix(name, fmt.Sprint(pid, "/")) {
			delete(c.MapFS, name)
		}
	}
}

// TestOwnersAreSearchedForOnce runs ticks over a /proc that changes between
// them, and counts the searches.
func TestOwnersAreSearchedForOnce(t *testing.T) {
	c := &counted{MapFS: fstest.MapFS{}}
	c.holds(1, "init")
	c.holds(812, "nginx", 10, 11, 10)
	o := NewOwners(Query{})
	o.proc = &procnet.Proc{FS: c, NetDir: "net", Dir: "/proc"}
	for _, tick := range []struct {
		what     string
		change   func()
		inodes   []uint32
		want     string
		searches int
	}{
		{"everything is new", nil, []uint32{10, 11}, "10:812/nginx/3 11:812/nginx/4", 1},
		{"nothing is new", nil, []uint32{10, 11}, "10:812/nginx/3 11:812/nginx/4", 0},
		{"one is new", func() { c.holds(813, "redis", 12) }, []uint32{10, 11, 12}, "10:812/nginx/3 11:812/nginx/4 12:813/redis/3", 1},
		{"one has no visible holder", nil, []uint32{10, 99}, "10:812/nginx/3 99:", 1},
		{"it still has none", nil, []uint32{10, 99}, "10:812/nginx/3 99:", 1},
		{"it is not searched for a third time", nil, []uint32{10, 99}, "10:812/nginx/3 99:", 0},
		{"one that was not seen is seen again", nil, []uint32{10, 12}, "10:812/nginx/3 12:813/redis/3", 1},
		{"the holder has passed it to its child and ended", func() { c.end(812); c.holds(900, "nginx", 10) }, []uint32{10, 12}, "10:900/nginx/3 12:813/redis/3", 1},
		{"the holder runs another program now", func() { c.holds(900, "bash", 10) }, []uint32{10, 12}, "10:900/bash/3 12:813/redis/3", 1},
		{"a process that no longer holds any of them ends", func() { c.end(813) }, []uint32{10}, "10:900/bash/3", 0},
		{"nothing has changed", nil, []uint32{10}, "10:900/bash/3", 0},
		{"all sockets are gone", nil, nil, "", 0},
	} {
		if tick.change != nil {
			tick.change()
		}
		c.searches = 0
		o.Begin()
		for _, inode := range tick.inodes {
			o.See(inode)
		}
		o.Recheck()
		if err := o.Search(t.Context()); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, inode := range tick.inodes {
			text := fmt.Sprint(inode, ":")
			for _, p := range o.of(inode) {
				text += fmt.Sprintf("%d/%s/%d", p.PID, p.Name, p.FD)
			}
			list = append(list, text)
		}
		if got := strings.Join(list, " "); got != tick.want || c.searches != tick.searches {
			t.Errorf("%s: %q after %d searches, want %q after %d", tick.what, got, c.searches, tick.want, tick.searches)
		}
	}
	o.Begin()
	if len(o.held) != 0 || len(o.wanted) != 0 {
		t.Errorf("of sockets that no longer exist, %d are kept and %d wanted", len(o.held), len(o.wanted))
	}
}

// TestOwnersOfClosedSockets reads the holders of a socket in the tick that reports
// it as closed.
func TestOwnersOfClosedSockets(t *testing.T) {
	c := &counted{MapFS: fstest.MapFS{}}
	c.holds(1, "init")
	c.holds(812, "nginx", 10)
	o := NewOwners(Query{})
	o.proc = &procnet.Proc{FS: c, NetDir: "net", Dir: "/proc"}
	for i, seen := range []bool{true, false, false} {
		o.Begin()
		if seen {
			o.See(10)
		}
		if err := o.Search(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := len(o.of(10)), []int{1, 1, 0}[i]; got != want {
			t.Errorf("tick %d: %d holders, want %d", i, got, want)
		}
	}
}

// TestEveryDescriptorIsReported has processes that hold a socket by several
// descriptors, and a listener's place with two sockets.
func TestEveryDescriptorIsReported(t *testing.T) {
	c := &counted{MapFS: fstest.MapFS{}}
	c.holds(1, "init")
	c.holds(812, "nginx", 10, 11, 10, 20, 10, 21)
	c.holds(813, "nginx", 21, 10, 20)
	o := NewOwners(Query{})
	o.proc = &procnet.Proc{FS: c, NetDir: "net", Dir: "/proc"}
	if err := o.searchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	local := netip.MustParseAddrPort("10.0.0.1:80")
	listeners, err := listenersAmong(func(yield func(*tcp.Socket, error) bool) {
		for _, inode := range []uint32{21, 20} {
			yield(&tcp.Socket{State: tcp.Listen, Family: tcp.IPv4, Local: local, Owner: tcp.Owner{Inode: inode}}, nil)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	o.SetListeners(listeners)
	held := tcp.Socket{State: tcp.Established, Owner: tcp.Owner{Inode: 10}}
	left := tcp.Socket{State: tcp.TimeWait, Local: local}
	o.Join(&left)
	o.Join(&held)
	for _, test := range []struct {
		got  []tcp.Process
		want string
	}{{held.Processes, "812:3[3 5 7] 813:4[4]"}, {left.Listener.Processes, "812:6[6 8] 813:3[3 5]"}} {
		var list []string
		for _, p := range test.got {
			list = append(list, fmt.Sprintf("%d:%d%v", p.PID, p.FD, p.FDs))
		}
		if got := strings.Join(list, " "); got != test.want {
			t.Errorf("held by %s, want %s", got, test.want)
		}
	}
	allocations := testing.AllocsPerRun(100, func() {
		o.Join(&held)
		o.Join(&left)
	})
	if allocations != 0 {
		t.Errorf("joining allocates %v times", allocations)
	}
}
