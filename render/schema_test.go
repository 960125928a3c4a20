package render

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strconv"

	"tcpstate/tcp"
)

// The types below are the schema of a socket in docs/json.md, in the words of
// encoding/json: slow, and plain to read. The append encoder, which is what
// runs, is held to the same bytes.

type socketJSON struct {
	State          tcp.State            `json:"state"`
	Family         tcp.Family           `json:"family"`
	Local          endpointJSON         `json:"local"`
	Peer           endpointJSON         `json:"peer"`
	AcceptQueue    tcp.Optional[uint32] `json:"accept_queue,omitzero"`
	AcceptQueueMax tcp.Optional[uint32] `json:"accept_queue_max,omitzero"`
	RecvQBytes     tcp.Optional[uint32] `json:"recv_q_bytes,omitzero"`
	SendQBytes     tcp.Optional[uint32] `json:"send_q_bytes,omitzero"`
	UID            tcp.Optional[uint32] `json:"uid,omitzero"`
	User           label                `json:"user,omitzero"`
	Inode          uint32               `json:"inode,omitzero"`
	Cookie         tcp.Cookie           `json:"cookie,omitzero"`
	Timer          timerJSON            `json:"timer"`
	AgeMS          tcp.Optional[int64]  `json:"age_ms,omitzero"`
	AgeExact       tcp.Optional[bool]   `json:"age_exact,omitzero"`
	IdleMS         tcp.Optional[int64]  `json:"idle_ms,omitzero"`
	Processes      []processJSON        `json:"processes,omitempty"`
	Listener       *listenerJSON        `json:"listener,omitzero"`
	Interface      label                `json:"interface,omitzero"`
	Netns          label                `json:"netns,omitzero"`
	extendedJSON
	Memory     *memoryJSON `json:"memory,omitzero"`
	Congestion label       `json:"congestion,omitzero"`
	BBR        *bbrJSON    `json:"bbr,omitzero"`
	DCTCP      *dctcpJSON  `json:"dctcp,omitzero"`
	Vegas      *vegasJSON  `json:"vegas,omitzero"`
	TCPInfo    infoJSON    `json:"tcp_info,omitzero"`
}

type endpointJSON struct {
	Address label  `json:"address"`
	Port    uint16 `json:"port"`
	Host    label  `json:"host,omitzero"`
	Service label  `json:"service,omitzero"`
}

type processJSON struct {
	PID     int                  `json:"pid"`
	Name    label                `json:"name"`
	FD      int                  `json:"fd"`
	FDs     []int                `json:"fds,omitempty"`
	UID     tcp.Optional[uint32] `json:"uid,omitzero"`
	User    label                `json:"user,omitzero"`
	Exe     label                `json:"exe,omitzero"`
	Cmdline []label              `json:"cmdline,omitempty"`
}

type listenerJSON struct {
	Address   label         `json:"address"`
	Port      uint16        `json:"port"`
	Processes []processJSON `json:"processes,omitempty"`
}

type timerJSON struct {
	Kind        tcp.TimerKind       `json:"kind"`
	ExpiresMS   tcp.Optional[int64] `json:"expires_ms,omitzero"`
	Retransmits tcp.Optional[uint8] `json:"retransmits,omitzero"`
}

type extendedJSON struct {
	Mark          tcp.Optional[uint32]       `json:"mark,omitzero"`
	CgroupID      uint64                     `json:"cgroup_id,omitzero"`
	Cgroup        label                      `json:"cgroup,omitzero"`
	Unit          label                      `json:"unit,omitzero"`
	Container     label                      `json:"container,omitzero"`
	Shutdown      tcp.Optional[tcp.Shutdown] `json:"shutdown,omitzero"`
	TOS           tcp.Optional[uint8]        `json:"tos,omitzero"`
	TrafficClass  tcp.Optional[uint8]        `json:"traffic_class,omitzero"`
	ClassID       tcp.Optional[uint32]       `json:"class_id,omitzero"`
	V6Only        tcp.Optional[bool]         `json:"v6only,omitzero"`
	SocketOptions tcp.Optional[[]string]     `json:"socket_options,omitzero"`
	Protocol      tcp.Optional[uint8]        `json:"protocol,omitzero"`
	ULP           label                      `json:"ulp,omitzero"`
	TLS           *tlsJSON                   `json:"tls,omitzero"`
	MPTCP         *mptcpJSON                 `json:"mptcp,omitzero"`
	MD5Keys       []md5KeyJSON               `json:"md5_keys,omitempty"`
}

