package lifecycle

import (
	"slices"
	"testing"
	"time"

	"tcpstate/tcp"
)

func seconds(list ...float64) []time.Duration {
	var all []time.Duration
	for _, s := range list {
		all = append(all, time.Duration(s*1000)*time.Millisecond)
	}
	return all
}

// TestSchedules checks that the schedules give the well-known totals.
func TestSchedules(t *testing.T) {
	now := DefaultSettings()
	old := Settings{} // a kernel before 6.5, with the defaults
	with := func(change func(*Settings)) Settings {
		s := DefaultSettings()
		change(&s)
		return s
	}
	retries := func(n int) Settings { return with(func(s *Settings) { s.SynRetries = tcp.Known(n) }) }

	for _, test := range []struct {
		name    string
		got     Schedule
		resends []time.Duration
		givenUp float64
	}{
		{"SYN", now.SYNSchedule(), seconds(1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 131},
		{"SYN, before 6.5", old.SYNSchedule(), seconds(1, 3, 7, 15, 31, 63), 127},
		// With a small tcp_syn_retries the limit on the total time comes first, see SYNSchedule.
		{"SYN, tcp_syn_retries 1", retries(1).SYNSchedule(), seconds(1, 2), 3},
		{"SYN, tcp_syn_retries 2", retries(2).SYNSchedule(), seconds(1, 2, 3, 4, 5), 7},
		{"SYN, tcp_syn_retries 3", retries(3).SYNSchedule(), seconds(1, 2, 3, 4, 5, 7, 11), 19},
		{"SYN, tcp_syn_retries 1, before 6.5", Settings{SynRetries: tcp.Known(1)}.SYNSchedule(), seconds(1), 3},
		{"SYN, waits of 4 s at most", with(func(s *Settings) {
			s.RTOMax = tcp.Known(4 * time.Second)
			s.SynRetries = tcp.Known(4)
			s.SynLinearTimeouts = tcp.Known(0)
		}).SYNSchedule(),
			seconds(1, 3, 7, 11), 15},
		{"SYN-ACK", now.SYNACKSchedule(), seconds(1, 3, 7, 15, 31), 63},
		{"SYN-ACK, tcp_synack_retries 0", with(func(s *Settings) { s.SynackRetries = tcp.Known(0) }).SYNACKSchedule(), nil, 1},
		{"keepalive", now.KeepaliveSchedule(), seconds(7200, 7275, 7350, 7425, 7500, 7575, 7650, 7725, 7800), 2*3600 + 11*60 + 15},
		{"window probes", now.ProbeSchedule(0), seconds(.2, .6, 1.4, 3, 6.2, 12.6, 25.4, 51, 102.2, 204.6, 324.6, 444.6, 564.6, 684.6, 804.6), 924.6},

		// A peer on a near network has a timeout of 201 ms.
		{"data", now.DataSchedule(201 * time.Millisecond),
			seconds(.201, .603, 1.407, 3.015, 6.231, 12.663, 25.527, 51.255, 102.711, 205.623, 325.623, 445.623, 565.623, 685.623, 805.623), 925.623},
		{"data, tcp_retries2 2", with(func(s *Settings) { s.Retries2 = tcp.Known(2) }).DataSchedule(204 * time.Millisecond), seconds(.204, .612, 1.428), 3.06},
		{"data, tcp_retries2 3, waits of 1 s at most", with(func(s *Settings) { s.Retries2 = tcp.Known(3); s.RTOMax = tcp.Known(time.Second) }).DataSchedule(300 * time.Millisecond),
			seconds(.3, .9, 1.9), 2.9},
		{"orphan", now.OrphanSchedule(204 * time.Millisecond), seconds(.204, .612, 1.428, 3.06, 6.324, 12.852, 25.908, 52.02), 104.244},
		{"orphan with a slow peer", now.OrphanSchedule(60 * time.Second), seconds(60), 180},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !slices.Equal(test.got.Resends, test.resends) {
				t.Errorf("resends at %v, want %v", test.got.Resends, test.resends)
			}
			if want := seconds(test.givenUp)[0]; test.got.GivenUp != want {
				t.Errorf("given up at %v, want %v", test.got.GivenUp, want)
			}
		})
	}
	if got := now.DataTimeout(); got != 924600*time.Millisecond {
		t.Errorf("tcp_retries2 15: %v, want 924.6 s", got)
	}
}

func TestOrphanFinWait2(t *testing.T) {
	for _, test := range []struct{ timeout, full, small time.Duration }{
		{60 * time.Second, 0, 60 * time.Second},
		{15 * time.Second, 0, 15 * time.Second},
		{110 * time.Second, 50 * time.Second, 50 * time.Second},
		{61 * time.Second, time.Second, time.Second},
		{0, 0, 700 * time.Millisecond},
		{-time.Second, 0, 700 * time.Millisecond},
	} {
		full, small := Settings{FinTimeout: tcp.Known(test.timeout)}.OrphanFinWait2(0)
		if full != test.full || small != test.small {
			t.Errorf("%v: got %v and %v, want %v and %v", test.timeout, full, small, test.full, test.small)
		}
	}
}

