package collect

// notInProc names what /proc/net/tcp says nothing about (get_tcp4_sock in
// net/ipv4/tcp_ipv4.c): fields as in JSON, objects as a whole, and sockets in the
// states bound_inactive and close. cgroup is cgroup_id and what follows from it.
var notInProc = []string{
	"accept_queue_max", "cookie", "idle_ms", "interface", "mark", "cgroup", "cgroup_id", "shutdown", "tos", "traffic_class",
	"class_id", "v6only", "socket_options", "protocol", "ulp", "tls", "mptcp", "md5_keys", "memory", "congestion", "bbr",
	"dctcp", "vegas", "tcp_info", "bound_inactive", "close",
}

// cannotKnow returns the names of what the source does not tell this process.
func (r *reading) cannotKnow() []string {
	if r.source == ProcFS {
		return notInProc
	}
	missing := []string{}
	if !r.abilities.Marks || r.noMarks {
		missing = append(missing, "mark", "md5_keys")
	}
	if !r.abilities.BoundInactive {
		missing = append(missing, "bound_inactive", "close")
	}
	return missing
}
