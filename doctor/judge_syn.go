package doctor

import (
	"time"

	"tcpstate/wording"
)

// This file judges half-open connections and SYN cookies.

// halfOpen is what the rules infer from a listener's half-open connections.
type halfOpen struct {
	*Listener
	capacity, near bool // the capacity is known; it is nearly reached
	most           int64
	resent         bool  // most SYN-ACKs had to be resent
	silent         bool  // the number of completed handshakes is far below that of half-open ones
	served         bool  // many handshakes were completed
	rate           int64 // SYNs a second that are half-open now
	stopped        bool  // a busy listener completes no handshake any more
	wide           bool  // there are many networks, and none of them has most of the connections
	narrow         bool  // one network has most of the connections
	network        string
	addresses      int64 // number of different addresses; an estimate if it is large
	networks       int64
}

func (o *Observation) halfOpen(l *Listener) halfOpen {
	t := &o.Thresholds
	h := halfOpen{Listener: l, resent: t.reaches(floodResent, int64(l.resent), int64(l.SynRecv))}
	h.most, h.capacity = l.capacity(&o.Settings)
	h.near = h.capacity && t.reaches(synQueueFill, int64(l.SynRecv), h.most)
	if completed, known := o.rise("Tcp.PassiveOpens"); known && l.SynRecv > 0 {
		// In less than a second, a distant client may not have answered yet.
		h.served = t.reaches(floodCompleted, completed, int64(l.SynRecv)) && completed > 0
		h.silent = !h.served && o.Interval >= time.Second
		h.stopped = h.silent && completed == 0 && l.Connections >= l.SynRecv && int64(l.Connections) >= t.number(floodHalfOpen)
	}
	h.rate = l.arrivals(o.Interval)
	// Both numbers are estimates, so one may be a little too high for the
	// other.
	h.addresses = min(int64(l.peers.distinct()), int64(l.SynRecv))
	h.networks = min(int64(l.prefixes.distinct()), h.addresses)
	busiest, n := l.prefixes.busiest()
	h.narrow = l.SynRecv > 0 && int64(n)*100 > t.number(floodTopShare)*int64(l.SynRecv)
	h.wide = !h.narrow && h.networks >= t.number(floodPrefixes)
	if h.narrow {
		h.network = network(busiest).String()
	}
	return h
}

// flooded reports whether the half-open connections look like a flood: they are
// many, from many networks, and so many come in a second, or SYNs are dropped or
// answered with cookies at such a rate. A few in a second that nobody completes
// also grow to many, because each of them stays for a minute. A full accept
// queue is another explanation: the kernel then drops the final ACKs of real
// clients, and the requests stay.
func (h *halfOpen) flooded(o *Observation, c *cookies) bool {
	t := &o.Thresholds
	many := h.full == 0 && int64(h.SynRecv) >= t.number(floodHalfOpen) && (h.resent || h.silent) && h.wide
	return many && (h.rate >= t.number(floodRate) || c.flooding() || o.perSecond(floodCookies, h.Dropped.Or(0), ""))
}

// wayOut reports whether the SYN-ACKs of a busy listener may not reach anybody:
// it completes no handshake any more, though nothing is dropped here. A flood
// leaves real clients some of their handshakes.
func (h *halfOpen) wayOut(c *cookies) bool {
	return h.full == 0 && h.stopped && !c.flooding() && !c.droppedBy(h.Listener)
}

func (h *halfOpen) tell(f *Finding) {
	f.at(h.Listener)
	f.Sockets = append(f.Sockets, h.Listener.halfOpen.examples.sockets()...)
	f.Evidence.Add("syn_recv", h.SynRecv)
	if h.capacity {
		f.Evidence.Add("syn_recv_max", h.most)
	}
	if most, known := h.AcceptQueueMax.Get(); known {
		f.Evidence.Add("accept_queue_max", most)
	}
	f.Evidence.Add("accept_queue", h.AcceptQueue)
	f.addDrops(h.Listener)
	f.Evidence.Add("resent", h.Listener.resent)
	f.Evidence.Add("arrivals_per_second", h.rate)
	f.Evidence.Add("connections", h.Connections)
	f.Evidence.Add("peers", h.addresses)
	f.Evidence.Add("networks", h.networks)
	if h.peers.estimated() {
		f.Evidence.Add("peers_estimated", true)
	}
	if busiest, n := h.prefixes.busiest(); n > 0 {
		f.Evidence.Add("busiest_network", network(busiest).String())
		f.Evidence.Add("busiest_network_percent", percent(int64(n), int64(h.SynRecv)))
	}
	if oldest := h.Listener.halfOpen.oldest; oldest > 0 {
		f.Evidence.Add("oldest_at_least_ms", oldest)
	}
	if h.network != "" {
		f.with("network", h.network)
	}
}

