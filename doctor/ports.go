package doctor

import "tcpstate/lifecycle"

// portSet is a set of ports.
type portSet [1 << 16 / 64]uint64

func (p *portSet) has(port uint16) bool { return p[port/64]&(1<<(port%64)) != 0 }
func (p *portSet) set(port uint16)      { p[port/64] |= 1 << (port % 64) }

func (p *portSet) add(r lifecycle.PortRange) {
	for port := int(r.First); port <= int(r.Last); port++ {
		p.set(uint16(port))
	}
}

func (p *portSet) remove(r lifecycle.PortRange) {
	for port := int(r.First); port <= int(r.Last); port++ {
		p[port/64] &^= 1 << (port % 64)
	}
}
