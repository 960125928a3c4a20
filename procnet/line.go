package procnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"

	"tcpstate/tcp"
)

// The columns of a line. The header has more names than there are columns:
// tx_queue and rx_queue are one column, and so are tr and tm->when.
const (
	columnEntry = iota
	columnLocal
	columnPeer
	columnState
	columnQueues  // bytes to send:bytes received
	columnTimer   // kind:expiry
	columnResends // unanswered so far
	columnUID
	columnProbes // unanswered so far; the header calls it timeout
	columnInode
	columnReferences
	columnPointer

	// A request socket and a TIME_WAIT have no columns after these.
	smallColumns

	// Other sockets have five more: the timeouts of retransmission and of
	// delayed acknowledgement, quick acks, the congestion window, and ssthresh.
	columnRTO      = smallColumns
	columnCwnd     = smallColumns + 3
	columnSSThresh = smallColumns + 4
	fullColumns    = smallColumns + 5
)

// lineParser parses lines into its socket. The methods for single columns store
// the first error in err and continue, so that parse can follow the format
// without a check after each column.
type lineParser struct {
	family  tcp.Family
	order   binary.ByteOrder
	columns [fullColumns][]byte
	count   int      // columns in the line, fullColumns at most
	memory  [16]byte // the bytes of an address; a local variable would be allocated, since order is an interface
	socket  tcp.Socket
	info    tcp.Info
	err     error
}

// parse parses one line after the header.
func (p *lineParser) parse(line []byte) error {
	p.split(line)
	if p.count < smallColumns {
		return p.tooFew(line, smallColumns)
	}
	p.err = nil
	s := &p.socket
	s.Reset()
	s.Family = p.family
	p.entry(p.columns[columnEntry])
	s.Local = p.addrPort("local address", "local port", p.columns[columnLocal])
	s.Peer = p.addrPort("peer address", "peer port", p.columns[columnPeer])
	s.State = p.state(p.columns[columnState])
	toSend, received := p.pair("queues", p.columns[columnQueues])
	sendQueue := uint32(p.hex("send queue", toSend, 8, 8))
	recvQueue := uint32(p.hex("receive queue", received, 8, 8))
	kind, expiry := p.pair("timer", p.columns[columnTimer])
	s.Timer.Kind = tcp.TimerKind(p.hex("timer", kind, 2, 2))
	expires := p.ticks(expiry)
	resends := p.byte("resends", p.hex("resends", p.columns[columnResends], 8, 8), columnResends)
	uid := p.decimal("uid", p.columns[columnUID])
	probes := p.byte("probes", uint64(p.decimal("probes", p.columns[columnProbes])), columnProbes)
	inode := p.decimal("inode", p.columns[columnInode])
	if p.err != nil {
		return p.err
	}

	small := p.isSmall()
	if !small && p.count < fullColumns {
		return p.tooFew(line, fullColumns)
	}
	if !small {
		s.Owner = tcp.FullSocketOwner(uid, inode)
		if s.State != tcp.Listen {
			p.addInfo()
		}
		if p.err != nil {
			return p.err
		}
	}
	if s.State == tcp.Listen {
		s.AcceptQueue = recvQueue
	} else {
		s.RecvQueue, s.SendQueue = recvQueue, sendQueue
	}
	// The kernel prints both counts for every timer. inet_sk_diag_fill in
	// net/ipv4/inet_diag.c shows which one belongs to which timer.
	switch s.Timer.Kind {
	case tcp.TimerOff:
		expires = 0
	case tcp.TimerOn:
		s.Timer.Retransmits = resends
	case tcp.TimerKeepalive, tcp.TimerPersist:
		s.Timer.Retransmits = probes
	}
	s.Timer.Expires = expires
	s.ProcLine = tcp.Known(tcp.ProcLine{UID: uid, Resends: resends, Probes: probes})
	return nil
}

