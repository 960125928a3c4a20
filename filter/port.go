package filter

import (
	"net/netip"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// side is one of the two ends of a connection.
type side bool

const (
	local side = false
	peer  side = true
)

// of returns the address and port of that end of a socket.
func (e side) of(s *tcp.Socket) netip.AddrPort {
	if e == peer {
		return s.Peer
	}
	return s.Local
}

// choose returns the instruction that tests that end.
func (e side) choose(local, peer opcode) opcode {
	if e {
		return peer
	}
	return local
}

// sideOf returns the end that a word such as sport or dst means.
func sideOf(word string) side { return side(word[0] == 'd') }

// ports is the range of ports from first to last, including both.
type ports struct{ first, last uint16 }

var allPorts = ports{0, 65535}

func (r ports) String() string {
	switch {
	case r == allPorts:
		return "*"
	case r.first == r.last:
		return strconv.Itoa(int(r.first))
	}
	return strconv.Itoa(int(r.first)) + "-" + strconv.Itoa(int(r.last))
}

func (r ports) has(port uint16) bool { return r.first <= port && port <= r.last }

// portTerm tests a port.
type portTerm struct {
	plain
	side
	op     operator
	ranges []ports // one or more; a single port if op is an ordering
}

func parsePorts(p *parser, k *kind) (node, error) {
	op, _ := p.operator()
	list, err := p.values(k)
	if err != nil {
		return nil, err
	}
	return p.portsOf(k, sideOf(k.word), op, list)
}

// parseEitherPort reads a term that tests the ports of both ends. It is true if one
// of them is the port. With != it is true if neither is.
func parseEitherPort(p *parser, k *kind) (node, error) {
	op, _ := p.operator()
	list, err := p.values(k)
	if err != nil {
		return nil, err
	}
	each := op
	if op == notEqual {
		each = equal
	}
	either, err := bothEnds(func(end side) (node, error) { return p.portsOf(k, end, each, list) })
	if err == nil && op == notEqual {
		return negated(either), nil
	}
	return either, err
}

// bothEnds returns an expression that is true if that for one of the ends is.
func bothEnds(of func(side) (node, error)) (node, error) {
	here, err := of(local)
	if err != nil {
		return nil, err
	}
	there, err := of(peer)
	if err != nil {
		return nil, err
	}
	return join(true, here, there), nil
}

// portsOf returns the expression that compares the port of one end.
func (p *parser) portsOf(k *kind, end side, op operator, list []value) (node, error) {
	if op == equal || op == notEqual {
		return p.alternatives(list, op == notEqual, func(list []value) (term, error) {
			t := portTerm{side: end}
			for _, v := range list {
				r, err := p.ports(k, v)
				if err != nil {
					return nil, err
				}
				t.ranges = append(t.ranges, r)
			}
			return t, nil
		})
	}
	r, err := p.ports(k, list[0])
	if err != nil {
		return nil, err
	}
	if len(list) > 1 || r.first != r.last {
		return nil, p.fail(list[0].offset, wording.Say("filter.single-port", "operator", op), wording.Say("filter.single-port.hint"))
	}
	return p.leaf(portTerm{side: end, op: op, ranges: []ports{r}}), nil
}

// ports reads a port, a range, a service or "*", with or without a colon.
func (p *parser) ports(k *kind, v value) (ports, error) {
	text := strings.TrimPrefix(v.text, ":")
	if text == "*" {
		return allPorts, nil
	}
	if text == "" {
		return ports{}, p.refuse(k, v, "filter.no-port")
	}
	if first, last, ok := strings.Cut(text, "-"); ok && isNumber(first) && isNumber(last) {
		a, err := p.port(k, value{first, v.offset})
		if err != nil {
			return ports{}, err
		}
		b, err := p.port(k, value{last, v.offset})
		if err != nil {
			return ports{}, err
		}
		if a > b {
			return ports{}, p.refuse(k, v, "filter.empty-range")
		}
		return ports{a, b}, nil
	}
	port, err := p.port(k, value{text, v.offset})
	return ports{port, port}, err
}

// port reads a number or the name of a service.
func (p *parser) port(k *kind, v value) (uint16, error) {
	if isNumber(v.text) {
		n, err := strconv.ParseUint(v.text, 10, 16)
		switch {
		case err != nil:
			return 0, p.refuse(k, v, "filter.port-too-high")
		case len(v.text) > 1 && v.text[0] == '0':
			return 0, p.refuse(k, v, "filter.port-octal")
		}
		return uint16(n), nil
	}
	if p.names.Service == nil {
		return 0, p.refuse(k, v, "filter.port-names")
	}
	port, ok := p.names.Service(v.text)
	if !ok {
		return 0, p.refuse(k, v, "filter.no-service")
	}
	return port, nil
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func (t portTerm) String() string {
	word := "sport"
	if t.side == peer {
		word = "dport"
	}
	return word + " " + t.op.String() + " " + listed(t.ranges)
}

// listed joins the texts of a list with commas.
func listed[T interface{ String() string }](elements []T) string {
	texts := make([]string, len(elements))
	for i, e := range elements {
		texts[i] = e.String()
	}
	return strings.Join(texts, ",")
}

func (t portTerm) negated() term { t.op = t.op.opposite(); return t }

func (t portTerm) field() string {
	if t.side == peer {
		return fields.ForFilter("dport").Name
	}
	return fields.ForFilter("sport").Name
}

// accepted returns ranges that express the term with = or !=. If not is false,
// the port must be in one of them. If not is true, it must be in none of them.
func (t portTerm) accepted() (ranges []ports, not bool) {
	switch v := t.ranges[0].first; t.op {
	case less, greaterEqual:
		return []ports{{v, 65535}}, t.op == less
	case greater, lessEqual:
		return []ports{{0, v}}, t.op == greater
	}
	return t.ranges, t.op == notEqual
}

func (t portTerm) match() matcher {
	ranges, not := t.accepted()
	if len(ranges) > 1 {
		side := t.side
		return func(s *tcp.Socket) bool {
			port := side.of(s).Port()
			for _, r := range ranges {
				if r.has(port) {
					return !not
				}
			}
			return not
		}
	}
	r := ranges[0]
	if t.side == peer {
		return func(s *tcp.Socket) bool { return r.has(s.Peer.Port()) != not }
	}
	return func(s *tcp.Socket) bool { return r.has(s.Local.Port()) != not }
}

func (t portTerm) kernel(k *target) verdict {
	ranges, not := t.accepted()
	verdicts := make([]verdict, len(ranges))
	for i, r := range ranges {
		verdicts[i] = r.kernel(k, t.side, not)
	}
	return combined(!not, verdicts)
}

// kernel compiles the test whether a port is in the range, or is not in it.
func (r ports) kernel(k *target, end side, not bool) verdict {
	if r.first == r.last && k.has(PortEqual) {
		return exactly(condition{op: end.choose(opSourceEqual, opPeerEqual), data: portData(r.first), not: not})
	}
	atLeast := func(port int) verdict {
		if port <= 0 || port > 65535 {
			return exactly(always(port <= 0))
		}
		return exactly(condition{op: end.choose(opSourceAtLeast, opPeerAtLeast), data: portData(uint16(port))})
	}
	atMost := func(port int) verdict {
		if port < 0 || port >= 65535 {
			return exactly(always(port >= 65535))
		}
		return exactly(condition{op: end.choose(opSourceAtMost, opPeerAtMost), data: portData(uint16(port))})
	}
	if not {
		return combined(true, []verdict{atMost(int(r.first) - 1), atLeast(int(r.last) + 1)})
	}
	return combined(false, []verdict{atLeast(int(r.first)), atMost(int(r.last))})
}