// counted says how many addresses there are.
func (h *halfOpen) counted() wording.Message {
	if h.peers.estimated() {
		return wording.Say("doctor.syn-flood.addresses-about", "n", h.addresses)
	}
	return wording.Say("doctor.syn-flood.addresses", "n", h.addresses)
}

// synCounters are the counters that concern half-open connections.
var synCounters = []string{
	"TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed", "TcpExt.TCPReqQFullDoCookies",
	"TcpExt.TCPReqQFullDrop", "TcpExt.ListenDrops", "TcpExt.ListenOverflows", "TcpExt.TCPSynRetrans", "Tcp.PassiveOpens",
}

// cookies is what the counters report about SYN cookies between the readings.
type cookies struct {
	sent, back int64
	answered   bool // as many came back as from real clients
	many       bool
	dropped    int64 // SYNs dropped for lack of room, but not because an accept queue was full
	shutOut    bool  // so many were dropped that few clients were served
}

func (o *Observation) cookies() cookies {
	c := cookies{sent: o.rises("TcpExt.SyncookiesSent"), back: o.rises("TcpExt.SyncookiesRecv")}
	c.answered = o.Thresholds.reaches(floodAnswered, c.back, c.sent)
	c.many = o.perSecond(floodCookies, c.sent, "TcpExt.SyncookiesSent")
	c.dropped = max(o.rises("TcpExt.TCPReqQFullDrop"), o.rises("TcpExt.ListenDrops")-o.rises("TcpExt.ListenOverflows"))
	served, known := o.rise("Tcp.PassiveOpens")
	c.shutOut = o.perSecond(floodCookies, c.dropped, "TcpExt.TCPReqQFullDrop") &&
		known && !o.Thresholds.reaches(floodAnswered, served, c.dropped)
	return c
}

// flooding reports whether the counters alone look like a flood.
func (c *cookies) flooding() bool { return c.many && !c.answered || c.shutOut }

// droppedBy reports whether SYNs of a listener were dropped. The kernel counts
// them for each listener. If that is unknown, the counters of all listeners
// decide.
func (c *cookies) droppedBy(l *Listener) bool {
	if n, known := l.Dropped.Get(); known {
		return n > 0
	}
	return c.dropped > 0
}

func judgeFlood(o *Observation) []Finding {
	c := o.cookies()
	var findings []Finding
	for _, l := range o.Survey.Listeners() {
		h := o.halfOpen(l)
		if !h.flooded(o, &c) || h.wayOut(&c) {
			continue
		}
		f := Finding{Severity: Warning, Confidence: Possible}
		if h.near || c.flooding() || c.droppedBy(l) {
			f.Severity = Critical
		}
		if h.resent && !h.served || c.flooding() {
			f.Confidence = Likely
		}
		f.Title = wording.Say("doctor.syn-flood.sockets", "listener", l, "n", l.SynRecv, "addresses", h.counted(),
			"networks", h.networks, "rate", h.rate, "age", forAtLeast(l.halfOpen.oldest))
		if c.many && !c.answered && len(findings) == 0 { // most SYNs of a flood leave no half-open connection
			f.Title = wording.Say("doctor.syn-flood.and-cookies", "title", f.Title, "n", c.sent, "time", o.within())
		}
		h.tell(&f)
		f.Inference = wording.Say("doctor.syn-flood.inferred.sockets")
		findings = append(findings, f)
	}
	if len(findings) == 0 && c.flooding() {
		if f, ok := o.floodByCounters(&c); ok {
			findings = append(findings, f)
		}
	}
	if len(findings) > 0 {
		o.tellCookies(&findings[0])
	}
	return o.cut(findings)
}

