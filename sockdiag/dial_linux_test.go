package sockdiag

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// TestReceive gives receive everything that recvmsg can return besides a
// datagram of the kernel.
func TestReceive(t *testing.T) {
	kernel, process := &unix.SockaddrNetlink{Pid: 0}, &unix.SockaddrNetlink{Pid: 4711}
	type received struct {
		n, flags int
		from     unix.Sockaddr
		err      error
	}
	tests := []struct {
		name    string
		answers []received
		want    int
		wantErr string
	}{
		{"a datagram", []received{{n: 20, from: kernel}}, 20, ""},
		{"interrupted by signals", []received{{err: unix.EINTR}, {err: unix.EINTR}, {n: 20, from: kernel}}, 20, ""},
		{"nothing to receive yet", []received{{err: unix.EAGAIN}, {n: 20, from: kernel}}, 20, ""},
		{"from another process", []received{{n: 99, from: process}, {n: 20, from: kernel}}, 20, ""},
		{"without a sender", []received{{n: 99}, {n: 20, from: kernel}}, 20, ""},
		{"no buffer space", []received{{err: unix.ENOBUFS}}, 0, "no buffer space available"},
		{"longer than the buffer", []received{{n: 40, flags: unix.MSG_TRUNC, from: kernel}}, 0, "a datagram is longer than 40 bytes"},
		{"empty", []received{{n: 0, from: kernel}}, 0, "an empty datagram"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// On a real socket the end of the answer waits to be received, so poll returns at once.
			dialed, err := newDialer()(tcp.IPv4, Request{States: tcp.Set(tcp.Closing)})
			if err != nil {
				t.Fatal(err)
			}
			c := dialed.(*netlinkConn)
			defer c.close()
			c.recvmsg = func(int, []byte) (int, int, unix.Sockaddr, error) {
				next := test.answers[0]
				test.answers = test.answers[1:]
				return next.n, next.flags, next.from, next.err
			}
			n, err := c.receive(make([]byte, 40))
			if n != test.want || (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("received %d, error %v, want %d, %q", n, err, test.want, test.wantErr)
			}
			if len(test.answers) > 0 {
				t.Errorf("%d answers were not received", len(test.answers))
			}
		})
	}
}
