package filter

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// This file has the terms for single attributes of a socket: family, dev,
// fwmark, cgroup, autobound, timer.

// familyTerm tests the family of the socket. An IPv6 socket with IPv4 traffic
// is an IPv6 socket.
type familyTerm struct {
	plain
	family tcp.Family
}

func parseFamily(p *parser, k *kind) (node, error) {
	not, err := p.equality(k)
	if err != nil {
		return nil, err
	}
	v, err := p.value(k, false)
	if err != nil {
		return nil, err
	}
	t := familyTerm{}
	switch v.text {
	case "ipv4", "inet", "4":
		t.family = tcp.IPv4
	case "ipv6", "inet6", "6":
		t.family = tcp.IPv6
	default:
		return nil, p.refuse(k, v, "filter.no-family")
	}
	if not {
		return p.leaf(t.negated()), nil
	}
	return p.leaf(t), nil
}

func (t familyTerm) String() string { return "family " + t.family.String() }
func (t familyTerm) field() string  { return fields.ForFilter("family").Name }

// negated returns a term for the other of the two families.
func (t familyTerm) negated() term {
	return familyTerm{family: tcp.IPv4 + tcp.IPv6 - t.family}
}

func (t familyTerm) families() familySet { return 1 << t.family }

func (t familyTerm) match() matcher {
	return func(s *tcp.Socket) bool { return s.Family == t.family }
}

// kernel recognizes IPv6 by a condition on an IPv6 prefix of length 0. A
// condition on IPv4 would also accept IPv4-mapped addresses.
func (t familyTerm) kernel(*target) verdict {
	anyIPv6 := host{netip.PrefixFrom(netip.IPv6Unspecified(), 0), anyPort}
	return exactly(anyIPv6.condition(local, t.family == tcp.IPv4))
}

// smallStates are the states that have small sockets in the kernel. For a small
// socket a program sees a mark or cgroup of 0 where the kernel does not know it
// (inet_diag_bc_sk in net/ipv4/inet_diag.c). The answer of the kernel then has
// no mark or cgroup, so Match sees an unknown value.
const smallStates = 1<<tcp.SynRecv | 1<<tcp.TimeWait | 1<<tcp.FinWait2

// judgedUnlessZero returns the verdict for a condition that the kernel judges
// correctly except for small sockets, where it compares with 0. The verdict is
// exact if 0 does not satisfy the condition, or if the request includes no
// small sockets.
func judgedUnlessZero(k *target, c condition, zero bool) verdict {
	return verdict{c, !zero || k.states&smallStates == 0}
}

// deviceTerm tests the interface to which the socket is bound. Index 0 means
// none.
type deviceTerm struct {
	plain
	index uint32
	name  string // as the user wrote it
	not   bool
}

func parseDevice(p *parser, k *kind) (node, error) {
	not, err := p.equality(k)
	if err != nil {
		return nil, err
	}
	v, err := p.value(k, true)
	if err != nil {
		return nil, err
	}
	if p.names.Interface != nil {
		if index, ok := p.names.Interface(v.text); ok {
			return p.leaf(deviceTerm{index: index, name: v.text, not: not}), nil
		}
	}
	index, err := strconv.ParseUint(v.text, 10, 32)
	switch {
	case err == nil:
		return p.leaf(deviceTerm{index: uint32(index), name: v.text, not: not}), nil
	case p.names.Interface == nil:
		return nil, p.refuse(k, v, "filter.no-index")
	}
	return nil, p.refuse(k, v, "filter.no-interface")
}

func (t deviceTerm) String() string {
	return "dev " + equality(t.not).String() + " " + Literal(t.name)
}
func (t deviceTerm) negated() term { t.not = !t.not; return t }
func (t deviceTerm) field() string { return fields.ForFilter("dev").Name }

func (t deviceTerm) match() matcher {
	return func(s *tcp.Socket) bool { return (s.InterfaceIndex == t.index) != t.not }
}

func (t deviceTerm) kernel(k *target) verdict {
	if !k.has(Device) {
		return unjudged
	}
	return exactly(condition{op: opDevice, data: words(t.index), not: t.not})
}

// markTerm tests whether the mark of the socket, under mask, equals mark.
type markTerm struct {
	plain
	mark, mask uint32
	not        bool
}

func parseMark(p *parser, k *kind) (node, error) {
	not, err := p.equality(k)
	if err != nil {
		return nil, err
	}
	v, err := p.value(k, false)
	if err != nil {
		return nil, err
	}
	markText, maskText, hasMask := strings.Cut(v.text, "/")
	mark, err := strconv.ParseUint(markText, 0, 32)
	mask := uint64(math.MaxUint32)
	if err == nil && hasMask {
		mask, err = strconv.ParseUint(maskText, 0, 32)
	}
	if err != nil {
		return nil, p.refuse(k, v, "filter.no-mark")
	}
	return p.leaf(markTerm{mark: uint32(mark), mask: uint32(mask), not: not}), nil
}

