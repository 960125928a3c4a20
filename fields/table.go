package fields

import "tcpstate/tcp"

// When a field is present, if it is not present whenever it is known.
const (
	Always       = "always"
	whenExtended = "extended, where known"
	whenMemory   = "memory"
	whenInfo     = "tcp_info, where known"
	whenResolved = "names, where known"
	whenCommands = "processes and extended, where known"
)

// Conditions that several fields share.
const (
	listening    = "s.State == tcp.Listen"
	notListening = "s.State != tcp.Listen"
	timerRuns    = "s.Timer.Kind != tcp.TimerOff"
)

// Sets of states that several fields share. lifecycle.Clocks.SetAge knows Age in
// the states aged, and Idle in the states idling. TIME_WAIT has no tcp_info and
// no owner. Before the handshake is done, the clocks of tcp_info have no values.
const (
	listen     tcp.StateSet = 1 << tcp.Listen
	notListen               = tcp.All &^ listen
	withInfo                = tcp.All &^ (1 << tcp.TimeWait)
	owned                   = tcp.All &^ (1 << tcp.TimeWait)
	aged                    = 1<<tcp.TimeWait | 1<<tcp.SynRecv | 1<<tcp.SynSent | 1<<tcp.FinWait2 | agedByInfo
	agedByInfo tcp.StateSet = 1<<tcp.Established | 1<<tcp.CloseWait | 1<<tcp.FinWait2 // an orphaned FIN_WAIT2 also by its timer
	idling                  = tcp.Synchronized &^ (1<<tcp.SynRecv | 1<<tcp.TimeWait)
)

