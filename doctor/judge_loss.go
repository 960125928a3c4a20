package doctor

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// This file judges how much data is resent.

// losses sums up what was resent between the two readings of the sockets, on
// connections that were open at the second.
type losses struct {
	lossy    int   // connections that resent data
	resent   int64 // bytes
	timeouts int64 // from Linux 6.7 on
	silent   int64 // segments resent where nothing was acknowledged in the interval; other rules report these

	networks  map[netip.Prefix]int64   // bytes resent, up to maxGroups networks
	listeners map[netip.AddrPort]int64 // bytes resent to clients of a listener
	examples  examples
}

// addLoss compares a connection with its first reading. The kernel reports the
// bytes from 4.19 on.
func (v *Survey) addLoss(s *tcp.Socket, why stall) {
	if s.Info == nil || s.Info.TotalRetrans == 0 {
		return
	}
	past, known := v.earlier.Of(s)
	if !known {
		return
	}
	l := &v.losses
	if why == stallSilent || why == stallFull || s.Info.AckedBytes <= past.AckedBytes {
		l.silent += int64(s.Info.TotalRetrans - min(past.TotalRetrans, s.Info.TotalRetrans))
		return
	}
	resent := int64(s.Info.RetransBytes - min(past.RetransBytes, s.Info.RetransBytes))
	if resent == 0 {
		return
	}
	l.lossy++
	l.resent += resent
	l.timeouts += int64(s.Info.TotalRTO - min(past.TotalRTO, s.Info.TotalRTO))
	l.examples.add(resent, s)
	sumUp(&l.networks, network(s.Peer.Addr().Unmap().WithZone("")), resent)
	if of := v.listenerOf(s); of != nil {
		sumUp(&l.listeners, of.Local, resent)
	}
}

// sumUp adds n to the sum of a key, unless there are too many keys.
func sumUp[K comparable](sums *map[K]int64, key K, n int64) {
	if *sums == nil {
		*sums = make(map[K]int64)
	}
	if _, known := (*sums)[key]; known || len(*sums) < maxGroups {
		(*sums)[key] += n
	}
}

// most returns the key with the highest sum, the first one of equal sums.
func most[K comparable](sums map[K]int64, compare func(a, b K) int) (key K, sum int64) {
	for k, n := range sums {
		if c := cmp.Compare(n, sum); c > 0 || c == 0 && compare(k, key) < 0 {
			key, sum = k, n
		}
	}
	return key, sum
}

// lossCounters are the counters that tell how data came to be resent.
var lossCounters = []string{
	"Tcp.OutSegs", "Tcp.RetransSegs", "TcpExt.TCPSynRetrans", "TcpExt.TCPTimeouts", "TcpExt.TCPFastRetrans", "TcpExt.TCPSlowStartRetrans",
	"TcpExt.TCPLossProbes", "TcpExt.TCPDSACKRecv", "TcpExt.TCPSpuriousRTOs", "TcpExt.TCPRetransFail",
}

func judgeLoss(o *Observation) []Finding {
	l := &o.Survey.losses
	// OutSegs does not count what is resent (__tcp_transmit_skb in
	// net/ipv4/tcp_output.c).
	sent := o.rises("Tcp.OutSegs") + o.rises("Tcp.RetransSegs")
	// SYNs and SYN-ACKs that are resent have rules of their own. A connection that
	// was given up because nothing answered had at least one resend.
	resent := max(o.rises("Tcp.RetransSegs")-o.rises("TcpExt.TCPSynRetrans")-o.rises("TcpExt.TCPAbortOnTimeout")-l.silent, 0)
	if !o.often(lossRate, resent) || !o.Thresholds.reaches(lossShare, resent, sent) {
		return nil
	}
	f := Finding{Severity: Info, Sockets: l.examples.sockets()}
	if o.Thresholds.reaches(lossMany, resent, sent) {
		f.Severity = Warning
	}
	where := o.whereLost(&f, l)
	f.Title = wording.Say("doctor.loss-high.title", "percent", percent(resent, sent), "time", formatDuration(o.Interval.Round(time.Millisecond)),
		"n", resent, "of", sent, "where", where)
	f.variant = segmentsLost
	if twice := o.rises("TcpExt.TCPDSACKRecv"); o.Thresholds.reaches(lossSpurious, twice, resent) {
		f.Severity, f.variant = Info, resentInVain
		f.Title = wording.Say("doctor.loss-high.spurious", "title", f.Title, "n", twice)
	}
	f.Evidence.Add("segments_resent", resent)
	f.Evidence.Add("segments_sent", sent)
	f.Evidence.Add("resent_percent", percent(resent, sent))
	o.addRises(&f.Evidence, lossCounters...)
	if l.lossy > 0 { // a source without cookies or tcp_info shows none, which is not 0
		f.Evidence.Add("connections_with_resends", l.lossy)
		f.Evidence.Add("connections_resent_bytes", l.resent)
	}
	if l.timeouts > 0 { // older kernels do not report them
		f.Evidence.Add("connections_timeouts", l.timeouts)
	}
	f.Evidence.Add("interval_ms", o.Interval)
	return []Finding{f}
}

// whereLost adds which network and which listener had most of what was resent,
// as far as the connections show it, and returns the network for the title.
func (o *Observation) whereLost(f *Finding, l *losses) wording.Message {
	if at, n := most(l.listeners, netip.AddrPort.Compare); o.Thresholds.reaches(lossMost, n, l.resent) {
		if of := o.Survey.listeners[at]; of != nil {
			f.at(of)
			f.Evidence.Add("listener_percent", percent(n, l.resent))
		}
	}
	to, n := most(l.networks, netip.Prefix.Compare)
	if !o.Thresholds.reaches(lossMost, n, l.resent) {
		if len(f.Listeners) > 0 {
			return wording.Say("doctor.loss-high.clients", "listener", f.Listeners[0])
		}
		return wording.Message{}
	}
	f.Evidence.Add("network", to.String())
	f.Evidence.Add("network_percent", percent(n, l.resent))
	f.with("network", to.String())
	for _, s := range f.Sockets {
		if address := s.Peer.Addr().Unmap().WithZone(""); to.Contains(address) {
			f.with("peer_address", address.String())
			break
		}
	}
	for _, p := range o.holdersOf(f.Sockets) {
		if !slices.Contains(f.Processes, p) {
			f.Processes = append(f.Processes, p)
		}
	}
	return wording.Say("doctor.loss-high.network", "network", to)
}

// holdersOf returns the processes that hold sockets, each once.
func (o *Observation) holdersOf(sockets []*tcp.Socket) (list []Process) {
	for _, s := range sockets {
		for _, p := range s.Processes {
			if holder := (Process{PID: p.PID, Name: p.Name}); !slices.Contains(list, holder) {
				list = append(list, holder)
			}
		}
	}
	return list
}

// The causes for which the advice on resent data differs.
const (
	segmentsLost = "doctor.cause.segments-lost"
	resentInVain = "doctor.cause.resent-in-vain"
)