// floodByCounters detects a flood that leaves few sockets or none: when the
// queue is full, the kernel answers a SYN with a cookie or drops it.
func (o *Observation) floodByCounters(c *cookies) (Finding, bool) {
	f := Finding{Severity: Critical, Confidence: Likely}
	where := wording.Say("doctor.syn-flood.unknown")
	f.Inference = wording.Say("doctor.syn-flood.inferred.counters")
	l, dropped := o.target(c), int64(0)
	if l != nil {
		dropped = l.Dropped.Or(0)
	} else {
		l = o.suspect()
	}
	if l != nil {
		h := o.halfOpen(l)
		if h.narrow && l.SynRecv > 0 {
			if h.addresses < o.Thresholds.number(floodPrefixes) {
				return Finding{}, false // only a few hosts: syn-queue-full reports this
			}
			f.Confidence = Possible
			f.Inference = wording.Joined(f.Inference, wording.Say("doctor.syn-flood.inferred.narrow", "network", h.network))
		}
		h.tell(&f)
		where = wording.Say("doctor.probably-on", "listener", l)
		switch {
		case dropped > 0:
			where = wording.Say("doctor.on", "listener", l)
			f.Inference = wording.Joined(f.Inference, wording.Say("doctor.syn-flood.inferred.dropped", "listener", l, "n", dropped))
		case l.SynRecv > 0:
			f.Inference = wording.Joined(f.Inference, wording.Say("doctor.syn-flood.inferred.most", "listener", l))
		default:
			f.Inference = wording.Joined(f.Inference, wording.Say("doctor.syn-flood.inferred.only", "listener", l))
		}
	}
	within := o.within()
	if c.many && !c.answered {
		f.Title = wording.Say("doctor.syn-flood.cookies-sent", "n", c.sent, "time", within, "back", c.back, "where", where)
	} else {
		f.Title = wording.Say("doctor.syn-flood.dropped", "n", c.dropped, "time", within, "completed", o.rises("Tcp.PassiveOpens"), "where", where)
	}
	return f, true
}

// target returns the listener that dropped most of the SYNs of a flood, as the
// kernel counted them, or nil if none did or if cookies were sent in place of
// drops.
func (o *Observation) target(c *cookies) *Listener {
	if droppers := o.droppers(); c.shutOut && len(droppers) > 0 && droppers[0].Dropped.Or(0)*2 > c.dropped {
		return droppers[0]
	}
	return nil
}

// suspect returns the target of a flood, if it can be inferred: the listener
// with most half-open connections, else the only listener that other hosts can
// reach.
func (o *Observation) suspect() *Listener {
	var most, public *Listener
	reachable := 0
	for _, l := range o.Survey.Listeners() {
		if l.full == 0 && l.SynRecv > 0 && (most == nil || l.SynRecv > most.SynRecv) {
			most = l
		}
		if !l.Local.Addr().Unmap().IsLoopback() {
			public, reachable = l, reachable+1
		}
	}
	if most == nil && reachable == 1 {
		return public
	}
	return most
}

func (o *Observation) tellCookies(f *Finding) {
	o.addRises(&f.Evidence, synCounters...)
	if len(o.Before) > 0 {
		f.Evidence.Add("interval_ms", o.Interval)
	}
	if value, known := o.Settings.SynCookies.Get(); known {
		f.Evidence.Add("tcp_syncookies", value)
		if value == 0 && f.variant == "" {
			f.variant = cookiesOff
		}
	}
}

