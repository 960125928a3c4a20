package render

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// Netstat is a listing with exactly the output of netstat from net-tools 2.10:
// tcp_do_one, addr_do_one and finish_this_one in its netstat.c. The function
// fields add a column or return names. If one is nil, there is no such column,
// or the listing shows numbers and not names.
type Netstat struct {
	All       bool // -a
	Listening bool // -l
	Extended  bool // -e: user and inode
	Timers    bool // -o
	Wide      bool // -W: addresses are not shortened

	// Program returns the process that holds the socket with an inode, and the
	// first of its arguments. ok is false if no process is known. (-p)
	Program func(inode uint32) (pid int, argument string, ok bool)

	// Host, Service and User return names, or "" if there is none. Host is not
	// called for unspecified addresses.
	Host    func(netip.Addr) string
	Service func(port uint16) string
	User    func(uid uint32) string
}

// Shows reports whether netstat lists the socket. For netstat, every socket
// whose peer has no port is a server, in any state.
func (n *Netstat) Shows(s *tcp.Socket) bool {
	return n.All || n.Listening == (s.Peer.Port() == 0)
}

// Write writes the header and the sockets that netstat lists. It returns the
// first error of w or of sockets. It still writes what it has read before an
// error.
func (n *Netstat) Write(w io.Writer, sockets iter.Seq2[*tcp.Socket, error]) error {
	out := &output{w: w, buf: n.appendHeader(nil)}
	err := n.writeRows(out, sockets)
	if flushErr := out.flush(); flushErr != nil {
		return flushErr
	}
	return err
}

func (n *Netstat) writeRows(out *output, sockets iter.Seq2[*tcp.Socket, error]) error {
	for s, err := range sockets {
		if err != nil {
			return err
		}
		if !n.Shows(s) {
			continue
		}
		out.buf = n.appendRow(out.buf, s)
		if err := out.endRow(); err != nil {
			return err
		}
	}
	return nil
}

// The widths of columns. A longer address moves the rest of the line to the
// right.
const (
	addressWidth = 23
	programWidth = 20
)

func (n *Netstat) appendHeader(b []byte) []byte {
	b = append(b, "Active Internet connections "...)
	switch {
	case n.All:
		b = append(b, "(servers and established)"...)
	case n.Listening:
		b = append(b, "(only servers)"...)
	default:
		b = append(b, "(w/o servers)"...)
	}
	b = append(b, "\nProto Recv-Q Send-Q Local Address           Foreign Address         State      "...)
	if n.Extended {
		b = append(b, " User       Inode     "...)
	}
	if n.Program != nil {
		b = fmt.Appendf(b, " %-*s", programWidth, "PID/Program name")
	}
	if n.Timers {
		b = append(b, " Timer"...)
	}
	return append(b, '\n')
}

func (n *Netstat) appendRow(b []byte, s *tcp.Socket) []byte {
	proto, line := "tcp ", procLine(s)
	if s.Family == tcp.IPv6 {
		proto = "tcp6"
	}
	received, toSend := s.RecvQueue, s.SendQueue
	if s.State == tcp.Listen {
		received, toSend = s.AcceptQueue, 0
	}
	b = append(append(b, proto...), "  "...)
	b = append(appendRight(b, 6, received), ' ')
	b = append(appendRight(b, 6, toSend), ' ')
	b = append(n.appendEndpoint(b, s.Local), ' ')
	b = append(n.appendEndpoint(b, s.Peer), ' ')
	b = appendLeft(b, 11, s.State.String())
	if n.Extended {
		b = append(appendLeft(append(b, ' '), 10, n.user(line.UID)), ' ')
		b = appendLeft(b, 10, strconv.FormatUint(uint64(s.Owner.Inode), 10))
	}
	if n.Program != nil {
		b = appendLeft(append(b, ' '), programWidth, n.program(s.Owner.Inode))
	}
	if n.Timers {
		b = appendProcTimer(append(b, ' '), s.Timer, line)
	}
	return append(b, '\n')
}

// procLine returns the columns of /proc that netstat prints without a change.
// For a socket from another source it computes them from the fields of the
// socket.
func procLine(s *tcp.Socket) tcp.ProcLine {
	line := tcp.ProcLine{UID: s.Owner.UID.Or(0)}
	switch s.Timer.Kind {
	case tcp.TimerOn:
		line.Resends = s.Timer.Retransmits
	case tcp.TimerKeepalive, tcp.TimerPersist:
		line.Probes = s.Timer.Retransmits
	}
	return s.ProcLine.Or(line)
}

