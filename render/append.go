package render

import (
	"net/netip"
	"strconv"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// appendSocket appends s as the JSON object that encoding/json makes of a
// socketJSON, without allocating.
func appendSocket(b []byte, s *tcp.Socket) []byte {
	b = append(b, `{"state":"`...)
	b = append(b, s.State.String()...)
	b = append(b, `","family":"`...)
	b = append(b, s.Family.String()...)
	b = appendNamed(append(b, `","local":`...), s.Local, s.LocalName)
	b = appendNamed(append(b, `,"peer":`...), s.Peer, s.PeerName)
	if s.State == tcp.Listen {
		b = appendUint(b, `,"accept_queue":`, s.AcceptQueue)
		b = appendOptional(b, `,"accept_queue_max":`, s.AcceptQueueMax)
	} else {
		b = appendUint(b, `,"recv_q_bytes":`, s.RecvQueue)
		b = appendUint(b, `,"send_q_bytes":`, s.SendQueue)
	}
	b = appendOptional(b, `,"uid":`, s.Owner.UID)
	b = appendOptionalText(b, `,"user":`, s.Owner.User)
	if s.Owner.Inode != 0 {
		b = appendUint(b, `,"inode":`, s.Owner.Inode)
	}
	if s.Cookie != 0 {
		b = append(s.Cookie.Append(append(b, `,"cookie":"`...)), '"')
	}
	b = appendTimer(b, &s.Timer)
	if age, known := s.Age.Get(); known {
		b = appendMilliseconds(b, `,"age_ms":`, age)
		b = appendBool(b, `,"age_exact":`, s.AgeExact)
	}
	if idle, known := s.Idle.Get(); known {
		b = appendMilliseconds(b, `,"idle_ms":`, idle)
	}
	if len(s.Processes) > 0 {
		b = appendProcesses(append(b, `,"processes":[`...), s.Processes)
	}
	if s.Listener != nil {
		b = appendListener(b, s.Listener)
	}
	b = appendOptionalText(b, `,"interface":`, s.Interface)
	b = appendOptionalText(b, `,"netns":`, s.Netns)
	if s.Extended != nil {
		b = appendExtended(b, s.Extended)
	}
	if s.Memory != nil {
		b = appendMemory(b, s.Memory)
	}
	if s.Congestion != nil {
		b = appendCongestion(b, s.Congestion)
	}
	if s.Info != nil {
		b = appendInfo(b, s.Info)
	}
	return append(b, '}')
}

// appendProcesses appends the elements of a list and its end.
func appendProcesses(b []byte, processes []tcp.Process) []byte {
	for i, p := range processes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"pid":`...), int64(p.PID), 10)
		b = text.AppendJSON(append(b, `,"name":`...), p.Name)
		b = strconv.AppendInt(append(b, `,"fd":`...), int64(p.FD), 10)
		for i, fd := range p.FDs {
			separator := `,`
			if i == 0 {
				separator = `,"fds":[`
			}
			b = strconv.AppendInt(append(b, separator...), int64(fd), 10)
		}
		if len(p.FDs) > 0 {
			b = append(b, ']')
		}
		b = appendOptional(b, `,"uid":`, p.UID)
		b = appendOptionalText(b, `,"user":`, p.User)
		b = appendOptionalText(b, `,"exe":`, p.Exe)
		for i, argument := range p.Cmdline {
			separator := `,`
			if i == 0 {
				separator = `,"cmdline":[`
			}
			b = text.AppendJSON(append(b, separator...), argument)
		}
		if len(p.Cmdline) > 0 {
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendListener(b []byte, l *tcp.Listener) []byte {
	b = appendEndpoint(append(b, `,"listener":`...), l.Local)
	if len(l.Processes) > 0 {
		b = appendProcesses(append(b, `,"processes":[`...), l.Processes)
	}
	return append(b, '}')
}

// appendNamed appends an endpoint with its names.
func appendNamed(b []byte, e netip.AddrPort, name tcp.Name) []byte {
	b = appendEndpoint(b, e)
	b = appendOptionalText(b, `,"host":`, name.Host)
	return append(appendOptionalText(b, `,"service":`, name.Service), '}')
}

// appendEndpoint appends the object of an endpoint, less its end.
func appendEndpoint(b []byte, e netip.AddrPort) []byte {
	b = append(b, `{"address":"`...)
	addr := e.Addr()
	if addr.Zone() == "" {
		b = appendAddr(b, addr)
	} else { // the name of an interface, which may hold anything
		b = append(appendAddr(b, addr.WithZone("")), '%')
		b = text.AppendJSONInner(b, addr.Zone())
	}
	return appendUint(b, `","port":`, e.Port())
}

func appendTimer(b []byte, t *tcp.Timer) []byte {
	b = append(b, `,"timer":{"kind":"`...)
	b = append(append(b, t.Kind.String()...), '"')
	if t.Kind != tcp.TimerOff {
		b = appendMilliseconds(b, `,"expires_ms":`, t.Expires)
		b = appendUint(b, `,"retransmits":`, t.Retransmits)
	}
	return append(b, '}')
}

func appendExtended(b []byte, e *tcp.Extended) []byte {
	b = appendOptional(b, `,"mark":`, e.Mark)
	if e.CgroupID != 0 {
		b = appendUint(b, `,"cgroup_id":`, e.CgroupID)
	}
	b = appendOptionalText(b, `,"cgroup":`, e.Cgroup.Path)
	b = appendOptionalText(b, `,"unit":`, e.Cgroup.Unit)
	b = appendOptionalText(b, `,"container":`, e.Cgroup.Container)
	if s, known := e.Shutdown.Get(); known {
		b = append(append(append(b, `,"shutdown":"`...), s.String()...), '"')
	}
	b = appendOptional(b, `,"tos":`, e.TOS)
	b = appendOptional(b, `,"traffic_class":`, e.TrafficClass)
	b = appendOptional(b, `,"class_id":`, e.ClassID)
	if v6only, known := e.V6Only.Get(); known {
		b = appendBool(b, `,"v6only":`, v6only)
	}
	if options, known := e.Options.Get(); known {
		b = appendList(append(b, `,"socket_options":`...), uint64(options), socketOptionNames)
	}
	b = appendOptional(b, `,"protocol":`, e.Protocol)
	b = appendOptionalText(b, `,"ulp":`, e.ULP)
	if e.TLS != nil {
		b = appendTLS(b, e.TLS)
	}
	if e.MPTCP != nil {
		b = appendMPTCP(b, e.MPTCP)
	}
	for i, key := range e.MD5Keys {
		separator := `,{"prefix":"`
		if i == 0 {
			separator = `,"md5_keys":[{"prefix":"`
		}
		b = key.Prefix.AppendTo(append(b, separator...))
		b = append(appendUint(b, `","key_bytes":`, key.Length), '}')
	}
	if len(e.MD5Keys) > 0 {
		b = append(b, ']')
	}
	return b
}

func appendTLS(b []byte, t *tcp.TLS) []byte {
	b = appendUint(b, `,"tls":{"version":`, t.Version)
	b = appendUint(b, `,"cipher":`, t.Cipher)
	b = appendUint(b, `,"send_conf":`, t.SendConf)
	b = appendUint(b, `,"recv_conf":`, t.RecvConf)
	b = appendBool(b, `,"zero_copy":`, t.ZeroCopy)
	b = appendBool(b, `,"no_pad":`, t.NoPad)
	return append(b, '}')
}

func appendMPTCP(b []byte, m *tcp.MPTCP) []byte {
	b = appendUint(b, `,"mptcp":{"token_remote":`, m.TokenRemote)
	b = appendUint(b, `,"token_local":`, m.TokenLocal)
	b = appendUint(b, `,"relative_seq":`, m.RelativeSeq)
	b = tcp.Cookie(m.MapSeq).Append(append(b, `,"map_seq":"`...))
	b = appendUint(b, `","map_subflow_seq":`, m.MapSubflowSeq)
	b = appendUint(b, `,"subflow_offset":`, m.SubflowOffset)
	b = appendUint(b, `,"map_data_bytes":`, m.MapDataLength)
	b = appendUint(b, `,"flags":`, m.Flags)
	b = appendUint(b, `,"remote_id":`, m.RemoteID)
	b = appendUint(b, `,"local_id":`, m.LocalID)
	return append(b, '}')
}

func appendMemory(b []byte, m *tcp.Memory) []byte {
	b = appendUint(b, `,"memory":{"recv_alloc_bytes":`, m.RecvAlloc)
	b = appendUint(b, `,"recv_buffer_bytes":`, m.RecvBuffer)
	b = appendUint(b, `,"send_alloc_bytes":`, m.SendAlloc)
	b = appendUint(b, `,"send_buffer_bytes":`, m.SendBuffer)
	b = appendUint(b, `,"forward_alloc_bytes":`, m.ForwardAlloc)
	b = appendUint(b, `,"send_queued_bytes":`, m.SendQueued)
	b = appendUint(b, `,"option_bytes":`, m.OptionMemory)
	b = appendUint(b, `,"backlog_bytes":`, m.Backlog)
	b = appendOptional(b, `,"drops":`, m.Drops)
	return append(b, '}')
}

func appendCongestion(b []byte, c *tcp.Congestion) []byte {
	b = appendOptionalText(b, `,"congestion":`, c.Algorithm)
	if a, known := c.BBR.Get(); known {
		b = appendUint(b, `,"bbr":{"bandwidth_bytes_per_sec":`, a.Bandwidth)
		b = strconv.AppendInt(append(b, `,"min_rtt_us":`...), a.MinRTT.Microseconds(), 10)
		b = appendUint(b, `,"pacing_gain":`, a.PacingGain)
		b = append(appendUint(b, `,"cwnd_gain":`, a.CwndGain), '}')
	}
	if a, known := c.DCTCP.Get(); known {
		b = appendBool(b, `,"dctcp":{"enabled":`, a.Enabled)
		b = appendUint(b, `,"ce_state":`, a.CEState)
		b = appendUint(b, `,"alpha":`, a.Alpha)
		b = appendUint(b, `,"ecn_bytes":`, a.ECNBytes)
		b = append(appendUint(b, `,"all_bytes":`, a.AllBytes), '}')
	}
	if a, known := c.Vegas.Get(); known {
		b = appendBool(b, `,"vegas":{"enabled":`, a.Enabled)
		b = appendUint(b, `,"rtt_count":`, a.RTTCount)
		b = strconv.AppendInt(append(b, `,"rtt_us":`...), a.RTT.Microseconds(), 10)
		b = strconv.AppendInt(append(b, `,"min_rtt_us":`...), a.MinRTT.Microseconds(), 10)
		b = append(b, '}')
	}
	return b
}

// infoKeys holds what stands before the value of each of tcp.InfoFields.
var infoKeys = func() (keys [len(tcp.InfoFields)]string) {
	for i, f := range tcp.InfoFields {
		keys[i] = `,"` + f.Name + `":`
	}
	return keys
}()

func appendInfo(b []byte, info *tcp.Info) []byte {
	const key = `,"tcp_info":`
	start := len(b)
	b = append(b, key...)
	for i := range tcp.InfoFields {
		f := &tcp.InfoFields[i]
		if !info.Has(f) {
			continue
		}
		b = append(b, infoKeys[i]...)
		switch f.Kind {
		case tcp.InfoBool:
			b = strconv.AppendBool(b, f.Value(info) != 0)
		case tcp.InfoCA:
			b = append(append(append(b, '"'), info.CAState.String()...), '"')
		case tcp.InfoFlags:
			b = appendList(b, f.Value(info), tcp.InfoOptionNames[:])
		default:
			b = strconv.AppendUint(b, f.Value(info), 10)
		}
	}
	if len(b) == start+len(key) {
		return b[:start] // nothing is known
	}
	b[start+len(key)] = '{' // for the first field's comma
	return append(b, '}')
}

// appendList appends the names of the bits as a list of strings.
func appendList(b []byte, bits uint64, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if bits&(1<<i) == 0 {
			continue
		}
		if b[len(b)-1] != '[' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"')
	}
	return append(b, ']')
}

func appendUint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, key string, n T) []byte {
	return strconv.AppendUint(append(b, key...), uint64(n), 10)
}

// appendOptional appends the key and the value, or neither.
func appendOptional[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, key string, o tcp.Optional[T]) []byte {
	n, known := o.Get()
	if !known {
		return b
	}
	return appendUint(b, key, n)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(append(b, key...), v)
}

func appendMilliseconds(b []byte, key string, d time.Duration) []byte {
	return strconv.AppendInt(append(b, key...), d.Milliseconds(), 10)
}

// appendOptionalText appends the key and the string, or neither where there is no text.
func appendOptionalText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return text.AppendJSON(append(b, key...), s)
}
