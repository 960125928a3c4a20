package doctor

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// cases lists, for each rule, observations that raise it, and near misses that
// do not. Each near miss is just below one threshold.
var cases = []struct {
	code, name string
	recipe     recipe
	want       Severity // 0: not raised
	title      string   // a part of the title
}{
	{"accept-queue-full", "at its maximum", with(func(p *patient) { p.listen(128, 128) }), Critical, "0.0.0.0:443 of nginx (pid 812) is full: 128 wait, of at most 128"},
	{"accept-queue-full", "one below, long", with(func(p *patient) { p.listen(127, 128) }), Warning, "nearly full"},
	{"accept-queue-full", "three quarters", with(func(p *patient) { p.listen(96, 128) }), Warning, "nearly full"},
	{"accept-queue-full", "below three quarters", with(func(p *patient) { p.listen(95, 128) }), 0, ""},
	{"accept-queue-full", "a short queue for a moment", with(func(p *patient) { p.listen(7, 8) }), 0, ""},
	{"accept-queue-full", "a backlog of 0 with one waiting", with(func(p *patient) { p.listen(1, 0) }), Critical, "1 wait"},
	{"accept-queue-full", "a backlog of 0 with none waiting", with(func(p *patient) { p.listen(0, 0) }), 0, ""},
	{"accept-queue-full", "one of several that share the address", with(func(p *patient) { p.listen(0, 128); p.listen(129, 128) }), Critical, "129 wait, of at most 128, in 1 of 2 sockets (the others hold at most 0), and new connections are dropped"},
	{"accept-queue-full", "one of several that does not accept", with(func(p *patient) {
		p.listenOf("0.0.0.0:443", 1, 128, 1, 2)
		p.listenOf("0.0.0.0:443", 20, 128, 1, 3)
		p.add(20, tcp.Established, 10*time.Second, unaccepted)
	}), Warning, "0.0.0.0:443 of nginx (pids 1, 3) does not accept: 20 connections wait"},
	{"accept-queue-full", "several of several, nearly full", with(func(p *patient) {
		for pid := range 5 {
			p.listenOf("0.0.0.0:443", 100, 128, 10+pid)
		}
	}), Warning, "of nginx (pids 10, 11, 12 and 2 more) is nearly full: 100 wait, of at most 128, in the fullest of 5 sockets"},
	{"accept-queue-full", "connections are not accepted", with(func(p *patient) { p.listen(2, 128); p.add(2, tcp.Established, 10*time.Second, unaccepted) }), Warning, "does not accept: 2 connections wait, for at least 10s"},
	{"accept-queue-full", "accepted in time", with(func(p *patient) { p.listen(2, 128); p.add(2, tcp.Established, 9999*time.Millisecond, unaccepted) }), 0, ""},
	{"accept-queue-full", "accepted by another user's program", with(func(p *patient) {
		p.listen(2, 128)
		p.add(2, tcp.Established, time.Hour, func(s *tcp.Socket) { s.Processes = nil })
	}), 0, ""},
	{"accept-queue-full", "no file, but nothing waits", with(func(p *patient) { p.listen(0, 128); p.add(2, tcp.Established, time.Hour, unaccepted) }), 0, ""},

	{"accept-queue-full", "a stopped process", with(func(p *patient) {
		p.listen(129, 128)
		p.States = map[int]ProcessState{nginx.PID: {State: 'T'}}
	}), Critical, "new connections are dropped; stopped: nginx (pid 812)"},
	{"accept-queue-full", "a process that waits for a disk", with(func(p *patient) {
		p.listen(129, 128)
		p.States = map[int]ProcessState{nginx.PID: {State: 'D'}, 9: {State: 'T'}}
	}), Critical, "new connections are dropped; in uninterruptible sleep: nginx (pid 812)"},
	{"accept-queue-full", "twins for IPv4 and IPv6", with(func(p *patient) { p.listen(129, 128); p.listenOn("[::]:443", 128, 128) }),
		Critical, "0.0.0.0:443 of nginx (pid 812) is full: 129 wait, of at most 128, and new connections are dropped; likewise [::]:443"},
	{"accept-queue-full", "at one of the readings between", with(func(p *patient) { queueWas(p, 8, 8); p.listenDropping("0.0.0.0:443", 0, 8, 0) }), Warning, "the accept queue of 0.0.0.0:443 of nginx (pid 812) was full at 1 of 1 readings within 1s"},
	{"accept-queue-full", "nearly at one of the readings between", with(func(p *patient) { queueWas(p, 7, 8); p.listenDropping("0.0.0.0:443", 0, 8, 0) }), 0, ""},

	{"accept-queue-overflows", "rises", with(func(p *patient) { p.listen(10, 128); p.rose("TcpExt.ListenOverflows", 1) }), Warning, "no queue is full now"},
	{"accept-queue-overflows", "rises, with a suspect", with(func(p *patient) { p.listen(70, 128); p.rose("TcpExt.ListenOverflows", 3) }), Warning, "found full 3 times within 1s: probably the queue of 0.0.0.0:443"},
	{"accept-queue-overflows", "of the listener that dropped, though another is fuller", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 8, 11)
		p.listenDropping("0.0.0.0:443", 70, 128, 0)
		p.rose("TcpExt.ListenOverflows", 11)
		p.rose("TcpExt.ListenDrops", 11)
	}), Warning, "the accept queue of 0.0.0.0:80 of nginx (pid 812) was found full 11 times within 1s"},
	{"accept-queue-overflows", "of one listener, which dropped SYNs for other reasons too", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 8, 50)
		p.rose("TcpExt.ListenOverflows", 11)
		p.rose("TcpExt.ListenDrops", 50)
	}), Warning, "the accept queue of 0.0.0.0:80 of nginx (pid 812) was found full 11 times"},
	{"accept-queue-overflows", "several listeners drop, some for other reasons", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 8, 50)
		p.listenDropping("0.0.0.0:443", 70, 128, 3)
		p.rose("TcpExt.ListenOverflows", 3)
		p.rose("TcpExt.ListenDrops", 53)
	}), Warning, "probably the queue of 0.0.0.0:443"},
	{"accept-queue-overflows", "drops without an overflow", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 8, 50)
		p.rose("TcpExt.ListenDrops", 50)
	}), 0, ""},
	{"accept-queue-overflows", "since boot, and who dropped", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 8, 0)
		p.onlySinceBoot()
		p.After["TcpExt.ListenOverflows"], p.After["Tcp.PassiveOpens"] = 1000, 9000
	}), Info, "found full 1,000 times; 0.0.0.0:80 of nginx (pid 812) has dropped 1,000 SYNs"},
	{"accept-queue-overflows", "fell, because the namespace is another", with(func(p *patient) { p.listen(10, 128); p.rose("TcpExt.ListenOverflows", -5) },
		func(_ *lifecycle.Settings, t *Thresholds) { t[overflowsCount] = -10 }), 0, ""},
	{"accept-queue-overflows", "does not rise", with(func(p *patient) { p.listen(70, 128) }), 0, ""},
	{"accept-queue-overflows", "since boot, none now", with(func(p *patient) { p.standing() }), Info, "since boot an accept queue was found full 1,000 times, and none within 1s"},
	{"accept-queue-overflows", "since boot, a hundredth", with(func(p *patient) {
		p.onlySinceBoot()
		p.After["TcpExt.ListenOverflows"], p.After["Tcp.PassiveOpens"] = 10, 990
	}), Info, "since boot an accept queue was found full 10 times"},
	{"accept-queue-overflows", "since boot, fewer", with(func(p *patient) {
		p.onlySinceBoot()
		p.After["TcpExt.ListenOverflows"], p.After["Tcp.PassiveOpens"] = 10, 991
	}), 0, ""},

	{"syn-flood", "many silent sources", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(100, 1) }), Warning, "SYN flood on 0.0.0.0:443 of nginx (pid 812): 100 half-open connections from 100 addresses in 100 networks, 50 new ones a second, for at least 1s"},
	{"syn-flood", "fewer a second", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(98, 1) }), 0, ""},
	{"syn-flood", "three a second for a minute", with(func(p *patient) { p.listen(0, 4096); trickle(p, 3) }), 0, ""},
	{"syn-flood", "a hundred a second for a minute", with(func(p *patient) { p.listen(0, 16384); trickle(p, 100) }), Warning, "6,300 half-open connections"},
	{"syn-flood", "64 in a second", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(64, 0) }), Warning, "64 half-open connections"},
	{"syn-flood", "100 cookies in a minute", with(func(p *patient) { p.listen(0, 8); p.halfOpen(9, 0); p.Interval = time.Minute; cookies100(p, 0) }), 0, ""},
	{"syn-flood", "100 cookies in one second of a minute", with(func(p *patient) {
		p.listen(0, 8)
		p.halfOpen(9, 0)
		p.Interval = time.Minute
		cookies100(p, 0)
		p.Sample(time.Second, map[string]int64{"TcpExt.SyncookiesSent": p.After["TcpExt.SyncookiesSent"]})
	}), Critical, "100 SYN cookies sent within 1m"},
	{"syn-flood", "64 that had come before the first reading", with(func(p *patient) { p.listen(0, 4096); p.known(); p.halfOpen(64, 0) }), 0, ""},
	{"syn-flood", "few a second, but many are dropped", with(func(p *patient) { p.listenDropping("0.0.0.0:443", 0, 4096, 100); p.halfOpen(98, 1) }), Critical, ""},
	{"syn-flood", "a busy listener completes none", with(func(p *patient) {
		p.listen(0, 4096)
		p.add(100, tcp.Established, 0)
		p.halfOpen(100, 0)
	}), 0, ""},
	{"syn-flood", "a busy listener completes some", with(func(p *patient) {
		p.listen(0, 4096)
		p.add(100, tcp.Established, 0)
		p.halfOpen(100, 0)
		p.rose("Tcp.PassiveOpens", 1)
	}), Warning, ""},
	{"syn-flood", "and the queue is full", with(func(p *patient) { p.listen(0, 128); p.halfOpen(129, 1) }), Critical, "129 half-open"},
	{"syn-flood", "and most are answered with cookies", with(func(p *patient) { p.listen(0, 128); p.halfOpen(129, 1); cookies100(p, 0) }), Critical, "; 100 cookies sent within 1s"},
	{"syn-flood", "one fewer", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(63, 0) }), 0, ""},
	{"syn-flood", "half resent", with(func(p *patient) {
		p.listen(0, 4096)
		p.halfOpen(50, 1)
		p.halfOpen(50, 0)
		p.rose("Tcp.PassiveOpens", 25)
	}), Warning, ""},
	{"syn-flood", "fewer than half resent, and handshakes are completed", with(func(p *patient) {
		p.listen(0, 4096)
		p.halfOpen(49, 1)
		p.halfOpen(51, 0)
		p.rose("Tcp.PassiveOpens", 25)
	}), 0, ""},
	{"syn-flood", "fresh, and few handshakes are completed", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(100, 0); p.rose("Tcp.PassiveOpens", 24) }), Warning, ""},
	{"syn-flood", "fresh, and the interval is too short to decide", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(100, 0); p.Interval = 999 * time.Millisecond }), 0, ""},
	{"syn-flood", "from 8 networks", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(160, 1, networks(8)) }), Warning, "160 addresses in 8 networks"},
	{"syn-flood", "from 7 networks", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(160, 1, networks(7)) }), 0, ""},
	{"syn-flood", "half from one network", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(50, 1); p.halfOpen(50, 1, samePeer) }), Warning, ""},
	{"syn-flood", "more than half from one network", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(49, 1); p.halfOpen(51, 1, samePeer) }), 0, ""},
	{"syn-flood", "final ACKs dropped by a full accept queue", with(func(p *patient) { p.listen(65, 64); p.halfOpen(65, 2) }), 0, ""},
	{"syn-flood", "cookies that are not returned", with(func(p *patient) { p.listen(0, 8); p.halfOpen(9, 0); cookies100(p, 24) }), Critical, "100 SYN cookies sent within 1s, 24 came back; probably on 0.0.0.0:443"},
	{"syn-flood", "a quarter comes back", with(func(p *patient) { p.listen(0, 8); p.halfOpen(9, 0); cookies100(p, 25) }), 0, ""},
	{"syn-flood", "99 cookies", with(func(p *patient) { p.listen(0, 8); p.rose("TcpExt.SyncookiesSent", 99) }), 0, ""},
	{"syn-flood", "always cookies, no sockets, one listener", with(func(p *patient) { p.listen(0, 64); p.rose("TcpExt.SyncookiesSent", 5000) }, syncookies(2)), Critical, "probably on 0.0.0.0:443"},
	{"syn-flood", "always cookies, two listeners", with(func(p *patient) {
		p.listen(0, 64)
		p.listenOn("0.0.0.0:80", 0, 64)
		p.rose("TcpExt.SyncookiesSent", 5000)
	}, syncookies(2)), Critical, "it is not known which listener it is on"},
	{"syn-flood", "always cookies, real clients", with(func(p *patient) {
		p.listen(0, 64)
		p.rose("TcpExt.SyncookiesSent", 5000)
		p.rose("TcpExt.SyncookiesRecv", 4990)
	}, syncookies(2)), 0, ""},
	{"syn-flood", "cookies off", with(func(p *patient) {
		p.listen(0, 4096)
		p.halfOpen(384, 1)
		p.rose("TcpExt.TCPReqQFullDrop", 4000)
	}, syncookies(0)), Critical, "384 half-open"},
	{"syn-flood", "SYNs dropped, none completed", with(func(p *patient) { p.listen(0, 64); p.rose("TcpExt.TCPReqQFullDrop", 100) }, syncookies(0)), Critical, "100 SYNs dropped within 1s, 0 handshakes completed; probably on 0.0.0.0:443"},
	{"syn-flood", "SYNs dropped, and it is known for which listener", with(func(p *patient) {
		p.listenDropping("0.0.0.0:80", 0, 64, 1968)
		p.listenDropping("0.0.0.0:443", 0, 64, 26)
		p.rose("TcpExt.TCPReqQFullDrop", 1994)
		p.rose("TcpExt.ListenDrops", 1994)
	}, syncookies(0)), Critical, "1,994 SYNs dropped within 1s, 0 handshakes completed; on 0.0.0.0:80"},
	{"syn-flood", "SYNs dropped, some completed", with(func(p *patient) {
		p.listen(0, 64)
		p.rose("TcpExt.TCPReqQFullDrop", 100)
		p.rose("Tcp.PassiveOpens", 25)
	}, syncookies(0)), 0, ""},
	{"syn-flood", "99 SYNs dropped", with(func(p *patient) { p.listen(0, 64); p.rose("TcpExt.TCPReqQFullDrop", 99) }, syncookies(0)), 0, ""},
	{"syn-flood", "SYNs dropped for a full accept queue", with(func(p *patient) {
		p.listen(65, 64)
		p.rose("TcpExt.ListenDrops", 500)
		p.rose("TcpExt.ListenOverflows", 500)
	}), 0, ""},
	{"syn-flood", "unanswered cookies, the queue holds many of one network", with(func(p *patient) { p.listen(0, 64); p.halfOpen(65, 1, oneNetwork()); cookies100(p, 0) }), Critical, "probably on 0.0.0.0:443"},
	{"syn-flood", "unanswered cookies, but one host holds the queue", with(func(p *patient) { p.listen(0, 8); p.halfOpen(9, 1, samePeer); cookies100(p, 0) }), 0, ""},

	{"syn-queue-full", "one network, resent", with(func(p *patient) { p.listen(0, 128); p.halfOpen(16, 1, samePeer) }), Warning, "SYN-ACKs to 198.51.100.0/24 are not answered"},
	{"syn-queue-full", "three a second that nobody completes", with(func(p *patient) { p.listen(0, 4096); trickle(p, 3) }), Info, "nobody completes 189 half-open connections of 0.0.0.0:443 of nginx (pid 812), which has room for 4097: 3 new ones a second, for at least 31s"},
	{"syn-queue-full", "three a second, but some are dropped", with(func(p *patient) { p.listenDropping("0.0.0.0:443", 0, 4096, 1); trickle(p, 3) }), Warning, "handshakes are not completed"},
	{"syn-queue-full", "three a second beside real clients", with(func(p *patient) { p.listen(0, 4096); trickle(p, 3); p.rose("Tcp.PassiveOpens", 2000) }), Info, "nobody completes"},
	{"syn-queue-full", "a busy listener completes none", with(func(p *patient) {
		p.listen(0, 4096)
		p.add(64, tcp.Established, 0)
		p.halfOpen(64, 0)
	}), Warning, "no handshake was completed on 0.0.0.0:443 of nginx (pid 812) within 1s, though it has 64 other connections: 64 are half-open"},
	{"syn-queue-full", "a listener with fewer connections", with(func(p *patient) {
		p.listen(0, 4096)
		p.add(63, tcp.Established, 0)
		p.halfOpen(64, 0)
	}), 0, ""},
	{"syn-queue-full", "a busy listener completes one", with(func(p *patient) {
		p.listen(0, 4096)
		p.add(64, tcp.Established, 0)
		p.halfOpen(64, 0)
		p.rose("Tcp.PassiveOpens", 1)
	}), 0, ""},
	{"syn-queue-full", "15 resent", with(func(p *patient) { p.listen(0, 128); p.halfOpen(15, 1, samePeer); p.halfOpen(5, 0) }), 0, ""},
	{"syn-queue-full", "three quarters full", with(func(p *patient) { p.listen(0, 127); p.halfOpen(96, 0); p.rose("Tcp.PassiveOpens", 2000) }), Warning, "the backlog is too small for the clients: 96 half-open connections of 0.0.0.0:443 of nginx (pid 812), which has room for 128"},
	{"syn-queue-full", "fewer", with(func(p *patient) { p.listen(0, 127); p.halfOpen(95, 0); p.rose("Tcp.PassiveOpens", 2000) }), 0, ""},
	{"syn-queue-full", "eight fill a short queue", with(func(p *patient) { p.listen(0, 7); p.halfOpen(8, 1) }), Warning, "handshakes are not completed"},
	{"syn-queue-full", "seven fill a shorter one", with(func(p *patient) { p.listen(0, 6); p.halfOpen(7, 0) }), 0, ""},
	{"syn-queue-full", "tcp_max_syn_backlog bounds it with cookies off", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(288, 0); p.rose("Tcp.PassiveOpens", 2000) }, syncookies(0)), Warning, "which has room for 384"},
	{"syn-queue-full", "which acts on nothing with cookies on", with(func(p *patient) { p.listen(0, 4096); p.halfOpen(288, 0); p.rose("Tcp.PassiveOpens", 2000) }), 0, ""},
	{"syn-queue-full", "and SYNs are dropped", with(func(p *patient) {
		p.listen(0, 7)
		p.halfOpen(8, 0)
		p.rose("Tcp.PassiveOpens", 2000)
		p.rose("TcpExt.ListenDrops", 5)
	}), Critical, ""},
	{"syn-queue-full", "a full accept queue explains it", with(func(p *patient) { p.listen(9, 8); p.halfOpen(9, 2) }), 0, ""},

	{"syn-cookies-active", "real clients", with(func(p *patient) { p.listen(0, 64); cookies100(p, 90) }), Warning, "a backlog is too small for its clients: 100 SYN cookies sent within 1s, 90 came back"},
	{"syn-cookies-active", "a burst", with(func(p *patient) { p.listen(0, 64); p.rose("TcpExt.SyncookiesSent", 1) }), Info, "1 SYN cookie sent"},
	{"syn-cookies-active", "none", with(func(p *patient) { p.listen(0, 64) }), 0, ""},
	{"syn-cookies-active", "always, and they come back", with(func(p *patient) { p.listen(0, 64); cookies100(p, 25) }, syncookies(2)), 0, ""},
	{"syn-cookies-active", "since boot", with(func(p *patient) { p.onlySinceBoot() }), Info, "since boot 1,000 SYN cookies were sent"},
	{"syn-cookies-active", "many since boot, none now", with(func(p *patient) { p.standing() }), Info, "since boot 1,000 SYN cookies were sent, of which 1000 came back, and none within 1s"},
	{"syn-cookies-active", "few since boot, none now", with(func(p *patient) { p.Before["TcpExt.SyncookiesSent"], p.After["TcpExt.SyncookiesSent"] = 99, 99 }), 0, ""},
	{"syn-cookies-active", "none since boot", with(func(p *patient) { p.onlySinceBoot(); p.After["TcpExt.SyncookiesSent"] = 0 }), 0, ""},

	{"syn-sent-stuck", "one", with(func(p *patient) {
		p.add(1, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}), Info, "no answer from 198.51.100.7:5432 to 1 connection attempt by nginx (pid 812), for at least 3s"},
	{"syn-sent-stuck", "three", with(func(p *patient) {
		p.add(3, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}), Warning, "3 connection attempts"},
	{"syn-sent-stuck", "two each at nine destinations", with(func(p *patient) { scattered(p, 18, 9) }), Info, "no answer from various destinations to 18 connection attempts, for at least 3s"},
	{"syn-sent-stuck", "two each at ten destinations", with(func(p *patient) { scattered(p, 20, 10) }), Warning, "no answer from various destinations to 20 connection attempts"},
	{"syn-sent-stuck", "all that a server has towards others", with(func(p *patient) {
		p.listen(0, 128)
		p.add(9, tcp.Established, 0)
		p.add(1, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}), Warning, "by nginx (pid 812), for at least 3s; it has no established connection to any server"},
	{"syn-sent-stuck", "not all that a server has towards others", with(func(p *patient) {
		p.listen(0, 128)
		p.add(1, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.8:5432", 40001))
		p.add(1, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}), Info, "1 connection attempt"},
	{"syn-sent-stuck", "at a full listener of this host", with(func(p *patient) {
		p.listenOf("127.0.0.1:9000", 6, 5, 7)
		p.add(1, tcp.SynSent, 3*time.Second, outgoing("127.0.0.1", "127.0.0.1:9000", 40000))
	}), Warning, "1 connection attempt by nginx (pid 812) waits for 127.0.0.1:9000 of nginx (pid 7) on this host, whose accept queue is full: 6 wait, of at most 5"},
	{"syn-sent-stuck", "at the port of a full listener, elsewhere", with(func(p *patient) {
		p.listenOf("0.0.0.0:9000", 6, 5, 7)
		p.add(1, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:9000", 40000))
	}), Info, "no answer from 198.51.100.7:9000"},
	{"syn-sent-stuck", "young", with(func(p *patient) {
		p.add(100, tcp.SynSent, 2999*time.Millisecond, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}), 0, ""},

	{"connections-refused", "by others", with(func(p *patient) { p.rose("Tcp.ActiveOpens", 3400); p.rose("Tcp.AttemptFails", 3313) }), Warning, "3,313 of 3,400 attempts to connect failed within 1s"},
	{"connections-refused", "by this host itself", with(func(p *patient) {
		p.rose("Tcp.ActiveOpens", 3313)
		p.rose("Tcp.AttemptFails", 3313)
		p.rose("Tcp.OutRsts", 3313)
	}), Warning, ", refused by this host itself"},
	{"connections-refused", "with a socket that shows where", with(func(p *patient) {
		p.add(1, tcp.SynSent, 0, func(s *tcp.Socket) { s.Peer = addr("198.51.100.7:5432") })
		p.rose("Tcp.ActiveOpens", 10)
		p.rose("Tcp.AttemptFails", 10)
	}), Warning, "10 of 10 attempts to connect failed within 1s, to 198.51.100.7:5432 by nginx (pid 812) among them"},
	{"connections-refused", "every second one", with(func(p *patient) { p.rose("Tcp.ActiveOpens", 1000); p.rose("Tcp.AttemptFails", 500) }), Info, ""},
	{"connections-refused", "few", with(func(p *patient) { p.rose("Tcp.ActiveOpens", 9); p.rose("Tcp.AttemptFails", 9) }), 0, ""},
	{"connections-refused", "as many in a longer time", with(func(p *patient) {
		p.Interval = 10 * time.Second
		p.rose("Tcp.ActiveOpens", 99)
		p.rose("Tcp.AttemptFails", 99)
	}), 0, ""},
	{"connections-refused", "clients that reset half-open connections", with(func(p *patient) { p.rose("Tcp.AttemptFails", 500) }), 0, ""},
	{"connections-refused", "clients of this host", with(func(p *patient) { p.rose("Tcp.OutRsts", 99) }), Info, "this host refused 99 segments within 1s"},
	{"connections-refused", "many clients of this host", with(func(p *patient) { p.rose("Tcp.OutRsts", 100) }), Warning, ""},
	{"connections-refused", "resets that programs cause", with(func(p *patient) {
		p.rose("Tcp.OutRsts", 500)
		p.rose("TcpExt.TCPAbortOnClose", 300)
		p.rose("TcpExt.TCPAbortOnData", 195)
	}), 0, ""},

	{"close-wait-leak", "ten for a minute", with(func(p *patient) { p.add(10, tcp.CloseWait, time.Minute) }), Warning, "10 CLOSE_WAITs of nginx (pid 812), the longest with 10.0.1.9:40001, for at least 1m: the program has read the end of file"},
	{"close-wait-leak", "ten of multipath TCP", with(func(p *patient) { p.addMPTCP(10, tcp.CloseWait, time.Minute, 0) }), Warning,
		"10 MPTCP connections of nginx (pid 812) in CLOSE_WAIT, the longest with 10.0.2.9:40002, for at least 1m: the program has read all data and does not close"},
	{"close-wait-leak", "a hundred of multipath TCP that are not read", with(func(p *patient) { p.addMPTCP(100, tcp.CloseWait, time.Minute, 1344) }), Warning, "leaves data behind"},
	{"close-wait-leak", "ten subflows of multipath TCP", with(func(p *patient) { p.add(10, tcp.CloseWait, time.Hour, ofMPTCP) }), 0, ""},
	{"close-wait-leak", "ten of two kinds", with(func(p *patient) {
		p.add(4, tcp.CloseWait, time.Minute)
		p.add(6, tcp.CloseWait, time.Minute, queues(1, 0))
	}), Warning, "has not noticed the end of file (6 of them)"},
	{"close-wait-leak", "twelve each of eleven workers", with(func(p *patient) {
		for pid := range 11 {
			p.add(12, tcp.CloseWait, time.Minute, heldBy(100+pid, "worker"))
		}
	}), Warning, "132 CLOSE_WAITs of worker (pids 100, 101, 102 and 8 more), the longest with 10.0.1.9:40001, for at least 1m: the program has read"},
	{"close-wait-leak", "of other names", with(func(p *patient) {
		p.add(12, tcp.CloseWait, time.Minute, heldBy(100, "worker"))
		p.add(12, tcp.CloseWait, time.Minute, heldBy(101, "cron"))
	}), Warning, "12 CLOSE_WAITs of worker (pid 100), "},
	{"close-wait-leak", "nine each of eleven workers", with(func(p *patient) {
		for pid := range 11 {
			p.add(9, tcp.CloseWait, time.Minute, heldBy(100+pid, "worker"))
		}
	}), 0, ""},
	{"close-wait-leak", "nine for a minute", with(func(p *patient) { p.add(9, tcp.CloseWait, time.Minute) }), 0, ""},
	{"close-wait-leak", "ten for less", with(func(p *patient) { p.add(10, tcp.CloseWait, time.Minute-1) }), 0, ""},
	{"close-wait-leak", "one for an hour", with(func(p *patient) { p.add(1, tcp.CloseWait, time.Hour, queues(1, 0)) }), Warning, "has not noticed the end of file"},
	{"close-wait-leak", "one for less", with(func(p *patient) { p.add(1, tcp.CloseWait, time.Hour-1) }), 0, ""},
	{"close-wait-leak", "one for 50 ms", with(func(p *patient) { p.add(1, tcp.CloseWait, 50*time.Millisecond) }), 0, ""},
	{"close-wait-leak", "a thousand", with(func(p *patient) { p.add(1000, tcp.CloseWait, time.Minute, queues(9, 0)) }), Critical, "leaves data behind"},
	{"close-wait-leak", "fewer than a thousand", with(func(p *patient) { p.add(999, tcp.CloseWait, time.Minute) }), Warning, ""},
	{"close-wait-leak", "a thousand, young", with(func(p *patient) { p.add(1000, tcp.CloseWait, 3*time.Second) }), Warning,
		"1,000 CLOSE_WAITs of nginx (pid 812), the longest with 10.0.1.9:40001, for at least 3s: young yet, so see whether their number falls"},
	{"close-wait-leak", "fewer, young", with(func(p *patient) { p.add(999, tcp.CloseWait, 3*time.Second) }), 0, ""},
	{"close-wait-leak", "unknown age, a hundred", with(func(p *patient) { p.add(100, tcp.CloseWait, 0, noClocks) }), Warning, ""},
	{"close-wait-leak", "unknown age, fewer", with(func(p *patient) { p.add(99, tcp.CloseWait, 0, noClocks) }), 0, ""},
	{"close-wait-leak", "never accepted", with(func(p *patient) { p.listen(20, 128); p.add(20, tcp.CloseWait, time.Minute, unaccepted) }), Warning, "20 CLOSE_WAITs of clients not yet accepted on 0.0.0.0:443 of nginx (pid 812), the longest with 10.0.1.9:40001, for at least 1m: the program does not accept"},
	{"close-wait-leak", "held by another user", with(func(p *patient) {
		p.add(20, tcp.CloseWait, time.Minute, func(s *tcp.Socket) { s.Processes = nil })
	}), Warning, "of user 33 (process not seen)"},

	{"ended-not-closed", "32 of them", with(func(p *patient) { p.Ended = []Ended{{nginx, 32, 40}} }), Warning, "nginx (pid 812) has not closed 32 connections that have ended"},
	{"ended-not-closed", "31 of them", with(func(p *patient) { p.Ended = []Ended{{nginx, 31, 40}} }), 0, ""},
	{"ended-not-closed", "none", with(func(p *patient) { p.Ended = []Ended{{nginx, 0, 40}} }), 0, ""},

	{"fin-wait2-held", "ten", with(func(p *patient) { p.add(10, tcp.FinWait2, 10*time.Minute) }), Warning, "10 FIN_WAIT2s held by nginx (pid 812)"},
	{"fin-wait2-held", "one", with(func(p *patient) { p.add(1, tcp.FinWait2, 10*time.Minute) }), Info, "1 FIN_WAIT2 held"},
	{"fin-wait2-held", "young", with(func(p *patient) { p.add(10, tcp.FinWait2, 10*time.Minute-1) }), 0, ""},
	{"fin-wait2-held", "orphans", with(func(p *patient) { p.add(10, tcp.FinWait2, time.Hour, unaccepted) }), 0, ""},

	{"fin-wait2-orphans", "a thousand with one peer", with(func(p *patient) { p.add(1000, tcp.FinWait2, time.Second, unaccepted, samePeer) }), Info, "1,000 FIN_WAIT2s without a program, all with 198.51.100.7: that peer does not close"},
	{"fin-wait2-orphans", "one fewer", with(func(p *patient) { p.add(999, tcp.FinWait2, time.Second, unaccepted, samePeer) }), 0, ""},
	{"fin-wait2-orphans", "with many peers", with(func(p *patient) { p.add(2000, tcp.FinWait2, time.Second, unaccepted) }), 0, ""},

	{"closing-stuck", "ten", with(func(p *patient) { p.add(10, tcp.LastAck, time.Second, timer(tcp.TimerOn, 3), queues(0, 1)) }), Info, "10 connections cannot finish"},
	{"closing-stuck", "a hundred", with(func(p *patient) { p.add(100, tcp.FinWait1, time.Second, timer(tcp.TimerOn, 3)) }), Warning, ""},
	{"closing-stuck", "nine", with(func(p *patient) { p.add(9, tcp.Closing, time.Second, timer(tcp.TimerOn, 3)) }), 0, ""},
	{"closing-stuck", "a closed window", with(func(p *patient) {
		p.add(10, tcp.FinWait1, time.Second, timer(tcp.TimerPersist, 0), func(s *tcp.Socket) { s.Info.Backoff = 3 })
	}), Info, ""},
	{"closing-stuck", "a window just closed", with(func(p *patient) {
		p.add(10, tcp.FinWait1, time.Second, timer(tcp.TimerPersist, 0), func(s *tcp.Socket) { s.Info.Backoff = 2 })
	}), 0, ""},
	{"closing-stuck", "two resends", with(func(p *patient) { p.add(100, tcp.LastAck, time.Second, timer(tcp.TimerOn, 2)) }), 0, ""},

	{"time-wait-overflow", "rises", with(func(p *patient) { p.rose("TcpExt.TCPTimeWaitOverflow", 1) }), Warning, "1 connection ended without TIME_WAIT within 1s"},
	{"time-wait-overflow", "nearly full", with(func(p *patient) { p.SockStat["TCP.tw"] = 58983 }), Warning, "58,983 TIME_WAITs of at most 65536"},
	{"time-wait-overflow", "not nearly full", with(func(p *patient) { p.SockStat["TCP.tw"] = 58982 }), 0, ""},
	{"time-wait-overflow", "since boot, none now", with(func(p *patient) { p.standing() }), Info, "since boot 1,000 connections ended without TIME_WAIT, and none within 1s"},
	{"time-wait-overflow", "again", with(func(p *patient) { p.standing(); p.SockStat["TCP.tw"] = 58983 }), Warning, "58,983 TIME_WAITs of at most 65536: soon connections end without one, as 1,000 did since boot"},
	{"time-wait-overflow", "since boot", with(func(p *patient) { p.onlySinceBoot() }), Info, "since boot"},

	{"port-exhaustion", "nine tenths", with(func(p *patient) { p.add(900, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000)) }, ports(40000, 40999)), Critical, "192.0.2.1 has 900 of 1000 local ports taken for 198.51.100.7:5432 by nginx (pid 812)"},
	{"port-exhaustion", "seven tenths", with(func(p *patient) { p.add(700, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000)) }, ports(40000, 40999)), Warning, ""},
	{"port-exhaustion", "fewer", with(func(p *patient) { p.add(699, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000)) }, ports(40000, 40999)), 0, ""},
	{"port-exhaustion", "reserved ports are not available", with(func(p *patient) { p.add(700, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000)) }, ports(40000, 40999),
		func(s *lifecycle.Settings, _ *Thresholds) {
			s.LocalReservedPorts = tcp.Known(lifecycle.PortRanges{{First: 40900, Last: 41500}})
		}), Warning, "700 of 900"},
	{"port-exhaustion", "to two destinations", with(func(p *patient) {
		p.add(450, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(449, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5433", 40450))
	}, ports(40000, 40999)), 0, ""},
	{"port-exhaustion", "bound for two destinations", with(func(p *patient) {
		p.add(450, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(450, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5433", 40450))
	}, ports(40000, 40999)), Warning, "bind() may fail with EADDRINUSE: 192.0.2.1 has 900 of 1000 local ports in use by nginx (pid 812)"},
	{"port-exhaustion", "ports that are only bound", with(func(p *patient) {
		p.add(450, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(450, tcp.BoundInactive, 0, outgoing("192.0.2.1", "0.0.0.0:0", 40450))
	}, ports(40000, 40999)), Warning, "192.0.2.1 has 900 of 1000 local ports in use"},
	{"port-exhaustion", "shared by destinations", with(func(p *patient) {
		p.add(600, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(600, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5433", 40300))
	}, ports(40000, 40999)), Info, "192.0.2.1 has 900 of 1000 local ports in use"},
	{"port-exhaustion", "several processes", with(func(p *patient) {
		other := func(s *tcp.Socket) { s.Processes = []tcp.Process{{PID: 813, Name: "worker"}} }
		p.add(300, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(400, tcp.Established, 0, other, outgoing("192.0.2.1", "198.51.100.7:5432", 40300))
	}, ports(40000, 40999)), Warning, "for 198.51.100.7:5432 by worker (pid 813) and other processes"},
	{"port-exhaustion", "TIME_WAITs, and another port of the peer", with(func(p *patient) {
		p.add(700, tcp.TimeWait, 0, unaccepted, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(1, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5433", 40000))
	}, ports(40000, 40999)), Warning, "for 198.51.100.7:5432 by nginx (pid 812)"},

	{"self-connect", "one", with(func(p *patient) { p.add(1, tcp.Established, 0, outgoing("127.0.0.1", "127.0.0.1:40001", 40001)) }), Warning, "nginx (pid 812) is connected with itself on 127.0.0.1:40001"},
	{"self-connect", "over the loopback", with(func(p *patient) { p.add(1, tcp.Established, 0, outgoing("127.0.0.1", "127.0.0.1:40001", 40002)) }), 0, ""},
	{"self-connect", "in TIME_WAIT", with(func(p *patient) {
		p.add(1, tcp.TimeWait, 0, unaccepted, outgoing("127.0.0.1", "127.0.0.1:40001", 40001))
	}), 0, ""},
	{"port-exhaustion", "TIME_WAITs", with(func(p *patient) {
		p.add(700, tcp.TimeWait, 0, unaccepted, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}, ports(40000, 40999)), Warning, ""},
	{"port-exhaustion", "TIME_WAITs that are reused", with(func(p *patient) {
		p.add(700, tcp.TimeWait, 0, unaccepted, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}, ports(40000, 40999), func(s *lifecycle.Settings, _ *Thresholds) { s.TWReuse = tcp.Known(1) }), 0, ""},
	{"port-exhaustion", "TIME_WAITs that are not reused because timestamps are off", with(func(p *patient) {
		p.add(700, tcp.TimeWait, 0, unaccepted, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
	}, ports(40000, 40999), func(s *lifecycle.Settings, _ *Thresholds) { s.TWReuse, s.Timestamps = tcp.Known(1), tcp.Known(0) }), Warning, ""},
	{"port-exhaustion", "TIME_WAITs over the loopback", with(func(p *patient) {
		p.add(900, tcp.TimeWait, 0, unaccepted, outgoing("127.0.0.1", "127.0.0.1:5432", 40000))
	}, ports(40000, 40999)), 0, ""},
	{"port-exhaustion", "clients of a listener", with(func(p *patient) {
		p.listenOn("0.0.0.0:40500", 0, 128)
		p.add(900, tcp.Established, 0, func(s *tcp.Socket) { s.Local = addr("192.0.2.1:40500"); s.Peer = addr("198.51.100.7:5432") })
	}, ports(40000, 40999)), 0, ""},
	{"port-exhaustion", "ports outside the range", with(func(p *patient) { p.add(900, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 30000)) }, ports(40000, 40999)), 0, ""},

	{"loss-high", "eleven hundredths", with(func(p *patient) { p.resent(131772, 1195241) }), Warning, "11 % of the segments sent within 1s were resent (131,772 of 1,195,241)"},
	{"loss-high", "one hundredth", with(func(p *patient) { p.resent(10, 1000) }), Info, ""},
	{"loss-high", "less", with(func(p *patient) { p.resent(9, 100) }), 0, ""},
	{"loss-high", "a smaller part", with(func(p *patient) { p.resent(99, 10000) }), 0, ""},
	{"loss-high", "as many in a longer time", with(func(p *patient) { p.Interval = 10 * time.Second; p.resent(99, 1000) }), 0, ""},
	{"loss-high", "SYN-ACKs of a flood", with(func(p *patient) { p.resent(500, 1000); p.rose("TcpExt.TCPSynRetrans", 495) }), 0, ""},
	{"loss-high", "resent in vain", with(func(p *patient) { p.resent(100, 1000); p.rose("TcpExt.TCPDSACKRecv", 50) }), Info, "50 were resent in vain"},
	{"loss-high", "to one network", with(func(p *patient) {
		p.SetEarlier(&Earlier{})
		p.add(3, tcp.Established, 0, oneNetwork(), resends(10, 14480))
		p.add(2, tcp.Established, 0, networks(2), resends(1, 1448))
		p.resent(32, 500)
	}), Warning, "(32 of 500), most of them to 100.0.0.0/24"},
	{"loss-high", "to clients of one listener", with(func(p *patient) {
		p.SetEarlier(&Earlier{})
		p.listen(0, 128)
		p.add(9, tcp.Established, 0, networks(9), resends(10, 14480))
		p.resent(90, 500)
	}), Warning, "most of them to clients of 0.0.0.0:443 of nginx"},
	{"loss-high", "of which nothing was acknowledged", with(func(p *patient) {
		p.resent(100, 1000)
		p.SetEarlier(new(Earlier))
		p.add(1, tcp.Established, 0, resends(91, 9100), func(s *tcp.Socket) { s.Info.AckedBytes = 0 })
	}), 0, ""},
	{"loss-high", "to peers that do not answer", with(func(p *patient) {
		p.SetEarlier(&Earlier{})
		p.add(9, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100), resends(10, 1000))
		p.resent(99, 500)
	}), 0, ""},

	{"dead-path", "one", with(func(p *patient) { p.add(1, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100)) }), Info, "1 connection of nginx (pid 812) to a peer that does not answer (peer 10.0.1.9:40001), for at least 7s"},
	{"dead-path", "five", with(func(p *patient) {
		p.add(5, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100), samePeer)
	}), Warning, "5 connections of nginx (pid 812) to a peer that does not answer, all with 198.51.100.7, for"},
	{"dead-path", "four resends", with(func(p *patient) { p.add(9, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 4), queues(0, 100)) }), 0, ""},
	{"dead-path", "nothing to send", with(func(p *patient) { p.add(9, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5)) }), 0, ""},

	{"dead-path", "in CLOSE_WAIT", with(func(p *patient) { p.add(1, tcp.CloseWait, 2*time.Hour, timer(tcp.TimerOn, 5), queues(1, 100)) }), Info, "1 connection of nginx"},
	{"dead-path", "window probes without an answer", with(func(p *patient) {
		p.add(1, tcp.Established, 7*time.Second, timer(tcp.TimerPersist, 3), queues(0, 100))
	}), Info, "1 connection of nginx"},
	{"dead-path", "two window probes without an answer", with(func(p *patient) {
		p.add(1, tcp.Established, 7*time.Second, timer(tcp.TimerPersist, 2), queues(0, 100))
	}), 0, ""},
	{"dead-path", "a window that shrank, and silence since", with(func(p *patient) {
		p.add(1, tcp.Established, 20*time.Second, timer(tcp.TimerOn, 0), queues(0, 100), doubled(6))
	}), Info, ""},
	{"dead-path", "a window that shrank, and answers", with(func(p *patient) {
		p.add(1, tcp.Established, 6*time.Second, timer(tcp.TimerOn, 0), queues(0, 100), doubled(6))
	}), 0, ""},
	{"dead-path", "a local address that is gone", with(func(p *patient) {
		p.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.2/32")}
		p.add(1, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100))
	}), Info, "the local address 192.0.2.1 is on no interface"},
	{"close-wait-leak", "data without an answer", with(func(p *patient) {
		p.add(20, tcp.CloseWait, 2*time.Hour, timer(tcp.TimerOn, 5), queues(1, 100))
	}), 0, ""},
	{"close-wait-leak", "data on its way", with(func(p *patient) {
		p.add(20, tcp.CloseWait, 2*time.Hour, timer(tcp.TimerOn, 1), queues(1, 100))
	}), 0, ""},
	{"close-wait-leak", "a closed window", with(func(p *patient) {
		p.add(20, tcp.CloseWait, 2*time.Hour, timer(tcp.TimerPersist, 0), queues(1, 100))
	}), 0, ""},

	{"mtu-blackhole", "one", with(func(p *patient) {
		p.add(1, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 5000), window(65535), inFlight(4))
	}), Info, "1 connection of nginx (pid 812) gets no answer to full segments (peer 10.0.1.9:40001), for at least 2s: the path may not carry packets of this size (MTU)"},
	{"mtu-blackhole", "three", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 1448), window(65535), inFlight(1))
	}), Warning, ""},
	{"mtu-blackhole", "three of an outage", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 1448), window(65535), inFlight(1))
		p.add(3, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100))
	}), Info, ""},
	{"mtu-blackhole", "two resends", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 2), queues(0, 5000), window(65535), inFlight(4))
	}), 0, ""},
	{"mtu-blackhole", "a small segment", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 1447), window(65535), inFlight(1))
	}), 0, ""},
	{"mtu-blackhole", "small segments among them", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 1500), window(65535), inFlight(3))
	}), 0, ""},
	{"mtu-blackhole", "a path that carried one", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 5000), window(65535), inFlight(4), func(s *tcp.Socket) { s.Info.AckedBytes = 1448 })
	}), 0, ""},
	{"mtu-blackhole", "segments that any path carries", with(func(p *patient) {
		p.add(3, tcp.Established, 2*time.Second, timer(tcp.TimerOn, 3), queues(0, 5000), window(65535), inFlight(5), func(s *tcp.Socket) { s.Info.SendMSS = 1220 })
	}), 0, ""},

	{"send-blocked", "one", with(func(p *patient) {
		p.add(1, tcp.Established, time.Second, timer(tcp.TimerPersist, 3), queues(0, 100), window(65535), doubled(3))
	}), Info, "1 connection of nginx (pid 812) cannot send (peer 10.0.1.9:40001), for at least 1s: the data does not leave this host"},
	{"send-blocked", "five of several states", with(func(p *patient) {
		p.add(2, tcp.CloseWait, time.Second, timer(tcp.TimerPersist, 3), queues(0, 100), window(65535))
		p.add(2, tcp.FinWait1, time.Second, timer(tcp.TimerPersist, 3), queues(0, 1), window(65535))
		p.add(1, tcp.LastAck, time.Second, timer(tcp.TimerPersist, 0), queues(0, 1), window(65535), doubled(3))
	}), Warning, "5 connections"},
	{"send-blocked", "two tries", with(func(p *patient) {
		p.add(5, tcp.Established, time.Second, timer(tcp.TimerPersist, 2), queues(0, 100), window(65535))
	}), 0, ""},
	{"send-blocked", "no room for a segment", with(func(p *patient) {
		p.add(5, tcp.Established, time.Second, timer(tcp.TimerPersist, 3), queues(0, 2000), window(1000))
	}), 0, ""},
	{"send-blocked", "an unknown window", with(func(p *patient) {
		p.add(5, tcp.Established, time.Second, timer(tcp.TimerPersist, 3), queues(0, 100), window(65535), func(s *tcp.Socket) { s.Info.Len = 224 })
	}), 0, ""},

	{"closing-stuck", "closed windows", with(func(p *patient) {
		p.add(10, tcp.FinWait1, 7*time.Second, timer(tcp.TimerOn, 0), queues(0, 100), doubled(6))
	}), Info, "10 connections cannot finish, the longest with 10.0.1.9:40001, for at least 7s: the window at the other end is closed"},
	{"peer-not-reading", "a window that shrank", with(func(p *patient) {
		p.add(1, tcp.Established, 6*time.Second, timer(tcp.TimerOn, 0), queues(0, 100), doubled(6))
	}), Info, "does not read (peer 10.0.1.9:40001), for at least 12s"},
	{"peer-not-reading", "a window that shrank a moment ago", with(func(p *patient) {
		p.add(1, tcp.Established, time.Second, timer(tcp.TimerOn, 0), queues(0, 100), doubled(4))
	}), 0, ""},
	{"peer-not-reading", "in CLOSE_WAIT", with(func(p *patient) {
		p.add(1, tcp.CloseWait, 10*time.Second, timer(tcp.TimerPersist, 0), queues(1, 100))
	}), Info, "does not read"},
	{"peer-not-reading", "one", with(func(p *patient) {
		p.add(1, tcp.Established, 10*time.Second, timer(tcp.TimerPersist, 0), queues(0, 100))
	}), Info, "does not read (peer 10.0.1.9:40001), for at least 10s"},
	{"peer-not-reading", "five", with(func(p *patient) {
		p.add(5, tcp.Established, 10*time.Second, timer(tcp.TimerPersist, 0), queues(0, 100))
	}), Warning, ""},
	{"peer-not-reading", "young", with(func(p *patient) {
		p.add(5, tcp.Established, 10*time.Second-1, timer(tcp.TimerPersist, 9), queues(0, 100))
	}), 0, ""},

	{"app-not-reading", "one", with(func(p *patient) { p.add(1, tcp.Established, 10*time.Second, queues(1, 0)) }), Info, "nginx (pid 812) does not read 1 connection"},
	{"app-not-reading", "five", with(func(p *patient) { p.add(5, tcp.Established, 10*time.Second, queues(1, 0)) }), Warning, "does not read 5 connections, the longest with 10.0.1.9:40001, for at least 10s"},
	{"app-not-reading", "of multipath TCP", with(func(p *patient) { p.addMPTCP(5, tcp.Established, 10*time.Second, 1344) }), Warning, "does not read 5 MPTCP connections"},
	{"app-not-reading", "of multipath TCP, young", with(func(p *patient) { p.addMPTCP(5, tcp.Established, 10*time.Second-1, 1344) }), 0, ""},
	{"app-not-reading", "subflows", with(func(p *patient) { p.add(5, tcp.Established, time.Hour, queues(60000, 0), ofMPTCP) }), 0, ""},
	{"app-not-reading", "young", with(func(p *patient) { p.add(5, tcp.Established, 10*time.Second-1, queues(60000, 0)) }), 0, ""},
	{"app-not-reading", "not accepted yet", with(func(p *patient) { p.add(5, tcp.Established, time.Hour, unaccepted, queues(60000, 0)) }), 0, ""},
	{"app-not-reading", "unknown clocks", with(func(p *patient) { p.add(5, tcp.Established, 0, noClocks, queues(60000, 0)) }), 0, ""},

	{"app-not-reading", "a slow reader", with(func(p *patient) { twice(p, 100, 50, 0, 0) }), 0, ""},
	{"app-not-reading", "a slow reader that gets more data than it reads", with(func(p *patient) { twice(p, 100, 150, 60, 0) }), 0, ""},
	{"app-not-reading", "nothing was read", with(func(p *patient) { twice(p, 100, 150, 50, 0) }), Info, "does not read 1 connection"},
	{"app-not-reading", "data keeps coming, and for 10s nothing is read", with(func(p *patient) { p.Interval = 10 * time.Second; twice(p, 100, 150, 50, 0, fresh) }), Info, "for at least 10s"},
	{"app-not-reading", "data keeps coming, for less", with(func(p *patient) { p.Interval = 10*time.Second - 1; twice(p, 100, 150, 50, 0, fresh) }), 0, ""},
	{"app-not-reading", "data keeps coming, and the queue was empty", with(func(p *patient) { p.Interval = 10 * time.Second; twice(p, 0, 50, 50, 0, fresh) }), 0, ""},

	{"peer-not-reading", "a peer that reads slowly", with(func(p *patient) { twice(p, 0, 0, 0, 10, timer(tcp.TimerPersist, 0), queues(0, 100)) }), 0, ""},
	{"peer-not-reading", "nothing was acknowledged", with(func(p *patient) { twice(p, 0, 0, 0, 0, timer(tcp.TimerPersist, 0), queues(0, 100)) }), Info, ""},
	{"dead-path", "the peer acknowledged data", with(func(p *patient) { twice(p, 0, 0, 0, 10, timer(tcp.TimerOn, 5), queues(0, 100)) }), 0, ""},
	{"dead-path", "nothing was acknowledged", with(func(p *patient) { twice(p, 0, 0, 0, 0, timer(tcp.TimerOn, 5), queues(0, 100)) }), Info, ""},

	{"aborts-rising", "ten in a minute", with(func(p *patient) { p.Interval = time.Minute; p.rose("TcpExt.TCPAbortOnTimeout", 10) }), 0, ""},
	{"aborts-rising", "600 in a minute", with(func(p *patient) { p.Interval = time.Minute; p.rose("TcpExt.TCPAbortOnTimeout", 600) }), Warning, "within 1m"},
	{"aborts-rising", "ten in one second of a minute", with(func(p *patient) {
		p.Interval = time.Minute
		p.rose("TcpExt.TCPAbortOnTimeout", 10)
		p.Sample(time.Second, p.After)
	}), Warning, ""},

	{"close-wait-leak", "some are new", with(func(p *patient) {
		p.SetEarlier(&Earlier{})
		p.Earlier.Add(&tcp.Socket{State: tcp.CloseWait, Cookie: 1})
		p.add(10, tcp.CloseWait, time.Minute)
	}), Warning, "for at least 1m, 9 new within 1s: the program"},

	{"no-keepalive", "ten", with(func(p *patient) { p.add(10, tcp.Established, time.Hour) }), Info, "10 connections of nginx (pid 812) idle without keepalive for at least 1h"},
	{"no-keepalive", "nine", with(func(p *patient) { p.add(9, tcp.Established, time.Hour) }), 0, ""},
	{"no-keepalive", "less idle", with(func(p *patient) { p.add(10, tcp.Established, time.Hour-1) }), 0, ""},
	{"no-keepalive", "not accepted", with(func(p *patient) { p.add(10, tcp.Established, time.Hour, unaccepted) }), 0, ""},
	{"no-keepalive", "with data on its way", with(func(p *patient) { p.add(10, tcp.Established, time.Hour, queues(0, 1)) }), 0, ""},
	{"no-keepalive", "with keepalive", with(func(p *patient) { p.add(10, tcp.Established, time.Hour, timer(tcp.TimerKeepalive, 0)) }), 0, ""},

	{"half-open-suspects", "probes unanswered", with(func(p *patient) { p.add(1, tcp.Established, 3*time.Hour, timer(tcp.TimerKeepalive, 2)) }), Info, "1 connection of nginx (pid 812) gets no answer to keepalive probes (peer 10.0.1.9:40001), silent for 3h"},
	{"half-open-suspects", "probes of five unanswered", with(func(p *patient) { p.add(5, tcp.Established, 3*time.Hour, timer(tcp.TimerKeepalive, 2)) }), Warning, "5 connections of nginx (pid 812) get no answer to keepalive probes, the longest with 10.0.1.9:40001, silent for 3h"},
	{"half-open-suspects", "one probe", with(func(p *patient) { p.add(1, tcp.Established, 3*time.Hour, timer(tcp.TimerKeepalive, 1)) }), 0, ""},
	{"no-keepalive", "a day of silence, which is reported once", with(func(p *patient) { p.add(10, tcp.Established, 24*time.Hour) }), 0, ""},
	{"half-open-suspects", "a day of silence", with(func(p *patient) { p.add(1, tcp.Established, 24*time.Hour) }), Info, "silent for 1d"},
	{"half-open-suspects", "less than a day of silence", with(func(p *patient) { p.add(1, tcp.Established, 24*time.Hour-1) }), 0, ""},
	{"half-open-suspects", "a day without data, but an ACK", with(func(p *patient) {
		p.add(1, tcp.Established, 24*time.Hour, func(s *tcp.Socket) { s.Info.LastAckRecv = time.Hour })
	}), 0, ""},

	{"fd-limit-near", "eight tenths", with(func(p *patient) { p.Limits = []Limit{{nginx, 820, 1024}} }), Warning, "nginx (pid 812) has 820 of 1024 descriptors open"},
	{"fd-limit-near", "95 hundredths", with(func(p *patient) { p.Limits = []Limit{{nginx, 973, 1024}} }), Critical, ""},
	{"fd-limit-near", "of several workers", with(func(p *patient) {
		p.Limits = []Limit{{nginx, 820, 1024}, {Process{813, "nginx"}, 821, 1024}, {Process{814, "cron"}, 900, 1024}, {Process{815, "nginx"}, 973, 1024}}
	}), Critical, "nginx (pid 815) has 973 of 1024 descriptors open"},
	{"fd-limit-near", "of workers alike", with(func(p *patient) {
		for pid := range 6 {
			p.Limits = append(p.Limits, Limit{Process{100 + pid, "worker"}, 1000 - pid, 1024})
		}
	}), Critical, "worker (pid 100) has 1000 of 1024 descriptors open; likewise pid 101, pid 102, pid 103 and 2 more"},
	{"fd-limit-near", "fewer", with(func(p *patient) { p.Limits = []Limit{{nginx, 819, 1024}} }), 0, ""},

	{"conntrack-full", "nine tenths", with(func(p *patient) { p.Conntrack, p.ConntrackMax = 900, 1000 }), Warning, "the firewall tracks 900 connections, of at most 1,000"},
	{"conntrack-full", "full", with(func(p *patient) { p.Conntrack, p.ConntrackMax = 1000, 1000 }), Critical, ""},
	{"conntrack-full", "packets are dropped", with(func(p *patient) { p.Conntrack, p.ConntrackMax = 900, 1000; p.rose("Conntrack.Drop", 3) }), Critical, "3 packets were dropped"},
	{"conntrack-full", "fewer", with(func(p *patient) { p.Conntrack, p.ConntrackMax = 899, 1000 }), 0, ""},
	{"conntrack-full", "packets are dropped, and there is room", with(func(p *patient) { p.Conntrack, p.ConntrackMax = 10, 1000; p.rose("Conntrack.Drop", 3) }), 0, ""},
	{"conntrack-full", "no table", with(func(p *patient) { p.rose("Conntrack.Drop", 3) }), 0, ""},

	{"dropped-early", "by rp_filter and by the device", with(func(p *patient) { p.rose("TcpExt.IPReversePathFilter", 10); p.rose("Softnet.Dropped", 20) }), Warning, "20 behind the device, because the processors of the host were too slow; 10 because the way back leads over another interface (rp_filter)"},
	{"dropped-early", "fewer", with(func(p *patient) { p.rose("TcpExt.IPReversePathFilter", 9); p.rose("Tcp.InCsumErrors", 9) }), 0, ""},
	{"dropped-early", "queues are cut down", with(func(p *patient) { p.rose("TcpExt.PruneCalled", 10) }), Info, "10 times a receive queue was cut down"},

	{"orphans-high", "a quarter", with(func(p *patient) { p.SockStat["TCP.orphan"] = 16384 }), Warning, "16,384 sockets have no program, of at most 65536"},
	{"orphans-high", "fewer", with(func(p *patient) { p.SockStat["TCP.orphan"] = 16383 }), 0, ""},
	{"orphans-high", "nine tenths", with(func(p *patient) { p.SockStat["TCP.orphan"] = 58983 }), Critical, ""},
	{"orphans-high", "a quarter, and resets", with(func(p *patient) { p.SockStat["TCP.orphan"] = 16384; p.rose("TcpExt.TCPAbortOnMemory", 1) }), Critical, ""},
	{"orphans-high", "an unknown limit", with(func(p *patient) { p.SockStat["TCP.orphan"] = 1 << 20 }, func(s *lifecycle.Settings, _ *Thresholds) { s.MaxOrphans = tcp.Optional[int]{} }), 0, ""},

	{"tcp-memory-pressure", "nearly", with(func(p *patient) { p.SockStat["TCP.mem"] = 1800 }), Info, "near the pressure mark"},
	{"tcp-memory-pressure", "less", with(func(p *patient) { p.SockStat["TCP.mem"] = 1799 }), 0, ""},
	{"tcp-memory-pressure", "pressure", with(func(p *patient) { p.SockStat["TCP.mem"] = 2000 }), Warning, "2000 pages; pressure begins at 2000"},
	{"tcp-memory-pressure", "the end", with(func(p *patient) { p.SockStat["TCP.mem"] = 3000 }), Critical, "no memory left"},
	{"tcp-memory-pressure", "pressure, and resets", with(func(p *patient) { p.SockStat["TCP.mem"] = 2000; p.rose("TcpExt.TCPAbortOnMemory", 1) }), Critical, ""},

	{"aborts-rising", "memory", with(func(p *patient) { p.rose("TcpExt.TCPAbortOnMemory", 1) }), Critical, "within 1s: 1 because there were too many orphans"},
	{"aborts-rising", "timeouts", with(func(p *patient) { p.rose("TcpExt.TCPAbortOnTimeout", 10) }), Warning, "10 because the peer stopped answering"},
	{"aborts-rising", "closes", with(func(p *patient) { p.rose("TcpExt.TCPAbortOnClose", 10) }), Info, "data unread"},
	{"aborts-rising", "nine of each", with(func(p *patient) {
		for _, name := range []string{"Timeout", "Close", "Data", "Linger"} {
			p.rose("TcpExt.TCPAbortOn"+name, 9)
		}
	}), 0, ""},
	{"aborts-rising", "memory since boot, none now", with(func(p *patient) { p.standing() }), Info, "because there was no memory even for a reset, and none within 1s"},
	{"aborts-rising", "memory since boot, others now", with(func(p *patient) { p.standing(); p.rose("TcpExt.TCPAbortOnTimeout", 10) }), Warning, "within 1s: 10 because the peer stopped answering"},
	{"aborts-rising", "memory since boot", with(func(p *patient) { p.onlySinceBoot() }), Info, "since boot"},

	{"unlike-baseline", "three times as many", with(func(p *patient) { p.was(100, 0); p.add(300, tcp.Established, 0) }), Warning, "unlike the baseline: 300 ESTABLISHED, 100 before"},
	{"unlike-baseline", "fewer than three times as many", with(func(p *patient) { p.was(100, 0); p.add(299, tcp.Established, 0) }), 0, ""},
	{"unlike-baseline", "a hundred more", with(func(p *patient) { p.was(10, 0); p.add(110, tcp.Established, 0) }), Warning, "110 ESTABLISHED, 10 before"},
	{"unlike-baseline", "99 more", with(func(p *patient) { p.was(10, 0); p.add(109, tcp.Established, 0) }), 0, ""},
	{"unlike-baseline", "a third of them", with(func(p *patient) { p.was(300, 0); p.add(100, tcp.Established, 0) }), Warning, "100 ESTABLISHED, 300 before"},
	{"unlike-baseline", "more than a third", with(func(p *patient) { p.was(300, 0); p.add(101, tcp.Established, 0) }), 0, ""},
	{"unlike-baseline", "TIME_WAITs are gone", with(func(p *patient) {
		p.was(0, 0)
		p.baseline.counts[tcp.TimeWait] = 5000
	}), 0, ""},
	{"unlike-baseline", "a listener is missing", with(func(p *patient) {
		p.was(0, 0)
		p.baseline.counts[tcp.Listen] = 2
		p.listen(0, 128)
	}), Warning, "1 LISTEN, 2 before"},
	{"unlike-baseline", "resends thrice as fast", with(func(p *patient) { p.was(0, 10); p.rose("Tcp.RetransSegs", 30) }), Warning, "RetransSegs rises 30 a second, 10 before"},
	{"unlike-baseline", "resends not thrice as fast", with(func(p *patient) { p.was(0, 15); p.rose("Tcp.RetransSegs", 44) }), 0, ""},
	{"unlike-baseline", "resends 19 a second faster", with(func(p *patient) { p.was(0, 0); p.rose("Tcp.RetransSegs", 19) }), 0, ""},
	{"unlike-baseline", "resends 20 a second faster", with(func(p *patient) { p.was(0, 0); p.rose("Tcp.RetransSegs", 20) }), Warning, "RetransSegs rises 20 a second, 0 before"},

	{"sysctl-risky", "tcp_tw_recycle", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.TWRecycle = tcp.Known(1) }), Warning, "net.ipv4.tcp_tw_recycle is 1"},
	{"sysctl-risky", "tcp_abort_on_overflow", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.AbortOnOverflow = tcp.Known(1) }), Warning, ""},
	{"sysctl-risky", "no cookies with a public listener", with(func(p *patient) { p.listen(0, 128) }, syncookies(0)), Warning, "tcp_syncookies is 0"},
	{"sysctl-risky", "no cookies on the loopback", with(func(p *patient) { p.listenOn("127.0.0.1:80", 0, 128) }, syncookies(0)), 0, ""},
	{"sysctl-risky", "always cookies", with(nothing, syncookies(2)), Info, "tcp_syncookies is 2"},
	{"sysctl-risky", "tcp_retries2 of 2", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Retries2 = tcp.Known(2) }), Warning, "a short loss"},
	{"sysctl-risky", "tcp_retries2 of 3", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Retries2 = tcp.Known(3) }), Info, ""},
	{"sysctl-risky", "tcp_retries2 of 5, as guides for clusters have it", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Retries2 = tcp.Known(5) }), Info, "guides for clusters"},
	{"sysctl-risky", "tcp_retries2 of 7", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Retries2 = tcp.Known(7) }), Info, ""},
	{"sysctl-risky", "tcp_retries2 of 8", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Retries2 = tcp.Known(8) }), 0, ""},
	{"sysctl-risky", "tcp_fin_timeout over 2m", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.FinTimeout = tcp.Known(121 * time.Second) }), Info, "tcp_fin_timeout is 121"},
	{"sysctl-risky", "tcp_fin_timeout of 2m", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.FinTimeout = tcp.Known(120 * time.Second) }), 0, ""},
	{"sysctl-risky", "few TIME_WAITs", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.MaxTWBuckets = tcp.Known(4095) }), Info, ""},
	{"sysctl-risky", "enough TIME_WAITs", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.MaxTWBuckets = tcp.Known(4096) }), 0, ""},
	{"sysctl-risky", "few ports", with(nothing, ports(40000, 44094)), Info, "ip_local_port_range is 40000 44094: "},
	{"sysctl-risky", "enough ports", with(nothing, ports(40000, 44095)), 0, ""},
	{"sysctl-risky", "somaxconn of 127", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Somaxconn = tcp.Known(127) }), Info, ""},
	{"sysctl-risky", "somaxconn of 128", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.Somaxconn = tcp.Known(128) }), 0, ""},
	{"sysctl-risky", "reuse without timestamps", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.TWReuse, s.Timestamps = tcp.Known(1), tcp.Known(0) }), Info, "tcp_timestamps is 0"},
	{"sysctl-risky", "reuse", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.TWReuse = tcp.Known(1) }), 0, ""},
	{"sysctl-risky", "no windows over 64 KiB", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.WindowScaling = tcp.Known(0) }), Info, ""},
	{"sysctl-risky", "no SACK", with(nothing, func(s *lifecycle.Settings, _ *Thresholds) { s.SACK = tcp.Known(0) }), Info, ""},
}

