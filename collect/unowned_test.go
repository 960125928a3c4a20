package collect

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// changing is a source whose sockets change from one reading to the next.
type changing struct {
	readings [][]tcp.Socket // the last is repeated
	begun    int
}

func (c *changing) String() string              { return "changing" }
func (c *changing) ThisHostOnly() bool          { return false }
func (c *changing) Plan(q *Query) (Plan, error) { return Plan{States: q.States}, nil }
func (c *changing) next() []tcp.Socket          { return c.readings[min(c.begun, len(c.readings))-1] }
func (c *changing) Begin(ctx context.Context, t *Table) (Reading, error) {
	c.begun++
	reading, err := (&kept{sockets: c.next()}).Begin(ctx, t)
	return &changingReading{reading, c}, err
}

type changingReading struct {
	Reading
	of *changing
}

func (r *changingReading) Source() Source { return r.of }

// handedOver is a /proc in which a process shows a socket only in the second search,
// as if another had passed it on during the first. Nobody may read process 813.
type handedOver struct {
	*counted
	hidden string // the descriptor
}

func (h *handedOver) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "813/fd" {
		return nil, fs.ErrPermission
	}
	entries, err := h.counted.ReadDir(name)
	if h.searches < 2 {
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return name+"/"+e.Name() == h.hidden })
	}
	return entries, err
}

// TestWhyNoProcessIsKnown lists sockets that no process is found to hold, for each
// possible reason.
func TestWhyNoProcessIsKnown(t *testing.T) {
	listener, connection := keptSockets().sockets[0], keptSockets().sockets[1]
	both, one := []tcp.Socket{listener, connection}, []tcp.Socket{listener}
	const initial, other = "pid:[4026531836]", "pid:[4026532177]"
	const served = "no process holds 1 socket: the kernel itself serves it"
	for _, test := range []struct {
		name     string
		readings [][]tcp.Socket
		pidns    string
		change   func(c *counted)
		hidden   string
		warnings string
		kernel   bool
	}{
		{"the kernel serves one", [][]tcp.Socket{both}, initial, func(c *counted) { c.holds(812, "nginx", 412) }, "", served, true},
		{"one was closed", [][]tcp.Socket{both, one}, initial, func(c *counted) { c.holds(812, "nginx", 411) }, "",
			"1 of 2 sockets was closed before its processes were found", false},
		{"one was closed, and a process may not be read", [][]tcp.Socket{both, one}, initial, func(c *counted) {
			c.holds(812, "nginx", 411)
			c.holds(813, "secret")
			c.MapFS["813/task/813"] = &fstest.MapFile{Mode: fs.ModeDir}
		}, "none", "1 of 2 sockets was closed before its processes were found", false},
		{"one was closed during the second search", [][]tcp.Socket{both, both, one}, initial, func(c *counted) { c.holds(812, "nginx", 411) }, "",
			"1 of 2 sockets was closed before its processes were found", false},
		{"one was passed on during the search", [][]tcp.Socket{both}, initial, func(c *counted) { c.holds(812, "nginx", 411, 412) }, "812/fd/3", "", false},
		{"another pid namespace", [][]tcp.Socket{both}, other, func(c *counted) { c.holds(812, "nginx", 412) }, "",
			"the processes of 1 of 2 sockets are not known: this is not the first pid namespace of the host, so processes outside it are not seen, or the kernel itself serves them", false},
		{"a process may not be read", [][]tcp.Socket{both}, initial, func(c *counted) {
			c.holds(812, "nginx", 411)
			c.holds(813, "secret")
			c.MapFS["813/task/813"] = &fstest.MapFile{Mode: fs.ModeDir}
		}, "none", "the processes of 1 of 2 sockets are not known: 1 process may not be read by this user", false},
		{"a recorded /proc", [][]tcp.Socket{both}, "", func(c *counted) { c.holds(812, "nginx", 412) }, "", "the processes of 1 of 2 sockets are not known", false},
		{"process 1 is hidden", [][]tcp.Socket{both}, initial, func(c *counted) { c.holds(812, "nginx", 412); c.end(1) }, "",
			"the processes of 1 of 2 sockets are not known: not all processes are listed (see hidepid in proc(5))", false},
	} {
		c := &counted{MapFS: fstest.MapFS{}}
		c.holds(1, "init")
		if test.pidns != "" {
			c.MapFS["1/ns/pid"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(test.pidns)}
		}
		test.change(c)
		j, err := newJob(Query{Source: &changing{readings: test.readings}, States: tcp.All, Families: []tcp.Family{tcp.IPv4}, Detail: tcp.DetailProcesses})
		if err != nil {
			t.Fatal(err)
		}
		j.owners.proc = &procnet.Proc{FS: c, NetDir: "net", Dir: "/proc"}
		if test.hidden != "" {
			j.owners.proc.FS = &handedOver{c, test.hidden}
		}
		s, err := j.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kernel := false
		for _, socket := range readAll(t, s) {
			kernel = kernel || socket.Owner.Kernel
		}
		if got := strings.Join(s.Warnings().Texts(), "; "); got != test.warnings || kernel != test.kernel {
			t.Errorf("%s: warnings %q, want %q; of the kernel: %t", test.name, got, test.warnings, kernel)
		}
	}
}
