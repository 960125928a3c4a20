package render

import (
	"iter"
	"net/netip"
	"time"

	"tcpstate/tcp"
)

// each yields the sockets one after the other in the same variable, like a
// source: a caller that keeps the pointer sees the socket change.
func each(sockets ...*tcp.Socket) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var place tcp.Socket
		for _, s := range sockets {
			place = *s.Clone()
			if !yield(&place, nil) {
				return
			}
		}
	}
}

func listener() *tcp.Socket {
	return &tcp.Socket{
		State: tcp.Listen, Family: tcp.IPv6,
		Local:       netip.MustParseAddrPort("[::]:443"),
		Peer:        netip.MustParseAddrPort("[::]:0"),
		AcceptQueue: 3, AcceptQueueMax: tcp.Known(uint32(4096)),
		Owner:  tcp.Owner{UID: tcp.Known(uint32(0)), Inode: 411},
		Cookie: 0x1001,
	}
}

func established() *tcp.Socket {
	return &tcp.Socket{
		State: tcp.Established, Family: tcp.IPv4,
		Local:     netip.MustParseAddrPort("10.0.0.1:443"),
		Peer:      netip.MustParseAddrPort("10.0.0.9:51000"),
		RecvQueue: 0, SendQueue: 1448,
		Owner:  tcp.Owner{UID: tcp.Known(uint32(1000)), Inode: 412},
		Cookie: 0x248c4d,
		Timer:  tcp.Timer{Kind: tcp.TimerKeepalive, Expires: 7180950 * time.Millisecond},
		Age:    tcp.Known(1200 * time.Millisecond),
		Idle:   tcp.Known(200 * time.Second),
	}
}

func timeWait() *tcp.Socket {
	return &tcp.Socket{
		State: tcp.TimeWait, Family: tcp.IPv6,
		Local: netip.MustParseAddrPort("[fe80::1%eth0]:443"),
		Peer:  netip.MustParseAddrPort("[fe80::2%eth0]:51001"),
		Timer: tcp.Timer{Kind: tcp.TimerTimeWait, Expires: 41500 * time.Millisecond},
		Age:   tcp.Known(18500 * time.Millisecond), AgeExact: true,
		Cookie: 0x1002,
	}
}

