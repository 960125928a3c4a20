package machine

import (
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// undriven lists the events that no test here drives, with the reason. The test
// fails for events that are neither driven nor listed.
var undriven = map[string]string{
	"time-wait-end": "it takes 60 s, a constant of the kernel; TestSmallSockets checks the timer that ends it",
	"no-resources":  "tcp_max_orphans and tcp_mem apply to the whole machine, not to the lab",
	"send":          "Linux does not have it, see TestListenerCannotConnect",
}

// undrivenKeys lists single transitions in the same way.
var undrivenKeys = map[string]string{
	"SYN_RECV/receive-rst/LISTEN": "Linux does not have it: the request ends, and the listener never left LISTEN",
}

// phase is a set of paths that run at the same time with the same settings.
type phase struct {
	sysctls map[string]int
	events  []lifecycle.Event // last events of its paths; nil: all events that no other phase has
}

// phases lists the phases. Two paths are in different phases if the settings of
// one would disturb the other.
var phases = []phase{
	{sysctls: map[string]int{
		"net.ipv4.tcp_fastopen": 0x203, // clients and servers, without a cookie
		"net.ipv4.tcp_tw_reuse": 1,
	}},
	{sysctls: map[string]int{"net.ipv4.tcp_retries2": 2, "net.ipv4.tcp_orphan_retries": 2, "net.ipv4.tcp_abort_on_overflow": 1},
		events: []lifecycle.Event{lifecycle.EventDataGivenUp, lifecycle.EventProbesGivenUp, lifecycle.EventReceiveACKOverflow}},
	{sysctls: map[string]int{"net.ipv4.tcp_max_tw_buckets": 0}, events: []lifecycle.Event{lifecycle.EventBucketsFull}},
	{sysctls: map[string]int{"net.ipv4.tcp_syncookies": 2}, events: []lifecycle.Event{lifecycle.EventReceiveCookie}},
}

// TestTransitions drives a real socket along the shortest path to each
// transition and through it, in each form that the socket can have. After every
// step it compares the socket in sock_diag with the expected state. The paths
// come from the machine itself.
func TestTransitions(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		d := &driver{t: t, l: l, driven: map[string]bool{}}
		var all []path
		for _, tr := range lifecycle.Transitions() {
			if reason(tr) == "" {
				all = append(all, pathsThrough(tr)...)
			}
		}
		for i, phase := range phases {
			for name, value := range phase.sysctls {
				if err := l.SetSysctl(name, value); err != nil {
					t.Fatal(err)
				}
			}
			d.runAll(slices.DeleteFunc(slices.Clone(all), func(p path) bool { return phaseOf(p) != i }))
		}
		d.report()
	})
}

func phaseOf(p path) int {
	last := p[len(p)-1].Event
	for i, phase := range phases {
		if slices.Contains(phase.events, last) {
			return i
		}
	}
	return 0
}

func reason(tr lifecycle.Transition) string {
	if reason := undrivenKeys[tr.Key()]; reason != "" {
		return reason
	}
	return undriven[tr.Event.ID()]
}

// driver runs paths and records the transitions that they drove.
type driver struct {
	t *testing.T
	l *lab.Lab

	mu     sync.Mutex
	driven map[string]bool
	peers  int
}

// runAll walks all paths.
func (d *driver) runAll(paths []path) {
	d.each(len(paths), func(i int) {
		// On a loaded host a timer of the kernel can end a socket between two
		// steps. A walk that fails is repeated, and the last one must succeed.
		const walks = 2
		for n := 1; n <= walks && !d.walk(paths[i], n == walks); n++ {
		}
	})
}

// walk walks one path and returns whether it got to the end. If it did not, the
// test fails if this walk is the last one.
func (d *driver) walk(p path, last bool) (arrived bool) {
	done := make(chan struct{})
	go func() { // a goroutine, because a failure ends it
		defer close(done)
		w := &walker{driver: d, path: p, fd: -1, listener: -1, repeated: !last}
		defer w.end()
		for j, step := range w.path {
			w.step(step, w.path[j+1:])
		}
		arrived = true
	}()
	<-done
	return arrived
}

// each runs n walkers at the same time, because they mostly wait for the
// kernel.
func (d *driver) each(n int, walk func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { walk(i) })
	}
	wait.Wait()
}