func (t markTerm) String() string {
	text := fmt.Sprintf("fwmark %s %#x", equality(t.not), t.mark)
	if t.mask != math.MaxUint32 {
		text += fmt.Sprintf("/%#x", t.mask)
	}
	return text
}

func (t markTerm) negated() term          { t.not = !t.not; return t }
func (t markTerm) field() string          { return fields.ForFilter("fwmark").Name }
func (t markTerm) holds(mark uint32) bool { return (mark&t.mask == t.mark) != t.not }

func (t markTerm) needs(states tcp.StateSet) tcp.Detail {
	return fields.ForFilter("fwmark").NeedsIn(states)
}

func (t markTerm) match() matcher {
	return func(s *tcp.Socket) bool {
		if s.Extended == nil {
			return false
		}
		mark, known := s.Extended.Mark.Get()
		return known && t.holds(mark)
	}
}

func (t markTerm) kernel(k *target) verdict {
	if !k.has(Mark) {
		return unjudged
	}
	return judgedUnlessZero(k, condition{op: opMark, data: words(t.mark, t.mask), not: t.not}, t.holds(0))
}

// cgroupTerm tests for one cgroup. A socket in a child of that cgroup does not
// match.
type cgroupTerm struct {
	plain
	id   uint64
	path string // as the user wrote it
	not  bool
}

func parseCgroup(p *parser, k *kind) (node, error) {
	not, err := p.equality(k)
	if err != nil {
		return nil, err
	}
	v, err := p.value(k, true)
	if err != nil {
		return nil, err
	}
	if p.names.Cgroup == nil {
		return nil, p.refuse(k, v, "filter.no-cgroups")
	}
	id, ok := p.names.Cgroup(v.text)
	if !ok || id == 0 {
		return nil, p.refuse(k, v, "filter.no-cgroup")
	}
	return p.leaf(cgroupTerm{id: id, path: v.text, not: not}), nil
}

func (t cgroupTerm) String() string {
	return "cgroup " + equality(t.not).String() + " " + Literal(t.path)
}
func (t cgroupTerm) negated() term { t.not = !t.not; return t }
func (t cgroupTerm) field() string { return fields.ForFilter("cgroup").Name }

func (t cgroupTerm) needs(states tcp.StateSet) tcp.Detail {
	return fields.ForFilter("cgroup").NeedsIn(states)
}

func (t cgroupTerm) match() matcher {
	return func(s *tcp.Socket) bool {
		return s.Extended != nil && s.Extended.CgroupID != 0 && (s.Extended.CgroupID == t.id) != t.not
	}
}

func (t cgroupTerm) kernel(k *target) verdict {
	if !k.has(Cgroup) {
		return unjudged
	}
	return judgedUnlessZero(k, condition{op: opCgroup, data: words(t.id), not: t.not}, t.not)
}

// autoboundTerm tests whether the kernel chose the port, so that no bind(2)
// named it (SOCK_BINDPORT_LOCK, net/ipv4/inet_diag.c). No source reports this
// for a socket.
type autoboundTerm struct {
	plain
	not bool
}

func parseAutobound(p *parser, _ *kind) (node, error) { return p.leaf(autoboundTerm{}), nil }

func (t autoboundTerm) String() string {
	if t.not {
		return "not autobound"
	}
	return "autobound"
}

func (t autoboundTerm) negated() term { t.not = !t.not; return t }
func (t autoboundTerm) field() string { return "autobound" }

// match treats the term as true: see Filter.Match and Filter.Compile.
func (t autoboundTerm) match() matcher { return func(*tcp.Socket) bool { return true } }

func (t autoboundTerm) kernel(k *target) verdict {
	return exactly(condition{op: opAutobound, not: t.not})
}

// timerTerm tests which timer of the socket fires next.
type timerTerm struct {
	plain
	kinds []tcp.TimerKind
	not   bool
}

func parseTimers(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := timerTerm{not: not}
	for _, v := range list {
		timer, ok := timerNamed(v.text)
		if !ok {
			return nil, p.refuse(k, v, "filter.no-timer")
		}
		t.kinds = append(t.kinds, timer)
	}
	return p.leaf(t), nil
}

func timerNamed(name string) (tcp.TimerKind, bool) {
	for timer := tcp.TimerOff; timer <= tcp.TimerDelayedAck; timer++ {
		if timer.String() == strings.ToLower(name) {
			return timer, true
		}
	}
	return 0, false
}

func (t timerTerm) String() string {
	return "timer " + equality(t.not).String() + " " + listed(t.kinds)
}

func (t timerTerm) negated() term { t.not = !t.not; return t }
func (t timerTerm) field() string { return fields.ForFilter("timer").Name }

func (t timerTerm) match() matcher {
	return func(s *tcp.Socket) bool {
		for _, kind := range t.kinds {
			if s.Timer.Kind == kind {
				return !t.not
			}
		}
		return t.not
	}
}
