package doctor

import "time"

// thresholdID is the index of a threshold in the table.
type thresholdID int

const (
	acceptFill thresholdID = iota
	acceptNear
	acceptLeast
	acceptWait
	overflowsCount
	overflowsShare
	floodHalfOpen
	floodResent
	floodPrefixes
	floodTopShare
	floodCompleted
	floodCookies
	floodAnswered
	synQueueFill
	synQueueLeast
	synQueueStanding
	cookiesCount
	synSentAge
	synSentCount
	synSentScattered
	closeWaitAge
	closeWaitCount
	closeWaitOld
	closeWaitMany
	closeWaitUnknown
	fdNear
	fdFull
	portsNear
	portsFull
	timeWaitNear
	finWait2Age
	finWait2Count
	closingResends
	closingCount
	closingMany
	orphansShare
	orphansFull
	memoryNear
	deadPathResends
	deadPathCount
	peerAge
	peerCount
	appAge
	appBytes
	appCount
	keepaliveIdle
	keepaliveCount
	halfOpenIdle
	halfOpenProbes
	abortsMemory
	abortsCount
	riskyRetries
	riskyFinTimeout
	riskyBuckets
	riskyPorts
	riskySomaxconn
	numThresholds
)

const (
	listenSource  = "inet_csk_reqsk_queue_is_full and sk_acceptq_is_full in the kernel's include/net"
	synackSource  = "tcp_conn_request, net/ipv4/tcp_input.c; reqsk_timer_handler, net/ipv4/inet_connection_sock.c"
	cookiesSource = "tcp_syn_flood_action, net/ipv4/tcp_input.c; cookie_v4_check, net/ipv4/syncookies.c"
	retriesSource = "tcp_retransmit_timer, net/ipv4/tcp_timer.c; RFC 6298 section 5.5"
	chosen        = "chosen by experience; no standard says"
)

