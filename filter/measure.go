package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
)

// measure is a number that a socket carries.
type measure struct {
	word   string
	field  string
	unit   unit
	of     func(*tcp.Socket) (number uint64, known bool)
	states tcp.StateSet // the states in which it can be known

	// detail is the detail that the source must supply to know the number in
	// the states detailFor.
	detail    tcp.Detail
	detailFor tcp.StateSet
}

// unit is the way in which the numbers of a measure are written.
type unit uint8

const (
	plainNumber unit = iota
	bytes            // may end in K, M or G for powers of 1024
	duration         // in the format of time.Duration; the number counts nanoseconds
)

// The states in which lifecycle.Clocks.SetAge knows Age, and those in which it
// knows Idle. TIME_WAIT has no tcp_info, and before the end of the handshake
// tcp_info has no useful clocks.
const (
	ageStates  = 1<<tcp.TimeWait | 1<<tcp.SynRecv | 1<<tcp.SynSent | 1<<tcp.FinWait2 | 1<<tcp.CloseWait | 1<<tcp.Established
	idleStates = tcp.Synchronized &^ (1<<tcp.SynRecv | 1<<tcp.TimeWait)
	notListen  = tcp.All &^ (1 << tcp.Listen)
)

// measures lists the measures with the words for them.
var measures = []measure{
	{word: "recvq", field: "recv_q_bytes", unit: bytes, states: notListen,
		of: func(s *tcp.Socket) (uint64, bool) { return uint64(s.RecvQueue), s.State != tcp.Listen }},
	{word: "sendq", field: "send_q_bytes", unit: bytes, states: notListen,
		of: func(s *tcp.Socket) (uint64, bool) { return uint64(s.SendQueue), s.State != tcp.Listen }},
	{word: "acceptq", field: "accept_queue", states: 1 << tcp.Listen,
		of: func(s *tcp.Socket) (uint64, bool) { return uint64(s.AcceptQueue), s.State == tcp.Listen }},
	{word: "retrans", field: "timer.retransmits", states: tcp.All,
		of: func(s *tcp.Socket) (uint64, bool) { return uint64(s.Timer.Retransmits), true }},
	{word: "age", field: "age_ms", unit: duration, states: ageStates,
		detail: tcp.DetailAge, detailFor: 1<<tcp.Established | 1<<tcp.CloseWait,
		of: func(s *tcp.Socket) (uint64, bool) { return knownDuration(s.Age) }},
	{word: "idle", field: "idle_ms", unit: duration, states: idleStates,
		detail: tcp.DetailAge, detailFor: idleStates,
		of: func(s *tcp.Socket) (uint64, bool) { return knownDuration(s.Idle) }},
	{word: "rtt", field: "tcp_info.rtt_us", unit: duration, states: notListen &^ (1 << tcp.TimeWait),
		detail: tcp.DetailInfo, detailFor: tcp.All, of: roundTrip},
}

func knownDuration(o tcp.Optional[time.Duration]) (uint64, bool) {
	d, known := o.Get()
	return uint64(d), known
}

// rttField describes the smoothed round-trip time.
var rttField = &tcp.InfoFields[slices.IndexFunc(tcp.InfoFields[:], func(f tcp.InfoField) bool { return f.Name == "rtt_us" })]

// roundTrip returns the smoothed round-trip time. Before the first measurement
// the kernel reports 0, which means unknown (tcp_rtt_estimator,
// net/ipv4/tcp_input.c).
func roundTrip(s *tcp.Socket) (uint64, bool) {
	if s.Info == nil || s.Info.RTT == 0 || !s.Info.Has(rttField) {
		return 0, false
	}
	return uint64(s.Info.RTT), true
}

// measureTerm compares a measure.
type measureTerm struct {
	plain
	*measure
	op     operator
	number uint64
}

func parseMeasure(p *parser, k *kind) (node, error) {
	i := slices.IndexFunc(measures, func(m measure) bool { return m.word == k.word })
	op, present := p.operator()
	if !present {
		return nil, p.fail(p.at, k.word+" takes an operator", k.word+" takes =, !=, <, <=, > or >=, then "+k.operand)
	}
	v, err := p.value(k, false)
	if err != nil {
		return nil, err
	}
	n, ok := measures[i].unit.parse(v.text)
	if !ok {
		return nil, p.wrong(k, v, "is not "+strings.SplitN(k.operand, ",", 2)[0])
	}
	return p.leaf(measureTerm{measure: &measures[i], op: op, number: n}), nil
}

// parse reads a number in the format of the unit.
func (u unit) parse(text string) (uint64, bool) {
	shift := 0
	switch u {
	case duration:
		d, err := time.ParseDuration(text)
		return uint64(d), err == nil && d >= 0
	case bytes:
		if i := strings.IndexByte("KMGkmg", text[len(text)-1]); i >= 0 {
			shift = 10 * (i%3 + 1)
			text = text[:len(text)-1]
		}
	}
	if !isNumber(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n << shift, err == nil && n <= math.MaxUint64>>shift
}

// format writes a number so that parse reads back the same number.
func (u unit) format(n uint64) string {
	if u == duration {
		return time.Duration(n).String()
	}
	suffix := ""
	for _, next := range []string{"K", "M", "G"} {
		if u != bytes || n == 0 || n%1024 != 0 {
			break
		}
		n, suffix = n/1024, next
	}
	return strconv.FormatUint(n, 10) + suffix
}

func (t measureTerm) String() string {
	return t.word + " " + t.op.String() + " " + t.unit.format(t.number)
}

func (t measureTerm) negated() term        { t.op = t.op.opposite(); return t }
func (t measureTerm) field() string        { return t.measure.field }
func (t measureTerm) states() tcp.StateSet { return t.measure.states }

func (t measureTerm) needs(states tcp.StateSet) tcp.Detail {
	if states&t.detailFor == 0 {
		return 0
	}
	return t.detail
}

func (t measureTerm) match() matcher {
	of, op, number := t.of, t.op, t.number
	return func(s *tcp.Socket) bool {
		n, known := of(s)
		return known && op.compare(n, number)
	}
}