const containerOfFull = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// full returns a socket with every field known.
func full() *tcp.Socket {
	s := established()
	s.AgeExact = true
	s.Interface = "eth0"
	s.InterfaceIndex = 2
	s.Netns = "blue"
	s.Owner.User = "www-data"
	s.LocalName = tcp.Name{Host: "web1.example", Service: "https"}
	s.PeerName = tcp.Name{Host: "client.example", Service: "unlikely"}
	s.Processes = []tcp.Process{
		{PID: 812, FD: 3, FDs: []int{3, 12}, Name: "nginx", UID: tcp.Known(uint32(33)), User: "www-data", Exe: "/usr/sbin/nginx (deleted)", Cmdline: []string{"nginx:", "worker", ""}},
		{PID: 813, FD: 4, Name: "php-fpm"}, {PID: 814, FD: 3, Name: "nginx"},
	}
	s.Listener = &tcp.Listener{Local: netip.MustParseAddrPort("0.0.0.0:443"), Processes: s.Processes[:2]}
	s.Info = &tcp.Info{
		Len: 280, CAState: 1, Retransmits: 2, Probes: 3, Backoff: 4, Options: 0xff, SendWindowScale: 7, RecvWindowScale: 8,
		DeliveryRateAppLimited: true, FastOpenClientFail: 1, RTO: 204 * time.Millisecond, ATO: 40 * time.Millisecond,
		SendMSS: 1448, RecvMSS: 536, Unacked: 1, Sacked: 2, Lost: 3, Retrans: 4, LastDataSent: time.Second,
		LastDataRecv: 2 * time.Second, LastAckRecv: 3 * time.Second, PathMTU: 1500, RecvSSThresh: 64088,
		RTT: 180 * time.Microsecond, RTTVar: 90 * time.Microsecond, SendSSThresh: 2147483647, SendCwnd: 10, AdvertisedMSS: 1448,
		Reordering: 3, RecvRTT: 500 * time.Microsecond, RecvSpace: 14600, TotalRetrans: 12, PacingRate: 12500000,
		MaxPacingRate: ^uint64(0), AckedBytes: 123456789, ReceivedBytes: 98765, SegsOut: 1000, SegsIn: 900,
		NotSentBytes: 1448, MinRTT: 170 * time.Microsecond, DataSegsIn: 450, DataSegsOut: 990, DeliveryRate: 12512345,
		Busy: 5 * time.Second, RecvWindowLimited: time.Millisecond, SendBufferLimited: 2 * time.Millisecond, Delivered: 980,
		DeliveredCE: 1, SentBytes: 123458237, RetransBytes: 17376, DSACKDups: 1, ReorderingSeen: 2, RecvOutOfOrder: 3,
		SendWindow: 65535, RecvWindow: 64088, Rehash: 1, TotalRTO: 2, TotalRTORecoveries: 1,
		TotalRTOTime: 300 * time.Millisecond, ReceivedCE: 1, DeliveredE1Bytes: 1, DeliveredE0Bytes: 2, DeliveredCEBytes: 3,
		ReceivedE1Bytes: 4, ReceivedE0Bytes: 5, ReceivedCEBytes: 6, AccECNFailMode: 7, AccECNOptSeen: 8,
	}
	s.Congestion = &tcp.Congestion{
		Algorithm: "bbr",
		BBR:       tcp.Known(tcp.BBR{Bandwidth: 1250000, MinRTT: 170 * time.Microsecond, PacingGain: 739, CwndGain: 512}),
		DCTCP:     tcp.Known(tcp.DCTCP{Enabled: true, CEState: 1, Alpha: 1024, ECNBytes: 5, AllBytes: 6}),
		Vegas:     tcp.Known(tcp.Vegas{Enabled: true, RTTCount: 4, RTT: 200 * time.Microsecond, MinRTT: 170 * time.Microsecond}),
	}
	s.Memory = &tcp.Memory{
		RecvAlloc: 1, RecvBuffer: 131072, SendAlloc: 2, SendBuffer: 87040, ForwardAlloc: 4096, SendQueued: 2304,
		OptionMemory: 3, Backlog: 4, Drops: tcp.Known(uint32(5)),
	}
	s.Extended = &tcp.Extended{
		Mark: tcp.Known(uint32(7)), CgroupID: 4321, Cgroup: tcp.Cgroup{
			Path: "/system.slice/docker-" + containerOfFull + ".scope", Unit: "docker-" + containerOfFull + ".scope", Container: containerOfFull,
		}, Shutdown: tcp.Known(tcp.ShutdownSend), TOS: tcp.Known(uint8(16)),
		TrafficClass: tcp.Known(uint8(32)), ClassID: tcp.Known(uint32(1)), V6Only: tcp.Known(true),
		Options: tcp.Known(tcp.OptionFreebind | tcp.OptionTransparent), Protocol: tcp.Known(uint8(6)), ULP: "tls",
		TLS: &tcp.TLS{Version: 0x303, Cipher: 51, SendConf: 2, RecvConf: 1, ZeroCopy: true, NoPad: true},
		MPTCP: &tcp.MPTCP{Mapped: true, TokenRemote: 1, TokenLocal: 2, RelativeSeq: 3, MapSeq: 0xfedcba9876543210, MapSubflowSeq: 4,
			SubflowOffset: 5, MapDataLength: 6, Flags: 0x1ff, RemoteID: 1, LocalID: 2},
		MD5Keys: []tcp.MD5Key{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Length: 16}, {Prefix: netip.MustParsePrefix("fe80::/64"), Length: 8}},
	}
	return s
}
