package fields

import "tcpstate/tcp"

// infoSources are the sources that know tcp_info.
const infoSources = SockDiag

// inProc are the sources of the fields of tcp_info that /proc/net/tcp has too.
const inProc = infoSources | ProcFS

// info returns the fields of tcp.Info, in the kernel's order. A field is known
// if the kernel's struct tcp_info is long enough to hold it. The generator
// computes where the field ends from the structure in sockdiag/attributes.go.
func info() []Field {
	return with(Field{Needs: tcp.DetailInfo, When: "where known", From: infoSources, States: withInfo &^ listen}, []Field{
		{Name: "tcp_info.ca_state", Kind: Enum, Of: "s.Info.CAState", Doc: "congestion state"},
		{Name: "tcp_info.retransmits", Of: "s.Info.Retransmits", Doc: "timeouts in a row for the segment that is resent now"},
		{Name: "tcp_info.probes", Of: "s.Info.Probes", Doc: "unanswered window or keepalive probes"},
		{Name: "tcp_info.backoff", Of: "s.Info.Backoff", Doc: "how often the timeout has been doubled"},
		{Name: "tcp_info.options", Kind: Flags, Of: "s.Info.Options", Bits: tcp.InfoOptionNames[:], Doc: "what the two ends agreed on"},
		{Name: "tcp_info.snd_wscale", Of: "s.Info.SendWindowScale", Doc: "shift of the windows that the peer advertises"},
		{Name: "tcp_info.rcv_wscale", Of: "s.Info.RecvWindowScale", Doc: "shift of the windows that this end advertises"},
		{Name: "tcp_info.delivery_rate_app_limited", Kind: Boolean, Of: "s.Info.DeliveryRateAppLimited", Doc: "true if the program, not the path, limited the delivery rate"},
		{Name: "tcp_info.fastopen_client_fail", Of: "s.Info.FastOpenClientFail", Doc: "why TCP Fast Open failed: 0 it did not fail, 1 no cookie, 2 SYN data not acknowledged, 3 timeout"},
		{Name: "tcp_info.rto_us", Kind: Duration, Of: "s.Info.RTO", From: inProc, Doc: "current retransmission timeout; from procfs in steps of 10 ms"},
		{Name: "tcp_info.ato_us", Kind: Duration, Of: "s.Info.ATO", Doc: "timeout of delayed acknowledgements"},
		{Name: "tcp_info.snd_mss_bytes", Of: "s.Info.SendMSS", Doc: "largest segment sent"},
		{Name: "tcp_info.rcv_mss_bytes", Of: "s.Info.RecvMSS", Doc: "largest segment received, as the kernel estimates it for delayed acknowledgements"},
		{Name: "tcp_info.unacked", Of: "s.Info.Unacked", Doc: "segments sent and not acknowledged"},
		{Name: "tcp_info.sacked", Of: "s.Info.Sacked", Doc: "segments that the peer acknowledged out of order (SACK)"},
		{Name: "tcp_info.lost", Of: "s.Info.Lost", Doc: "segments that the kernel considers lost"},
		{Name: "tcp_info.retrans", Of: "s.Info.Retrans", Doc: "segments resent and not acknowledged"},
		{Name: "tcp_info.fackets", Of: "s.Info.Fackets", Doc: "not used since Linux 4.15, where it is always 0"},
		{Name: "tcp_info.last_data_sent_ms", Kind: Duration, Of: "s.Info.LastDataSent", Known: "!s.Info.Connecting", Doc: "time since data was last sent"},
		{Name: "tcp_info.last_data_recv_ms", Kind: Duration, Of: "s.Info.LastDataRecv", Known: "!s.Info.Connecting", Doc: "time since data last arrived"},
		{Name: "tcp_info.last_ack_recv_ms", Kind: Duration, Of: "s.Info.LastAckRecv", Known: "!s.Info.Connecting", Doc: "time since an acknowledgement last arrived"},
		{Name: "tcp_info.pmtu_bytes", Of: "s.Info.PathMTU", Doc: "path MTU"},
		{Name: "tcp_info.rcv_ssthresh_bytes", Of: "s.Info.RecvSSThresh", Doc: "limit of the window that this end will advertise"},
		{Name: "tcp_info.rtt_us", Kind: Duration, Of: "s.Info.RTT", Filter: "rtt", Known: "s.Info.RTT != 0", Doc: "smoothed round-trip time"},
		{Name: "tcp_info.rttvar_us", Kind: Duration, Of: "s.Info.RTTVar", Known: "s.Info.RTT != 0", Doc: "mean deviation of the round-trip time"},
		{Name: "tcp_info.snd_ssthresh", Of: "s.Info.SendSSThresh", From: inProc, Doc: "slow start threshold in segments; 2147483647 until the first loss"},
		{Name: "tcp_info.cwnd", Of: "s.Info.SendCwnd", From: inProc, States: withInfo, Doc: "congestion window in segments"},
		{Name: "tcp_info.advmss_bytes", Of: "s.Info.AdvertisedMSS", Doc: "MSS that this end advertised"},
		{Name: "tcp_info.reordering", Of: "s.Info.Reordering", States: withInfo, Doc: "how far segments may be reordered before the kernel considers one lost, in segments"},
		{Name: "tcp_info.rcv_rtt_us", Kind: Duration, Of: "s.Info.RecvRTT", Known: "s.Info.RecvRTT != 0", Doc: "round-trip time as the receiver estimates it"},
		{Name: "tcp_info.rcv_space_bytes", Of: "s.Info.RecvSpace", Doc: "receive buffer space that autotuning aims for"},
		{Name: "tcp_info.total_retrans", Of: "s.Info.TotalRetrans", Doc: "segments resent during the life of the connection"},
		{Name: "tcp_info.pacing_rate_bytes_per_sec", Of: "s.Info.PacingRate", Known: "s.Info.PacingRate != tcp.NoPacingLimit", States: withInfo, Doc: "pacing rate for sending"},
		{Name: "tcp_info.max_pacing_rate_bytes_per_sec", Of: "s.Info.MaxPacingRate", Known: "s.Info.MaxPacingRate != tcp.NoPacingLimit", States: withInfo, Doc: "limit of the pacing rate, SO_MAX_PACING_RATE"},
		{Name: "tcp_info.acked_bytes", Of: "s.Info.AckedBytes", Doc: "bytes that were sent and acknowledged (RFC 4898 HCThruOctetsAcked)"},
		{Name: "tcp_info.received_bytes", Of: "s.Info.ReceivedBytes", Doc: "bytes that were received and acknowledged (RFC 4898 HCThruOctetsReceived)"},
		{Name: "tcp_info.segs_out", Of: "s.Info.SegsOut", Doc: "segments sent"},
		{Name: "tcp_info.segs_in", Of: "s.Info.SegsIn", Doc: "segments received"},
		{Name: "tcp_info.notsent_bytes", Of: "s.Info.NotSentBytes", Doc: "bytes in the send queue that were never sent"},
		{Name: "tcp_info.min_rtt_us", Kind: Duration, Of: "s.Info.MinRTT", Known: "s.Info.MinRTT != tcp.RTTNotMeasured", Doc: "lowest round-trip time of the recent past"},
		{Name: "tcp_info.data_segs_in", Of: "s.Info.DataSegsIn", Doc: "segments received with data"},
		{Name: "tcp_info.data_segs_out", Of: "s.Info.DataSegsOut", Doc: "segments sent with data"},
		{Name: "tcp_info.delivery_rate_bytes_per_sec", Of: "s.Info.DeliveryRate", Doc: "most recent rate at which the peer acknowledged data"},
		{Name: "tcp_info.busy_us", Kind: Duration, Of: "s.Info.Busy", Doc: "time spent with data to send"},
		{Name: "tcp_info.rwnd_limited_us", Kind: Duration, Of: "s.Info.RecvWindowLimited", Doc: "part of busy_us during which the peer's window limited sending"},
		{Name: "tcp_info.sndbuf_limited_us", Kind: Duration, Of: "s.Info.SendBufferLimited", Doc: "part of busy_us during which the send buffer limited sending"},
		{Name: "tcp_info.delivered", Of: "s.Info.Delivered", Doc: "data segments that reached the peer"},
		{Name: "tcp_info.delivered_ce", Of: "s.Info.DeliveredCE", Doc: "data segments that reached the peer with a congestion mark (CE)"},
		{Name: "tcp_info.sent_bytes", Of: "s.Info.SentBytes", Doc: "bytes sent, including resends"},
		{Name: "tcp_info.retrans_bytes", Of: "s.Info.RetransBytes", Doc: "bytes that were resent"},
		{Name: "tcp_info.dsack_dups", Of: "s.Info.DSACKDups", Doc: "duplicates that the peer reported"},
		{Name: "tcp_info.reord_seen", Of: "s.Info.ReorderingSeen", Doc: "reordering events seen"},
		{Name: "tcp_info.rcv_ooopack", Of: "s.Info.RecvOutOfOrder", Doc: "segments received out of order"},
		{Name: "tcp_info.snd_wnd_bytes", Of: "s.Info.SendWindow", Doc: "window that the peer advertises; 0 means that it accepts no more data"},
		{Name: "tcp_info.rcv_wnd_bytes", Of: "s.Info.RecvWindow", Doc: "window that this end advertises"},
		{Name: "tcp_info.rehash", Of: "s.Info.Rehash", Doc: "how often the kernel chose another path for the flow"},
		{Name: "tcp_info.total_rto", Of: "s.Info.TotalRTO", Doc: "timeouts during the life of the connection, including those of the SYN"},
		{Name: "tcp_info.total_rto_recoveries", Of: "s.Info.TotalRTORecoveries", Doc: "recoveries from timeouts"},
		{Name: "tcp_info.total_rto_time_ms", Kind: Duration, Of: "s.Info.TotalRTOTime", Doc: "time spent in these recoveries"},
		{Name: "tcp_info.received_ce", Of: "s.Info.ReceivedCE", Doc: "segments received with a congestion mark (CE)"},
		{Name: "tcp_info.delivered_e1_bytes", Of: "s.Info.DeliveredE1Bytes", Doc: "bytes delivered with ECT(1), as Accurate ECN reports (RFC 9768)"},
		{Name: "tcp_info.delivered_e0_bytes", Of: "s.Info.DeliveredE0Bytes", Doc: "bytes delivered with ECT(0)"},
		{Name: "tcp_info.delivered_ce_bytes", Of: "s.Info.DeliveredCEBytes", Doc: "bytes delivered with CE"},
		{Name: "tcp_info.received_e1_bytes", Of: "s.Info.ReceivedE1Bytes", Doc: "bytes received with ECT(1)"},
		{Name: "tcp_info.received_e0_bytes", Of: "s.Info.ReceivedE0Bytes", Doc: "bytes received with ECT(0)"},
		{Name: "tcp_info.received_ce_bytes", Of: "s.Info.ReceivedCEBytes", Doc: "bytes received with CE"},
		{Name: "tcp_info.accecn_fail_mode", Of: "s.Info.AccECNFailMode", Doc: "how Accurate ECN failed, bits of TCP_ACCECN_*_FAIL"},
		{Name: "tcp_info.accecn_opt_seen", Of: "s.Info.AccECNOptSeen", Doc: "how the Accurate ECN options of the peer arrived (TCP_ACCECN_OPT_*)"},
	})
}
