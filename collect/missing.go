package collect

import (
	"slices"

	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// notInProc names what /proc/net/tcp says nothing about (get_tcp4_sock in
// net/ipv4/tcp_ipv4.c): fields as in JSON, objects as a whole, and sockets in the
// states bound_inactive and close. cgroup is cgroup_id and what follows from it.
var notInProc = []string{
	"accept_queue_max", "cookie", "idle_ms", "interface", "mark", "cgroup", "cgroup_id", "shutdown", "tos", "traffic_class",
	"class_id", "v6only", "socket_options", "protocol", "ulp", "tls", "mptcp", "md5_keys", "memory", "congestion", "bbr",
	"dctcp", "vegas", "tcp_info", "bound_inactive", "close",
}

// missingInDump names what the kernel does not report to this process over sock_diag.
func missingInDump(abilities sockdiag.Abilities, noMarks bool) []string {
	missing := []string{}
	if !abilities.Marks || noMarks {
		missing = append(missing, "mark", "md5_keys")
	}
	if !abilities.BoundInactive {
		missing = append(missing, "bound_inactive", "close")
	}
	return missing
}

// judgeable refuses a filter that depends on something that the source does not
// report: it would select nothing, as if there were no such sockets.
func judgeable(q *Query, source Source, missing []string) error {
	if slices.Contains(missing, "tcp_info") && q.Filter.Needs().Has(tcp.DetailAge) && q.States&agedByInfo != 0 {
		missing = append(slices.Clone(missing), "age_ms")
	}
	return q.Filter.Unknown(source.String(), missing)
}

// agedByInfo are the states whose age only tcp_info reports
// (lifecycle.Clocks.SetAge).
const agedByInfo tcp.StateSet = 1<<tcp.Established | 1<<tcp.CloseWait
