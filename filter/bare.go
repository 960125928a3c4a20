package filter

import (
	"net/netip"
	"slices"
	"strings"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// bareWord is the kind of a word that stands alone where a term is expected.
var bareWord = kind{operand: "filter.operand.bare"}

// bare reads a word that begins no term. A place is a port, an address or a prefix,
// and selects the sockets that have it at one of their ends. Any other word is the
// name of a process that runs, and selects the sockets that it holds. It is never a
// name that might be wrong: a slip would then select nothing.
func (p *parser) bare(word string) (node, error) {
	if p.beforeOperator(word) {
		return nil, p.unknown(value{word, p.at}, wording.Say("filter.unknown-word", "text", quote(word)), wording.Say("filter.bare.hint"))
	}
	list, err := p.values(&bareWord)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		switch {
		case isNumber(v.text):
			return nil, p.fail(v.offset, wording.Say("filter.bare-number", "text", quote(v.text)), wording.Say("filter.bare-number.hint", "number", v.text))
		case isPlace(v.text) != isPlace(list[0].text):
			return nil, p.refuse(&bareWord, v, "filter.bare-mixed")
		}
	}
	if isPlace(list[0].text) {
		return p.places(list)
	}
	return p.bareProcesses(list)
}

// beforeOperator reports whether an operator follows the word.
func (p *parser) beforeOperator(word string) bool {
	start := p.at
	p.at += len(word)
	_, follows := p.operator()
	p.at = start
	return follows
}

// isPlace reports whether a bare word is written as a port or an address, right or
// wrong. Names of processes with a colon need the word process.
func isPlace(text string) bool {
	return strings.ContainsAny(text, ":[*") || isAddress(text) || isDigit(text[0]) && strings.Trim(text, "0123456789./") == ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// places returns the expression for bare ports and addresses: one of the ends must
// have one of them. The unspecified address is compared with the local end only,
// because it is also the peer of every listener.
func (p *parser) places(list []value) (node, error) {
	onlyPorts := true
	for i, v := range list {
		if rest, ok := strings.CutPrefix(v.text, "*:"); ok {
			list[i] = value{":" + rest, v.offset + 1}
		}
		port, ok := strings.CutPrefix(list[i].text, ":")
		if port == "0" {
			return nil, p.refuse(&bareWord, v, "filter.bare-zero")
		}
		onlyPorts = onlyPorts && ok && !strings.Contains(port, ":")
	}
	of := func(end side, list []value) (node, error) {
		if onlyPorts {
			return p.portsOf(&bareWord, end, equal, list)
		}
		return p.hostsOf(&bareWord, end, list, false)
	}
	here, err := of(local, list)
	if err != nil {
		return nil, err
	}
	atPeer := slices.DeleteFunc(slices.Clone(list), func(v value) bool { return isUnspecified(v.text) })
	if len(atPeer) == 0 {
		return here, nil
	}
	there, err := of(peer, atPeer)
	if err != nil {
		return nil, err
	}
	return join(true, here, there), nil
}

// bareProcesses returns the term for the names of processes. Each must run. The name
// of a state is refused even then: any user can give a process that name.
func (p *parser) bareProcesses(list []value) (node, error) {
	t := processTerm{}
	for _, v := range list {
		kept := StoredName(v.text)
		if p.names.Process == nil || !p.names.Process(kept) {
			return nil, p.noProcess(v)
		}
		if isStates(v.text) {
			return nil, p.fail(v.offset, wording.Say("filter.bare-both", "text", quote(v.text)), wording.Say("filter.bare-both.hint", "word", v.text))
		}
		t.names, t.kept = append(t.names, v.text), append(t.kept, kept)
	}
	return p.leaf(t), nil
}

// noProcess returns the error for a bare word that is the name of no process. The
// hint says how to write what else it may be.
func (p *parser) noProcess(v value) error {
	what := wording.Say("filter.no-bare-word", "text", quote(v.text))
	if isStates(v.text) {
		return p.fail(v.offset, what, wording.Say("filter.bare-state.hint", "state", v.text))
	}
	if (strings.Contains(v.text, ".") || v.text == "localhost") && isHostName(v.text) {
		return p.fail(v.offset, what, wording.Say("filter.bare-host.hint", "host", v.text))
	}
	if _, slip := wording.Nearest(v.text, p.vocabulary()); slip {
		what = wording.Say("filter.unknown-word", "text", quote(v.text)) // the hint says more
	} else if p.names.Running != nil && wording.Elsewhere(v.text).IsZero() {
		if near, slip := wording.Nearest(v.text, p.names.Running()); slip {
			return p.fail(v.offset, what, wording.Say("hint.meant", "word", near))
		}
	}
	return p.unknown(v, what, wording.Say("filter.bare.hint"))
}

// isStates reports whether a bare word is the name of a state or of a group of states.
func isStates(word string) bool {
	if len(word) > longestState {
		return false
	}
	_, err := tcp.ParseStateSet(word)
	return err == nil
}

// isUnspecified reports whether a bare address is that of every listener's peer.
func isUnspecified(text string) bool {
	if end, err := netip.ParseAddrPort(text); err == nil {
		return end.Addr().IsUnspecified()
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil && address.IsUnspecified()
}