func judgeSynQueue(o *Observation) []Finding {
	c := o.cookies()
	var findings []Finding
	for _, l := range o.Survey.Listeners() {
		h := o.halfOpen(l)
		filled := h.near && int64(l.SynRecv) >= o.Thresholds.number(synQueueLeast)
		standing := l.resent > 0 && int64(l.resent) >= o.Thresholds.number(synQueueStanding)
		lost := h.wayOut(&c) && int64(l.SynRecv) >= o.Thresholds.number(synQueueStanding)
		if l.full > 0 || !filled && !standing && !lost {
			continue
		}
		f := Finding{Severity: Warning, Confidence: Possible}
		if filled && c.droppedBy(l) {
			f.Severity = Critical
		}
		pile := wording.Say("doctor.syn-queue-full.pile", "n", l.SynRecv, "listener", l)
		if h.capacity {
			pile = wording.Say("doctor.syn-queue-full.room", "pile", pile, "most", h.most)
		}
		switch {
		case lost && !h.narrow:
			f.variant = wayOut
			f.Title = wording.Say("doctor.syn-queue-full.stopped", "listener", l, "n", l.SynRecv, "time", o.within(), "connections", l.Connections)
			f.Inference = wording.Say("doctor.syn-queue-full.inferred.way-out")
			if n := len(l.halfOpen.examples.list); n > 0 {
				f.with("peer_address", l.halfOpen.examples.list[0].socket.Peer.Addr().Unmap().String())
			}
		case h.narrow && (h.resent || h.silent):
			f.variant, f.Confidence = unanswered, Likely
			f.Title = wording.Say("doctor.syn-queue-full.unanswered", "network", h.network, "pile", pile, "age", forAtLeast(l.halfOpen.oldest))
			f.Inference = wording.Say("doctor.syn-queue-full.inferred.network")
		case filled && (h.served || c.sent > 0 && c.answered):
			f.variant, f.Confidence = tooSmall, Likely
			f.Title = wording.Say("doctor.syn-queue-full.too-small", "pile", pile)
			f.Inference = wording.Say("doctor.syn-queue-full.inferred.clients")
		default:
			f.variant = unanswered
			f.Title = wording.Say("doctor.syn-queue-full.incomplete", "pile", pile, "age", forAtLeast(l.halfOpen.oldest))
			f.Inference = wording.Say("doctor.syn-queue-full.inferred.unclear")
			if !filled && h.rate < o.Thresholds.number(floodRate) && !c.droppedBy(l) {
				f.Severity = Info // every public host has some
				f.Title = wording.Say("doctor.syn-queue-full.nobody", "pile", pile, "rate", h.rate, "age", forAtLeast(l.halfOpen.oldest))
			}
		}
		h.tell(&f)
		o.raisesSomaxconn(&f, l)
		o.tellCookies(&f)
		findings = append(findings, f)
	}
	return o.cut(findings)
}

// The causes for which the advice on half-open connections differs.
const (
	unanswered = "doctor.cause.unanswered"
	tooSmall   = "doctor.cause.clients"
	wayOut     = "doctor.cause.way-out"
	cookiesOff = "doctor.cause.cookies-off"
)

func judgeCookies(o *Observation) []Finding {
	always := o.Settings.SynCookies.Or(1) == 2
	if total, known := o.sinceBoot("TcpExt.SyncookiesSent"); known && !always {
		if total == 0 || total < o.Thresholds.number(floodCookies) {
			return nil
		}
		f := Finding{Severity: Info, Title: wording.Say("doctor.syn-cookies-active.since-boot", "n", total, "back", o.After["TcpExt.SyncookiesRecv"], "now", o.notNow())}
		f.Evidence.Add("syncookies_sent_since_boot", total)
		f.Evidence.Add("syncookies_recv_since_boot", o.After["TcpExt.SyncookiesRecv"])
		return []Finding{f}
	}
	c := o.cookies()
	if c.sent == 0 || c.sent < o.Thresholds.number(cookiesCount) || always && (c.answered || !c.many) {
		return nil
	}
	f := Finding{Severity: Warning, Confidence: Likely}
	sent := wording.Say("doctor.syn-cookies-active.sent", "n", c.sent, "time", o.within(), "back", c.back)
	switch {
	case c.answered:
		f.variant = tooSmall
		f.Title = wording.Say("doctor.syn-cookies-active.too-small", "sent", sent)
		f.Inference = wording.Say("doctor.syn-cookies-active.inferred.clients")
	case c.many:
		f.variant = unanswered
		f.Title = wording.Say("doctor.syn-cookies-active.filled", "sent", sent)
		f.Inference = wording.Say("doctor.syn-cookies-active.inferred.flood")
	default:
		f.Severity, f.variant = Info, unanswered
		f.Title = wording.Say("doctor.syn-cookies-active.moment", "sent", sent)
		f.Inference = wording.Say("doctor.syn-cookies-active.inferred.few")
	}
	if l := o.suspect(); l != nil && l.SynRecv > 0 {
		f.at(l)
		f.Inference = wording.Joined(f.Inference, wording.Say("doctor.syn-cookies-active.inferred.most", "listener", l))
		o.raisesSomaxconn(&f, l)
	}
	o.tellCookies(&f)
	return []Finding{f}
}