type tlsJSON struct {
	Version  uint16 `json:"version"`
	Cipher   uint16 `json:"cipher"`
	SendConf uint16 `json:"send_conf"`
	RecvConf uint16 `json:"recv_conf"`
	ZeroCopy bool   `json:"zero_copy"`
	NoPad    bool   `json:"no_pad"`
}

type mptcpJSON struct {
	TokenRemote   uint32     `json:"token_remote"`
	TokenLocal    uint32     `json:"token_local"`
	RelativeSeq   uint32     `json:"relative_seq"`
	MapSeq        tcp.Cookie `json:"map_seq"` // written as a cookie is: it too has 64 bits
	MapSubflowSeq uint32     `json:"map_subflow_seq"`
	SubflowOffset uint32     `json:"subflow_offset"`
	MapDataBytes  uint16     `json:"map_data_bytes"`
	Flags         uint32     `json:"flags"`
	RemoteID      uint8      `json:"remote_id"`
	LocalID       uint8      `json:"local_id"`
}

type md5KeyJSON struct {
	Prefix   netip.Prefix `json:"prefix"`
	KeyBytes uint16       `json:"key_bytes"`
}

type memoryJSON struct {
	RecvAllocBytes    uint32               `json:"recv_alloc_bytes"`
	RecvBufferBytes   uint32               `json:"recv_buffer_bytes"`
	SendAllocBytes    uint32               `json:"send_alloc_bytes"`
	SendBufferBytes   uint32               `json:"send_buffer_bytes"`
	ForwardAllocBytes uint32               `json:"forward_alloc_bytes"`
	SendQueuedBytes   uint32               `json:"send_queued_bytes"`
	OptionBytes       uint32               `json:"option_bytes"`
	BacklogBytes      uint32               `json:"backlog_bytes"`
	Drops             tcp.Optional[uint32] `json:"drops,omitzero"`
}

type bbrJSON struct {
	BandwidthBytesPerSec uint64 `json:"bandwidth_bytes_per_sec"`
	MinRTTUS             int64  `json:"min_rtt_us"`
	PacingGain           uint32 `json:"pacing_gain"`
	CwndGain             uint32 `json:"cwnd_gain"`
}

type dctcpJSON struct {
	Enabled  bool   `json:"enabled"`
	CEState  uint16 `json:"ce_state"`
	Alpha    uint32 `json:"alpha"`
	ECNBytes uint32 `json:"ecn_bytes"`
	AllBytes uint32 `json:"all_bytes"`
}

type vegasJSON struct {
	Enabled  bool   `json:"enabled"`
	RTTCount uint32 `json:"rtt_count"`
	RTTUS    int64  `json:"rtt_us"`
	MinRTTUS int64  `json:"min_rtt_us"`
}

// infoJSON writes those fields of tcp.InfoFields that the kernel told.
type infoJSON struct{ *tcp.Info }

// IsZero reports whether no field is known, which leaves the key out.
func (i infoJSON) IsZero() bool {
	if i.Info == nil {
		return true
	}
	for f := range tcp.InfoFields {
		if i.Has(&tcp.InfoFields[f]) {
			return false
		}
	}
	return true
}

// MarshalJSON writes the fields in the kernel's order.
func (i infoJSON) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for at := range tcp.InfoFields {
		f := &tcp.InfoFields[at]
		if !i.Has(f) {
			continue
		}
		var v any = f.Value(i.Info)
		switch f.Kind {
		case tcp.InfoBool:
			v = f.Value(i.Info) != 0
		case tcp.InfoCA:
			v = i.CAState.String()
		case tcp.InfoFlags:
			v = i.Options.Names()
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		b.WriteString("," + strconv.Quote(f.Name) + ":")
		b.Write(text)
	}
	text := b.Bytes()
	text[0] = '{'
	return append(text, '}'), nil
}

// marshalSocket is what appendSocket must agree with.
func marshalSocket(s *tcp.Socket) ([]byte, error) { return marshal(schemaOf(s)) }

