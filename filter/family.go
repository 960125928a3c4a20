package filter

import (
	"net/netip"

	"tcpstate/fields"
	"tcpstate/tcp"
)

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