// base returns the fields that every source knows, or that need no detail of
// the kernel.
func base() []Field {
	return with(Field{From: Any}, []Field{
		{Name: "state", Kind: Enum, Of: "s.State", Filter: "state", When: Always,
			Doc: "the state: LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSING, TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSE or BOUND_INACTIVE"},
		{Name: "family", Kind: Enum, Of: "s.Family", Filter: "family", When: Always,
			Doc: "ipv4 or ipv6; an IPv6 socket that carries IPv4 traffic is ipv6"},
		{Name: "local.address", Kind: Address, Of: "s.Local.Addr()", Filter: "src", When: Always,
			Doc: "its address, with its zone if it has one (fe80::1%eth0)"},
		{Name: "local.port", Of: "s.Local.Port()", Filter: "sport", When: Always,
			Doc: "its port"},
		{Name: "local.host", Kind: Text, Of: "s.LocalName.Host", Joined: true, Needs: tcp.DetailNames, When: whenResolved,
			Doc: "the name of its address"},
		{Name: "local.service", Kind: Text, Of: "s.LocalName.Service", Joined: true, Needs: tcp.DetailNames, When: whenResolved,
			Doc: "the name of its port"},
		{Name: "peer.address", Kind: Address, Of: "s.Peer.Addr()", Filter: "dst", When: Always,
			Doc: "its address, as above"},
		{Name: "peer.port", Of: "s.Peer.Port()", Filter: "dport", When: Always,
			Doc: "its port; 0 means that there is no peer"},
		{Name: "peer.host", Kind: Text, Of: "s.PeerName.Host", Joined: true, Needs: tcp.DetailNames, When: whenResolved,
			Doc: "the name of its address; the owner of the address chose this name in DNS"},
		{Name: "peer.service", Kind: Text, Of: "s.PeerName.Service", Joined: true, Needs: tcp.DetailNames, When: whenResolved,
			Doc: "the name of its port"},
		{Name: "accept_queue", Of: "s.AcceptQueue", Known: listening, States: listen, Filter: "acceptq", When: "LISTEN",
			Doc: "completed connections that the program has not accepted yet"},
		{Name: "accept_queue_max", Of: "s.AcceptQueueMax", Known: listening, States: listen, From: SockDiag, When: "LISTEN, where known",
			Doc: "the limit of the accept queue: the smaller of the backlog of listen() and net.core.somaxconn"},
		{Name: "recv_q_bytes", Of: "s.RecvQueue", Known: notListening, States: notListen, Filter: "recvq", When: "not LISTEN",
			Doc: "bytes that arrived and that the program has not read; the peer's FIN counts as one"},
		{Name: "send_q_bytes", Of: "s.SendQueue", Known: notListening, States: notListen, Filter: "sendq", When: "not LISTEN",
			Doc: "bytes that are not sent or not acknowledged; the SYN or FIN of this end counts as one"},
		{Name: "uid", Of: "s.Owner.UID", States: owned, Filter: "user", When: "where known",
			Doc: "user id of the owner, as seen from the reader's user namespace"},
		{Name: "user", Kind: User, Of: "s.Owner.User", Joined: true, States: owned, Needs: tcp.DetailExtended, When: whenExtended,
			Doc: "name of that user. A table shows the number if there is no name"},
		{Name: "inode", Of: "s.Owner.Inode", Known: "s.Owner.Inode != 0", When: "where known",
			Doc: "inode of the socket's file, as in /proc/PID/fd; an orphan has none"},
		{Name: "cookie", Kind: Cookie, Of: "s.Cookie", Known: "s.Cookie != 0", From: SockDiag, When: "where known",
			Doc: "the kernel's identifier of the socket, which never changes; hexadecimal after 0x"},
		{Name: "mptcp_token", Of: "s.MPTCPToken", Joined: true, From: SockDiag, Needs: tcp.DetailExtended, When: "extended, or where the doctor shows it; a connection of multipath TCP, or a subflow",
			Doc: "token of the connection of multipath TCP on this host, which a connection and its subflows share"},
		{Name: "timer.kind", Kind: Enum, Of: "s.Timer.Kind", Filter: "timer", When: Always,
			Doc: "off, on (retransmission), keepalive (or the linger of an orphaned FIN_WAIT2), timewait, persist, delack, or unknown"},
		{Name: "timer.expires_ms", Kind: Duration, Of: "s.Timer.Expires", Known: timerRuns, When: "kind is not off",
			Doc: "time until it fires"},
		{Name: "timer.retransmits", Of: "s.Timer.Retransmits", Known: timerRuns, Filter: "retrans", When: "kind is not off",
			Doc: "how often it has fired without an answer: resends, or unanswered probes"},
		{Name: "age_ms", Kind: Duration, Of: "s.Age", Joined: true, Needs: tcp.DetailAge, InfoStates: agedByInfo, States: aged, Filter: "age", When: "where it can be computed",
			Doc: "time in the state"},
		{Name: "age_exact", Kind: Boolean, Of: "s.AgeExact", Known: "s.Age.IsKnown()", Joined: true, Needs: tcp.DetailAge, When: "with age_ms",
			Doc: "true if age_ms comes from a clock that started with the state; false if age_ms is a lower bound or an estimate"},
		{Name: "age_at_least", Kind: Boolean, Of: "s.AgeAtLeast", Known: "s.Age.IsKnown()", Joined: true, Needs: tcp.DetailAge, When: "with age_ms",
			Doc: "true if age_ms is a lower bound; false if it is exact or an estimate"},
		{Name: "idle_ms", Kind: Duration, Of: "s.Idle", Joined: true, From: SockDiag, Needs: tcp.DetailAge, InfoStates: idling, States: idling, Filter: "idle", When: "where known",
			Doc: "time since data last moved in either direction"},
		{Name: "processes", Kind: Processes, Of: "s.Processes", Filter: "process", Joined: true, States: owned, Needs: tcp.DetailProcesses, When: "processes, where known",
			Doc: "all processes that hold the socket open. As a column: pid/name"},
		{Name: "kernel_serves", Kind: Boolean, Of: "s.Owner.Kernel", Known: "s.Owner.Kernel", Joined: true, Needs: tcp.DetailProcesses, When: "processes, where true", Rare: true,
			Doc: "true if no process holds the socket, although all processes of the host could be read: the kernel itself serves it, as nfsd does"},
		{Name: "listener.address", Kind: Address, Of: "s.Listener.Local.Addr()", Joined: true, Needs: tcp.DetailProcesses, When: Always,
			Doc: "its address, which can be the unspecified address"},
		{Name: "listener.port", Of: "s.Listener.Local.Port()", Joined: true, Needs: tcp.DetailProcesses, When: Always,
			Doc: "its port"},
		{Name: "listener.processes", Kind: Processes, Of: "s.Listener.Processes", Joined: true, Needs: tcp.DetailProcesses, When: "where known",
			Doc: "the processes that hold it, and the processes of all listeners that share its address with SO_REUSEPORT. As a column: pid/name"},
		{Name: "interface", Kind: Text, Of: "s.Interface", Filter: "dev", Joined: true, From: SockDiag, Needs: tcp.DetailExtended, When: "bound to one", Rare: true,
			Doc: "name of the interface that the socket is bound to"},
		{Name: "netns", Kind: Text, Of: "s.Netns", Joined: true, When: "another network namespace was requested",
			Doc: "its network namespace: the name in /run/netns, or another label that distinguishes it. As a column in tables: netns_label where there is one"},
		{Name: "netns_label", Kind: Text, Of: "s.NetnsLabel", Joined: true, When: "with netns, if the namespace has no name", Rare: true,
			Doc: "the process through which the namespace was found, and its container: 812/nginx, 812/nginx@3f2a91b0c4d5"},
	})
}

