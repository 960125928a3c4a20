package render

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpstate/tcp"
)

// Field describes one key of a socket in JSON, or one column for people.
type Field struct {
	Name string // flattened: the keys on the way to it, joined by dots
	Type string // as docs/json.md names types
	When string // when it is there
	Doc  string // what it means
}

// Fields returns the fields of a socket in the order of its keys in JSON. It
// is the table from which docs/json.md is made.
func Fields() []Field {
	var list []Field
	last := ""
	for _, c := range fields {
		object, _, nested := strings.Cut(c.name, ".")
		if nested && object != last {
			list = append(list, objects[object])
		}
		last = object
		list = append(list, c.field(c.kind.jsonType()))
		for _, f := range elementFields[c.kind] {
			f.Name = c.name + "[]." + f.Name
			list = append(list, f)
		}
	}
	return list
}

// PeopleColumns returns the columns that JSON has no field for: composites, in
// units that change with the size of the value.
func PeopleColumns() []Field {
	var list []Field
	for _, c := range composites {
		list = append(list, c.field(c.heading))
	}
	return list
}

func (c *Column) field(typ string) Field {
	return Field{Name: c.name, Type: typ, When: c.when, Doc: c.doc}
}

// When a field is there, where that is not simply when it is known.
const (
	always   = "always"
	extended = "extended, where known"
	memory   = "memory"
	info     = "tcp_info, where known"
	resolved = "names, where known"
	commands = "processes and extended, where known"
)

// objects describes the keys that hold other keys.
var objects = map[string]Field{
	"local":    {"local", "object", always, "the local endpoint"},
	"peer":     {"peer", "object", always, "the remote endpoint; a listener's is the unspecified address of its family, port 0"},
	"timer":    {"timer", "object", always, "the timer that fires next"},
	"listener": {"listener", "object", "processes, where there is one", "of a socket without a process, the listener that it came in by. The kernel does not keep this: it is inferred from the addresses, and names nobody who owns the socket. A connection that was outgoing has none"},
	"tls":      {"tls", "object", extended, "kernel TLS (include/uapi/linux/tls.h)"},
	"mptcp":    {"mptcp", "object", extended, "the subflow of multipath TCP (include/uapi/linux/mptcp.h)"},
	"memory":   {"memory", "object", memory, "what the socket holds and may hold (SK_MEMINFO)"},
	"bbr":      {"bbr", "object", info, "what the algorithm bbr believes of the path"},
	"dctcp":    {"dctcp", "object", info, "what the algorithm dctcp has seen"},
	"vegas":    {"vegas", "object", info, "what the algorithm vegas has measured"},
	"tcp_info": {"tcp_info", "object", info, "the kernel's struct tcp_info; what its kernel did not tell is absent"},
}

// elementFields are the keys within each element of a list of objects.
var elementFields = map[kind][]Field{
	networks: {
		{"prefix", "string", always, "the peers that the key is for, as address/length"},
		{"key_bytes", "integer", always, "length of the key; the key itself is never shown"},
	},
	holders: {
		{"pid", "integer", always, "process id"},
		{"name", "string", always, "name of the process, as it gave it to itself"},
		{"fd", "integer", always, "its lowest descriptor of the socket"},
		{"fds", "list of integers", always, "all its descriptors of the socket, in ascending order; in a listener, of all sockets that share its address"},
		{"uid", "integer", commands, "effective user id of the process, as seen from the reader's user namespace"},
		{"user", "string", commands, "name of that user"},
		{"exe", "string", commands, "the file that it runs, with ' (deleted)' after it where that is gone"},
		{"cmdline", "list of strings", commands, "its arguments, its own name first; it may have written anything there"},
	},
}

//go:generate go run tcpstate/internal/gendocs ../docs/json.md

// fields holds a column for every scalar and every list of a socket in JSON, in
// the order of its keys there. Package documentation of tcp says more of each.
var fields = slices.Concat(baseFields, extendedFields, memoryFields, congestionFields, infoFields())