// appendEndpoint appends an address and a port. Unless Wide is set, both
// together have at most 22 columns: the port at most 18, and the address the
// rest.
func (n *Netstat) appendEndpoint(b []byte, endpoint netip.AddrPort) []byte {
	const room, most = 22, 18
	start := len(b)
	var space [64]byte
	port := n.appendPort(space[:0], endpoint.Port())
	b = n.appendHost(b, endpoint.Addr())
	if host := len(b) - start; !n.Wide && host+len(port) > room {
		port = port[:min(len(port), most)]
		b = b[:start+min(host, room-len(port))]
	}
	b = append(append(b, ':'), port...)
	return text.AppendSpaces(b, addressWidth-(len(b)-start))
}

func (n *Netstat) appendPort(b []byte, port uint16) []byte {
	if port == 0 {
		return append(b, '*')
	}
	if n.Service != nil {
		if name := n.Service(port); name != "" {
			return append(b, name...)
		}
	}
	return strconv.AppendUint(b, uint64(port), 10)
}

// appendHost appends an address, or its name if Host is set and the address has
// one. An IPv4-mapped address is shown as an IPv4 address (fix_v4_address,
// lib/inet6.c). If Host is set, the unspecified IPv6 address has brackets.
func (n *Netstat) appendHost(b []byte, addr netip.Addr) []byte {
	addr = addr.WithZone("")
	if n.Host != nil {
		if addr == netip.IPv6Unspecified() {
			return append(b, "[::]"...)
		}
		if !addr.IsUnspecified() {
			if name := n.Host(addr); name != "" {
				return append(b, name...)
			}
		}
	}
	if isIPv4Compatible(addr) {
		b = append(b, "::"...)
		words := addr.As16()
		addr = netip.AddrFrom4([4]byte(words[12:]))
	}
	return addr.Unmap().AppendTo(b)
}

// isIPv4Compatible reports whether inet_ntop(3) of glibc writes the last part
// of an IPv6 address as an IPv4 address, such as ::1.2.3.4. It does so if
// exactly the words before that part are zero. Package netip does so only for
// mapped addresses.
func isIPv4Compatible(addr netip.Addr) bool {
	if !addr.Is6() {
		return false
	}
	text := addr.As16()
	return bytes.Count(text[:12], []byte{0}) == 12 && text[12]|text[13] != 0
}

// user returns the name of a user, or the number as a C int.
func (n *Netstat) user(uid uint32) string {
	if n.User != nil {
		if name := n.User(uid); name != "" {
			return name
		}
	}
	return strconv.Itoa(int(int32(uid)))
}

// program returns the process that holds the socket with an inode, in the form
// of netstat: its PID and the name from its arguments, at most 19 bytes
// together. Of the name netstat reads 511 bytes (prg_cache_load). The name may
// hold any bytes. Bytes that are not printable ASCII are shown as dots.
// net-tools 2.10 does not do this, but later versions do.
func (n *Netstat) program(inode uint32) string {
	pid, name, ok := 0, "", false
	if inode != 0 {
		pid, name, ok = n.Program(inode)
	}
	if !ok {
		return "-"
	}
	if name = name[:min(len(name), 511)]; strings.HasPrefix(name, "/") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	text := fmt.Appendf(nil, "%d/%s", pid, name)
	text = text[:min(len(text), programWidth-1)]
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '.'
		}
	}
	return string(text)
}

// appendProcTimer appends a timer: its kind, the seconds until it fires, and
// the two counts of /proc.
func appendProcTimer(b []byte, timer tcp.Timer, line tcp.ProcLine) []byte {
	expires := timer.Expires
	switch timer.Kind {
	case tcp.TimerOff:
		b, expires = append(b, "off"...), 0
	case tcp.TimerOn:
		b = append(b, "on"...)
	case tcp.TimerKeepalive:
		b = append(b, "keepalive"...)
	case tcp.TimerTimeWait:
		b = append(b, "timewait"...)
	case tcp.TimerPersist:
		b = append(b, "probe"...)
	default:
		b = fmt.Appendf(b, "unkn-%d", uint8(timer.Kind))
	}
	ticks := expires / (10 * time.Millisecond) // the unit of /proc
	return fmt.Appendf(b, " (%d.%02d/%d/%d)", ticks/100, ticks%100, line.Resends, line.Probes)
}

// appendRight appends a number, aligned to the right of its column.
func appendRight(b []byte, width int, number uint32) []byte {
	var digits [len("4294967295")]byte
	shown := strconv.AppendUint(digits[:0], uint64(number), 10)
	return append(text.AppendSpaces(b, width-len(shown)), shown...)
}

// appendLeft appends a text, aligned to the left of its column.
func appendLeft(b []byte, width int, s string) []byte {
	return text.AppendSpaces(append(b, s...), width-len(s))
}
