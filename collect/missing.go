package collect

import "tcpstate/sockdiag"

// notInProc names, as in JSON, what /proc/net/tcp says nothing about
// (get_tcp4_sock in net/ipv4/tcp_ipv4.c).
var notInProc = []string{
	"accept_queue_max", "cookie", "idle_ms", "interface", "mark", "cgroup", "shutdown", "tos", "traffic_class", "class_id",
	"v6only", "socket_options", "ulp", "md5_keys", "memory", "congestion", "tcp_info", "bound_inactive",
}

// cannotKnow returns the names of what the source does not tell this process.
func (s *Snapshot) cannotKnow() []string {
	if s.source == ProcFS {
		return notInProc
	}
	missing := []string{}
	abilities := sockdiag.ProbeAbilities()
	if !abilities.Marks || s.noMarks {
		missing = append(missing, "mark", "md5_keys")
	}
	if !abilities.BoundInactive {
		missing = append(missing, "bound_inactive")
	}
	return missing
}
