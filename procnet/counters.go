package procnet

import (
	"bufio"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// Counters maps the name of a counter to its value. The names are those of
// /proc/net/netstat and /proc/net/snmp with the group before them:
// TcpExt.ListenOverflows, Tcp.ActiveOpens. The kernel counts from the start of
// the network namespace and for the namespace as a whole: no counter says which
// listener it counted for. Which counters there are depends on the kernel
// (net/ipv4/proc.c).
type Counters map[string]int64

// Counters returns the counters of the namespace. A few values of the group Tcp
// are not counters: RtoMin, RtoMax and MaxConn are settings (MaxConn may be
// -1), and CurrEstab is a present number, which can go down. Any user may read
// them. The error is a *ReadError.
func (p *Proc) Counters() (Counters, error) {
	counters := make(Counters)
	for _, name := range []string{"snmp", "netstat"} {
		err := p.parse(path.Join(p.NetDir, name), counters, parseCounters)
		if err != nil {
			return nil, err
		}
	}
	return counters, nil
}

// SockStat returns what the kernel uses now. The names are those of
// /proc/net/sockstat with the group before them. TCP.inuse, TCP.tw and
// sockets.used are for the namespace. TCP.orphan, TCP.alloc and TCP.mem (in
// pages) are for the whole host (sockstat_seq_show, net/ipv4/proc.c). The error
// is a *ReadError.
func (p *Proc) SockStat() (Counters, error) {
	counters := make(Counters)
	return counters, p.parse(path.Join(p.NetDir, "sockstat"), counters, parseSockStat)
}

// MPTCPSockets returns how many sockets of multipath TCP the network namespace has:
// connections and listeners, not subflows (proto_seq_printf, net/core/sock.c).
// A kernel without MPTCP has none. The error is a *ReadError.
func (p *Proc) MPTCPSockets() (int, error) {
	counters := make(Counters)
	if err := p.parse(path.Join(p.NetDir, "protocols"), counters, parseProtocols); err != nil {
		return 0, err
	}
	return int(counters["MPTCP"] + counters["MPTCPv6"]), nil
}

// parseProtocols reads the number of sockets of each protocol:
//
//	protocol  size sockets  memory press maxhdr  slab module     cl co di ...
//	MPTCP     1936      5    1863   no       0   yes  kernel      y  y  y ...
func parseProtocols(r io.Reader, counters Counters) *ReadError {
	lines := bufio.NewScanner(io.LimitReader(r, longestLine))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if n == 1 || len(words) < 3 {
			continue
		}
		sockets, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return &ReadError{Line: n, Err: err}
		}
		counters[words[0]] = max(sockets, 0)
	}
	if err := lines.Err(); err != nil {
		return &ReadError{Err: err}
	}
	return nil
}

// maxCounters is how much of a file of counters is read, in bytes. The kernel writes
// some thousands.
const maxCounters = 1 << 20

// parse opens a file and parses it into counters.
func (p *Proc) parse(name string, counters Counters, parse func(io.Reader, Counters) *ReadError) error {
	file, err := p.FS.Open(name)
	if err != nil {
		return &ReadError{File: p.path(name), Err: cause(err)}
	}
	defer file.Close()
	if err := parse(io.LimitReader(file, maxCounters), counters); err != nil {
		err.File = p.path(name)
		return err
	}
	return nil
}

// parseCounters reads pairs of lines, the first with the names of a group and
// the second with their values:
//
//	Tcp: RtoAlgorithm RtoMin RtoMax MaxConn
//	Tcp: 1 200 120000 -1
//
// A group may appear more than once, with other names.
func parseCounters(r io.Reader, counters Counters) *ReadError {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	number := 0
	for lines.Scan() {
		number++
		names := strings.Fields(lines.Text())
		if len(names) == 0 || !strings.HasSuffix(names[0], ":") {
			return &ReadError{Line: number, Err: &ValueError{"line", lines.Text(), "no names of counters after a group and a colon"}}
		}
		if !lines.Scan() {
			break
		}
		number++
		values := strings.Fields(lines.Text())
		if len(values) != len(names) || values[0] != names[0] {
			return &ReadError{Line: number, Err: &ValueError{"line", lines.Text(), "not the values of the names above it"}}
		}
		for i := 1; i < len(names); i++ {
			if err := counters.add(names[0], names[i], values[i]); err != nil {
				return &ReadError{Line: number, Err: err}
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return &ReadError{Line: number + 1, Err: wording.Fail("procnet.long-line")}
	case err != nil:
		return &ReadError{Err: cause(err)}
	case number == 0:
		return &ReadError{Err: wording.Fail("procnet.empty")}
	case number%2 == 1:
		return &ReadError{Line: number, Err: wording.Fail("procnet.no-values")}
	}
	return nil
}

// parseSockStat reads lines of a group and pairs of a name and a value:
//
//	TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1
func parseSockStat(r io.Reader, counters Counters) *ReadError {
	text, err := io.ReadAll(io.LimitReader(r, longestLine))
	if err != nil {
		return &ReadError{Err: cause(err)}
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words := strings.Fields(line)
		if len(words)%2 == 0 || !strings.HasSuffix(words[0], ":") {
			return &ReadError{Line: number, Err: &ValueError{"line", strings.TrimSuffix(line, "\n"), "no pairs of names and values after a group and a colon"}}
		}
		for i := 1; i < len(words); i += 2 {
			if err := counters.add(words[0], words[i], words[i+1]); err != nil {
				return &ReadError{Line: number, Err: err}
			}
		}
	}
	if number == 0 {
		return &ReadError{Err: wording.Fail("procnet.empty")}
	}
	return nil
}

// add sets one counter. group is the text from the file, with its colon.
func (c Counters) add(group, name, text string) error {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return &ValueError{"value of " + name, text, "not a whole number of 64 bits"}
	}
	c[strings.TrimSuffix(group, ":")+"."+name] = value
	return nil
}