// extended returns the fields of tcp.Extended.
func extended() []Field {
	return with(Field{Needs: tcp.DetailExtended, When: whenExtended, From: SockDiag}, []Field{
		{Name: "mark", Of: "s.Extended.Mark", Filter: "fwmark", From: SockDiagAdmin, Rare: true,
			Doc: "SO_MARK; needs CAP_NET_ADMIN"},
		{Name: "cgroup_id", Of: "s.Extended.CgroupID", Known: "s.Extended.CgroupID != 0", MissingAs: []string{"cgroup", "cgroup_id"},
			Doc: "inode of the directory of its cgroup in cgroup v2"},
		{Name: "cgroup", Kind: Text, Of: "s.Extended.Cgroup.Path", Filter: "cgroup", Joined: true, Rare: true,
			Doc: "path of its cgroup below the mount of cgroup v2. A socket keeps the cgroup in which it was created"},
		{Name: "unit", Kind: LongID, Of: "s.Extended.Cgroup.Unit", Joined: true, MissingAs: []string{"cgroup"}, Rare: true,
			Doc: "the systemd unit that the path shows: the innermost service or scope, in the form that systemctl accepts"},
		{Name: "container", Kind: LongID, Of: "s.Extended.Cgroup.Container", Joined: true, MissingAs: []string{"cgroup"}, Rare: true,
			Doc: "the container that the path shows: an id of 64 hexadecimal digits, or the name of an LXC or systemd-nspawn container"},
		{Name: "shutdown", Kind: Enum, Of: "s.Extended.Shutdown",
			Doc: "directions that are shut down: none, receive, send or both"},
		{Name: "tos", Of: "s.Extended.TOS",
			Doc: "IP_TOS"},
		{Name: "traffic_class", Of: "s.Extended.TrafficClass",
			Doc: "IPV6_TCLASS"},
		{Name: "class_id", Of: "s.Extended.ClassID",
			Doc: "class of the net_cls cgroup, or the socket's priority"},
		{Name: "v6only", Kind: Boolean, Of: "s.Extended.V6Only",
			Doc: "IPV6_V6ONLY"},
		{Name: "socket_options", Kind: Flags, Of: "s.Extended.Options", Bits: socketOptionNames(),
			Doc: "options that are on, as ss(8) names them"},
		{Name: "protocol", Of: "s.Extended.Protocol",
			Doc: "IP protocol, if the kernel reports another one than was requested"},
		{Name: "ulp", Kind: Text, Of: "s.Extended.ULP",
			Doc: "upper-layer protocol, such as tls or mptcp"},
		{Name: "tls.version", Of: "s.Extended.TLS.Version", When: Always,
			Doc: "as on the wire: 771 (0x0303) is TLS 1.2, 772 is 1.3"},
		{Name: "tls.cipher", Of: "s.Extended.TLS.Cipher", When: Always,
			Doc: "TLS_CIPHER_*"},
		{Name: "tls.send_conf", Of: "s.Extended.TLS.SendConf", When: Always,
			Doc: "which part encrypts: 1 the program, 2 the kernel, 3 the device, 4 the device with its own record layer"},
		{Name: "tls.recv_conf", Of: "s.Extended.TLS.RecvConf", When: Always,
			Doc: "which part decrypts, with the same numbers"},
		{Name: "tls.zero_copy", Kind: Boolean, Of: "s.Extended.TLS.ZeroCopy", When: Always,
			Doc: "sendfile without a copy"},
		{Name: "tls.no_pad", Kind: Boolean, Of: "s.Extended.TLS.NoPad", When: Always,
			Doc: "the program has declared that the peer sends no padding (TLS_RX_EXPECT_NO_PAD)"},
		{Name: "mptcp.token_remote", Of: "s.Extended.MPTCP.TokenRemote", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "token of the connection at the peer"},
		{Name: "mptcp.token_local", Of: "s.Extended.MPTCP.TokenLocal", When: Always,
			Doc: "token of the connection on this host"},
		{Name: "mptcp.relative_seq", Of: "s.Extended.MPTCP.RelativeSeq", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "subflow sequence number of the current mapping, relative to the first one of the subflow"},
		{Name: "mptcp.map_seq", Kind: Cookie, Of: "s.Extended.MPTCP.MapSeq", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "64-bit data sequence number of the mapping, in hexadecimal after 0x"},
		{Name: "mptcp.map_subflow_seq", Of: "s.Extended.MPTCP.MapSubflowSeq", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "subflow sequence number of the mapping"},
		{Name: "mptcp.subflow_offset", Of: "s.Extended.MPTCP.SubflowOffset", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "offset of the subflow's sequence numbers"},
		{Name: "mptcp.map_data_bytes", Of: "s.Extended.MPTCP.MapDataLength", Known: "s.Extended.MPTCP.Mapped", When: "with CAP_NET_ADMIN",
			Doc: "length of the mapping"},
		{Name: "mptcp.flags", Of: "s.Extended.MPTCP.Flags", When: Always,
			Doc: "bits of MPTCP_SUBFLOW_FLAG_*"},
		{Name: "mptcp.remote_id", Of: "s.Extended.MPTCP.RemoteID", When: Always,
			Doc: "id of the peer's address"},
		{Name: "mptcp.local_id", Of: "s.Extended.MPTCP.LocalID", When: Always,
			Doc: "id of the local address"},
		{Name: "md5_keys", Kind: Networks, Of: "s.Extended.MD5Keys", From: SockDiagAdmin,
			Doc: "the peers of its TCP-MD5 keys (RFC 2385); needs CAP_NET_ADMIN. As a column: the prefixes"},
	})
}

