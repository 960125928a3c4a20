package filter

import (
	"encoding/binary"

	"tcpstate/tcp"
)

// opcode is an instruction of the kernel's filter (INET_DIAG_BC_*,
// include/uapi/linux/inet_diag.h).
type opcode uint8

const (
	opNop           opcode = iota
	opJump                 // always false: continues at "no"
	opSourceAtLeast        // port >= data
	opSourceAtMost         // port <= data
	opPeerAtLeast
	opPeerAtMost
	opAutobound  // no bind(2) named the port
	opSourceCond // address and port, struct inet_diag_hostcond
	opPeerCond
	opDevice      // index of the interface; from Linux 4.8
	opMark        // struct inet_diag_markcond; from Linux 4.9, with CAP_NET_ADMIN
	opSourceEqual // port == data; from Linux 4.16
	opPeerEqual
	opCgroup // ID of the cgroup v2; from Linux 5.8
)

// headerLen is the length of struct inet_diag_bc_op: the code, the distance to
// the next instruction if the condition is true (one byte), and the distance if
// it is false (two bytes). The data to compare with follows.
const headerLen = 4

// The address families of Linux, in conditions on hosts.
const (
	afUnspec = 0
	afInet   = 2
	afInet6  = 10
)

// hostHeaderLen is the length of struct inet_diag_hostcond without its address:
// family, length of the prefix, two bytes of padding, the port as an int.
const hostHeaderLen = 8

// portData returns a struct inet_diag_bc_op. The kernel uses only its last
// field.
func portData(port uint16) []byte {
	return binary.NativeEndian.AppendUint16([]byte{0, 0}, port)
}

func hostData(h host) []byte {
	data := []byte{afInet, byte(h.prefix.Bits()), 0, 0}
	if h.prefix.Addr().Is6() {
		data[0] = afInet6
	}
	data = binary.NativeEndian.AppendUint32(data, uint32(int32(h.port)))
	return append(data, h.prefix.Addr().AsSlice()...)
}

// words returns the words one after another, in the byte order of this machine.
func words[W uint32 | uint64](list ...W) []byte {
	var data []byte
	for _, w := range list {
		data, _ = binary.Append(data, binary.NativeEndian, w)
	}
	return data
}

// code is a compiled term or expression: one of always, condition, gate.
type code interface{ size() int }

// always is true, or false, for every socket.
type always bool

// condition is an instruction, or its negation.
type condition struct {
	op   opcode
	data []byte
	not  bool
}

// gate joins two or more codes by and, or by or.
type gate struct {
	or   bool
	kids []code
}

// size returns the number of bytes that assemble writes for the code. A gate
// never contains a constant.
func (a always) size() int { return headerLen }

func (c condition) size() int {
	if c.not {
		return headerLen + len(c.data) + headerLen // and a jump
	}
	return headerLen + len(c.data)
}

func (g gate) size() int {
	n := 0
	for _, kid := range g.kids {
		n += kid.size()
	}
	if g.or {
		n += headerLen * (len(g.kids) - 1)
	}
	return n
}

// verdict is the part of an expression that the kernel can judge. Its code is
// true for all sockets that match. If exact is true, the code is false for all
// other sockets of the request.
type verdict struct {
	code  code
	exact bool
}

// unjudged is the verdict for an expression that the kernel cannot judge.
var unjudged = verdict{always(true), false}

func exactly(c code) verdict { return verdict{c, true} }

// combined joins verdicts by and, or by or, and drops those that do not change
// the result.
func combined(or bool, verdicts []verdict) verdict {
	result, exact, settled := []code{}, true, false
	for _, v := range verdicts {
		constant, ok := v.code.(always)
		switch {
		case ok && bool(constant) == or && v.exact: // this one alone decides
			return v
		case ok && bool(constant) == or:
			settled = true
		case !ok:
			if g, ok := v.code.(gate); ok && g.or == or {
				result = append(result, g.kids...)
			} else {
				result = append(result, v.code)
			}
		}
		exact = exact && v.exact
	}
	switch {
	case settled:
		return unjudged
	case len(result) == 0:
		return verdict{always(!or), exact}
	case len(result) == 1:
		return verdict{result[0], exact}
	}
	return verdict{gate{or, result}, exact}
}

// target describes the request for which a program is compiled.
type target struct {
	Capabilities
	states tcp.StateSet // the states in the mask of the request
}

func (t *target) has(c Capabilities) bool { return t.Capabilities&c == c }

// kernelCode compiles an expression without negations.
func kernelCode(n node, t *target) verdict {
	switch n := n.(type) {
	case *leaf:
		if n.states()&t.states == 0 {
			return exactly(always(false))
		}
		return n.kernel(t)
	case *junction:
		verdicts := make([]verdict, len(n.kids))
		for i, kid := range n.kids {
			verdicts[i] = kernelCode(kid, t)
		}
		return combined(n.or, verdicts)
	}
	return exactly(always(true))
}

// assembler writes instructions. Jumps go only forward. Their distances are
// written at the end, when the labels are known.
type assembler struct {
	bytes []byte
	jumps []jump
}

// jump is an instruction whose "no" distance leads to a label.
type jump struct {
	from int
	to   *label
}

// label is a place in the program.
type label struct{ at int }

// assemble returns the program for a code. To arrive at the end of the program
// means accept. To arrive one instruction after the end means reject.
func assemble(c code) []byte {
	var a assembler
	reject := &label{}
	a.write(c, reject)
	reject.at = len(a.bytes) + headerLen
	for _, j := range a.jumps {
		binary.NativeEndian.PutUint16(a.bytes[j.from+2:], uint16(j.to.at-j.from))
	}
	return a.bytes
}

// write writes a code. If it is true, the program continues after it. If it is
// false, the program continues at the label otherwise.
func (a *assembler) write(c code, otherwise *label) {
	switch c := c.(type) {
	case always:
		if !c {
			a.instruction(opJump, nil, otherwise)
		}
	case condition:
		if !c.not {
			a.instruction(c.op, c.data, otherwise)
			return
		}
		behind := &label{}
		a.instruction(c.op, c.data, behind)
		a.instruction(opJump, nil, otherwise)
		behind.at = len(a.bytes)
	case gate:
		if !c.or {
			for _, kid := range c.kids {
				a.write(kid, otherwise)
			}
			return
		}
		end, last := &label{}, len(c.kids)-1
		for _, kid := range c.kids[:last] {
			next := &label{}
			a.write(kid, next)
			a.instruction(opJump, nil, end)
			next.at = len(a.bytes)
		}
		a.write(c.kids[last], otherwise)
		end.at = len(a.bytes)
	}
}

// instruction writes one instruction. If it is true, the program continues with
// the next one. The kernel requires this: its check of a program follows only
// that path.
func (a *assembler) instruction(op opcode, data []byte, otherwise *label) {
	a.jumps = append(a.jumps, jump{len(a.bytes), otherwise})
	a.bytes = append(a.bytes, byte(op), byte(headerLen+len(data)), 0, 0)
	a.bytes = append(a.bytes, data...)
}
