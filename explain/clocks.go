package explain

import (
	"time"

	"tcpstate/lifecycle"
)

// clock is one of the kernel's timers, with the settings or the constant that
// determine it.
type clock struct {
	settings []string // the sysctls from which it is computed
	constant string   // or the name of the kernel's constant
	schedule func(lifecycle.Settings) lifecycle.Schedule
}

// The retransmission timeouts that are used to compute the totals of data and of
// a FIN. minRTO is the shortest. nearRTO is that of a peer that is near: the
// round trip is rounded up to a jiffy, of 4 ms at the usual HZ of 250, and
// added to the shortest (tcp_set_rto, net/ipv4/tcp_input.c). The difference
// matters: a FIN is given up at the first timeout after 102.2 s, which is the
// timeout at 104 s, but would be one at 204 s if all waits were a little shorter.
const (
	minRTO  = 200 * time.Millisecond
	nearRTO = minRTO + 4*time.Millisecond
)

// clocks are the clocks, by the names that pages use.
var clocks = map[string]clock{
	"syn_sent": {
		settings: []string{"net.ipv4.tcp_syn_retries", "net.ipv4.tcp_syn_linear_timeouts"},
		schedule: lifecycle.Settings.SYNSchedule,
	},
	"syn_recv": {
		settings: []string{"net.ipv4.tcp_synack_retries"},
		schedule: lifecycle.Settings.SYNACKSchedule,
	},
	"data": {
		settings: []string{"net.ipv4.tcp_retries2", "net.ipv4.tcp_rto_max_ms"},
		schedule: func(s lifecycle.Settings) lifecycle.Schedule {
			c := s.DataSchedule(minRTO)
			c.GivenUp = s.DataTimeout() // the value in ip-sysctl.rst, 924.6 s, which is counted from the first resend
			return c
		},
	},
	"orphan": {
		settings: []string{"net.ipv4.tcp_orphan_retries", "net.ipv4.tcp_rto_max_ms"},
		schedule: func(s lifecycle.Settings) lifecycle.Schedule { return s.OrphanSchedule(nearRTO) },
	},
	"keepalive": {
		settings: []string{"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"},
		schedule: lifecycle.Settings.KeepaliveSchedule,
	},
	"fin_wait2": {
		settings: []string{"net.ipv4.tcp_fin_timeout"},
		schedule: func(s lifecycle.Settings) lifecycle.Schedule {
			full, small := s.OrphanFinWait2(0)
			return lifecycle.Schedule{GivenUp: full + small}
		},
	},
	"time_wait": {
		constant: "TCP_TIMEWAIT_LEN",
		schedule: func(s lifecycle.Settings) lifecycle.Schedule {
			return lifecycle.Schedule{GivenUp: s.Effective().TWTimeout.Or(lifecycle.TimeWaitLength)}
		},
	},
}

// topicClocks has the clocks that end the state or process of a topic, and
// other settings that affect it. A topic that is not in the map has none.
var topicClocks = map[string]struct{ clocks, settings []string }{
	"LISTEN": {nil, []string{"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies",
		"net.ipv4.tcp_abort_on_overflow"}},
	"SYN_SENT":    {[]string{"syn_sent"}, nil},
	"SYN_RECV":    {[]string{"syn_recv"}, []string{"net.ipv4.tcp_syncookies"}},
	"ESTABLISHED": {[]string{"keepalive", "data"}, nil},
	"FIN_WAIT1":   {[]string{"orphan", "data"}, nil},
	"FIN_WAIT2":   {[]string{"fin_wait2"}, nil},
	"CLOSING":     {[]string{"orphan"}, nil},
	"TIME_WAIT": {[]string{"time_wait"}, []string{"net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_tw_reuse",
		"net.ipv4.tcp_tw_reuse_delay"}},
	"CLOSE_WAIT":     {nil, nil},
	"LAST_ACK":       {[]string{"orphan"}, nil},
	"CLOSE":          {nil, nil},
	"BOUND_INACTIVE": {nil, nil},

	"handshake":          {[]string{"syn_sent", "syn_recv"}, nil},
	"teardown":           {[]string{"orphan", "fin_wait2", "time_wait"}, nil},
	"simultaneous-open":  {[]string{"syn_sent"}, nil},
	"simultaneous-close": {[]string{"orphan", "time_wait"}, nil},
	"half-close":         {[]string{"fin_wait2"}, nil},
	"half-open":          {[]string{"keepalive", "data"}, nil},
	"keepalive":          {[]string{"keepalive"}, nil},
	"syn-flood": {[]string{"syn_recv"}, []string{"net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_syn_backlog",
		"net.core.somaxconn"}},
	"syn-cookies": {[]string{"syn_recv"}, []string{"net.ipv4.tcp_syncookies", "net.ipv4.tcp_timestamps"}},
	"backlog": {[]string{"syn_recv"}, []string{"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog",
		"net.ipv4.tcp_syncookies", "net.ipv4.tcp_abort_on_overflow"}},
	"port-exhaustion": {[]string{"time_wait"}, []string{"net.ipv4.ip_local_port_range",
		"net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_tw_reuse"}},
	"2msl":          {[]string{"time_wait"}, nil},
	"why-time-wait": {[]string{"time_wait"}, nil},
	"client-died":   {[]string{"keepalive", "data"}, nil},
}
