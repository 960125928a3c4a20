package render

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"tcpstate/tcp"
)

// The types below are the schema tcpstate/v1 of docs/json.md. What runs for
// every socket is the append encoder in append.go; tests hold it to the bytes
// that encoding/json makes of these.

// schema names the promise: fields may be added to it, never renamed or retyped.
const schema = "tcpstate/v1"

// headJSON is the envelope up to the sockets, tailJSON the rest of it. Warnings
// come last, since some are known only when all sockets have been read.
type headJSON struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	TakenAt time.Time `json:"taken_at"`
	Host    label     `json:"host"`
	Source  string    `json:"source"`
	Missing []string  `json:"missing"`
}

type tailJSON struct {
	Warnings []label `json:"warnings"`
}

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
	Inode          uint32               `json:"inode,omitzero"`
	Cookie         tcp.Cookie           `json:"cookie,omitzero"`
	Timer          timerJSON            `json:"timer"`
	AgeMS          tcp.Optional[int64]  `json:"age_ms,omitzero"`
	AgeExact       tcp.Optional[bool]   `json:"age_exact,omitzero"`
	IdleMS         tcp.Optional[int64]  `json:"idle_ms,omitzero"`
	Interface      label                `json:"interface,omitzero"`
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
}

type timerJSON struct {
	Kind        tcp.TimerKind       `json:"kind"`
	ExpiresMS   tcp.Optional[int64] `json:"expires_ms,omitzero"`
	Retransmits tcp.Optional[uint8] `json:"retransmits,omitzero"`
}

type extendedJSON struct {
	Mark          tcp.Optional[uint32]       `json:"mark,omitzero"`
	CgroupID      uint64                     `json:"cgroup_id,omitzero"`
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
	Prefix   string `json:"prefix"`
	KeyBytes uint16 `json:"key_bytes"`
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

// label is text that may come from outside. Beyond what JSON demands, all that
// is not printable is escaped, since JSON too is read on terminals.
type label string

// MarshalJSON writes the text as encoding/json does, without escapes for HTML.
func (l label) MarshalJSON() ([]byte, error) {
	text, err := marshal(string(l))
	if err != nil {
		return nil, err
	}
	escaped := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case strconv.IsPrint(r):
			escaped = utf8.AppendRune(escaped, r)
		case r <= 0xffff:
			escaped = appendHex(append(escaped, `\u`...), uint32(r), 4)
		default:
			high, low := utf16.EncodeRune(r)
			escaped = appendHex(append(escaped, `\u`...), uint32(high), 4)
			escaped = appendHex(append(escaped, `\u`...), uint32(low), 4)
		}
	}
	return escaped, nil
}

// marshal is json.Marshal without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
