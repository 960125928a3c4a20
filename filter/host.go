package filter

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// anyPort as the port of a host means every port, as in the kernel.
const anyPort = -1

// host is an address with a port. An IPv4 address also matches an IPv6 socket
// with IPv4 traffic. An IPv6 address never matches an IPv4 socket.
type host struct {
	prefix netip.Prefix // any address if not valid
	port   int          // a port, or anyPort
}

// hostTerm tests the address of one end, and its port if the user gave one.
type hostTerm struct {
	plain
	side
	hosts []host // one or more
	not   bool
}

func parseHosts(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	return p.hostsOf(k, sideOf(k.word), list, not)
}

// hostsOf returns the expression that compares the address of one end.
func (p *parser) hostsOf(k *kind, end side, list []value, not bool) (node, error) {
	return p.alternatives(list, not, func(list []value) (term, error) {
		t := hostTerm{side: end}
		for _, v := range list {
			hosts, err := p.hosts(k, v)
			if err != nil {
				return nil, err
			}
			t.hosts = append(t.hosts, hosts...)
		}
		return t, nil
	})
}

// alternatives makes an expression from a list of addresses or ports. An
// element after "inet:" or "inet6:" applies only to that family. (In ss such a
// prefix restricts the whole listing, and the last one wins.)
func (p *parser) alternatives(list []value, not bool, parse func([]value) (term, error)) (node, error) {
	var result node
	for _, of := range []tcp.Family{0, tcp.IPv4, tcp.IPv6} {
		var chosen []value
		for _, v := range list {
			if family, rest := familyPrefix(v); family == of {
				chosen = append(chosen, rest)
			}
		}
		if chosen == nil {
			continue
		}
		t, err := parse(chosen)
		if err != nil {
			return nil, err
		}
		n := p.leaf(t)
		if of != 0 {
			n = join(false, p.leaf(familyTerm{family: of}), n)
		} else if not && len(chosen) == len(list) {
			return p.leaf(t.negated()), nil
		}
		if result == nil {
			result = n
		} else {
			result = join(true, result, n)
		}
	}
	if not {
		return negated(result), nil
	}
	return result, nil
}

func familyPrefix(v value) (tcp.Family, value) {
	for prefix, family := range map[string]tcp.Family{"inet:": tcp.IPv4, "inet6:": tcp.IPv6} {
		if rest, ok := strings.CutPrefix(v.text, prefix); ok {
			return family, value{rest, v.offset + len(prefix)}
		}
	}
	return 0, v
}

// hosts reads an address with or without a port. The name of a host means all
// its addresses.
func (p *parser) hosts(k *kind, v value) ([]host, error) {
	if v.text == "" {
		return nil, p.refuse(k, v, "filter.no-address")
	}
	address, port, err := p.splitPort(k, v)
	if err != nil {
		return nil, err
	}
	h := host{port: anyPort}
	if port.text != "" && port.text != "*" {
		n, err := p.port(k, port)
		if err != nil {
			return nil, err
		}
		h.port = int(n)
	}
	switch address.text {
	case "", "*", "any", "all", "default": // iproute2's words for any address (get_addr_1, lib/utils.c)
		return []host{h}, nil
	}
	prefixes, err := p.prefixes(k, address)
	if err != nil {
		return nil, err
	}
	hosts := make([]host, len(prefixes))
	for i, prefix := range prefixes {
		hosts[i] = host{prefix, h.port}
	}
	return hosts, nil
}