// addInfo adds what the end of the line has of tcp_info. A listener has other values
// there. The kernel prints -1 for a slow start threshold that no loss has set yet.
func (p *lineParser) addInfo() {
	const tick, unset = 10 * time.Millisecond, 1<<31 - 1 // TCP_INFINITE_SSTHRESH, include/net/tcp.h
	info := &p.info                                      // nothing else of it is ever set
	info.OfProc = true
	info.RTO = time.Duration(p.decimal("rto", p.columns[columnRTO])) * tick
	info.SendCwnd, info.SendSSThresh = p.decimal("congestion window", p.columns[columnCwnd]), unset
	if threshold := p.columns[columnSSThresh]; string(threshold) != "-1" {
		info.SendSSThresh = p.decimal("slow start threshold", threshold)
	}
	p.socket.Info = info
}

// isSmall reports whether the line describes one of the kernel's small sockets:
// a TIME_WAIT, an orphaned FIN_WAIT2 that the kernel keeps as a time-wait
// socket, or a request socket. Their uid is 0 or that of the listener. A
// SYN_RECV with all columns is not a request socket. It is a socket with an
// owner, from a simultaneous open or from TCP Fast Open.
func (p *lineParser) isSmall() bool {
	s := &p.socket
	return s.Timer.Kind == tcp.TimerTimeWait || s.State == tcp.TimeWait ||
		s.State == tcp.SynRecv && p.count < fullColumns
}

// split finds the columns of line, which are separated by one or more spaces.
// It stops after fullColumns, because a newer kernel may have more.
//
// If there is a space after the expected width of a column, split takes that as
// the end of the column and does not search for it. Only columns of hexadecimal
// digits have a width, so a space inside one is found when its digits are
// parsed.
func (p *lineParser) split(line []byte) {
	widths := &widths4
	if p.family == tcp.IPv6 {
		widths = &widths6
	}
	count, end := 0, 0
	for count < fullColumns {
		start := end
		for start < len(line) && line[start] == ' ' {
			start++
		}
		if start == len(line) {
			break
		}
		end = start + widths[count]
		if end >= len(line) || line[end] != ' ' {
			end = start + 1
		}
		for end < len(line) && line[end] != ' ' {
			end++
		}
		p.columns[count] = line[start:end]
		count++
	}
	p.count = count
}