var baseFields = []*Column{
	{name: "state", kind: enum, when: always, doc: "the state: LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSING, TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSE or BOUND_INACTIVE",
		get: func(s *tcp.Socket) value { return named(uint64(s.State), s.State.String()) }},
	{name: "family", kind: enum, when: always, doc: "ipv4 or ipv6; an IPv6 socket that talks IPv4 is ipv6",
		get: func(s *tcp.Socket) value { return named(uint64(s.Family), s.Family.String()) }},
	{name: "local.address", kind: address, when: always, doc: "its address, with the zone where there is one (fe80::1%eth0)",
		end: localEnd},
	{name: "local.port", kind: number, when: always, doc: "its port",
		get: func(s *tcp.Socket) value { return count(s.Local.Port()) }},
	{name: "local.host", kind: word, needs: tcp.DetailNames, when: resolved, doc: "the name of its address",
		get: func(s *tcp.Socket) value { return textValue(s.LocalName.Host) }},
	{name: "local.service", kind: word, needs: tcp.DetailNames, when: resolved, doc: "the name of its port",
		get: func(s *tcp.Socket) value { return textValue(s.LocalName.Service) }},
	{name: "peer.address", kind: address, when: always, doc: "its address, as above",
		end: peerEnd},
	{name: "peer.port", kind: number, when: always, doc: "its port; 0: none",
		get: func(s *tcp.Socket) value { return count(s.Peer.Port()) }},
	{name: "peer.host", kind: word, needs: tcp.DetailNames, when: resolved, doc: "the name of its address; whoever runs the zone of the address chose it",
		get: func(s *tcp.Socket) value { return textValue(s.PeerName.Host) }},
	{name: "peer.service", kind: word, needs: tcp.DetailNames, when: resolved, doc: "the name of its port",
		get: func(s *tcp.Socket) value { return textValue(s.PeerName.Service) }},
	{name: "accept_queue", kind: number, when: "LISTEN", doc: "connections completed and not yet accepted by the program",
		get: func(s *tcp.Socket) value { return only(s.State == tcp.Listen, count(s.AcceptQueue)) }},
	{name: "accept_queue_max", kind: number, when: "LISTEN, where known", doc: "how many may wait: the lesser of listen()'s backlog and net.core.somaxconn",
		get: func(s *tcp.Socket) value { return only(s.State == tcp.Listen, optional(s.AcceptQueueMax)) }},
	{name: "recv_q_bytes", kind: number, when: "not LISTEN", doc: "bytes that arrived and were not read; the peer's FIN counts as one",
		get: func(s *tcp.Socket) value { return only(s.State != tcp.Listen, count(s.RecvQueue)) }},
	{name: "send_q_bytes", kind: number, when: "not LISTEN", doc: "bytes not sent or not acknowledged; our SYN or FIN counts as one",
		get: func(s *tcp.Socket) value { return only(s.State != tcp.Listen, count(s.SendQueue)) }},
	{name: "uid", kind: number, when: "where known", doc: "user id of the owner, as seen from the reader's user namespace",
		get: func(s *tcp.Socket) value { return optional(s.Owner.UID) }},
	{name: "user", kind: userName, needs: tcp.DetailExtended, when: extended, doc: "name of that user. In tables the number, where there is no name",
		get: func(s *tcp.Socket) value { return textValue(s.Owner.User) }},
	{name: "inode", kind: number, when: "where known", doc: "inode of the socket's file, as in /proc/PID/fd; orphans have none",
		get: func(s *tcp.Socket) value { return only(s.Owner.Inode != 0, count(s.Owner.Inode)) }},
	{name: "cookie", kind: cookie, when: "where known", doc: "the kernel's identity of the socket for life, in hexadecimal after 0x",
		get: func(s *tcp.Socket) value { return only(s.Cookie != 0, count(s.Cookie)) }},
	{name: "timer.kind", kind: enum, when: always, doc: "off, on (retransmission), keepalive (or the linger of an orphaned FIN_WAIT2), timewait, persist, delack, or unknown",
		get: func(s *tcp.Socket) value { return named(uint64(s.Timer.Kind), s.Timer.Kind.String()) }},
	{name: "timer.expires_ms", kind: number, when: "kind is not off", doc: "until it fires",
		get: func(s *tcp.Socket) value {
			return only(s.Timer.Kind != tcp.TimerOff, count(s.Timer.Expires.Milliseconds()))
		}},
	{name: "timer.retransmits", kind: number, when: "kind is not off", doc: "how often it has fired in vain: resends, or probes unanswered",
		get: func(s *tcp.Socket) value {
			return only(s.Timer.Kind != tcp.TimerOff, count(s.Timer.Retransmits))
		}},
	{name: "age_ms", kind: number, needs: tcp.DetailAge, when: "where a clock tells it", doc: "time in the state",
		get: func(s *tcp.Socket) value { return milliseconds(s.Age) }},
	{name: "age_exact", kind: boolean, needs: tcp.DetailAge, when: "with age_ms", doc: "whether a clock that started with the state told age_ms; otherwise it is a bound or an estimate",
		get: func(s *tcp.Socket) value { return only(s.Age.IsKnown(), truth(s.AgeExact)) }},
	{name: "idle_ms", kind: number, needs: tcp.DetailAge, when: "where known", doc: "since data last moved in either direction",
		get: func(s *tcp.Socket) value { return milliseconds(s.Idle) }},
	{name: "processes", kind: holders, needs: tcp.DetailProcesses, when: "processes, where known", doc: "the processes that hold the socket open, all of them. As a column: pid/name",
		holders: processesOf, get: countOf(processesOf)},
	{name: "listener.address", kind: address, needs: tcp.DetailProcesses, when: always, doc: "its address, which may be the unspecified one",
		end: listenerEnd},
	{name: "listener.port", kind: number, needs: tcp.DetailProcesses, when: always, doc: "its port",
		get: func(s *tcp.Socket) value { return only(s.Listener != nil, count(listenerEnd(s).Port())) }},
	{name: "listener.processes", kind: holders, needs: tcp.DetailProcesses, when: "where known", doc: "the processes that hold it, and those of all the listeners that share the address with SO_REUSEPORT. As a column: pid/name",
		holders: listenersOf, get: countOf(listenersOf)},
	{name: "interface", kind: word, rare: true, needs: tcp.DetailExtended, when: "bound to one", doc: "name of the interface that the socket is bound to",
		get: func(s *tcp.Socket) value { return textValue(s.Interface) }},
	{name: "netns", kind: word, when: "another network namespace was asked for", doc: "its network namespace: the name in /run/netns, or what else tells it from the others",
		get: func(s *tcp.Socket) value { return textValue(s.Netns) }},
}

