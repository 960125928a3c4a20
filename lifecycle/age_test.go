package lifecycle_test

import (
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// The settings of three hosts: a current one, one with a kernel before 6.5,
// which has no linear timeouts, and one with short timeouts.
var (
	today  = lifecycle.Clocks{FinTimeout: 60 * time.Second, SynLinearTimeouts: 4, RTOMax: 120 * time.Second}
	before = lifecycle.Clocks{FinTimeout: 60 * time.Second, RTOMax: 120 * time.Second}
	capped = lifecycle.Clocks{FinTimeout: 20 * time.Second, SynLinearTimeouts: 1, RTOMax: 4 * time.Second}
)

const unknown = time.Duration(-1)

func TestSetAgeOfTimers(t *testing.T) {
	ms := time.Millisecond
	timer := func(kind tcp.TimerKind, expires time.Duration, resends uint8) tcp.Timer {
		return tcp.Timer{Kind: kind, Expires: expires, Retransmits: resends}
	}
	tests := []struct {
		name   string
		clocks lifecycle.Clocks
		socket tcp.Socket
		age    time.Duration
		exact  bool // otherwise a lower bound for SYN_RECV, and an estimate for other states
	}{
		{"TIME_WAIT runs down 60 s", today,
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 58800*ms, 0)}, 1200 * ms, true},
		{"TIME_WAIT does not depend on tcp_fin_timeout", capped,
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 58800*ms, 0)}, 1200 * ms, true},
		{"TIME_WAIT that has just started", today,
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 60*time.Second, 0)}, 0, true},
		{"TIME_WAIT where tcp_tw_timeout is 10 s", lifecycle.Clocks{TimeWait: 10 * time.Second},
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 8*time.Second, 0)}, 2 * time.Second, true},
		{"TIME_WAIT with more than 60 s left", today,
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 61*time.Second, 0)}, unknown, false},
		{"TIME_WAIT without its timer", today,
			tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerOn, 10*time.Second, 0)}, unknown, false},

		{"SYN_RECV that may be in its first wait", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 300*ms, 0)}, 700 * ms, false},
		{"SYN_RECV is not older because its client resends the SYN", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 300*ms, 9)}, 700 * ms, false},
		{"SYN_RECV in its second wait: 1 s, then 2 s", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 1500*ms, 1)}, 1500 * ms, false},
		{"SYN_RECV after 1, 3 and 7 s", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 8*time.Second, 3)}, 7 * time.Second, false},
		{"SYN_RECV whose client sends no data, with TCP_DEFER_ACCEPT", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 5*time.Second, 0)}, 10 * time.Second, false},
		{"SYN_RECV in its last wait", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 17*time.Second, 5)}, 46 * time.Second, false},
		{"SYN_RECV whose SYN-ACK is about to be resent, or that is about to end", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 0, 5)}, 1 * time.Second, false},
		{"SYN_RECV needs no settings", lifecycle.Clocks{},
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 1500*ms, 1)}, 1500 * ms, false},
		{"SYN_RECV without a timer", today,
			tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOff, 0, 0)}, unknown, false},

		{"SYN_SENT before the first resend", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 100*ms, 0)}, 900 * ms, true},
		{"SYN_SENT after 4 linear resends", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 1*time.Second, 4)}, 4 * time.Second, false},
		{"SYN_SENT after the first wait that doubles", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 2*time.Second, 5)}, 5 * time.Second, false},
		{"SYN_SENT after the second wait that doubles", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 4*time.Second, 6)}, 7 * time.Second, false},
		{"SYN_SENT is resent for the last time at 67 s", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 64*time.Second, 10)}, 67 * time.Second, false},
		{"SYN_SENT is given up at 131 s", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 0, 10)}, 131 * time.Second, false},
		{"SYN_SENT before 6.5 is resent for the last time at 63 s", before,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 64*time.Second, 6)}, 63 * time.Second, false},
		{"SYN_SENT before 6.5 is given up at 127 s", before,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 0, 6)}, 127 * time.Second, false},
		{"SYN_SENT whose waits are capped: 1, 1, 2, 4, 4 s", capped,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 3*time.Second, 4)}, 9 * time.Second, false},
		{"SYN_SENT that expires later than its wait", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 2*time.Second, 4)}, unknown, false},
		{"SYN_SENT after 255 resends", today,
			tcp.Socket{State: tcp.SynSent, Timer: timer(tcp.TimerOn, 120*time.Second, 255)},
			4*time.Second + 127*time.Second + 244*120*time.Second, false},

		{"small orphaned FIN_WAIT2", today,
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 45*time.Second, 0)}, 15 * time.Second, false},
		{"small orphaned FIN_WAIT2 with a short tcp_fin_timeout", capped,
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 15*time.Second, 0)}, 5 * time.Second, false},
		{"small orphaned FIN_WAIT2 with a longer timeout of its own", capped,
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 45*time.Second, 0)}, unknown, false},
		{"small orphaned FIN_WAIT2 with a long tcp_fin_timeout", lifecycle.Clocks{FinTimeout: 70 * time.Second},
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 6*time.Second, 0)}, 14 * time.Second, false},
		{"full orphaned FIN_WAIT2", lifecycle.Clocks{FinTimeout: 100 * time.Second},
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerKeepalive, 30*time.Second, 0)}, 10 * time.Second, false},
		{"full orphaned FIN_WAIT2 with a longer timeout of its own", today,
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerKeepalive, 50*time.Second, 0)}, unknown, false},
		{"owned FIN_WAIT2 with keepalive", lifecycle.Clocks{FinTimeout: 100 * time.Second},
			tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerKeepalive, 30*time.Second, 0), Owner: tcp.Owner{Inode: 7}}, unknown, false},
		{"owned FIN_WAIT2", today,
			tcp.Socket{State: tcp.FinWait2, Owner: tcp.Owner{Inode: 7}}, unknown, false},

		{"FIN_WAIT1", today, tcp.Socket{State: tcp.FinWait1, Timer: timer(tcp.TimerOn, 100*ms, 2)}, unknown, false},
		{"CLOSING", today, tcp.Socket{State: tcp.Closing, Timer: timer(tcp.TimerOn, 100*ms, 2)}, unknown, false},
		{"LAST_ACK", today, tcp.Socket{State: tcp.LastAck, Timer: timer(tcp.TimerOn, 100*ms, 2)}, unknown, false},
		{"LISTEN", today, tcp.Socket{State: tcp.Listen}, unknown, false},
		{"CLOSE", today, tcp.Socket{State: tcp.Close}, unknown, false},
		{"BOUND_INACTIVE", today, tcp.Socket{State: tcp.BoundInactive}, unknown, false},
		{"ESTABLISHED without tcp_info", today,
			tcp.Socket{State: tcp.Established, Timer: timer(tcp.TimerKeepalive, time.Hour, 0)}, unknown, false},
		{"CLOSE_WAIT without tcp_info", today, tcp.Socket{State: tcp.CloseWait}, unknown, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.clocks.SetAge(&test.socket)
			if got := test.socket.Age.Or(unknown); got != test.age || test.socket.AgeExact != test.exact {
				t.Errorf("age %v, exact %v, want %v, %v", got, test.socket.AgeExact, test.age, test.exact)
			}
			if want := test.socket.State == tcp.SynRecv && test.age != unknown; test.socket.AgeAtLeast != want {
				t.Errorf("a lower bound: %v, want %v", test.socket.AgeAtLeast, want)
			}
			if test.socket.Idle.IsKnown() {
				t.Errorf("idle for %v without tcp_info", test.socket.Idle.Or(0))
			}
		})
	}
}