func TestOutlook(t *testing.T) {
	info := func(rto time.Duration, backoff uint8) *tcp.Info {
		return &tcp.Info{Len: 280, RTO: rto, Backoff: backoff, RTT: time.Millisecond, SendWindow: 1}
	}
	timer := func(kind tcp.TimerKind, expires float64, n uint8) tcp.Timer {
		return tcp.Timer{Kind: kind, Expires: seconds(expires)[0], Retransmits: n}
	}
	held := tcp.Owner{UID: tcp.Known(uint32(0)), Inode: 7}
	for _, test := range []struct {
		name   string
		socket tcp.Socket
		left   int
		at     float64
		exact  bool
	}{
		{"SYN just sent", tcp.Socket{State: tcp.SynSent, Owner: held, Timer: timer(tcp.TimerOn, .9, 0)}, 10, 130.9, false},
		{"last SYN sent", tcp.Socket{State: tcp.SynSent, Owner: held, Timer: timer(tcp.TimerOn, 60, 10)}, 0, 60, false},
		{"SYN-ACK just sent", tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 1, 0)}, 5, 63, false},
		{"SYN-ACK twice resent", tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 3.5, 2)}, 3, 59.5, false},
		{"waits without resends", tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 3.5, 0)}, 3, 59.5, false},
		{"the client also resends its SYN", tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 30, 9)}, 0, 30, false},
		{"simultaneous open", tcp.Socket{State: tcp.SynRecv, Owner: held, Timer: timer(tcp.TimerOn, 1, 0)}, 6, 127, false},
		{"simultaneous open, resent", tcp.Socket{State: tcp.SynRecv, Owner: held, Timer: timer(tcp.TimerOn, 64, 6)}, 0, 64, false},
		{"data once resent", tcp.Socket{State: tcp.Established, Owner: held, Timer: timer(tcp.TimerOn, .402, 1), Info: info(402*time.Millisecond, 1)}, 14, 925.623 - .201, false},
		{"data resent, waits at the maximum", tcp.Socket{State: tcp.CloseWait, Owner: held, Timer: timer(tcp.TimerOn, 20, 14), Info: info(2*time.Minute, 14)}, 1, 140, false},
		{"orphan", tcp.Socket{State: tcp.LastAck, Timer: timer(tcp.TimerOn, .204, 0), Info: info(204*time.Millisecond, 0)}, 8, 104.244, false},
		{"keepalive", tcp.Socket{State: tcp.Established, Owner: held, Timer: timer(tcp.TimerKeepalive, 7000, 0)}, 9, 7675, false},
		{"keepalive, one unanswered", tcp.Socket{State: tcp.CloseWait, Owner: held, Timer: timer(tcp.TimerKeepalive, 75, 1)}, 8, 675, false},
		{"zero window", tcp.Socket{State: tcp.Established, Owner: held, Timer: timer(tcp.TimerPersist, .2, 0), Info: info(200*time.Millisecond, 0)}, 15, 924.6, false},
		{"zero window, answered often", tcp.Socket{State: tcp.Established, Owner: held, Timer: timer(tcp.TimerPersist, 120, 0), Info: info(200*time.Millisecond, 12)}, 15, 16 * 120, false},
		{"zero window of an orphan", tcp.Socket{State: tcp.FinWait1, Timer: timer(tcp.TimerPersist, .2, 0), Info: info(200*time.Millisecond, 0)}, 8, 102.2, false},
		{"TIME_WAIT", tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 42, 0)}, 0, 42, true},
		{"small FIN_WAIT2", tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 9, 0)}, 0, 9, true},
		{"full orphan with TCP_LINGER2", tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerKeepalive, 50, 0)}, 0, 100, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := DefaultSettings().Outlook(&test.socket)
			if want := (Outlook{test.left, seconds(test.at)[0], test.exact}); !ok || got != want {
				t.Errorf("got %v, %t, want %v", got, ok, want)
			}
		})
	}
	for name, socket := range map[string]tcp.Socket{
		"no timer runs":              {State: tcp.CloseWait, Owner: held},
		"half-closed, with an owner": {State: tcp.FinWait2, Owner: held},
		"TCP_SYNCNT of the program":  {State: tcp.SynSent, Owner: held, Timer: timer(tcp.TimerOn, 60, 11)},
		"a window that shrank":       {State: tcp.Established, Owner: held, Timer: timer(tcp.TimerOn, 1, 2), Info: &tcp.Info{Len: 280, RTO: time.Second}},
		"delayed acknowledgement":    {State: tcp.Established, Owner: held, Timer: timer(tcp.TimerDelayedAck, .04, 0)},
	} {
		if got, ok := DefaultSettings().Outlook(&socket); ok {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// FuzzSchedules checks that no setting, however unusual, makes a schedule
// endless or makes its times decrease.
func FuzzSchedules(f *testing.F) {
	f.Add(6, 4, 5, 15, 0, int64(200), int64(120000))
	f.Add(-1, -1, -1, -1, -1, int64(-1), int64(-1))
	f.Add(1<<31-1, 1<<31-1, 1<<31-1, 1<<31-1, 1<<31-1, int64(0), int64(0))
	f.Fuzz(func(t *testing.T, syn, linear, synack, data, orphan int, rto, longest int64) {
		s := Settings{SynRetries: tcp.Known(syn), SynLinearTimeouts: tcp.Known(linear), SynackRetries: tcp.Known(synack), Retries2: tcp.Known(data),
			OrphanRetries: tcp.Known(orphan), RTOMax: tcp.Known(time.Duration(longest) * time.Millisecond)}
		wait := time.Duration(rto%120_000) * time.Millisecond
		for _, c := range []Schedule{s.SYNSchedule(), s.SYNACKSchedule(), s.DataSchedule(wait), s.OrphanSchedule(wait), s.ProbeSchedule(wait)} {
			if !slices.IsSorted(c.Resends) || len(c.Resends) > 600 || c.GivenUp < time.Millisecond || c.GivenUp > 600*2*time.Minute {
				t.Errorf("%d resends, given up at %v", len(c.Resends), c.GivenUp)
			}
		}
	})
}