var extendedFields = []*Column{
	{name: "mark", kind: number, rare: true, needs: tcp.DetailExtended, when: extended, doc: "SO_MARK; needs CAP_NET_ADMIN",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.Mark) })},
	{name: "cgroup_id", kind: number, needs: tcp.DetailExtended, when: extended, doc: "inode of the directory of its cgroup in cgroup v2",
		get: fromExtended(func(e *tcp.Extended) value { return only(e.CgroupID != 0, count(e.CgroupID)) })},
	{name: "cgroup", kind: word, rare: true, needs: tcp.DetailExtended, when: extended, doc: "path of its cgroup below the mount of cgroup v2. A socket keeps the cgroup that it was made in",
		get: fromExtended(func(e *tcp.Extended) value { return textValue(e.Cgroup.Path) })},
	{name: "unit", kind: longID, rare: true, needs: tcp.DetailExtended, when: extended, doc: "the systemd unit that the path shows: the innermost service or scope, as systemctl takes it",
		get: fromExtended(func(e *tcp.Extended) value { return textValue(e.Cgroup.Unit) })},
	{name: "container", kind: longID, rare: true, needs: tcp.DetailExtended, when: extended, doc: "the container that the path shows: an id of 64 hexadecimal digits, or the name of an LXC or systemd-nspawn container",
		get: fromExtended(func(e *tcp.Extended) value { return textValue(e.Cgroup.Container) })},
	{name: "shutdown", kind: enum, needs: tcp.DetailExtended, when: extended, doc: "directions that are shut down: none, receive, send or both",
		get: fromExtended(func(e *tcp.Extended) value {
			s, known := e.Shutdown.Get()
			return only(known, named(uint64(s), s.String()))
		})},
	{name: "tos", kind: number, needs: tcp.DetailExtended, when: extended, doc: "IP_TOS",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.TOS) })},
	{name: "traffic_class", kind: number, needs: tcp.DetailExtended, when: extended, doc: "IPV6_TCLASS",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.TrafficClass) })},
	{name: "class_id", kind: number, needs: tcp.DetailExtended, when: extended, doc: "class of the net_cls cgroup, or the socket's priority",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.ClassID) })},
	{name: "v6only", kind: boolean, needs: tcp.DetailExtended, when: extended, doc: "IPV6_V6ONLY",
		get: fromExtended(func(e *tcp.Extended) value {
			v, known := e.V6Only.Get()
			return only(known, truth(v))
		})},
	{name: "socket_options", kind: optionSet, needs: tcp.DetailExtended, when: extended, doc: "options that are on, as ss(8) names them",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.Options) }), names: socketOptionNames},
	{name: "protocol", kind: number, needs: tcp.DetailExtended, when: extended, doc: "IP protocol, where the kernel tells another than was asked for",
		get: fromExtended(func(e *tcp.Extended) value { return optional(e.Protocol) })},
	{name: "ulp", kind: word, needs: tcp.DetailExtended, when: extended, doc: "upper-layer protocol, such as tls or mptcp",
		get: fromExtended(func(e *tcp.Extended) value { return textValue(e.ULP) })},
	{name: "tls.version", kind: number, needs: tcp.DetailExtended, when: always, doc: "as on the wire: 771 (0x0303) is TLS 1.2, 772 is 1.3",
		get: fromTLS(func(t *tcp.TLS) value { return count(t.Version) })},
	{name: "tls.cipher", kind: number, needs: tcp.DetailExtended, when: always, doc: "TLS_CIPHER_*",
		get: fromTLS(func(t *tcp.TLS) value { return count(t.Cipher) })},
	{name: "tls.send_conf", kind: number, needs: tcp.DetailExtended, when: always, doc: "who encrypts: 1 the program, 2 the kernel, 3 the device, 4 the device with its own record layer",
		get: fromTLS(func(t *tcp.TLS) value { return count(t.SendConf) })},
	{name: "tls.recv_conf", kind: number, needs: tcp.DetailExtended, when: always, doc: "who decrypts, as above",
		get: fromTLS(func(t *tcp.TLS) value { return count(t.RecvConf) })},
	{name: "tls.zero_copy", kind: boolean, needs: tcp.DetailExtended, when: always, doc: "sendfile without a copy",
		get: fromTLS(func(t *tcp.TLS) value { return truth(t.ZeroCopy) })},
	{name: "tls.no_pad", kind: boolean, needs: tcp.DetailExtended, when: always, doc: "the peer promised not to pad",
		get: fromTLS(func(t *tcp.TLS) value { return truth(t.NoPad) })},
	{name: "mptcp.token_remote", kind: number, needs: tcp.DetailExtended, when: always, doc: "token of the connection at the peer",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.TokenRemote) })},
	{name: "mptcp.token_local", kind: number, needs: tcp.DetailExtended, when: always, doc: "token of the connection here",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.TokenLocal) })},
	{name: "mptcp.relative_seq", kind: number, needs: tcp.DetailExtended, when: always, doc: "subflow sequence number of the present mapping, relative to the subflow's first",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.RelativeSeq) })},
	{name: "mptcp.map_seq", kind: cookie, needs: tcp.DetailExtended, when: always, doc: "64-bit data sequence number of the mapping, in hexadecimal after 0x",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.MapSeq) })},
	{name: "mptcp.map_subflow_seq", kind: number, needs: tcp.DetailExtended, when: always, doc: "subflow sequence number of the mapping",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.MapSubflowSeq) })},
	{name: "mptcp.subflow_offset", kind: number, needs: tcp.DetailExtended, when: always, doc: "offset of the subflow's sequence numbers",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.SubflowOffset) })},
	{name: "mptcp.map_data_bytes", kind: number, needs: tcp.DetailExtended, when: always, doc: "length of the mapping",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.MapDataLength) })},
	{name: "mptcp.flags", kind: number, needs: tcp.DetailExtended, when: always, doc: "bits of MPTCP_SUBFLOW_FLAG_*",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.Flags) })},
	{name: "mptcp.remote_id", kind: number, needs: tcp.DetailExtended, when: always, doc: "id of the peer's address",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.RemoteID) })},
	{name: "mptcp.local_id", kind: number, needs: tcp.DetailExtended, when: always, doc: "id of the local address",
		get: fromMPTCP(func(m *tcp.MPTCP) value { return count(m.LocalID) })},
	{name: "md5_keys", kind: networks, needs: tcp.DetailExtended, when: extended, doc: "the places of its TCP-MD5 keys (RFC 2385); needs CAP_NET_ADMIN. As a column: the prefixes",
		get: fromExtended(func(e *tcp.Extended) value { return only(len(e.MD5Keys) > 0, count(len(e.MD5Keys))) })},
}