// connection returns the fields of tcp.Connection.
func connection() []Field {
	return with(Field{Needs: tcp.DetailExtended, From: SockDiag}, []Field{
		{Name: "mptcp_connection.listener", Kind: Boolean, Of: "s.Connection.Listener", When: Always,
			Doc: "true for a listener, of which nothing else is known"},
		{Name: "mptcp_connection.subflows", Of: "s.Connection.Subflows", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "subflows beside the first"},
		{Name: "mptcp_connection.subflows_max", Of: "s.Connection.SubflowsMax", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "how many the path manager allows beside the first"},
		{Name: "mptcp_connection.subflows_total", Of: "s.Connection.SubflowsTotal", When: "kernels from 6.6",
			Doc: "all its subflows now"},
		{Name: "mptcp_connection.fallback", Kind: Boolean, Of: "s.Connection.Fallback", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "true if the peer or the path does not do MPTCP, so that the connection is plain TCP in one subflow"},
		{Name: "mptcp_connection.remote_key", Kind: Boolean, Of: "s.Connection.RemoteKey", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "true if the key of the peer has arrived"},
		{Name: "mptcp_connection.write_seq", Kind: Cookie, Of: "s.Connection.WriteSeq", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "data sequence number of the next byte that the program writes, in hexadecimal after 0x"},
		{Name: "mptcp_connection.snd_una", Kind: Cookie, Of: "s.Connection.SendUnacked", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "data sequence number of the first byte that is not acknowledged"},
		{Name: "mptcp_connection.rcv_nxt", Kind: Cookie, Of: "s.Connection.RecvNext", Known: "!s.Connection.Listener", When: "not a listener",
			Doc: "data sequence number of the next byte that is expected"},
		{Name: "mptcp_connection.retransmits", Of: "s.Connection.Retransmits", When: "kernels from 6.5",
			Doc: "segments of data that were sent again"},
		{Name: "mptcp_connection.retrans_bytes", Of: "s.Connection.RetransBytes", When: "kernels from 6.5",
			Doc: "bytes that were sent again"},
		{Name: "mptcp_connection.sent_bytes", Of: "s.Connection.SentBytes", When: "kernels from 6.5",
			Doc: "bytes that were sent"},
		{Name: "mptcp_connection.received_bytes", Of: "s.Connection.ReceivedBytes", When: "kernels from 6.5",
			Doc: "bytes that arrived"},
		{Name: "mptcp_connection.acked_bytes", Of: "s.Connection.AckedBytes", When: "kernels from 6.5",
			Doc: "bytes that the peer acknowledged"},
		{Name: "mptcp_connection.last_data_sent_ms", Kind: Duration, Of: "s.Connection.LastDataSent", When: "kernels from 6.10",
			Doc: "time since data was sent"},
		{Name: "mptcp_connection.last_data_recv_ms", Kind: Duration, Of: "s.Connection.LastDataRecv", When: "kernels from 6.10",
			Doc: "time since data arrived"},
		{Name: "mptcp_connection.last_ack_recv_ms", Kind: Duration, Of: "s.Connection.LastAckRecv", When: "kernels from 6.10",
			Doc: "time since an acknowledgement of data arrived"},
	})
}