// thresholdTable has all the numbers of the rules.
var thresholdTable = [numThresholds]Threshold{
	acceptFill: {"accept-queue-full.fill", 100, UnitPercent, "of its maximum that the accept queue holds",
		"past its maximum the kernel drops SYNs and final ACKs", listenSource},
	acceptNear: {"accept-queue-full.near", 75, UnitPercent, "of its maximum, for a warning",
		"a quarter of the queue is what a burst has left", chosen},
	acceptLeast: {"accept-queue-full.least", 8, UnitCount, "connections that wait, at least, for that warning",
		"a short queue is nearly full for a moment in healthy service", chosen},
	acceptWait: {"accept-queue-full.wait", int64(10 * time.Second), UnitDuration, "how long a connection has waited to be accepted",
		"a program that serves accepts in milliseconds; clients commonly give up within 10 to 30 s", chosen},
	overflowsCount: {"accept-queue-overflows.count", 1, UnitCount, "overflows between the two readings",
		"each is a client that had to try again", "tcp_conn_request and tcp_v4_syn_recv_sock count ListenOverflows"},
	overflowsShare: {"accept-queue-overflows.share", 1, UnitPercent, "of all accepted connections, where one reading since boot is all there is",
		"a few overflows in a long life tell nothing of now", chosen},
	floodHalfOpen: {"syn-flood.half-open", 64, UnitCount, "half-open connections of one listener",
		"at a round trip of 50 ms, real clients keep so many half-open only from about 1,300 new connections a second on", synackSource},
	floodResent: {"syn-flood.resent", 50, UnitPercent, "of them whose SYN-ACK was resent",
		"a real client answers within a round trip, the first resend is after 1 s", synackSource},
	floodPrefixes: {"syn-flood.prefixes", 8, UnitCount, "networks (/24, /64) that they come from",
		"forged sources spread over many; a broken path shows in few", "RFC 4987 section 2"},
	floodTopShare: {"syn-flood.top-share", 50, UnitPercent, "of them that the busiest network may hold",
		"where one network holds most, it, or the path to it, is the matter", "RFC 4987 section 2"},
	floodCompleted: {"syn-flood.completed", 25, UnitPercent, "handshakes completed between the readings, of the half-open ones",
		"over an interval of many round trips real clients complete many times as many as are half-open at one moment", "Tcp.PassiveOpens: tcp_create_openreq_child, net/ipv4/tcp_minisocks.c"},
	floodCookies: {"syn-flood.cookies", 100, UnitCount, "SYN cookies sent, or SYNs dropped, between the readings",
		"fewer is a burst", cookiesSource},
	floodAnswered: {"syn-flood.answered", 25, UnitPercent, "of them that were answered",
		"real clients send nearly all of them back, forged sources none", cookiesSource},
	synQueueFill: {"syn-queue-full.fill", 75, UnitPercent, "of what the listener can hold half-open",
		"at three quarters tcp_max_syn_backlog begins to drop; a full queue sends cookies or drops", synackSource},
	synQueueLeast: {"syn-queue-full.least", 8, UnitCount, "half-open connections, at least",
		"a backlog of a few is filled by a few clients at once", chosen},
	synQueueStanding: {"syn-queue-full.standing", 16, UnitCount, "half-open connections whose SYN-ACK was resent, however long the queue",
		"each has waited for a second or more for an answer that takes a round trip", synackSource},
	cookiesCount: {"syn-cookies-active.count", 1, UnitCount, "SYN cookies sent between the readings",
		"the kernel sends them only where a queue is full, unless tcp_syncookies is 2", cookiesSource},
	synSentAge: {"syn-sent-stuck.age", int64(3 * time.Second), UnitDuration, "how long an attempt has had no answer",
		"by then two resends have been lost too", "RFC 6298 section 2.1: 1 s; tcp_syn_linear_timeouts"},
	synSentCount: {"syn-sent-stuck.count", 3, UnitCount, "such attempts at one destination, for a warning; fewer are info",
		"one may be a host that is switched off", chosen},
	synSentScattered: {"syn-sent-stuck.scattered", 20, UnitCount, "such attempts at various destinations together, for a warning",
		"where many do not answer, the way out of this host may be shut", chosen},
	closeWaitAge: {"close-wait-leak.age", int64(time.Minute), UnitDuration, "how long a CLOSE_WAIT has stood",
		"a program that reads closes within milliseconds of the end of file", chosen},
	closeWaitCount: {"close-wait-leak.count", 10, UnitCount, "that have stood so long, of one program",
		"one or two may be finishing work", chosen},
	closeWaitOld: {"close-wait-leak.old", int64(time.Hour), UnitDuration, "how long a single one has stood",
		"no timer ends CLOSE_WAIT: what has stood an hour stands until the program ends", "RFC 9293 section 3.10.4"},
	closeWaitMany: {"close-wait-leak.many", 1000, UnitCount, "that have stood so long, for critical",
		"1,024 is the usual soft limit of descriptors", "getrlimit(2)"},
	closeWaitUnknown: {"close-wait-leak.unknown-age", 100, UnitCount, "CLOSE_WAIT of one program where their age is not known",
		"so many at one moment are no passing state", chosen},
	fdNear: {"fd-limit-near.near", 80, UnitPercent, "of RLIMIT_NOFILE that are open",
		"what is left is one burst", chosen},
	fdFull: {"fd-limit-near.full", 95, UnitPercent, "of RLIMIT_NOFILE, for critical",
		"at the limit accept() and connect() fail with EMFILE", "getrlimit(2), accept(2)"},
	portsNear: {"port-exhaustion.near", 70, UnitPercent, "of the local ports towards one destination that are taken",
		"connect() searches longer the fewer are free", "__inet_hash_connect, net/ipv4/inet_hashtables.c"},
	portsFull: {"port-exhaustion.full", 90, UnitPercent, "of them, for critical",
		"at the end connect() fails with EADDRNOTAVAIL", "connect(2)"},
	timeWaitNear: {"time-wait-overflow.near", 90, UnitPercent, "of tcp_max_tw_buckets that are in use",
		"past it TIME_WAIT is left out, and an old segment may reach a new connection", "inet_twsk_alloc, net/ipv4/inet_timewait_sock.c; RFC 1337"},
	finWait2Age: {"fin-wait2-held.age", int64(10 * time.Minute), UnitDuration, "how long a program has held a FIN_WAIT2 of whose peer nothing came",
		"an answer that is still to come seldom takes longer", chosen},
	finWait2Count: {"fin-wait2-held.count", 10, UnitCount, "such, for a warning; fewer are info",
		"no timer ends them while the program holds them", "tcp_fin_timeout in ip-sysctl.rst"},
	closingResends: {"closing-stuck.resends", 3, UnitCount, "resends without an answer in FIN_WAIT1, CLOSING or LAST_ACK",
		"three in a row are seldom chance", retriesSource},
	closingCount: {"closing-stuck.count", 10, UnitCount, "such, for info",
		"a few are always there: peers are switched off", chosen},
	closingMany: {"closing-stuck.many", 100, UnitCount, "such, for a warning",
		"each holds memory for up to tcp_orphan_retries resends", chosen},
	orphansShare: {"orphans-high.share", 25, UnitPercent, "of tcp_max_orphans that are in use",
		"an orphan that misbehaves is counted up to four times: past a quarter the kernel begins to reset", "tcp_out_of_resources, net/ipv4/tcp_timer.c"},
	orphansFull: {"orphans-high.full", 90, UnitPercent, "of it, for critical",
		"past the limit every new orphan is reset", "tcp_check_oom, net/ipv4/tcp.c"},
	memoryNear: {"tcp-memory-pressure.near", 90, UnitPercent, "of the second number of tcp_mem, for info",
		"at it the kernel begins to shrink buffers", "tcp_mem in ip-sysctl.rst"},
	deadPathResends: {"dead-path.resends", 5, UnitCount, "resends in a row without an answer",
		"the waits double from 200 ms: five are more than 6 s of silence", retriesSource},
	deadPathCount: {"dead-path.count", 5, UnitCount, "such connections, for a warning; fewer are info",
		"one is a client that was switched off", chosen},
	peerAge: {"peer-not-reading.age", int64(10 * time.Second), UnitDuration, "how long nothing could be sent to a peer that closed its window",
		"a reader that is only slow opens it again within seconds", "RFC 9293 section 3.8.6.1"},
	peerCount: {"peer-not-reading.count", 5, UnitCount, "such connections, for a warning; fewer are info",
		"one is a client that hangs", chosen},
	appAge: {"app-not-reading.age", int64(10 * time.Second), UnitDuration, "how long data has lain unread since the last of it came",
		"a program that serves reads in milliseconds", chosen},
	appBytes: {"app-not-reading.bytes", 1, UnitBytes, "unread, at least",
		"any byte that nobody reads is work that is not done", chosen},
	appCount: {"app-not-reading.count", 5, UnitCount, "such connections of one program, for a warning; fewer are info",
		"one may be a program that is paused", chosen},
	keepaliveIdle: {"no-keepalive.idle", int64(time.Hour), UnitDuration, "how long a connection without keepalive has been idle",
		"many firewalls forget an idle connection within an hour; RFC 5382 asks for two hours", "RFC 5382 section 5"},
	keepaliveCount: {"no-keepalive.count", 10, UnitCount, "such connections of one program",
		"a few idle ones are common", chosen},
	halfOpenIdle: {"half-open-suspects.idle", int64(24 * time.Hour), UnitDuration, "how long nothing at all has come from a peer, without keepalive",
		"keepalive would have settled it in 2 h 11 min", "tcp_keepalive_time in ip-sysctl.rst; RFC 9293 section 3.5.1"},
	halfOpenProbes: {"half-open-suspects.probes", 2, UnitCount, "keepalive probes in a row without an answer",
		"one may have been lost", "tcp_keepalive_timer, net/ipv4/tcp_timer.c"},
	abortsMemory: {"aborts-rising.memory", 1, UnitCount, "connections reset for want of memory between the readings",
		"each is a connection that nobody meant to end", "tcp_check_oom, net/ipv4/tcp.c"},
	abortsCount: {"aborts-rising.count", 10, UnitCount, "connections ended early for one of the other causes between the readings",
		"a few a second are the daily life of a busy host", chosen},
	riskyRetries: {"sysctl-risky.retries2", 8, UnitCount, "tcp_retries2, at least",
		"8 is 100 s or more, the least that RFC 1122 allows", "RFC 1122 section 4.2.3.5; tcp_retries2 in ip-sysctl.rst"},
	riskyFinTimeout: {"sysctl-risky.fin-timeout", int64(2 * time.Minute), UnitDuration, "tcp_fin_timeout, at most",
		"twice the default", "tcp_fin_timeout in ip-sysctl.rst"},
	riskyBuckets: {"sysctl-risky.tw-buckets", 4096, UnitCount, "tcp_max_tw_buckets, at least",
		"68 connections a second, closed here first, fill as many in 60 s", "TCP_TIMEWAIT_LEN, include/net/tcp.h"},
	riskyPorts: {"sysctl-risky.ports", 4096, UnitCount, "ports that ip_local_port_range leaves to connect(), at least",
		"68 connections a second to one destination use up as many in the 60 s of TIME_WAIT", "TCP_TIMEWAIT_LEN, include/net/tcp.h"},
	riskySomaxconn: {"sysctl-risky.somaxconn", 128, UnitCount, "net.core.somaxconn, at least",
		"the default of Linux before 5.4, when it was found too small", "SOMAXCONN, include/linux/socket.h"},
}