// The widths of the columns. 1 stands for a column without a fixed width, whose
// end is searched from its second byte on.
var (
	widths4 = [fullColumns]int{1, 13, 13, 2, 17, 11, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	widths6 = [fullColumns]int{1, 37, 37, 2, 17, 11, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
)

func (p *lineParser) tooFew(line []byte, want int) error {
	return &ValueError{What: "line", Text: string(line), Problem: fmt.Sprintf("%d columns, not %d", p.count, want)}
}

// wrong stores an error, if it is the first one in the line.
func (p *lineParser) wrong(what string, text []byte, problem string) {
	if p.err == nil {
		p.err = &ValueError{What: what, Text: string(text), Problem: problem}
	}
}

// entry checks the number of the line, such as 12:. Its value is not used.
func (p *lineParser) entry(text []byte) {
	number, found := bytes.CutSuffix(text, []byte(":"))
	if !found {
		p.wrong("entry", text, "no colon at its end")
		return
	}
	p.decimal("entry", number)
}

// addrPort parses an address and a port, such as 0100007F:0016.
func (p *lineParser) addrPort(whatAddress, whatPort string, text []byte) netip.AddrPort {
	address, port := p.pair(whatAddress, text)
	return netip.AddrPortFrom(p.addr(whatAddress, address), uint16(p.hex(whatPort, port, 4, 4)))
}

// addr parses the address of the family. An address is in memory in network
// byte order. The kernel reads it as 32-bit words in the byte order of its
// machine and prints these. So addr writes the words in that order, and the
// bytes are the address again.
func (p *lineParser) addr(what string, text []byte) netip.Addr {
	if p.family == tcp.IPv4 {
		p.order.PutUint32(p.memory[:], uint32(p.hex(what, text, 8, 8)))
		return netip.AddrFrom4([4]byte(p.memory[:4]))
	}
	if len(text) != 32 {
		p.hex(what, text, 32, 32)
		return netip.Addr{}
	}
	for i := 0; i < 4; i++ {
		word, ok := parseHex(text[8*i : 8*i+8])
		if !ok {
			p.wrong(what, text, notHex)
		}
		p.order.PutUint32(p.memory[4*i:], uint32(word))
	}
	return netip.AddrFrom16(p.memory)
}

// state parses the kernel's number of a state.
func (p *lineParser) state(text []byte) tcp.State {
	state, ok := tcp.StateFromKernel(uint8(p.hex("state", text, 2, 2)))
	if !ok {
		p.wrong("state", text, "not a state")
	}
	return state
}

// ticks parses the time until a timer fires. The kernel prints it in ticks of a
// hundredth of a second, rounded down (USER_HZ, which is 100 on all machines
// that Go supports).
func (p *lineParser) ticks(text []byte) time.Duration {
	const tick = 10 * time.Millisecond
	ticks := p.hex("timer expiry", text, 8, 16)
	if ticks > uint64(math.MaxInt64/tick) {
		p.wrong("timer expiry", text, "too far away")
		return 0
	}
	return time.Duration(ticks) * tick
}

// byte checks that a number fits a byte. The kernel stores it in one.
func (p *lineParser) byte(what string, number uint64, column int) uint8 {
	if number > math.MaxUint8 {
		p.wrong(what, p.columns[column], "more than 255")
	}
	return uint8(number)
}

// pair cuts text at its colon.
func (p *lineParser) pair(what string, text []byte) (before, after []byte) {
	colon := bytes.IndexByte(text, ':')
	if colon < 0 {
		p.wrong(what, text, "no colon in it")
		return nil, nil
	}
	return text[:colon], text[colon+1:]
}

const notHex = "not hexadecimal"

// hex parses a number that must have from least to most hexadecimal digits, in
// upper or lower case. most is at most 16.
func (p *lineParser) hex(what string, text []byte, least, most int) uint64 {
	number, ok := parseHex(text)
	switch {
	case !ok:
		p.wrong(what, text, notHex)
	case len(text) < least || len(text) > most:
		p.wrong(what, text, fmt.Sprintf("%d digits, not %d", len(text), least))
	}
	return number
}

// parseHex parses hexadecimal digits. If there are more than 16, the last 16
// count. It takes four digits at a time, which saves a quarter of the time that
// a line takes with one digit at a time.
func parseHex(text []byte) (number uint64, ok bool) {
	var all uint8
	for ; len(text) >= 4; text = text[4:] {
		a, b, c, d := hexDigits[text[0]], hexDigits[text[1]], hexDigits[text[2]], hexDigits[text[3]]
		all |= a | b | c | d
		number = number<<16 | uint64(a&0xf)<<12 | uint64(b&0xf)<<8 | uint64(c&0xf)<<4 | uint64(d&0xf)
	}
	for _, c := range text {
		digit := hexDigits[c]
		all |= digit
		number = number<<4 | uint64(digit&0xf)
	}
	return number, all != notDigit
}

// notDigit marks a byte that is not a digit. It has bits that no digit has, so
// the bitwise or of many table entries shows whether one of them is notDigit.
const notDigit = 0xff

// hexDigits holds the value of each byte that is a hexadecimal digit.
var hexDigits = func() (table [256]uint8) {
	for i := range table {
		table[i] = notDigit
	}
	for i := range uint8(10) {
		table['0'+i] = i
	}
	for i := range uint8(6) {
		table['a'+i], table['A'+i] = 10+i, 10+i
	}
	return table
}()

// decimal parses a decimal number of 32 bits.
func (p *lineParser) decimal(what string, text []byte) uint32 {
	var number uint64
	for _, c := range text {
		digit := c - '0'
		if digit > 9 {
			p.wrong(what, text, "not a decimal number")
			return 0
		}
		number = 10*number + uint64(digit)
		if number > math.MaxUint32 {
			p.wrong(what, text, "more than 32 bits")
			return 0
		}
	}
	if len(text) == 0 {
		p.wrong(what, text, "not a decimal number")
	}
	return uint32(number)
}
