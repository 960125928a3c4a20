package cmd

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/text"
)

// looking gives a world the real clock and runs a function each time doctor looks
// at it, with the number of the look. doctor looks when it begins, when it has
// read for the first time, and before and after each reading between.
func looking(at func(look int)) func(*environment) {
	look := 0
	return func(env *environment) {
		env.now = func() time.Time {
			look++
			at(look)
			return time.Now()
		}
	}
}

// TestDoctorSeesBurstsBetweenReadings fills an accept queue after the first
// reading and empties it before the last one.
func TestDoctorSeesBurstsBetweenReadings(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 8)
		first := 0
		burst := func(n int) func(int) {
			return func(look int) {
				switch look {
				case 2:
					dialIn(t, l, at, -1, first, n)
					first += n
				case 4: // after one reading between
					for range n {
						server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
						must(t, err)
						closeAll(t, server)
					}
				}
			}
		}
		run := func(n int, args ...string) examination {
			got := runIn(t, t.Context(), looking(burst(n)), append([]string{"doctor", "--json"}, args...)...)
			if got.code != exitDone {
				t.Fatalf("exit %d, stderr %q", got.code, got.stderr)
			}
			return readExamination(t, got.stdout)
		}
		e := run(8, "--for", "1s", "--skip", "loss-high") // the peers of the lab leave FINs unanswered
		if len(e.Findings) != 1 || e.Findings[0].Code != "accept-queue-full" || e.Findings[0].Severity != "warning" {
			t.Fatalf("the burst is not found: %+v", e)
		}
		f := e.Findings[0]
		f.check(t)
		f.says(t, "the accept queue of "+at.String(), "was full at 1 of ")
		f.isAbout(t, at)
		f.wants(t, "accept_queue_peak", 8, "readings_full", 1, "accept_queue", 0, "dropped", 0)
		if e.Interval < 1000 {
			t.Errorf("the interval is %d ms, of --for 1s", e.Interval)
		}
		if e := run(7, "--for", "1s", "--skip", "loss-high"); len(e.Findings) != 0 {
			t.Errorf("a queue that was never full: %+v", e.Findings)
		}
	})
}

// TestDoctorComparesQueues has a program that does not read while data keeps
// coming, and one that reads slowly.
func TestDoctorComparesQueues(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 8)
		fds, peers := dialIn(t, l, at, fd, 0, 1)
		send := func() {
			must(t, peers[0].Send(lab.PSH|lab.ACK, []byte("hello")))
			_, err := peers[0].Expect(lab.ACK)
			must(t, err)
		}
		send()
		read := func() {
			_, err := unix.Read(fds[0], make([]byte, 1))
			must(t, err)
		}
		half := append(set("app-not-reading.age=500ms"), "--interval", "500ms")
		keeps := after(500*time.Millisecond, send)
		f := finds(t, keeps, half, "info app-not-reading")
		f.wants(t, "unread_bytes", 10, "queues_that_grew", 1)
		finds(t, after(500*time.Millisecond, func() { read(); send() }), half)
		f = finds(t, after(500*time.Millisecond, func() {}), half, "info app-not-reading") // though it was read before
		f.wants(t, "unread_bytes", 14, "queues_that_grew", 0)
	})
}

// TestDoctorComparesCloseWait has sockets come into CLOSE_WAIT between the
// readings.
func TestDoctorComparesCloseWait(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 16)
		_, peers := dialIn(t, l, at, fd, 0, 12)
		end := func(peers []*lab.Peer) func() {
			return func() {
				for _, p := range peers {
					must(t, p.Send(lab.FIN|lab.ACK, nil))
					_, err := p.Expect(lab.ACK)
					must(t, err)
				}
			}
		}
		end(peers[:5])()
		f := finds(t, after(300*time.Millisecond, end(peers[5:])), set("close-wait-leak.age=0s"), "warning close-wait-leak")
		f.says(t, "12 CLOSE_WAITs", "7 new within ")
		f.wants(t, "close_wait", 12, "new_between_readings", 7)
		f = finds(t, nil, set("close-wait-leak.age=0s"), "warning close-wait-leak")
		f.wants(t, "close_wait", 12, "new_between_readings", 0)
	})
}

// TestDoctorKnowsSlowPeers has a peer whose window is closed, and which opens it a
// little between the readings.
func TestDoctorKnowsSlowPeers(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 8)
		fds, peers := dialIn(t, l, at, fd, 0, 1)
		p := peers[0]
		must(t, writeAll(fds[0], make([]byte, 1)))
		data := func() {
			_, err := p.ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
			must(t, err)
		}
		data()
		p.Window = 0
		must(t, p.Send(lab.ACK, nil))
		must(t, p.Send(lab.PSH|lab.ACK, []byte("wait")))
		_, err := p.Expect(lab.ACK) // now the kernel knows the window
		must(t, err)
		_, err = unix.Read(fds[0], make([]byte, 4))
		must(t, err)
		must(t, writeAll(fds[0], make([]byte, 300)))
		now := set("peer-not-reading.age=0s")
		f := finds(t, nil, now, "info peer-not-reading")
		f.wants(t, "unsent_bytes", 300)
		slowly := func() {
			p.Window = 100
			must(t, p.Send(lab.ACK, nil))
			data()
			p.Window = 0
			must(t, p.Send(lab.ACK, nil))
		}
		finds(t, slowly, now)
		f = finds(t, nil, now, "info peer-not-reading")
		f.wants(t, "unsent_bytes", 200)
	})
}

// TestDoctorWatchesAllAlong checks what --for shows meanwhile on a terminal, and
// what it refuses.
func TestDoctorWatchesAllAlong(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		terminal := func(env *environment) {
			clock := time.Now()
			env.now = func() time.Time { // a loaded host must not use up the time before the first line
				clock = clock.Add(100 * time.Millisecond)
				return clock
			}
			env.stderrTTY = true
		}
		got := runIn(t, t.Context(), terminal, "doctor", "--for", "1s")
		if got.code != exitDone || !strings.Contains(got.stderr, "watching for ") || !strings.HasSuffix(got.stderr, text.EraseLine) {
			t.Errorf("on a terminal: exit %d, stderr %q", got.code, got.stderr)
		}
		for _, args := range [][]string{{"--for", "1s", "--interval", "1s"}, {"--for", "0s"}, {"--for", "-1s"}} {
			got := runIn(t, t.Context(), ticking(nil), append([]string{"doctor"}, args...)...)
			if got.code != exitUsage || !strings.Contains(got.stderr, "--for") {
				t.Errorf("%q: exit %d, stderr %q", args, got.code, got.stderr)
			}
		}
	})
}