// memory returns the fields of tcp.Memory.
func memory() []Field {
	return with(Field{Needs: tcp.DetailMemory, When: Always, From: SockDiag}, []Field{
		{Name: "memory.recv_alloc_bytes", Of: "s.Memory.RecvAlloc",
			Doc: "receive memory in use"},
		{Name: "memory.recv_buffer_bytes", Of: "s.Memory.RecvBuffer",
			Doc: "receive memory allowed"},
		{Name: "memory.send_alloc_bytes", Of: "s.Memory.SendAlloc",
			Doc: "send memory in use by the device queues"},
		{Name: "memory.send_buffer_bytes", Of: "s.Memory.SendBuffer",
			Doc: "send memory allowed"},
		{Name: "memory.forward_alloc_bytes", Of: "s.Memory.ForwardAlloc",
			Doc: "memory that is reserved and not yet used"},
		{Name: "memory.send_queued_bytes", Of: "s.Memory.SendQueued",
			Doc: "send memory queued"},
		{Name: "memory.option_bytes", Of: "s.Memory.OptionMemory",
			Doc: "memory for socket options, including filters"},
		{Name: "memory.backlog_bytes", Of: "s.Memory.Backlog",
			Doc: "segments that arrived while the socket was locked, and wait"},
		{Name: "memory.drops", Of: "s.Memory.Drops", When: "kernels from 4.8", Heading: "DROPS",
			Doc: "packets dropped"},
	})
}

// congestion returns the fields of tcp.Congestion.
func congestion() []Field {
	return with(Field{Needs: tcp.DetailInfo, When: whenInfo, From: SockDiag}, []Field{
		{Name: "congestion", Kind: Text, Of: "s.Congestion.Algorithm", Heading: "CC",
			Doc: "congestion control algorithm"},
		{Name: "bbr.bandwidth_bytes_per_sec", Of: "s.Congestion.BBR.Bandwidth", When: Always,
			Doc: "bandwidth"},
		{Name: "bbr.min_rtt_us", Kind: Duration, Of: "s.Congestion.BBR.MinRTT", When: Always,
			Doc: "least round-trip time"},
		{Name: "bbr.pacing_gain", Of: "s.Congestion.BBR.PacingGain", When: Always,
			Doc: "256 is a gain of 1"},
		{Name: "bbr.cwnd_gain", Of: "s.Congestion.BBR.CwndGain", When: Always,
			Doc: "256 is a gain of 1"},
		{Name: "dctcp.enabled", Kind: Boolean, Of: "s.Congestion.DCTCP.Enabled", When: Always,
			Doc: "true if both ends use ECN; without ECN the algorithm acts as reno"},
		{Name: "dctcp.ce_state", Of: "s.Congestion.DCTCP.CEState", When: Always,
			Doc: "1: the last segment was marked for congestion"},
		{Name: "dctcp.alpha", Of: "s.Congestion.DCTCP.Alpha", When: Always,
			Doc: "share of the marked bytes; 1024 means all"},
		{Name: "dctcp.ecn_bytes", Of: "s.Congestion.DCTCP.ECNBytes", When: Always,
			Doc: "bytes that were acknowledged and marked"},
		{Name: "dctcp.all_bytes", Of: "s.Congestion.DCTCP.AllBytes", When: Always,
			Doc: "all bytes that were acknowledged"},
		{Name: "vegas.enabled", Kind: Boolean, Of: "s.Congestion.Vegas.Enabled", When: Always,
			Doc: "true if it is in use"},
		{Name: "vegas.rtt_count", Of: "s.Congestion.Vegas.RTTCount", When: Always,
			Doc: "round-trip times measured in the current window"},
		{Name: "vegas.rtt_us", Kind: Duration, Of: "s.Congestion.Vegas.RTT", When: Always,
			Doc: "round-trip time"},
		{Name: "vegas.min_rtt_us", Kind: Duration, Of: "s.Congestion.Vegas.MinRTT", When: Always,
			Doc: "least round-trip time"},
	})
}

// socketOptionNames returns the name of each bit of tcp.SocketOptions.
func socketOptionNames() (names []string) {
	for bit := range 16 {
		names = append(names, tcp.SocketOptions(1<<bit).Names()...)
	}
	return names
}
