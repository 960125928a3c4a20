package doctor

import "testing"

func TestEnter(t *testing.T) {
	tests := []struct{ command, netns, want string }{
		{"tcpstate ls -p state listening", "", "tcpstate ls -p state listening"},
		{"tcpstate ls -p state listening", "red", "tcpstate ls -N red -p state listening"},
		{"tcpstate count --by peer", "/proc/7/ns/net", "tcpstate count -N /proc/7/ns/net --by peer"},
		{"tcpstate ls -p", "it's; rm", `tcpstate ls -N 'it'\''s; rm' -p`},
		{"sysctl -w net.ipv4.tcp_sack=1", "red", "nsenter --net=/run/netns/red sysctl -w net.ipv4.tcp_sack=1"},
		{"ip route get 192.0.2.7", "/proc/7/ns/net", "nsenter --net=/proc/7/ns/net ip route get 192.0.2.7"},
		{"ps -p 7", "red", "ps -p 7"},
	}
	for _, test := range tests {
		if got := enter(test.command, test.netns); got != test.want {
			t.Errorf("enter(%q, %q) = %q, want %q", test.command, test.netns, got, test.want)
		}
	}
}
