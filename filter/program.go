package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// Capabilities is a set of instructions that a kernel knows. A kernel answers
// EINVAL to a program with an instruction that it does not know, and EPERM to
// one with a mark from a process without CAP_NET_ADMIN.
type Capabilities uint8

// The instructions, by the kernel from which they are known. Bytecode is what
// the others rest on: without it nothing is compiled.
const (
	Bytecode  Capabilities = 1 << iota // addresses, orderings of ports, autobound: all kernels
	Device                             // dev: Linux 4.8
	Mark                               // fwmark: Linux 4.9, and CAP_NET_ADMIN
	PortEqual                          // equality of ports, which orderings can express too: Linux 4.16
	Cgroup                             // cgroup: Linux 5.8

	AllCapabilities = Bytecode | Device | Mark | PortEqual | Cgroup
)

// maxProgram is how long a program may be: the length of an attribute and that
// of a jump are 16 bits, the attribute has a header of 4 bytes, and a jump that
// rejects goes 4 bytes past the end.
const maxProgram = 1<<16 - 8

// Program is what the kernel can judge of a filter. The zero Program lets every
// socket pass.
type Program struct {
	code []byte

	// Exact says that the program lets pass what matches, and nothing else, of
	// the sockets in the filter's States.
	Exact bool

	// Left holds the parts of the filter, joined by and, that are not judged by
	// the program, or not wholly: Match judges them.
	Left []string
}

// Compile returns a program that the kernel can run on the sockets in the
// filter's States. It lets pass all that match, and as few others as it can.
//
// The error is an *Error: the filter holds autobound in a part that the program
// does not judge wholly, so that nobody could. A source that runs no program is
// asked about with no capabilities at all.
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

// mustBeJudged returns an error if a part that the kernel cannot judge wholly
// holds a term that nobody else can judge. (Where it can, the part's own result
// decides, and Match, which takes the term as true, only repeats the others.)
func (f *Filter) mustBeJudged(part node) (err error) {
	leaves(part, func(l *leaf) {
		if _, ok := l.term.(autoboundTerm); ok && err == nil {
			err = &Error{Expr: f.expr, Offset: l.offset,
				Msg:  "autobound is known to the kernel alone, which cannot judge " + quote(source(part)),
				hint: "it needs sock_diag, and to be joined by and to what only this program can judge"}
		}
	})
	return err
}

// Bytes returns what goes into the attribute INET_DIAG_REQ_BYTECODE. It is empty
// where the program lets everything pass: no attribute is sent then.
func (p Program) Bytes() []byte { return p.code }

// Empty reports whether the program lets everything pass.
func (p Program) Empty() bool { return len(p.code) == 0 }

// String returns the program, one instruction a line, with the places where it
// goes on if the condition is false.
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

// labels returns the places that instructions lead to, those past the end left
// out.
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

// instruction is an instruction as it stands in a program.
type instruction struct {
	op      opcode
	yes, no int // how far to go on
	data    []byte
}

// instructionAt reads the instruction at a place, where at least its header is.
func instructionAt(code []byte, at int) instruction {
	op := instruction{
		op:  opcode(code[at]),
		yes: int(code[at+1]),
		no:  int(binary.NativeEndian.Uint16(code[at+2:])),
	}
	op.data = code[at+headerLen : min(at+max(op.yes, headerLen), len(code))]
	return op
}

// text writes what the instruction asks.
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

// host returns what a condition on a host compares with.
func (i instruction) host() host {
	h := host{port: int(int32(binary.NativeEndian.Uint32(i.data[4:])))}
	if addr, ok := netip.AddrFromSlice(i.data[hostHeaderLen:]); ok {
		h.prefix = netip.PrefixFrom(addr, int(i.data[1]))
	}
	return h
}