func TestRules(t *testing.T) {
	for _, c := range cases {
		t.Run(c.code+"/"+c.name, func(t *testing.T) {
			p := c.recipe.make()
			all := p.examine(t)
			only, err := Select([]string{c.code}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := find(Examine(p.Observation, only), c.code)
			switch {
			case c.want == 0 && f != nil:
				t.Errorf("raised, but should not be:%s", describe([]Finding{*f}))
			case c.want != 0 && f == nil:
				t.Errorf("not raised; all findings:%s", describe(all))
			case f != nil && (f.Severity != c.want || !strings.Contains(f.Title.String(), c.title)):
				t.Errorf("want %v, %q:%s", c.want, c.title, describe([]Finding{*f}))
			}
		})
	}
}

func TestEveryRuleHasCases(t *testing.T) {
	for _, r := range rules {
		for _, s := range append([]Severity{0}, r.Severities...) {
			found := false
			for _, c := range cases {
				found = found || c.code == r.Code && c.want == s
			}
			if !found {
				want := "that it is not found"
				if s != 0 {
					want = "the severity " + s.String()
				}
				t.Errorf("cases in doctor/rules_test.go has no case of %s with %s", r.Code, want)
			}
		}
	}
}

// TestThresholdsMatter sets each threshold to other values, and checks that
// this changes the findings of at least one case.
func TestThresholdsMatter(t *testing.T) {
	usual := make([]string, len(cases))
	for i, c := range cases {
		usual[i] = verdicts(c.recipe.make())
	}
	for i, d := range thresholdTable {
		matters := slices.ContainsFunc([]int64{0, d.Default + 1, d.Default * 1000}, func(value int64) bool {
			return slices.ContainsFunc(usual, func(verdict string) bool {
				c := cases[slices.Index(usual, verdict)]
				return verdicts(c.recipe.make(func(_ *lifecycle.Settings, t *Thresholds) { t[i] = value })) != verdict
			})
		})
		if !matters {
			t.Errorf("%s changes nothing", d.Name)
		}
	}
}

func verdicts(p *patient) string {
	text := ""
	for _, f := range Examine(p.Observation, Rules()) {
		text += f.Code + f.Severity.String() + f.Confidence.String() + f.Title.String()
	}
	return text
}

// recipe describes how to build a patient.
type recipe struct {
	build   func(*patient)
	changes []func(*lifecycle.Settings, *Thresholds)
}

func with(build func(*patient), changes ...func(*lifecycle.Settings, *Thresholds)) recipe {
	return recipe{build, changes}
}

func (r recipe) make(more ...func(*lifecycle.Settings, *Thresholds)) *patient {
	p := healthy(slices.Concat(r.changes, more)...)
	r.build(p)
	return p
}

// makeLater is make with sockets that come without their processes.
func (r recipe) makeLater() *patient {
	p := later(healthy(r.changes...))
	r.build(p)
	return p
}

func nothing(*patient) {}

func cookies100(p *patient, back int64) {
	p.rose("TcpExt.SyncookiesSent", 100)
	p.rose("TcpExt.SyncookiesRecv", back)
}

// twice adds a connection that is 10 s old and that was read twice:
// the bytes in its receive queue at both times, what arrived, and what the peer
// acknowledged between.
func twice(p *patient, before, queue uint32, arrived, acked uint64, change ...func(*tcp.Socket)) {
	p.SetEarlier(&Earlier{Ago: p.Interval})
	s := p.socket(tcp.Established, 10*time.Second)
	for _, c := range change {
		c(s)
	}
	s.RecvQueue = before
	p.Earlier.Add(s)
	s.RecvQueue, s.Info.ReceivedBytes, s.Info.AckedBytes = queue, arrived, acked
	p.see(s)
}

// fresh makes the last data of a socket new.
func fresh(s *tcp.Socket) { s.Info.LastDataRecv = 0 }

// queueWas adds a reading at which the accept queue of the first listener had
// this fill.
func queueWas(p *patient, queue, most uint32) {
	p.Sample(time.Second/2, p.After)
	p.SampleListener(&tcp.Socket{State: tcp.Listen, Cookie: 1, AcceptQueue: queue, AcceptQueueMax: tcp.Known(most)})
}

// trickle adds the half-open connections of a minute in which some SYNs come each
// second that nobody completes.
func trickle(p *patient, each int) {
	for resends, seconds := range []int{1, 2, 4, 8, 16, 32} {
		p.halfOpen(each*seconds, resends, func(s *tcp.Socket) {
			s.Age = tcp.Known(time.Duration(seconds-1) * time.Second)
		})
	}
}

func syncookies(value int) func(*lifecycle.Settings, *Thresholds) {
	return func(s *lifecycle.Settings, _ *Thresholds) { s.SynCookies = tcp.Known(value) }
}

func ports(first, last uint16) func(*lifecycle.Settings, *Thresholds) {
	return func(s *lifecycle.Settings, _ *Thresholds) {
		s.LocalPortRange = tcp.Known(lifecycle.PortRange{First: first, Last: last})
	}
}

// networks distributes the peers of sockets over n networks.
func networks(n int) func(*tcp.Socket) {
	i := 0
	return func(s *tcp.Socket) {
		i++
		s.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(i % n), byte(1 + i/n)}), s.Peer.Port())
	}
}

// oneNetwork gives sockets different peers in one network.
func oneNetwork() func(*tcp.Socket) {
	i := 0
	return func(s *tcp.Socket) {
		i++
		s.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 0, 0, byte(i)}), s.Peer.Port())
	}
}

// scattered adds connection attempts to the given number of destinations.
func scattered(p *patient, attempts, destinations int) {
	i := 0
	p.add(attempts, tcp.SynSent, 3*time.Second, func(s *tcp.Socket) {
		i++
		s.Local = netip.AddrPortFrom(s.Local.Addr(), uint16(40000+i))
		s.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i % destinations)}), 5432)
	})
}

func addr(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