// splitPort splits an operand into address and port. The address is returned
// without its brackets. The port is empty if there is none.
func (p *parser) splitPort(k *kind, v value) (address, port value, err error) {
	text := v.text
	if inner, ok := strings.CutPrefix(text, "["); ok {
		return p.splitBrackets(k, v, inner)
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < strings.IndexByte(text, '/') {
		colon = -1 // the colons belong to an IPv6 address
	}
	if colon < 0 {
		return v, value{"", v.offset}, nil
	}
	address, port = value{text[:colon], v.offset}, value{text[colon+1:], v.offset + colon + 1}
	if !isAddress(text) {
		return address, port, nil
	}
	if isAddress(address.text) && isNumber(port.text) {
		return v, v, p.fail(v.offset, wording.Say("filter.two-meanings", "text", quote(text)),
			wording.Say("filter.two-meanings.hint", "address", address.text, "port", port.text, "whole", text))
	}
	return v, value{"", v.offset}, nil
}

// splitBrackets splits the text after an opening bracket. A prefix length may
// be on either side of the closing bracket.
func (p *parser) splitBrackets(k *kind, v value, text string) (address, port value, err error) {
	inner, rest, closed := strings.Cut(text, "]")
	length, portText, hasPort := strings.Cut(rest, ":")
	bare, _, _ := strings.Cut(inner, "/")
	switch {
	case !closed:
		return v, v, p.refuse(k, v, "filter.no-bracket")
	case !isAddress(bare) || !strings.Contains(bare, ":"):
		return v, v, p.refuse(k, v, "filter.bracket-content")
	case length != "" && length[0] != '/':
		return v, v, p.refuse(k, v, "filter.after-bracket")
	}
	address = value{inner + length, v.offset + 1}
	if !hasPort {
		return address, value{"", v.offset}, nil
	}
	return address, value{portText, v.offset + len(v.text) - len(portText)}, nil
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// prefixes reads an address, a prefix, or the name of a host.
func (p *parser) prefixes(k *kind, v value) ([]netip.Prefix, error) {
	text, length, hasLength := strings.Cut(v.text, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil && hasLength {
		addr, err = parseShortIPv4(text)
	}
	switch {
	case err != nil && hasLength:
		return nil, p.refuse(k, v, "filter.address-first")
	case err != nil:
		return p.lookUpHost(k, v)
	case addr.Zone() != "":
		return nil, p.fail(v.offset, wording.Say("filter.zone", "text", quote(v.text)),
			wording.Say("filter.zone.hint", "word", cmp.Or(k.word, "src"), "address", addr.WithZone(""), "zone", addr.Zone()))
	}
	bits := addr.BitLen()
	if hasLength {
		if bits, err = prefixLength(addr, length); err != nil {
			return nil, p.fail(v.offset+len(text)+1, wording.Say("filter.no-length", "text", quote(length)),
				wording.Say("filter.no-length.hint", "most", addr.BitLen()))
		}
	}
	return []netip.Prefix{netip.PrefixFrom(addr, bits).Masked()}, nil
}

// parseShortIPv4 reads a short address before a prefix length, such as 10 in
// 10/8. iproute2 reads it in the same way.
func parseShortIPv4(text string) (netip.Addr, error) {
	return netip.ParseAddr(text + strings.Repeat(".0", max(0, 3-strings.Count(text, "."))))
}

// prefixLength reads a prefix length, or the mask of an IPv4 address.
func prefixLength(addr netip.Addr, text string) (int, error) {
	if mask, err := netip.ParseAddr(text); err == nil && mask.Is4() && addr.Is4() {
		bytes := mask.As4()
		bits := binary.BigEndian.Uint32(bytes[:])
		ones := 32
		for ones > 0 && bits<<(ones-1) == 0 {
			ones--
		}
		if bits != ^uint32(0)<<(32-ones) {
			return 0, strconv.ErrSyntax
		}
		return ones, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || int(n) > addr.BitLen() {
		return 0, strconv.ErrRange
	}
	return int(n), nil
}

// lookUpHost resolves a name. As in ss, a name that is not found is an error.
// It never becomes an address that matches nothing.
func (p *parser) lookUpHost(k *kind, v value) ([]netip.Prefix, error) {
	if !isHostName(v.text) {
		return nil, p.refuse(k, v, "filter.not-an-address")
	}
	if p.names.Host == nil {
		return nil, p.refuse(k, v, "filter.host-names")
	}
	addrs, err := p.names.Host(v.text)
	if err != nil {
		return nil, p.refuse(k, v, "filter.unknown-host", "cause", err)
	}
	if len(addrs) == 0 {
		return nil, p.refuse(k, v, "filter.host-without-address")
	}
	var prefixes []netip.Prefix
	for _, addr := range addrs {
		addr = addr.Unmap().WithZone("")
		prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return prefixes, nil
}

// isHostName reports whether text may be sent to a resolver: it has only the
// characters of host names (RFC 1123 section 2.1, and the underscore), and at
// least one letter.
func isHostName(text string) bool {
	letter := false
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			letter = true
		case '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return letter && len(text) <= 253
}

// String returns the host in the form that hosts reads.
func (h host) String() string {
	text := "*"
	if addr := h.prefix.Addr(); h.prefix.IsValid() {
		text = addr.String()
		if !h.prefix.IsSingleIP() {
			text = h.prefix.String()
		}
		if addr.Is6() {
			text = "[" + text + "]"
		}
	}
	if h.port != anyPort {
		text += ":" + strconv.Itoa(h.port)
	}
	return text
}

func (h host) matches(end netip.AddrPort) bool {
	if h.port != anyPort && h.port != int(end.Port()) {
		return false
	}
	if !h.prefix.IsValid() {
		return true
	}
	addr := end.Addr()
	if h.prefix.Addr().Is4() {
		return h.prefix.Contains(addr.Unmap())
	}
	return h.prefix.Contains(addr.WithZone(""))
}

func (t hostTerm) String() string {
	word := "src"
	if t.side == peer {
		word = "dst"
	}
	return word + " " + equality(t.not).String() + " " + listed(t.hosts)
}

func (t hostTerm) negated() term { t.not = !t.not; return t }

func (t hostTerm) field() string {
	if t.side == peer {
		return fields.ForFilter("dst").Name
	}
	return fields.ForFilter("src").Name
}

func (t hostTerm) families() familySet {
	if t.not {
		return bothFamilies
	}
	set := familySet(1 << tcp.IPv6)
	for _, h := range t.hosts {
		if !h.prefix.IsValid() || h.prefix.Addr().Is4() {
			set = bothFamilies
		}
	}
	return set
}

func (t hostTerm) match() matcher {
	if len(t.hosts) == 1 {
		h := t.hosts[0]
		if t.side == peer {
			return func(s *tcp.Socket) bool { return h.matches(s.Peer) != t.not }
		}
		return func(s *tcp.Socket) bool { return h.matches(s.Local) != t.not }
	}
	return func(s *tcp.Socket) bool {
		end := t.side.of(s)
		for i := range t.hosts {
			if t.hosts[i].matches(end) {
				return !t.not
			}
		}
		return t.not
	}
}

func (t hostTerm) kernel(k *target) verdict {
	verdicts := make([]verdict, len(t.hosts))
	for i, h := range t.hosts {
		verdicts[i] = h.kernel(k, t.side, t.not)
	}
	return combined(!t.not, verdicts)
}

func (h host) kernel(k *target, end side, not bool) verdict {
	switch {
	case h.prefix.IsValid():
		return exactly(h.condition(end, not))
	case h.port == anyPort:
		return exactly(always(!not))
	}
	return ports{uint16(h.port), uint16(h.port)}.kernel(k, end, not)
}

// condition returns the instruction for the host. The prefix must be valid.
func (h host) condition(end side, not bool) condition {
	return condition{op: end.choose(opSourceCond, opPeerCond), data: hostData(h), not: not}
}
