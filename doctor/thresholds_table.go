package doctor

import (
	"time"
)

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
	floodRate
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
	refusedRate
	refusedShare
	refusedMany
	closeWaitAge
	closeWaitCount
	closeWaitOld
	closeWaitMany
	closeWaitCrowd
	closeWaitUnknown
	endedCount
	fdNear
	fdFull
	portsNear
	portsFull
	portsBound
	portsShared
	timeWaitNear
	finWait2Age
	finWait2Count
	orphanedCount
	closingResends
	closingCount
	closingMany
	conntrackNear
	conntrackFull
	earlyRate
	orphansShare
	orphansFull
	memoryNear
	lossRate
	lossShare
	lossMany
	lossSpurious
	lossMost
	deadPathResends
	deadPathProbes
	deadPathCount
	mtuResends
	mtuSegment
	mtuCount
	blockedTries
	blockedCount
	peerAge
	peerCount
	appAge
	appBytes
	appCount
	keepaliveIdle
	keepaliveCount
	halfOpenIdle
	halfOpenProbes
	halfOpenCount
	abortsMemory
	abortsCount
	baselineFactor
	baselineSockets
	baselineRate
	riskyRetriesFew
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
	refusedSource = "tcp_done, net/ipv4/tcp.c; tcp_v4_send_reset, net/ipv4/tcp_ipv4.c"
	retriesSource = "tcp_retransmit_timer, net/ipv4/tcp_timer.c; RFC 6298 section 5.5"
)

