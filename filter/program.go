package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"tcpstate/wording"
)

// Capabilities is a set of instructions that a kernel knows. A kernel answers
// EINVAL to a program with an instruction that it does not know. It answers
// EPERM to a program that tests a mark if the process has no CAP_NET_ADMIN.
type Capabilities uint8

// The instructions, with the first kernel that knows them. The others need
// Bytecode: without it nothing is compiled.
const (
	Bytecode  Capabilities = 1 << iota // addresses, orderings of ports, autobound: all kernels
	Device                             // dev: Linux 4.8
	Mark                               // fwmark: Linux 4.9, and CAP_NET_ADMIN
	PortEqual                          // equality of ports, which two orderings can also express: Linux 4.16
	Cgroup                             // cgroup: Linux 5.8

	AllCapabilities = Bytecode | Device | Mark | PortEqual | Cgroup
)

// maxProgram is the maximum length of a program in bytes. The length of an
// attribute and the distance of a jump have 16 bits. The attribute has a header
// of 4 bytes, and a jump that rejects goes 4 bytes past the end.
const maxProgram = 1<<16 - 8

// Program is the part of a filter that the kernel can judge. The zero Program
// selects every socket.
type Program struct {
	code []byte

	// Exact means that, of the sockets in the filter's States, the program
	// selects exactly those that match.
	Exact bool

	// Left has the parts of the filter, joined by and, that the program does
	// not judge, or not completely. Match judges them.
	Left []string
}

// Compile returns a program that the kernel can run on the sockets in the
// filter's States. The program selects all sockets that match, and as few
// others as possible.
//
// The error is an *Error. It means that the filter has autobound in a part that
// the program does not judge completely. For a source that runs no programs, c
// is 0.
func (f *Filter) Compile(c Capabilities) (Program, error) {
	t := &target{c, f.States()}
	var program Program
	var judged []verdict
	room := maxProgram
	for _, part := range parts(f.pushed) {
		v := unjudged
		if t.has(Bytecode) {
			v = kernelCode(part, t)
		}
		if v.code.size() > room {
			v = unjudged
		}
		room -= v.code.size()
		judged = append(judged, v)
		if v.exact {
			continue
		}
		program.Left = append(program.Left, source(part))
		if err := f.mustBeJudged(part); err != nil {
			return Program{}, err
		}
	}
	whole := combined(false, judged)
	program.Exact = whole.exact
	program.code = assemble(whole.code)
	return program, nil
}

// parts returns the expressions that are joined by and.
func parts(n node) []node {
	if j, ok := n.(*junction); ok && !j.or {
		return j.kids
	}
	if n == nil {
		return nil
	}
	return []node{n}
}

// mustBeJudged returns an error if a part that the kernel cannot judge
// completely has a term that only the kernel can judge. (If the kernel can
// judge the whole part, its result counts. Match treats the term as true and
// only repeats the other terms.)
func (f *Filter) mustBeJudged(part node) (err error) {
	leaves(part, func(l *leaf) {
		if _, ok := l.term.(autoboundTerm); ok && err == nil {
			err = &Error{Expr: f.expr, Offset: l.offset,
				What: wording.Say("filter.autobound", "text", quote(source(part))), hint: wording.Say("filter.autobound.hint")}
		}
	})
	return err
}

// Bytes returns the value of the attribute INET_DIAG_REQ_BYTECODE. It is empty
// if the program selects everything. The request then has no such attribute.
func (p Program) Bytes() []byte { return p.code }

// Empty reports whether the program selects everything.
func (p Program) Empty() bool { return len(p.code) == 0 }

// String returns the program with one instruction on each line, and the label
// at which it continues if the condition is false.
func (p Program) String() string {
	if p.Empty() {
		return "accept\n"
	}
	labels := p.labels()
	var b strings.Builder
	for at := 0; at < len(p.code); {
		op := instructionAt(p.code, at)
		name := ""
		if labels[at] {
			name = fmt.Sprintf("L%d:", at)
		}
		fmt.Fprintf(&b, "%-7s%-40s else %s\n", name, op.text(), p.place(at+op.no))
		at += op.yes
	}
	name := ""
	if labels[len(p.code)] {
		name = fmt.Sprintf("L%d:", len(p.code))
	}
	fmt.Fprintf(&b, "%-7saccept\n", name)
	return b.String()
}

// labels returns the places to which the false branches of instructions lead.
func (p Program) labels() map[int]bool {
	labels := map[int]bool{}
	for at := 0; at < len(p.code); {
		op := instructionAt(p.code, at)
		labels[at+op.no] = true
		at += op.yes
	}
	return labels
}

// place names a place in the program.
func (p Program) place(at int) string {
	if at > len(p.code) {
		return "reject"
	}
	return fmt.Sprintf("L%d", at)
}

// instruction is one decoded instruction of a program.
type instruction struct {
	op      opcode
	yes, no int // the distance to the next instruction, if true and if false
	data    []byte
}

// instructionAt reads the instruction at a place. The code must have at least
// its header.
func instructionAt(code []byte, at int) instruction {
	op := instruction{
		op:  opcode(code[at]),
		yes: int(code[at+1]),
		no:  int(binary.NativeEndian.Uint16(code[at+2:])),
	}
	op.data = code[at+headerLen : min(at+max(op.yes, headerLen), len(code))]
	return op
}

// text returns the condition of the instruction.
func (i instruction) text() string {
	switch i.op {
	case opJump:
		return "never"
	case opSourceAtLeast:
		return fmt.Sprintf("sport >= %d", i.port())
	case opSourceAtMost:
		return fmt.Sprintf("sport <= %d", i.port())
	case opSourceEqual:
		return fmt.Sprintf("sport = %d", i.port())
	case opPeerAtLeast:
		return fmt.Sprintf("dport >= %d", i.port())
	case opPeerAtMost:
		return fmt.Sprintf("dport <= %d", i.port())
	case opPeerEqual:
		return fmt.Sprintf("dport = %d", i.port())
	case opAutobound:
		return "autobound"
	case opSourceCond:
		return "src = " + i.host().String()
	case opPeerCond:
		return "dst = " + i.host().String()
	case opDevice:
		return fmt.Sprintf("dev = %d", binary.NativeEndian.Uint32(i.data))
	case opMark:
		return fmt.Sprintf("fwmark = %#x/%#x", binary.NativeEndian.Uint32(i.data), binary.NativeEndian.Uint32(i.data[4:]))
	case opCgroup:
		return fmt.Sprintf("cgroup = %d", binary.NativeEndian.Uint64(i.data))
	}
	return fmt.Sprintf("instruction %d", i.op)
}

func (i instruction) port() uint16 { return binary.NativeEndian.Uint16(i.data[2:]) }

// host returns the host with which a condition compares.
func (i instruction) host() host {
	h := host{port: int(int32(binary.NativeEndian.Uint32(i.data[4:])))}
	if addr, ok := netip.AddrFromSlice(i.data[hostHeaderLen:]); ok {
		h.prefix = netip.PrefixFrom(addr, int(i.data[1]))
	}
	return h
}
