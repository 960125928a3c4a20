package doctor

import (
	"net/netip"
	"time"

	"tcpstate/tcp"
)

// This file finds out why a connection does not deliver what it has to send.

// stall is why a connection does not deliver.
type stall uint8

const (
	noStall      stall = iota
	stallSilent        // resends or window probes get no answer
	stallWindow        // the peer answers, and its window is closed
	stallBlocked       // the segments do not leave this host
	stallFull          // full segments get no answer, and smaller ones did
)

// stallOf returns why a connection with data or a FIN to send does not deliver,
// and for how long at least. The time is unknown without the clocks.
//
// The kernel probes (timer persist) when it has something to send and nothing
// is unacknowledged. The usual reason is a window that is too small for a
// segment. If the window has room for one, the kernel could not pass the
// segment on: a rule of the firewall dropped it, or there was no route
// (tcp_check_probe_timer in include/net/tcp.h, tcp_send_probe0 in
// net/ipv4/tcp_output.c).
//
// An answer resets the count of probes, but not Backoff. So unanswered probes
// mean silence, whatever the window.
func (v *Survey) stallOf(s *tcp.Socket) (stall, tcp.Optional[time.Duration]) {
	info := clocks(s)
	tries := int64(s.Timer.Retransmits)
	switch s.Timer.Kind {
	case tcp.TimerPersist:
		window, known := sendWindow(s)
		attempts := max(tries, int64(info.Backoff))
		if known && info.SendMSS > 0 && window >= info.SendMSS && info.Unacked == 0 {
			if attempts > 0 && attempts >= v.thresholds.number(blockedTries) {
				return stallBlocked, clock(s, waited(info.RTO, info.Backoff))
			}
			return noStall, clock(s, 0) // a moment: a corked segment, or a full queue of the device
		}
		if tries > 0 && tries >= v.thresholds.number(deadPathProbes) {
			return stallSilent, clock(s, info.LastAckRecv)
		}
		// A window probe does not restart the clock of sent data
		// (tcp_xmit_probe_skb in net/ipv4/tcp_output.c).
		return stallWindow, clock(s, info.LastDataSent)
	case tcp.TimerOn:
		if s.SendQueue == 0 {
			return noStall, clock(s, 0)
		}
		if window, known := sendWindow(s); known && window == 0 && info.Backoff > 0 {
			return v.stallOfShrunk(s, info)
		}
		if tries > 0 && tries >= v.thresholds.number(mtuResends) && v.losesFull(s) {
			return stallFull, clock(s, info.LastAckRecv)
		}
		if tries > 0 && tries >= v.thresholds.number(deadPathResends) {
			return stallSilent, clock(s, info.LastAckRecv)
		}
	}
	return noStall, clock(s, 0)
}

// stallOfShrunk judges a connection whose peer closed the window over data that
// was already on its way. The kernel resends the first segment in place of a
// probe. It doubles the wait each time, and does not count these resends
// (tcp_retransmit_timer in net/ipv4/tcp_timer.c). Each resend restarts the clock
// of sent data. So the doubled timeout shows how long this has lasted: the waits
// before it add up to the timeout, less its first value.
func (v *Survey) stallOfShrunk(s *tcp.Socket, info *tcp.Info) (stall, tcp.Optional[time.Duration]) {
	lasted := max(info.RTO-info.RTO>>info.Backoff, info.LastDataSent)
	// The present wait began with the last resend. The two resends before it
	// were a half and a quarter of the present timeout earlier. If they had been
	// answered, an ACK would have arrived since.
	since := max(info.RTO-s.Timer.Expires, 0)
	if int64(info.Backoff) >= v.thresholds.number(deadPathProbes) && info.LastAckRecv >= since+info.RTO/2+info.RTO/4 {
		return stallSilent, clock(s, info.LastAckRecv)
	}
	return stallWindow, clock(s, lasted)
}