func schemaOf(s *tcp.Socket) socketJSON {
	j := socketJSON{
		State: s.State, Family: s.Family,
		Local: endpointJSON{label(addressText(s.Local)), s.Local.Port(), label(s.LocalName.Host), label(s.LocalName.Service)},
		Peer:  endpointJSON{label(addressText(s.Peer)), s.Peer.Port(), label(s.PeerName.Host), label(s.PeerName.Service)},
		UID:   s.Owner.UID, User: label(s.Owner.User), Inode: s.Owner.Inode, Cookie: s.Cookie,
		Timer:     timerJSON{Kind: s.Timer.Kind},
		Processes: processesJSON(s.Processes),
		Interface: label(s.Interface), Netns: label(s.Netns), TCPInfo: infoJSON{s.Info},
	}
	if l := s.Listener; l != nil {
		j.Listener = &listenerJSON{label(addressText(l.Local)), l.Local.Port(), processesJSON(l.Processes)}
	}
	if s.State == tcp.Listen {
		j.AcceptQueue, j.AcceptQueueMax = tcp.Known(s.AcceptQueue), s.AcceptQueueMax
	} else {
		j.RecvQBytes, j.SendQBytes = tcp.Known(s.RecvQueue), tcp.Known(s.SendQueue)
	}
	if s.Timer.Kind != tcp.TimerOff {
		j.Timer.ExpiresMS = tcp.Known(s.Timer.Expires.Milliseconds())
		j.Timer.Retransmits = tcp.Known(s.Timer.Retransmits)
	}
	if age, known := s.Age.Get(); known {
		j.AgeMS, j.AgeExact = tcp.Known(age.Milliseconds()), tcp.Known(s.AgeExact)
	}
	if idle, known := s.Idle.Get(); known {
		j.IdleMS = tcp.Known(idle.Milliseconds())
	}
	if s.Extended != nil {
		j.extendedJSON = extendedOf(s.Extended)
	}
	if m := s.Memory; m != nil {
		j.Memory = &memoryJSON{m.RecvAlloc, m.RecvBuffer, m.SendAlloc, m.SendBuffer, m.ForwardAlloc,
			m.SendQueued, m.OptionMemory, m.Backlog, m.Drops}
	}
	if s.Congestion != nil {
		j.Congestion = label(s.Congestion.Algorithm)
		if a, known := s.Congestion.BBR.Get(); known {
			j.BBR = &bbrJSON{a.Bandwidth, a.MinRTT.Microseconds(), a.PacingGain, a.CwndGain}
		}
		if a, known := s.Congestion.DCTCP.Get(); known {
			j.DCTCP = &dctcpJSON{a.Enabled, a.CEState, a.Alpha, a.ECNBytes, a.AllBytes}
		}
		if a, known := s.Congestion.Vegas.Get(); known {
			j.Vegas = &vegasJSON{a.Enabled, a.RTTCount, a.RTT.Microseconds(), a.MinRTT.Microseconds()}
		}
	}
	return j
}

func processesJSON(processes []tcp.Process) (list []processJSON) {
	for _, p := range processes {
		j := processJSON{PID: p.PID, Name: label(p.Name), FD: p.FD, FDs: p.FDs, UID: p.UID, User: label(p.User), Exe: label(p.Exe)}
		for _, argument := range p.Cmdline {
			j.Cmdline = append(j.Cmdline, label(argument))
		}
		list = append(list, j)
	}
	return list
}

func extendedOf(e *tcp.Extended) extendedJSON {
	j := extendedJSON{
		Mark: e.Mark, CgroupID: e.CgroupID, Cgroup: label(e.Cgroup.Path), Unit: label(e.Cgroup.Unit),
		Container: label(e.Cgroup.Container), Shutdown: e.Shutdown, TOS: e.TOS, TrafficClass: e.TrafficClass,
		ClassID: e.ClassID, V6Only: e.V6Only, Protocol: e.Protocol, ULP: label(e.ULP),
	}
	if options, known := e.Options.Get(); known {
		j.SocketOptions = tcp.Known(options.Names())
	}
	if e.TLS != nil {
		j.TLS = &tlsJSON{e.TLS.Version, e.TLS.Cipher, e.TLS.SendConf, e.TLS.RecvConf, e.TLS.ZeroCopy, e.TLS.NoPad}
	}
	if m := e.MPTCP; m != nil {
		j.MPTCP = &mptcpJSON{m.TokenRemote, m.TokenLocal, m.RelativeSeq, tcp.Cookie(m.MapSeq), m.MapSubflowSeq,
			m.SubflowOffset, m.MapDataLength, m.Flags, m.RemoteID, m.LocalID}
	}
	for _, key := range e.MD5Keys {
		j.MD5Keys = append(j.MD5Keys, md5KeyJSON{key.Prefix, key.Length})
	}
	return j
}

// addressText returns no text for no address.
func addressText(e netip.AddrPort) string {
	if !e.IsValid() {
		return ""
	}
	return e.Addr().String()
}
