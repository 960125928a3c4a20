package procnet

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// counted is a file system that counts the links of descriptors that are read, by
// process.
type counted struct {
	fstest.MapFS
	mu   sync.Mutex
	read map[string]int
}

func (c *counted) ReadLink(name string) (string, error) {
	if pid, fd, ok := strings.Cut(name, "/fd/"); ok && fd != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.read[pid]++
	}
	return c.MapFS.ReadLink(name)
}

// namespaced is a /proc with two network namespaces. It counts the links of
// descriptors that are read.
func namespaced(read map[string]int) *Proc {
	m := fstest.MapFS{"self/ns/net": symlink("net:[1]")}
	process(m, 1, "init", map[int]string{0: "/dev/null", 3: "socket:[10]"})
	process(m, 20, "server", map[int]string{3: "socket:[20]", 4: "socket:[21]", 5: "socket:[22]", 6: "/dev/null"})
	process(m, 21, "worker", map[int]string{3: "socket:[20]", 9: "socket:[29]"})
	process(m, 30, "other", map[int]string{3: "socket:[30]", 4: "socket:[31]"})
	for pid, netns := range map[int]string{1: "net:[2]", 20: "net:[1]", 21: "net:[1]", 30: "net:[2]"} {
		m[fmt.Sprint(pid, "/ns/net")] = symlink(netns)
	}
	m["thread-self/ns/net"] = symlink("net:[1]")
	return &Proc{FS: &counted{MapFS: m, read: read}, NetDir: "net"}
}

// TestOwnersReadTheirNamespaceFirst checks which processes are read for which
// sockets.
func TestOwnersReadTheirNamespaceFirst(t *testing.T) {
	for _, test := range []struct {
		name  string
		query OwnersQuery
		want  string
		read  string
	}{
		{"of the namespace", OwnersQuery{Inodes: set(20), Netns: "net:[1]"}, "20:20/server/3 20:21/worker/3", "map[20:5 21:3]"},
		{"of another one", OwnersQuery{Inodes: set(20, 30), Netns: "net:[1]"}, "20:20/server/3 20:21/worker/3 30:30/other/3", "map[1:2 20:5 21:3 30:3]"},
		{"with all that their holders have", OwnersQuery{Inodes: set(29), Whole: true, Netns: "net:[1]"}, "20:21/worker/3 29:21/worker/9", "map[20:5 21:3]"},
		{"with those of a process", OwnersQuery{Inodes: set(29), Whole: true, Also: map[int]bool{20: true}, Netns: "net:[1]"},
			"20:20/server/3 20:21/worker/3 21:20/server/4 22:20/server/5 29:21/worker/9", "map[20:5 21:3]"},
		{"only those of a process", OwnersQuery{Inodes: set(), Also: map[int]bool{30: true}, Netns: "net:[1]"}, "30:30/other/3 31:30/other/4", "map[30:3]"},
		{"none", OwnersQuery{Inodes: set(), Whole: true, Netns: "net:[1]"}, "", "map[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := map[string]int{}
			o, err := namespaced(read).Owners(t.Context(), test.query)
			if err != nil {
				t.Fatal(err)
			}
			o.Hidden = false
			if got := list(o); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if got := fmt.Sprint(read); got != test.read {
				t.Errorf("it reads the links %s, want %s", got, test.read)
			}
		})
	}
}

func TestLoads(t *testing.T) {
	read := map[string]int{}
	p := namespaced(read)
	loads, unreadable, err := p.Loads(p.NetNamespace())
	if got := fmt.Sprint(loads, unreadable, err); got != "[{20 4 {0 false}} {21 2 {0 false}}] [] <nil>" {
		t.Errorf("the processes of the namespace have %s", got)
	}
	if all, _, _ := p.Loads(""); len(all) != 4 {
		t.Errorf("all processes have %v", all)
	}
	if n, err := p.Descriptors(30); n != 2 || err != nil {
		t.Errorf("a process has %d descriptors, %v", n, err)
	}
	if _, err := p.Descriptors(31); err == nil {
		t.Error("a process that does not exist has descriptors")
	}
	if len(read) > 0 {
		t.Errorf("it reads the links of descriptors of %v", read)
	}
}

func TestUnlistedSockets(t *testing.T) {
	const sockstat = "sockets: used 100\nTCP: inuse 20 orphan 0 tw 0 alloc 50 mem 1\nUDP: inuse 5 mem 0\nRAW: inuse 1\n"
	files := func() fstest.MapFS {
		return fstest.MapFS{
			"net/sockstat":  {Data: []byte(sockstat)},
			"net/sockstat6": {Data: []byte("TCP6: inuse 10\nUDP6: inuse 2\n")},
			"net/unix":      {Data: []byte("Num RefCount\n1: 2\n2: 3\n")},
			"net/netlink":   {Data: []byte("sk Eth Pid\n1 0 0 1\n2 0 77 1\n")},
			"net/packet":    {Data: []byte("sk RefCnt\n")},
		}
	}
	for _, test := range []struct {
		name   string
		change func(fstest.MapFS)
		want   string
	}{
		{"all tables", func(fstest.MapFS) {}, "59 true"},
		{"no IPv6, and no packet sockets", func(m fstest.MapFS) { delete(m, "net/sockstat6"); delete(m, "net/packet") }, "71 true"},
		{"more in the tables than there are", func(m fstest.MapFS) { m["net/sockstat6"].Data = []byte("TCP6: inuse 90\n") }, "-19 false"},
		{"an old kernel", func(m fstest.MapFS) { m["net/sockstat"].Data = []byte("TCP: inuse 20\n") }, "0 false"},
		{"no file", func(m fstest.MapFS) { delete(m, "net/sockstat") }, "0 false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := files()
			test.change(m)
			n, known := (&Proc{FS: m, NetDir: "net"}).UnlistedSockets()
			if got := fmt.Sprint(n, known); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