// losesFull reports whether a connection got answers to small segments, those of
// the handshake at least, and waits for the answer to full ones only. This is
// what a path does that does not carry the packets and does not say so.
func (v *Survey) losesFull(s *tcp.Socket) bool {
	info := clocks(s)
	mss, sent := uint64(info.SendMSS), uint64(max(s.SendQueue, info.NotSentBytes)-info.NotSentBytes)
	return int64(mss) > v.thresholds.number(mtuSegment) && info.Unacked > 0 && info.AckedBytes < mss &&
		sent >= mss && sent > uint64(info.Unacked-1)*mss
}

// waited returns how long a number of waits last if the first is base and each
// is twice the one before, up to the kernel's longest.
func waited(base time.Duration, n uint8) (sum time.Duration) {
	const longest = 120 * time.Second // TCP_RTO_MAX
	wait := max(base, 0)
	for range n {
		sum += min(wait, longest)
		wait = min(2*wait, longest)
	}
	return sum
}

// sendWindow returns the window of the peer, if the kernel reported it. Kernels
// report it from 5.4 on.
func sendWindow(s *tcp.Socket) (uint32, bool) {
	const end = 232 // offset of the end of tcpi_snd_wnd
	if s.Info == nil || s.Info.Len < end || !s.Idle.IsKnown() {
		return 0, false
	}
	return s.Info.SendWindow, true
}

// addStalled examines whether an ESTABLISHED or CLOSE_WAIT delivers, and reports
// whether it fails to.
func (v *Survey) addStalled(s *tcp.Socket) bool {
	why, age := v.stallOf(s)
	if why != noStall && v.acked(s) {
		why = noStall // it delivers, however slowly
	}
	v.addLoss(s, why)
	switch why {
	case stallSilent:
		if s.Timer.Retransmits > 0 && int64(s.Timer.Retransmits) >= v.thresholds.number(deadPathProbes) {
			v.deadPath.kinds[deadPathCounted]++
		}
		if s.Timer.Kind == tcp.TimerPersist {
			v.deadPath.kinds[deadPathProbed]++
		}
		v.deadPath.addStanding(s, age.Or(0), s.SendQueue)
	case stallWindow:
		v.unreadPeer.add(s, age, v.thresholds.span(peerAge), s.SendQueue)
	case stallBlocked:
		v.addBlocked(s, age.Or(0))
	case stallFull:
		v.full.addStanding(s, age.Or(0), s.SendQueue)
	}
	return why != noStall
}

// The kinds of connections on a dead path. One can be of both.
const (
	deadPathCounted = iota // the kernel counts its resends
	deadPathProbed         // its probes of the window are not answered
)

// addBlocked counts a connection whose segments do not leave this host.
func (v *Survey) addBlocked(s *tcp.Socket, age time.Duration) {
	if s.State != tcp.Established && s.State != tcp.CloseWait {
		v.blocked.kinds[blockedEnding]++
	}
	v.blocked.addStanding(s, age, s.SendQueue)
}

// blockedEnding counts those whose program has closed them.
const blockedEnding = 0

// delivering reports whether data of a CLOSE_WAIT is still on its way. Its
// program may wait for that, so the socket is no leak yet.
func delivering(s *tcp.Socket) bool {
	return s.SendQueue > 0 && (s.Timer.Kind == tcp.TimerOn || s.Timer.Kind == tcp.TimerPersist)
}

// NeedsAddresses reports whether a rule asks if a local address still belongs to
// this host. The caller should then set Observation.Addresses.
func (v *Survey) NeedsAddresses() bool { return v.blocked.count+v.deadPath.count > 0 }

// lostAddress returns the local address of the first of the sockets whose local
// address is on no interface. There is none if the addresses are unknown.
func (o *Observation) lostAddress(sockets []*tcp.Socket) (netip.Addr, bool) {
	if len(o.Addresses) == 0 {
		return netip.Addr{}, false
	}
	for _, s := range sockets {
		local := s.Local.Addr().Unmap().WithZone("")
		if !o.isLocal(local) {
			return local, true
		}
	}
	return netip.Addr{}, false
}

func (o *Observation) isLocal(address netip.Addr) bool {
	known := false
	for _, p := range o.Addresses {
		if p.Contains(address) {
			return true
		}
		known = known || p.Addr().Is4() == address.Is4()
	}
	return !known // of this family nothing was read
}
