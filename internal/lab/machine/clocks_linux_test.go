package machine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/procnet"
	"tcpstate/tcp"
)

// clock is a socket whose peer stops answering, so that the kernel gives up.
type clock struct {
	name string
	make func(w *walker) // sets w.local, w.remote and w.peer for the socket with the silent peer

	// schedule is the schedule that the kernel should use; rto is the first
	// timeout of the socket.
	schedule func(s lifecycle.Settings, rto time.Duration) lifecycle.Schedule

	// counts reports whether a segment that the peer receives is part of the
	// schedule. first means that the first such segment is the original and not
	// a resend.
	counts func(p *lab.Peer, s lab.Segment) bool
	first  bool
}

var clocks = []clock{
	{"SYN_SENT", (*walker).silentSYN, func(s lifecycle.Settings, _ time.Duration) lifecycle.Schedule { return s.SYNSchedule() },
		func(_ *lab.Peer, s lab.Segment) bool { return s.Flags&lab.SYN != 0 }, true},
	{"SYN_RECV", (*walker).silentSYNACK, func(s lifecycle.Settings, _ time.Duration) lifecycle.Schedule { return s.SYNACKSchedule() },
		func(_ *lab.Peer, s lab.Segment) bool { return s.Flags&lab.SYN != 0 }, true},
	{"unacknowledged data", (*walker).silentData, lifecycle.Settings.DataSchedule,
		func(_ *lab.Peer, s lab.Segment) bool { return len(s.Payload) > 0 }, true},
	{"orphaned LAST_ACK", (*walker).silentFIN, lifecycle.Settings.OrphanSchedule,
		func(_ *lab.Peer, s lab.Segment) bool { return s.Flags&lab.FIN != 0 }, true},
	{"zero window", (*walker).shutWindow, lifecycle.Settings.ProbeSchedule, isProbe, false},
	{"keepalive", (*walker).idle, func(s lifecycle.Settings, _ time.Duration) lifecycle.Schedule { return s.KeepaliveSchedule() }, isProbe, false},
}

// isProbe reports whether a segment is a probe of a window or of a peer. Probes
// have an old sequence number, so that the peer must answer
// (tcp_xmit_probe_skb, net/ipv4/tcp_output.c).
func isProbe(p *lab.Peer, s lab.Segment) bool {
	return s.Seq == p.Ack-1 && len(s.Payload) == 0 && s.Flags == lab.ACK
}

// TestClocks lowers the settings and watches sockets until the kernel gives up.
// The peer must receive as many resends as the schedule says, and at every
// reading the outlook must be one that the schedule allows. The test asserts
// nothing about its own clock.
//
// The first timeout is 300 ms here, so that no sum of timeouts is near the time
// at which the kernel gives up, which the kernel always computes from 200 ms.
// Tail loss probes are off, because they would come before the first timeout.
func TestClocks(t *testing.T) {
	for i, settings := range []map[string]int{
		{"syn_retries": 1, "synack_retries": 1, "retries2": 2, "orphan_retries": 2, "keepalive_time": 1, "keepalive_intvl": 1, "keepalive_probes": 2},
		{"syn_retries": 2, "synack_retries": 0, "retries2": 4, "orphan_retries": 3, "keepalive_time": 2, "keepalive_intvl": 1, "keepalive_probes": 1, "syn_linear_timeouts": 0, "rto_max_ms": 1000},
		{"syn_retries": 2, "synack_retries": 2, "retries2": 3, "orphan_retries": 0, "keepalive_time": 1, "keepalive_intvl": 2, "keepalive_probes": 3, "rto_max_ms": 1500},
	} {
		t.Run(fmt.Sprint("settings ", i+1), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				settings["rto_min_us"], settings["early_retrans"] = 300_000, 0
				for name, value := range settings {
					if err := l.SetSysctl("net.ipv4.tcp_"+name, value); err != nil {
						t.Fatal(err)
					}
				}
				known, err := procnet.Open("/proc").Settings()
				if err != nil {
					t.Fatal(err)
				}
				d := &driver{t: t, l: l, driven: map[string]bool{}}
				d.each(len(clocks), func(i int) { d.runOut(clocks[i], known) })
			})
		})
	}
}

// nothing is the transition of steps that do not belong to one.
var nothing lifecycle.Transition

