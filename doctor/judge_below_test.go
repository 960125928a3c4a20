package doctor

import (
	"testing"
	"time"

	"tcpstate/tcp"
)

// TestDropsNameTheirSockets checks that a finding on dropped packets names the
// sockets whose drops rose, and their process.
func TestDropsNameTheirSockets(t *testing.T) {
	p := healthy()
	p.After["TcpExt.TCPBacklogDrop"], p.Before["TcpExt.TCPBacklogDrop"] = 1012, 1000
	first := &Earlier{}
	drops := func(cookie tcp.Cookie, n uint32) func(*tcp.Socket) {
		return func(s *tcp.Socket) {
			s.Cookie, s.Memory = cookie, &tcp.Memory{Drops: tcp.Known(n)}
		}
	}
	old := p.socket(tcp.Established, time.Second)
	drops(1, 7)(old)
	first.Add(old)
	p.SetEarlier(first)
	p.Survey.Add(old) // dropped nothing since
	p.add(1, tcp.Established, time.Second, drops(2, 12))
	p.add(1, tcp.Established, time.Second, drops(3, 0))
	f := find(p.examine(t), "dropped-early")
	if f == nil || f.Evidence.Get("sockets_with_drops") != int64(1) || f.Evidence.Get("dropped_for_sockets") != int64(12) ||
		len(f.Processes) != 1 || f.Processes[0] != nginx || len(f.Sockets) != 1 || f.Sockets[0].Cookie != 2 {
		t.Errorf("of three sockets, one of which dropped packets, it finds %+v", f)
	}
}
