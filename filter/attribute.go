package filter

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tcpstate/tcp"
)

// This file holds the terms on what a socket is bound or marked to: dev, fwmark,
// cgroup, autobound.

// smallStates are the states of which the kernel keeps small sockets. It fills
// in their marks and cgroups with 0 where it does not know them (inet_diag_bc_sk
// in net/ipv4/inet_diag.c), and then tells none of it: a program sees 0 where
// Match sees nothing.
const smallStates = 1<<tcp.SynRecv | 1<<tcp.TimeWait | 1<<tcp.FinWait2

// judgedUnlessZero is the verdict of a condition that the kernel judges truly
// but for small sockets, where it takes the value for 0. It is exact where 0
// does not satisfy it, or where no small sockets are asked for.
func judgedUnlessZero(k *target, c condition, zero bool) verdict {
	return verdict{c, !zero || k.states&smallStates == 0}
}

// deviceTerm asks for the interface that the socket is bound to; index 0 is none.
type deviceTerm struct {
	plain
	index uint32
	name  string // as it was given
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
		return nil, p.wrong(k, v, "is no index, and names of interfaces are not known here")
	}
	return nil, p.wrong(k, v, "is no interface")
}

func (t deviceTerm) String() string {
	return "dev " + equality(t.not).String() + " " + literal(t.name)
}
func (t deviceTerm) negated() term { t.not = !t.not; return t }
func (t deviceTerm) field() string { return "interface" }

func (t deviceTerm) match() matcher {
	return func(s *tcp.Socket) bool { return (s.InterfaceIndex == t.index) != t.not }
}

func (t deviceTerm) kernel(k *target) verdict {
	if !k.has(Device) {
		return unjudged
	}
	return exactly(condition{op: opDevice, data: words(t.index), not: t.not})
}

// markTerm asks whether the mark, of which only the bits of mask count, is mark.
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
		return nil, p.wrong(k, v, "is no mark of 32 bits")
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

func (t markTerm) negated() term                 { t.not = !t.not; return t }
func (t markTerm) field() string                 { return "mark" }
func (t markTerm) needs(tcp.StateSet) tcp.Detail { return tcp.DetailExtended }
func (t markTerm) holds(mark uint32) bool        { return (mark&t.mask == t.mark) != t.not }

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

// cgroupTerm asks for the cgroup itself: one within it is another.
type cgroupTerm struct {
	plain
	id   uint64
	path string // as it was given
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
		return nil, p.wrong(k, v, "cannot be looked up: cgroups are not known here")
	}
	id, ok := p.names.Cgroup(v.text)
	if !ok || id == 0 {
		return nil, p.wrong(k, v, "is no cgroup v2")
	}
	return p.leaf(cgroupTerm{id: id, path: v.text, not: not}), nil
}

func (t cgroupTerm) String() string {
	return "cgroup " + equality(t.not).String() + " " + literal(t.path)
}
func (t cgroupTerm) negated() term                 { t.not = !t.not; return t }
func (t cgroupTerm) field() string                 { return "cgroup" }
func (t cgroupTerm) needs(tcp.StateSet) tcp.Detail { return tcp.DetailExtended }

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

// autoboundTerm asks whether the kernel chose the port: no bind(2) asked for it
// (SOCK_BINDPORT_LOCK, net/ipv4/inet_diag.c). No source tells that of a socket.
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

// match takes the term as true: see Filter.Match and Filter.Compile.
func (t autoboundTerm) match() matcher { return func(*tcp.Socket) bool { return true } }

func (t autoboundTerm) kernel(k *target) verdict {
	return exactly(condition{op: opAutobound, not: t.not})
}
