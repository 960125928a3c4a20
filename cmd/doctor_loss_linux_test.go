package cmd

import (
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDoctorSeesLoss has peers lose the first copy of what they are sent, and
// peers that do not answer at all.
func TestDoctorSeesLoss(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		fds, peers := dialIn(t, l, at, fd, 0, 14)
		pid := given(t, "server", fd) // and the connections stay with the test
		silent, silentPeers := fds[12:], peers[12:]
		data := func(p *lab.Peer) {
			t.Helper()
			_, err := p.ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
			must(t, err)
		}
		lose := func(n int) func() {
			return func() {
				for i := range n {
					must(t, writeAll(fds[i], make([]byte, 100)))
					data(peers[i])
				}
				for i := range n {
					data(peers[i]) // the resend
					must(t, peers[i].Send(lab.ACK, nil))
				}
			}
		}
		client, server := connectTo(t, loopback4, func(fd int) { must(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)) })
		traffic := func(n int) {
			for range n {
				must(t, writeAll(client, make([]byte, 10)))
				_, err := unix.Read(server, make([]byte, 10))
				must(t, err)
			}
		}
		finds(t, lose(9), nil)
		// Without timestamps the timeout stays doubled, so that each round takes
		// longer.
		slowly := set("loss-high.rate=1")
		f := finds(t, lose(12), slowly, "warning loss-high")
		f.says(t, "% of the segments sent within ", "were resent (", "most of them to 10.9.0.0/24")
		f.wants(t, "network", "10.9.0.0/24", "network_percent", 100, "listener_percent", 100, "connections_with_resends", 12)
		f.isAbout(t, at)
		if len(f.Processes) == 0 || f.Processes[0].PID != pid {
			t.Errorf("it names the processes %v, not the listener's %d first", f.Processes, pid)
		}
		if resent, sent := f.Evidence["segments_resent"].(float64), f.Evidence["segments_sent"].(float64); resent < 12 || sent < 2*12 {
			t.Errorf("of %v segments %v were resent", sent, resent)
		}
		finds(t, func() { lose(12)(); traffic(5_000) }, slowly) // a small part
		finds(t, func() { lose(12)(); traffic(200) }, append(slowly, set("loss-high.many=90")...), "info loss-high")

		// What is resent to peers that do not answer is another matter.
		for i, fd := range silent {
			must(t, writeAll(fd, make([]byte, 100)))
			data(silentPeers[i])
		}
		wait := func() {
			for range 3 {
				for _, p := range silentPeers {
					data(p)
				}
			}
		}
		f = finds(t, wait, set("dead-path.resends=1", "loss-high.rate=1"), "info dead-path")
		f.wants(t, "connections", 2)
	})
}