// thresholdTable has all the numbers of the rules.
var thresholdTable = [numThresholds]Threshold{
	acceptFill:       {"accept-queue-full.fill", 100, UnitPercent, listenSource},
	acceptNear:       {"accept-queue-full.near", 75, UnitPercent, ""},
	acceptLeast:      {"accept-queue-full.least", 8, UnitCount, ""},
	acceptWait:       {"accept-queue-full.wait", int64(10 * time.Second), UnitDuration, ""},
	overflowsCount:   {"accept-queue-overflows.count", 1, UnitCount, "tcp_conn_request and tcp_v4_syn_recv_sock count ListenOverflows"},
	overflowsShare:   {"accept-queue-overflows.share", 1, UnitPercent, ""},
	floodHalfOpen:    {"syn-flood.half-open", 64, UnitCount, synackSource},
	floodRate:        {"syn-flood.rate", 50, UnitCount, ""},
	floodResent:      {"syn-flood.resent", 50, UnitPercent, synackSource},
	floodPrefixes:    {"syn-flood.prefixes", 8, UnitCount, "RFC 4987 section 2"},
	floodTopShare:    {"syn-flood.top-share", 50, UnitPercent, "RFC 4987 section 2"},
	floodCompleted:   {"syn-flood.completed", 25, UnitPercent, "Tcp.PassiveOpens: tcp_create_openreq_child, net/ipv4/tcp_minisocks.c"},
	floodCookies:     {"syn-flood.cookies", 100, UnitCount, cookiesSource},
	floodAnswered:    {"syn-flood.answered", 25, UnitPercent, cookiesSource},
	synQueueFill:     {"syn-queue-full.fill", 75, UnitPercent, synackSource},
	synQueueLeast:    {"syn-queue-full.least", 8, UnitCount, ""},
	synQueueStanding: {"syn-queue-full.standing", 16, UnitCount, synackSource},
	cookiesCount:     {"syn-cookies-active.count", 1, UnitCount, cookiesSource},
	synSentAge:       {"syn-sent-stuck.age", int64(3 * time.Second), UnitDuration, "RFC 6298 section 2.1: 1 s; tcp_syn_linear_timeouts"},
	synSentCount:     {"syn-sent-stuck.count", 3, UnitCount, ""},
	synSentScattered: {"syn-sent-stuck.scattered", 20, UnitCount, ""},
	refusedRate:      {"connections-refused.rate", 10, UnitCount, refusedSource},
	refusedShare:     {"connections-refused.share", 60, UnitPercent, "RFC 8305"},
	refusedMany:      {"connections-refused.many", 100, UnitCount, refusedSource},
	closeWaitAge:     {"close-wait-leak.age", int64(time.Minute), UnitDuration, ""},
	closeWaitCount:   {"close-wait-leak.count", 10, UnitCount, ""},
	closeWaitOld:     {"close-wait-leak.old", int64(time.Hour), UnitDuration, "RFC 9293 section 3.10.4"},
	closeWaitMany:    {"close-wait-leak.many", 1000, UnitCount, "getrlimit(2)"},
	closeWaitCrowd:   {"close-wait-leak.crowd", 1000, UnitCount, "getrlimit(2)"},
	closeWaitUnknown: {"close-wait-leak.unknown-age", 100, UnitCount, ""},
	endedCount:       {"ended-not-closed.count", 32, UnitCount, ""},
	fdNear:           {"fd-limit-near.near", 80, UnitPercent, ""},
	fdFull:           {"fd-limit-near.full", 95, UnitPercent, "getrlimit(2), accept(2)"},
	portsNear:        {"port-exhaustion.near", 70, UnitPercent, "__inet_hash_connect, net/ipv4/inet_hashtables.c"},
	portsFull:        {"port-exhaustion.full", 90, UnitPercent, "connect(2)"},
	portsBound:       {"port-exhaustion.bound", 90, UnitPercent, "inet_csk_get_port, net/ipv4/inet_connection_sock.c; bind(2)"},
	portsShared:      {"port-exhaustion.shared", 10, UnitPercent, "__inet_hash_connect, net/ipv4/inet_hashtables.c"},
	timeWaitNear:     {"time-wait-overflow.near", 90, UnitPercent, "inet_twsk_alloc, net/ipv4/inet_timewait_sock.c; RFC 1337"},
	finWait2Age:      {"fin-wait2-held.age", int64(10 * time.Minute), UnitDuration, ""},
	finWait2Count:    {"fin-wait2-held.count", 10, UnitCount, "tcp_fin_timeout in ip-sysctl.rst"},
	orphanedCount:    {"fin-wait2-orphans.count", 1000, UnitCount, "tcp_fin_timeout in ip-sysctl.rst"},
	closingResends:   {"closing-stuck.resends", 3, UnitCount, retriesSource},
	closingCount:     {"closing-stuck.count", 10, UnitCount, ""},
	closingMany:      {"closing-stuck.many", 100, UnitCount, ""},
	conntrackNear:    {"conntrack-full.near", 90, UnitPercent, "__nf_conntrack_alloc, net/netfilter/nf_conntrack_core.c"},
	conntrackFull:    {"conntrack-full.full", 100, UnitPercent, "__nf_conntrack_alloc, net/netfilter/nf_conntrack_core.c"},
	earlyRate:        {"dropped-early.rate", 10, UnitCount, ""},
	orphansShare:     {"orphans-high.share", 25, UnitPercent, "tcp_out_of_resources, net/ipv4/tcp_timer.c"},
	orphansFull:      {"orphans-high.full", 90, UnitPercent, "tcp_check_oom, net/ipv4/tcp.c"},
	memoryNear:       {"tcp-memory-pressure.near", 90, UnitPercent, "tcp_mem in ip-sysctl.rst"},
	lossRate:         {"loss-high.rate", 10, UnitCount, ""},
	lossShare:        {"loss-high.share", 1, UnitPercent, "the check of RetransSegs in hotsos"},
	lossMany:         {"loss-high.many", 5, UnitPercent, "Mathis et al., The macroscopic behavior of the TCP congestion avoidance algorithm, 1997"},
	lossSpurious:     {"loss-high.spurious", 50, UnitPercent, "RFC 2883; tcp_check_dsack, net/ipv4/tcp_input.c"},
	lossMost:         {"loss-high.most", 50, UnitPercent, ""},
	deadPathResends:  {"dead-path.resends", 5, UnitCount, retriesSource},
	deadPathProbes:   {"dead-path.probes", 3, UnitCount, "tcp_send_probe0, net/ipv4/tcp_output.c"},
	deadPathCount:    {"dead-path.count", 5, UnitCount, ""},
	mtuResends:       {"mtu-blackhole.resends", 3, UnitCount, retriesSource},
	mtuSegment:       {"mtu-blackhole.segment", 1220, UnitBytes, "RFC 8200 section 5"},
	mtuCount:         {"mtu-blackhole.count", 3, UnitCount, ""},
	blockedTries:     {"send-blocked.tries", 3, UnitCount, "tcp_check_probe_timer, include/net/tcp.h"},
	blockedCount:     {"send-blocked.count", 5, UnitCount, ""},
	peerAge:          {"peer-not-reading.age", int64(10 * time.Second), UnitDuration, "RFC 9293 section 3.8.6.1"},
	peerCount:        {"peer-not-reading.count", 5, UnitCount, ""},
	appAge:           {"app-not-reading.age", int64(10 * time.Second), UnitDuration, ""},
	appBytes:         {"app-not-reading.bytes", 1, UnitBytes, ""},
	appCount:         {"app-not-reading.count", 5, UnitCount, ""},
	keepaliveIdle:    {"no-keepalive.idle", int64(time.Hour), UnitDuration, "RFC 5382 section 5"},
	keepaliveCount:   {"no-keepalive.count", 10, UnitCount, ""},
	halfOpenIdle:     {"half-open-suspects.idle", int64(24 * time.Hour), UnitDuration, "tcp_keepalive_time in ip-sysctl.rst; RFC 9293 section 3.5.1"},
	halfOpenProbes:   {"half-open-suspects.probes", 2, UnitCount, "tcp_keepalive_timer, net/ipv4/tcp_timer.c"},
	halfOpenCount:    {"half-open-suspects.count", 5, UnitCount, ""},
	abortsMemory:     {"aborts-rising.memory", 1, UnitCount, "tcp_check_oom, net/ipv4/tcp.c"},
	abortsCount:      {"aborts-rising.count", 10, UnitCount, ""},
	baselineFactor:   {"unlike-baseline.factor", 3, UnitCount, ""},
	baselineSockets:  {"unlike-baseline.sockets", 100, UnitCount, ""},
	baselineRate:     {"unlike-baseline.rate", 20, UnitCount, ""},
	riskyRetriesFew:  {"sysctl-risky.retries2-few", 3, UnitCount, "tcp_retransmit_timer, net/ipv4/tcp_timer.c"},
	riskyRetries:     {"sysctl-risky.retries2", 8, UnitCount, "RFC 1122 section 4.2.3.5; tcp_retries2 in ip-sysctl.rst"},
	riskyFinTimeout:  {"sysctl-risky.fin-timeout", int64(2 * time.Minute), UnitDuration, "tcp_fin_timeout in ip-sysctl.rst"},
	riskyBuckets:     {"sysctl-risky.tw-buckets", 4096, UnitCount, "TCP_TIMEWAIT_LEN, include/net/tcp.h"},
	riskyPorts:       {"sysctl-risky.ports", 4096, UnitCount, "TCP_TIMEWAIT_LEN, include/net/tcp.h"},
	riskySomaxconn:   {"sysctl-risky.somaxconn", 128, UnitCount, "SOMAXCONN, include/linux/socket.h"},
}
