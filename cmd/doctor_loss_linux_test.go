package cmd

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// infoOf returns what the kernel reports about a socket.
func infoOf(t *testing.T, fd int) *unix.TCPInfo {
	t.Helper()
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	must(t, err)
	return info
}

// awaitInfo waits until what the kernel reports about a socket is right.
func awaitInfo(t *testing.T, fd int, what string, right func(*unix.TCPInfo) bool) {
	t.Helper()
	lab.Await(t, func() error {
		if info := infoOf(t, fd); !right(info) {
			return fmt.Errorf("no data %s: %+v", what, info)
		}
		return nil
	})
}

// TestDoctorSeesLoss has peers lose the first copy of what they are sent, and
// peers that do not answer at all.
func TestDoctorSeesLoss(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		fds, peers := dialIn(t, l, at, fd, 0, 14)
		pid := given(t, "server", fd) // and the connections stay with the test
		silent := fds[12:]
		lose := func(n int) func() {
			return func() {
				resent := make([]uint32, n)
				for i := range n {
					resent[i] = infoOf(t, fds[i]).Total_retrans
					must(t, writeAll(fds[i], make([]byte, 100)))
				}
				for i := range n {
					awaitInfo(t, fds[i], "was resent", func(k *unix.TCPInfo) bool { return k.Total_retrans > resent[i] })
					// The peer may have got more copies of this data and of that before.
					end := peers[i].Ack + 100
					_, err := peers[i].ExpectFunc("data", func(s lab.Segment) bool { return s.Seq+s.Len() == end })
					must(t, err)
					must(t, peers[i].Send(lab.ACK, nil))
					awaitInfo(t, fds[i], "is acknowledged", func(k *unix.TCPInfo) bool { return k.Unacked == 0 })
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
		f := finds(t, lose(12), nil, "warning loss-high")
		f.says(t, "% of the segments sent within ", "were resent (", "most of them to 10.9.0.0/24")
		f.wants(t, "network", "10.9.0.0/24", "network_percent", 100, "listener_percent", 100, "connections_with_resends", 12)
		f.isAbout(t, at)
		if len(f.Processes) == 0 || f.Processes[0].PID != pid {
			t.Errorf("it names the processes %v, not the listener's %d first", f.Processes, pid)
		}
		if resent, sent := f.Evidence["segments_resent"].(float64), f.Evidence["segments_sent"].(float64); resent < 12 || sent < 2*12 {
			t.Errorf("of %v segments %v were resent", sent, resent)
		}
		finds(t, func() { lose(12)(); traffic(5_000) }, nil) // a small part
		finds(t, func() { lose(12)(); traffic(200) }, set("loss-high.many=90"), "info loss-high")

		// What is resent to peers that do not answer is another matter.
		for _, fd := range silent {
			must(t, writeAll(fd, make([]byte, 100)))
		}
		wait := func() {
			for _, fd := range silent {
				before := infoOf(t, fd).Total_retrans
				awaitInfo(t, fd, "was resent three times", func(k *unix.TCPInfo) bool { return k.Total_retrans >= before+3 })
			}
		}
		f = finds(t, wait, set("dead-path.resends=1", "loss-high.rate=1"), "info dead-path")
		f.wants(t, "connections", 2)
	})
}
