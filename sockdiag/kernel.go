package sockdiag

import (
	"encoding/binary"
	"unsafe"

	"tcpstate/tcp"
)

// Netlink's framing (include/uapi/linux/netlink.h). Messages and attributes
// begin at multiples of four bytes, in the byte order of the machine.
const (
	nlmsgHeaderLen = 16
	nlattrLen      = 4

	nlmsgNoop  = 1
	nlmsgError = 2
	nlmsgDone  = 3

	nlmFlagDumpInterrupted = 0x10 // NLM_F_DUMP_INTR

	nlattrTypeMask = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// align rounds n up to where the next message or attribute begins.
func align(n int) int { return (n + 3) &^ 3 }

// The numbers of the sock_diag protocol.
const (
	tcpDiagGetSock   = 18  // TCPDIAG_GETSOCK, include/uapi/linux/inet_diag.h
	sockDiagByFamily = 20  // SOCK_DIAG_BY_FAMILY, include/uapi/linux/sock_diag.h
	protocolTCP      = 6   // IPPROTO_TCP, include/uapi/linux/in.h
	protocolMPTCP    = 262 // IPPROTO_MPTCP
	familyInet       = 2   // AF_INET, include/linux/socket.h
	familyInet6      = 10  // AF_INET6
)

var kernelFamily = map[tcp.Family]uint8{tcp.IPv4: familyInet, tcp.IPv6: familyInet6}

// bothFamilies stands for IPv4 and IPv6 in one dump.
const bothFamilies = tcp.Family(0)

// inetDiagSockID is struct inet_diag_sockid (include/uapi/linux/inet_diag.h).
// Ports and addresses are in network byte order.
type inetDiagSockID struct {
	SrcPort   [2]byte
	DstPort   [2]byte
	Src       [16]byte // IPv4: the first four
	Dst       [16]byte
	Interface uint32
	Cookie    [2]uint32 // low half first
}

// inetDiagReqV2 is struct inet_diag_req_v2 (include/uapi/linux/inet_diag.h).
type inetDiagReqV2 struct {
	Family     uint8
	Protocol   uint8
	Extensions uint8 // bit n-1 asks for attribute n
	_          uint8
	States     uint32 // bit n asks for state n
	ID         inetDiagSockID
}

// inetDiagReq is struct inet_diag_req (include/uapi/linux/inet_diag.h), which
// TCPDIAG_GETSOCK takes.
type inetDiagReq struct {
	Family     uint8 // ignored by a dump, which lists all families
	SrcLen     uint8
	DstLen     uint8
	Extensions uint8
	ID         inetDiagSockID
	States     uint32
	_          uint32 // idiag_dbs, not used by the kernel
}

// inetDiagMsg is struct inet_diag_msg (include/uapi/linux/inet_diag.h).
type inetDiagMsg struct {
	Family      uint8
	State       uint8
	Timer       uint8
	Retransmits uint8
	ID          inetDiagSockID
	Expires     uint32 // milliseconds
	RecvQueue   uint32
	SendQueue   uint32
	UID         uint32
	Inode       uint32
}

// inetDiagMsgLen is the size of struct inet_diag_msg.
const inetDiagMsgLen = int(unsafe.Sizeof(inetDiagMsg{}))

// load copies the bytes of b into the kernel's structure at dst, up to the
// shorter of the two, and returns how many bytes it copied. The structures hold
// only integers, so any bytes make a valid one, and b needs no alignment.
func load[T any](dst *T, b []byte) int {
	return copy(unsafe.Slice((*byte)(unsafe.Pointer(dst)), unsafe.Sizeof(*dst)), b)
}

// requestBody is a part of a netlink message, in the form that package nl
// takes.
type requestBody interface {
	Len() int
	Serialize() []byte
}

// structure turns a structure of the kernel into a requestBody.
type structure[T any] struct{ value *T }

// Serialize returns the bytes of the structure.
func (s structure[T]) Serialize() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s.value)), unsafe.Sizeof(*s.value))
}

// Len returns the size of the structure in bytes.
func (s structure[T]) Len() int { return int(unsafe.Sizeof(*s.value)) }

// newRequest returns the type and the body of the request for a dump of one
// family or of bothFamilies. Only the older request can list both families,
// because it does not name a family (inet_diag_dump_compat in
// net/ipv4/inet_diag.c). With it the kernel walks its tables once and not
// twice. On a host with few sockets most of the time goes into the walk over
// empty tables, so this halves the time there.
func newRequest(family tcp.Family, req Request) (kind int, body requestBody) {
	if family == bothFamilies {
		return tcpDiagGetSock, structure[inetDiagReq]{&inetDiagReq{
			Extensions: extensions(req),
			States:     req.States.KernelMask(),
		}}
	}
	protocol := uint8(protocolTCP)
	if req.Connections {
		protocol = 0 // in an attribute instead, see newProtocol
	}
	return sockDiagByFamily, structure[inetDiagReqV2]{&inetDiagReqV2{
		Family:     kernelFamily[family],
		Protocol:   protocol,
		Extensions: extensions(req),
		States:     req.States.KernelMask(),
	}}
}

// newProtocol returns the attribute of a request that names the protocol MPTCP,
// whose number does not fit the header (inet_diag_get_protocol in
// net/ipv4/inet_diag.c). The header then has protocol 0, which no handler
// serves, so that a kernel before 5.9, which ignores the attribute, answers ENOENT
// and does not list the sockets of TCP.
func newProtocol() []byte { return binary.NativeEndian.AppendUint32(nil, protocolMPTCP) }

// extensions returns the bits that make the kernel send the attributes of a
// detail. Attributes after the eighth have no bit: the kernel always sends
// them, or sends them with another attribute. ULP_INFO and MD5SIG come with
// INFO (tcp_diag_get_aux in net/ipv4/tcp_diag.c), BBRINFO and DCTCPINFO with
// VEGASINFO, CLASS_ID with TCLASS.
func extensions(req Request) uint8 {
	var bits uint8
	detail := req.Detail
	ask := func(attributes ...int) {
		for _, a := range attributes {
			bits |= 1 << (a - 1)
		}
	}
	if detail.Has(tcp.DetailInfo) {
		ask(attrInfo, attrCong, attrVegasInfo)
	}
	if detail.Has(tcp.DetailAge) || req.Connections {
		ask(attrInfo)
	}
	if detail.Has(tcp.DetailMemory) {
		ask(attrSkMemInfo)
	}
	if detail.Has(tcp.DetailExtended) {
		ask(attrTOS, attrTClass, attrInfo)
	}
	return bits
}

// header is struct nlmsghdr (include/uapi/linux/netlink.h).
type header struct {
	len   int
	kind  uint16
	flags uint16
	seq   uint32
}

// readHeader reads the header at the start of b, which must hold a whole
// header.
func readHeader(b []byte) header {
	return header{
		len:   int(binary.NativeEndian.Uint32(b)),
		kind:  binary.NativeEndian.Uint16(b[4:]),
		flags: binary.NativeEndian.Uint16(b[6:]),
		seq:   binary.NativeEndian.Uint32(b[8:]),
	}
}