// fail reports what went wrong on a path and ends its goroutine.
func (d *driver) fail(p path, step lifecycle.Transition, format string, args ...any) {
	d.t.Errorf("%s: at %s: %s", p, step.Key(), fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// report fails for each transition that was neither driven nor excused, and for
// each transition that was driven although it is excused.
func (d *driver) report() {
	var lines []string
	for _, tr := range lifecycle.Transitions() {
		key, excuse := tr.Key(), reason(tr)
		switch {
		case excuse != "":
			lines = append(lines, "not driven: "+key+": "+excuse)
			if d.driven[key] {
				d.t.Errorf("%s: excused but driven", key)
			}
		case !d.driven[key]:
			d.t.Errorf("%s: neither driven nor excused", key)
		}
	}
	d.t.Logf("driven: %d of %d transitions\n%s", len(d.driven), len(lifecycle.Transitions()), strings.Join(lines, "\n"))
}

func (d *driver) did(tr lifecycle.Transition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.driven[tr.Key()] = true
}

// nextPeer returns an address that no other peer has.
func (d *driver) nextPeer() netip.AddrPort {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peers++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, byte(d.peers >> 8), byte(d.peers)}), 40000)
}

// nextPort returns a port that no other socket has, below the ports that the
// kernel chooses.
func (d *driver) nextPort() uint16 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peers++
	return uint16(20000 + d.peers)
}

// node is a state in one form.
type node struct {
	state tcp.State
	form  lifecycle.Form
}

func (n node) String() string {
	if n.state == lifecycle.NoSocket {
		return "no socket"
	}
	return n.state.String() + " (" + n.form.String() + ")"
}

// path is a walk that starts without a socket.
type path []lifecycle.Transition

func (p path) String() string {
	var ids []string
	for _, tr := range p {
		ids = append(ids, tr.Event.ID())
	}
	return strings.Join(ids, " > ")
}

// after returns the node to which tr leads from n.
func after(n node, tr lifecycle.Transition) node {
	if tr.To == lifecycle.NoSocket {
		return node{}
	}
	if tr.ToForm == lifecycle.AnyForm {
		return node{tr.To, n.form}
	}
	return node{tr.To, tr.ToForm}
}

// pathsThrough returns the shortest path through tr from each form that a
// socket can have before it.
func pathsThrough(tr lifecycle.Transition) []path {
	var paths []path
	shortest := shortestPaths(byServer[tr.Event], byNumber[tr.Event])
	nodes := slices.SortedFunc(maps.Keys(shortest), func(a, b node) int { return int(a.form) - int(b.form) })
	for _, n := range nodes {
		if n.state == tr.From && (tr.FromForm == lifecycle.AnyForm || tr.FromForm == n.form) {
			paths = append(paths, append(slices.Clone(shortest[n]), tr))
		}
	}
	return paths
}

// byServer lists the events for which the connection must come from a listener.
// byNumber lists those for which the port must be bound by number.
var (
	byServer = map[lifecycle.Event]bool{lifecycle.EventReceiveNewSYN: true, lifecycle.EventCloseListener: true}
	byNumber = map[lifecycle.Event]bool{lifecycle.EventShutdownListener: true, lifecycle.EventReuse: true}
)

// shortestPaths finds the shortest path to each node, with transitions that can
// be driven without waiting, in a breadth-first search.
func shortestPaths(server, number bool) map[node]path {
	found := map[node]path{{}: {}}
	for queue := []node{{}}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, tr := range lifecycle.Transitions() {
			if tr.From != n.state || tr.FromForm != lifecycle.AnyForm && tr.FromForm != n.form || reason(tr) != "" || tr.To == lifecycle.NoSocket {
				continue
			}
			if server && tr.Event == lifecycle.EventConnect || number && n.state == tcp.Close && tr.Event != lifecycle.EventBind || detours[tr.Event] {
				continue
			}
			next := after(n, tr)
			if _, known := found[next]; !known {
				found[next] = append(slices.Clone(found[n]), tr)
				queue = append(queue, next)
			}
		}
	}
	return found
}

// detours are events that may only be the last of a path. Most of them need
// time or special settings.
var detours = map[lifecycle.Event]bool{
	lifecycle.EventReceiveFastOpen: true, lifecycle.EventReceiveCookie: true, lifecycle.EventReuse: true, lifecycle.EventFinWait2Shrink: true,
	lifecycle.EventSYNGivenUp: true, lifecycle.EventDataGivenUp: true, lifecycle.EventProbesGivenUp: true, lifecycle.EventKeepaliveGivenUp: true,
	lifecycle.EventDestroy: true, lifecycle.EventDisconnect: true, lifecycle.EventReceiveRST: true, lifecycle.EventICMPError: true, lifecycle.EventReceiveNewSYN: true,
}