func TestSetAgeOfInfo(t *testing.T) {
	info := func(change func(*tcp.Info)) *tcp.Info {
		i := &tcp.Info{Len: 60, LastDataSent: 9 * time.Second, LastDataRecv: 4 * time.Second, LastAckRecv: 3 * time.Second, DataSegsOut: 1}
		if change != nil {
			change(i)
		}
		return i
	}
	tests := []struct {
		name      string
		state     tcp.State
		info      *tcp.Info
		age, idle time.Duration
	}{
		{"ESTABLISHED is as old as its oldest clock", tcp.Established, info(nil), 9 * time.Second, 4 * time.Second},
		{"ESTABLISHED that has sent nothing", tcp.Established,
			info(func(i *tcp.Info) { i.DataSegsOut = 0 }), 4 * time.Second, 4 * time.Second},
		{"ESTABLISHED with an old ACK", tcp.Established,
			info(func(i *tcp.Info) { i.LastAckRecv = 20 * time.Second }), 20 * time.Second, 4 * time.Second},
		{"CLOSE_WAIT is as old as the last ACK", tcp.CloseWait, info(nil), 3 * time.Second, 4 * time.Second},
		{"FIN_WAIT2 that a program holds is as old as the last ACK", tcp.FinWait2, info(nil), 3 * time.Second, 4 * time.Second},
		{"a clock of received data that was never set, after a simultaneous open", tcp.Established,
			info(func(i *tcp.Info) { i.LastDataRecv, i.DataSegsOut = 11000*time.Second, 0 }), 3 * time.Second, 9 * time.Second},
		{"such a clock, read later", tcp.Established,
			info(func(i *tcp.Info) { i.LastDataRecv = 11001 * time.Second }), 9 * time.Second, 9 * time.Second},
		{"a clock of that value that data has set", tcp.Established,
			info(func(i *tcp.Info) { i.LastDataRecv, i.DataSegsIn = 11000*time.Second, 1 }), 11000 * time.Second, 9 * time.Second},
		{"a clock that was set just after", tcp.Established,
			info(func(i *tcp.Info) { i.LastDataRecv = 10999 * time.Second }), 10999 * time.Second, 9 * time.Second},
		{"no clock was ever set, on an older kernel", tcp.Established,
			info(func(i *tcp.Info) {
				i.LastDataRecv, i.LastDataSent, i.DataSegsOut = 11000*time.Second, 11000*time.Second, 0
			}), 3 * time.Second, unknown},
		{"idle is the smaller value of both directions", tcp.CloseWait,
			info(func(i *tcp.Info) { i.LastDataSent = time.Second }), 3 * time.Second, time.Second},
		{"a structure that ends before the clocks", tcp.Established,
			info(func(i *tcp.Info) { i.Len = 59 }), unknown, unknown},
		{"CLOSE_WAIT with a structure that ends before the clocks", tcp.CloseWait,
			info(func(i *tcp.Info) { i.Len = 59 }), unknown, unknown},
		{"a listener, for which the kernel does not set the clocks", tcp.Listen,
			info(func(i *tcp.Info) { i.Listener = true }), unknown, unknown},
		{"SYN_SENT, whose clocks have not started", tcp.SynSent, info(nil), unknown, unknown},
		{"SYN_RECV that is a full socket, as TCP Fast Open creates it", tcp.SynRecv, info(nil), unknown, unknown},
		{"FIN_WAIT1 has an idle time but no known age", tcp.FinWait1, info(nil), unknown, 4 * time.Second},
		{"CLOSE, whose clocks are those of the earlier connection", tcp.Close, info(nil), unknown, unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := tcp.Socket{State: test.state, Info: test.info, Owner: tcp.Owner{Inode: 7}}
			clocks := today
			clocks.Unset = 11000 * time.Second
			clocks.SetAge(&s)
			if got := s.Age.Or(unknown); got != test.age || s.AgeExact || s.AgeAtLeast != (got != unknown) {
				t.Errorf("age %v, exact %v, a lower bound %v; want the lower bound %v", got, s.AgeExact, s.AgeAtLeast, test.age)
			}
			if got := s.Idle.Or(unknown); got != test.idle {
				t.Errorf("idle for %v, want %v", got, test.idle)
			}
		})
	}
}