// runOut lets the clocks of sockets run out, one after the other, until a
// socket was resent as often as the schedule says. More resends are an error.
// Fewer may be due to a loaded host: the kernel gives up after a time
// (retransmits_timed_out, net/ipv4/tcp_timer.c), so if a timer fires late there
// may be no time left for the last resend. Then runOut tries another socket.
func (d *driver) runOut(c clock, settings lifecycle.Settings) {
	for deadline := time.Now().Add(lab.Patience); ; {
		w := &walker{driver: d, fd: -1, listener: -1}
		sent, want := func() (int, lifecycle.Schedule) {
			defer w.end()
			c.make(w)
			return w.watch(c, settings)
		}()
		if sent == len(want.Resends) {
			return
		}
		if sent > len(want.Resends) || time.Now().After(deadline) {
			d.t.Errorf("%s: sent %d times, want %d, at %v", c.name, sent, len(want.Resends), want.Resends)
			return
		}
	}
}

// watch follows the socket to its end. It returns how often the socket was
// resent, and the schedule that the kernel should use.
func (w *walker) watch(c clock, settings lifecycle.Settings) (sent int, want lifecycle.Schedule) {
	w.poll(nothing, c.name, func() bool {
		s := w.find(nothing)
		if s == nil {
			return false
		}
		_, ok := settings.Outlook(s)
		return ok
	})
	var lefts []int
	w.poll(nothing, c.name+" to end", func() bool {
		s := w.find(nothing)
		if s == nil || s.State == tcp.Close || w.fd >= 0 && w.stateOfFD(nothing) == tcp.Close {
			return true
		}
		if s.Timer.Kind == tcp.TimerOff {
			return false // the kernel is handling the timer at this moment
		}
		// On a busy machine an answer that comes late changes the RTO while probes go on.
		if lefts == nil || s.Timer.Kind == tcp.TimerPersist {
			want = c.schedule(settings, rtoOf(s))
		}
		o, ok := settings.Outlook(s)
		wait, end := waitAfter(want, int(s.Timer.Retransmits)), want.GivenUp
		if s.Timer.Expires > wait+slack { // then the kernel waits after a failed send
			wait, end = congestedWait, end+congestedWait
		}
		if !ok || o.At < s.Timer.Expires || o.At > end+slack || s.Timer.Expires > wait+slack {
			w.t.Errorf("%s: outlook %+v, %t, of %s, %+v; the schedule is %v", c.name, o, ok, describe(s), s.Timer, want)
		}
		if lefts == nil || lefts[len(lefts)-1] != o.Left {
			lefts = append(lefts, o.Left)
		}
		return false
	})
	// Under load the readings may miss some waits, but the number of resends left must still fall.
	if lefts == nil {
		return -1, want // the clock ran out before the first reading
	}
	if lefts[0] > len(want.Resends) || !slices.IsSortedFunc(lefts, func(a, b int) int { return b - a }) {
		w.t.Errorf("%s: %v left over time, want %d or less, falling", c.name, lefts, len(want.Resends))
	}
	sent = w.sent(c)
	w.t.Logf("%s: %v left over time, sent %d times, schedule %v", c.name, lefts, sent, want)
	return sent, want
}

// slack is how much longer a timer may be than its wait: some ticks of the
// kernel's clock.
const slack = 100 * time.Millisecond

// congestedWait is how long the kernel waits if a loaded host could not send a
// resend or a probe (TCP_RESOURCE_PROBE_INTERVAL, include/net/tcp.h).
const congestedWait = 500 * time.Millisecond

// waitAfter returns how long the schedule waits after n resends.
func waitAfter(c lifecycle.Schedule, n int) time.Duration {
	times := append(slices.Clone(c.Resends), c.GivenUp)
	if n >= len(times) {
		return 0
	}
	if n == 0 {
		return times[0]
	}
	return times[n] - times[n-1]
}

// sent counts the segments that were sent by the schedule. It sends a segment
// without a connection, to which the kernel answers with a reset: after the
// reset, the peer has received everything.
func (w *walker) sent(c clock) int {
	n := 0
	if c.first {
		n--
	}
	ack := w.peer.Ack
	w.send(nothing, lab.ACK, nil)
	_, err := w.peer.ExpectFunc("RST", func(s lab.Segment) bool {
		if c.counts(&lab.Peer{Ack: ack}, s) {
			n++
		}
		return s.Flags&lab.RST != 0
	})
	w.check(nothing, err)
	return n
}