var memoryFields = []*Column{
	{name: "memory.recv_alloc_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "receive memory in use",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.RecvAlloc) })},
	{name: "memory.recv_buffer_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "receive memory allowed",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.RecvBuffer) })},
	{name: "memory.send_alloc_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "send memory in use by the device queues",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.SendAlloc) })},
	{name: "memory.send_buffer_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "send memory allowed",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.SendBuffer) })},
	{name: "memory.forward_alloc_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "reserved and not yet used",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.ForwardAlloc) })},
	{name: "memory.send_queued_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "send memory queued",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.SendQueued) })},
	{name: "memory.option_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "for socket options, filters included",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.OptionMemory) })},
	{name: "memory.backlog_bytes", kind: number, needs: tcp.DetailMemory, when: always, doc: "waiting while the socket was locked",
		get: fromMemory(func(m *tcp.Memory) value { return count(m.Backlog) })},
	{name: "memory.drops", heading: "DROPS", kind: number, needs: tcp.DetailMemory, when: "kernels from 4.8", doc: "packets dropped",
		get: fromMemory(func(m *tcp.Memory) value { return optional(m.Drops) })},
}

var congestionFields = []*Column{
	{name: "congestion", heading: "CC", kind: word, needs: tcp.DetailInfo, when: info, doc: "congestion control algorithm",
		get: fromCongestion(func(c *tcp.Congestion) value { return textValue(c.Algorithm) })},
	{name: "bbr.bandwidth_bytes_per_sec", kind: number, needs: tcp.DetailInfo, when: always, doc: "bandwidth",
		get: fromBBR(func(a tcp.BBR) value { return count(a.Bandwidth) })},
	{name: "bbr.min_rtt_us", kind: number, needs: tcp.DetailInfo, when: always, doc: "least round-trip time",
		get: fromBBR(func(a tcp.BBR) value { return count(a.MinRTT.Microseconds()) })},
	{name: "bbr.pacing_gain", kind: number, needs: tcp.DetailInfo, when: always, doc: "256 is a gain of 1",
		get: fromBBR(func(a tcp.BBR) value { return count(a.PacingGain) })},
	{name: "bbr.cwnd_gain", kind: number, needs: tcp.DetailInfo, when: always, doc: "256 is a gain of 1",
		get: fromBBR(func(a tcp.BBR) value { return count(a.CwndGain) })},
	{name: "dctcp.enabled", kind: boolean, needs: tcp.DetailInfo, when: always, doc: "whether both ends speak ECN, without which it acts as reno",
		get: fromDCTCP(func(a tcp.DCTCP) value { return truth(a.Enabled) })},
	{name: "dctcp.ce_state", kind: number, needs: tcp.DetailInfo, when: always, doc: "1: the last segment was marked for congestion",
		get: fromDCTCP(func(a tcp.DCTCP) value { return count(a.CEState) })},
	{name: "dctcp.alpha", kind: number, needs: tcp.DetailInfo, when: always, doc: "share of marked bytes; 1024 is all",
		get: fromDCTCP(func(a tcp.DCTCP) value { return count(a.Alpha) })},
	{name: "dctcp.ecn_bytes", kind: number, needs: tcp.DetailInfo, when: always, doc: "acknowledged and marked",
		get: fromDCTCP(func(a tcp.DCTCP) value { return count(a.ECNBytes) })},
	{name: "dctcp.all_bytes", kind: number, needs: tcp.DetailInfo, when: always, doc: "acknowledged in all",
		get: fromDCTCP(func(a tcp.DCTCP) value { return count(a.AllBytes) })},
	{name: "vegas.enabled", kind: boolean, needs: tcp.DetailInfo, when: always, doc: "whether it is in force",
		get: fromVegas(func(a tcp.Vegas) value { return truth(a.Enabled) })},
	{name: "vegas.rtt_count", kind: number, needs: tcp.DetailInfo, when: always, doc: "round-trip times measured in the present window",
		get: fromVegas(func(a tcp.Vegas) value { return count(a.RTTCount) })},
	{name: "vegas.rtt_us", kind: number, needs: tcp.DetailInfo, when: always, doc: "round-trip time",
		get: fromVegas(func(a tcp.Vegas) value { return count(a.RTT.Microseconds()) })},
	{name: "vegas.min_rtt_us", kind: number, needs: tcp.DetailInfo, when: always, doc: "least round-trip time",
		get: fromVegas(func(a tcp.Vegas) value { return count(a.MinRTT.Microseconds()) })},
}

// infoFields makes a column of each of tcp.InfoFields.
func infoFields() []*Column {
	var list []*Column
	for i := range tcp.InfoFields {
		f := &tcp.InfoFields[i]
		c := &Column{name: "tcp_info." + f.Name, needs: tcp.DetailInfo, when: "where known", doc: f.Doc}
		c.get = func(s *tcp.Socket) value {
			if s.Info == nil || !s.Info.Has(f) {
				return value{}
			}
			return count(f.Value(s.Info))
		}
		switch f.Kind {
		case tcp.InfoNumber:
			c.kind = number
		case tcp.InfoBool:
			c.kind = boolean
		case tcp.InfoFlags:
			c.kind, c.names = optionSet, tcp.InfoOptionNames[:]
		case tcp.InfoCA:
			c.kind = enum
			c.get = func(s *tcp.Socket) value {
				if s.Info == nil || !s.Info.Has(f) {
					return value{}
				}
				return named(uint64(s.Info.CAState), s.Info.CAState.String())
			}
		}
		list = append(list, c)
	}
	return list
}

func localEnd(s *tcp.Socket) netip.AddrPort { return s.Local }
func peerEnd(s *tcp.Socket) netip.AddrPort  { return s.Peer }

// listenerEnd returns no address where there is no listener.
func listenerEnd(s *tcp.Socket) netip.AddrPort {
	if s.Listener == nil {
		return netip.AddrPort{}
	}
	return s.Listener.Local
}

func processesOf(s *tcp.Socket) []tcp.Process { return s.Processes }

func listenersOf(s *tcp.Socket) []tcp.Process {
	if s.Listener == nil {
		return nil
	}
	return s.Listener.Processes
}

func countOf(holders func(*tcp.Socket) []tcp.Process) func(*tcp.Socket) value {
	return func(s *tcp.Socket) value {
		n := len(holders(s))
		return only(n > 0, count(n))
	}
}

// socketOptionNames holds the name of each bit of tcp.SocketOptions.
var socketOptionNames = func() (names []string) {
	for bit := range 16 {
		names = append(names, tcp.SocketOptions(1<<bit).Names()...)
	}
	return names
}()

// The helpers below lead into a part of the socket that may not be there.

func fromExtended(get func(*tcp.Extended) value) func(*tcp.Socket) value {
	return func(s *tcp.Socket) value {
		if s.Extended == nil {
			return value{}
		}
		return get(s.Extended)
	}
}

func fromTLS(get func(*tcp.TLS) value) func(*tcp.Socket) value {
	return fromExtended(func(e *tcp.Extended) value {
		if e.TLS == nil {
			return value{}
		}
		return get(e.TLS)
	})
}

func fromMPTCP(get func(*tcp.MPTCP) value) func(*tcp.Socket) value {
	return fromExtended(func(e *tcp.Extended) value {
		if e.MPTCP == nil {
			return value{}
		}
		return get(e.MPTCP)
	})
}

func fromMemory(get func(*tcp.Memory) value) func(*tcp.Socket) value {
	return func(s *tcp.Socket) value {
		if s.Memory == nil {
			return value{}
		}
		return get(s.Memory)
	}
}

func fromCongestion(get func(*tcp.Congestion) value) func(*tcp.Socket) value {
	return func(s *tcp.Socket) value {
		if s.Congestion == nil {
			return value{}
		}
		return get(s.Congestion)
	}
}

func fromBBR(get func(tcp.BBR) value) func(*tcp.Socket) value {
	return fromCongestion(func(c *tcp.Congestion) value {
		a, known := c.BBR.Get()
		return only(known, get(a))
	})
}

func fromDCTCP(get func(tcp.DCTCP) value) func(*tcp.Socket) value {
	return fromCongestion(func(c *tcp.Congestion) value {
		a, known := c.DCTCP.Get()
		return only(known, get(a))
	})
}

func fromVegas(get func(tcp.Vegas) value) func(*tcp.Socket) value {
	return fromCongestion(func(c *tcp.Congestion) value {
		a, known := c.Vegas.Get()
		return only(known, get(a))
	})
}

func milliseconds(d tcp.Optional[time.Duration]) value {
	v, known := d.Get()
	return only(known, count(v.Milliseconds()))
}