// rtoOf returns the timeout without backoff, with which the socket's waits
// start.
func rtoOf(s *tcp.Socket) time.Duration {
	if s.Info == nil {
		return 0
	}
	if s.Timer.Kind == tcp.TimerPersist {
		return s.Info.RTO // probes double their waits, and leave the RTO as it is
	}
	return s.Info.RTO >> s.Info.Backoff
}

func (w *walker) open() {
	w.do(lifecycle.Transition{Event: lifecycle.EventSocket}, nil)
}

func (w *walker) silentSYN() {
	w.open()
	w.do(lifecycle.Transition{Event: lifecycle.EventConnect}, nil)
	w.peer.Host = w.local
}

func (w *walker) silentSYNACK() {
	w.open()
	w.do(lifecycle.Transition{Event: lifecycle.EventListen}, nil)
	w.do(lifecycle.Transition{Event: lifecycle.EventReceiveSYN}, nil)
}

// connected opens a connection and leaves it in ESTABLISHED.
func (w *walker) connected() {
	w.silentSYN()
	w.expect(lifecycle.Transition{Sent: lifecycle.SYN})
	w.send(nothing, lab.SYN|lab.ACK, nil)
	w.expect(lifecycle.Transition{Sent: lifecycle.ACK})
}

func (w *walker) silentData() {
	w.connected()
	_, err := unix.Write(w.fd, []byte("unanswered"))
	w.check(nothing, err)
}

func (w *walker) silentFIN() {
	w.connected()
	w.send(nothing, lab.FIN|lab.ACK, nil)
	w.expect(lifecycle.Transition{Sent: lifecycle.ACK})
	w.close(nothing)
}

func (w *walker) shutWindow() {
	w.connected()
	w.prepare(nothing, path{{Event: lifecycle.EventProbesGivenUp}})
}

func (w *walker) idle() {
	w.connected()
	w.option(nothing, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
}

// TestSmallSockets checks the timers of the kernel's small sockets: TIME_WAIT
// counts down from 60 s, whatever tcp_fin_timeout is, and an orphaned FIN_WAIT2
// counts down from tcp_fin_timeout.
func TestSmallSockets(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.SetSysctl("net.ipv4.tcp_fin_timeout", 20); err != nil {
			t.Fatal(err)
		}
		settings, err := procnet.Open("/proc").Settings()
		if err != nil {
			t.Fatal(err)
		}
		_, small := settings.OrphanFinWait2(0)
		for _, test := range []struct {
			flags lab.Flags
			node  node
			most  time.Duration
		}{
			{lab.ACK, node{tcp.FinWait2, lifecycle.Small}, small},
			{lab.FIN | lab.ACK, node{tcp.TimeWait, lifecycle.Small}, lifecycle.TimeWaitLength},
		} {
			d := &driver{t: t, l: l, peers: int(test.node.state)}
			d.each(1, func(int) {
				w := &walker{driver: d, fd: -1, listener: -1}
				defer w.end()
				w.connected()
				w.close(nothing)
				w.expect(lifecycle.Transition{Sent: lifecycle.FIN | lifecycle.ACK})
				before := time.Now()
				w.send(nothing, test.flags, nil)
				w.see(nothing, test.node)
				s := w.find(nothing)
				passed := time.Since(before)
				o, ok := settings.Outlook(s)
				if !ok || !o.Exact || o.Left != 0 || o.At != s.Timer.Expires || o.At > test.most || o.At < test.most-passed-slack {
					t.Errorf("%s: outlook %+v, %t, after %v of %v", test.node, o, ok, passed, test.most)
				}
			})
		}
	})
}

// TestListenerCannotConnect checks how Linux behaves for an edge of RFC 9293
// figure 5 that it does not have: from LISTEN to SYN_SENT, by SEND.
func TestListenerCannotConnect(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendto(fd, []byte("x"), unix.MSG_NOSIGNAL, nil); err != unix.EPIPE {
			t.Errorf("send: %v, want EPIPE", err)
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{10, 2, 0, 1}, Port: 80}); err != unix.EISCONN {
			t.Errorf("connect: %v, want EISCONN", err)
		}
	})
}
