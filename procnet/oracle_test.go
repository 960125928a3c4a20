package procnet

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

// The oracle is a second parser. It is slow, and uses only simple parts of the
// standard library. It says whether a file is valid and which sockets it has,
// but not what is wrong with it.

var oracleHeader = regexp.MustCompile(`^ *sl +local_address +rem(ote)?_address +st +tx_queue +rx_queue +` +
	`tr +tm->when +retrnsmt +uid +timeout +inode( |$)`)

var oracleLine = regexp.MustCompile(`^ *[0-9]+: ` +
	` *([[:xdigit:]]{8}|[[:xdigit:]]{32}):([[:xdigit:]]{4})` + // 1, 2
	` +([[:xdigit:]]{8}|[[:xdigit:]]{32}):([[:xdigit:]]{4})` + // 3, 4
	` +([[:xdigit:]]{2})` + // 5: state
	` +([[:xdigit:]]{8}):([[:xdigit:]]{8})` + // 6, 7: queues
	` +([[:xdigit:]]{2}):([[:xdigit:]]{8,16})` + // 8, 9: timer
	` +([[:xdigit:]]{8})` + // 10: resends
	` +([0-9]+) +([0-9]+) +([0-9]+)` + // 11, 12, 13: uid, probes, inode
	`((?: +[^ ]+){2,}) *$`) // 14: the rest

// oracle returns the sockets of a file of a little-endian host, and how many lines
// are not valid. Without a header the first line is the only one.
func oracle(text string, family tcp.Family) (sockets []tcp.Socket, wrong int) {
	for i, line := range strings.SplitAfter(text, "\n") {
		if line == "" && i > 0 {
			return sockets, wrong // after the last newline
		}
		line, _ = strings.CutSuffix(line, "\n")
		long := len(line) >= longestLine
		if i == 0 {
			if long || !oracleHeader.MatchString(line) {
				return nil, 1
			}
			continue
		}
		s, ok := oracleSocket(line, family)
		if !ok || long {
			wrong++
			continue
		}
		sockets = append(sockets, s)
	}
	return sockets, wrong
}

func oracleSocket(line string, family tcp.Family) (s tcp.Socket, ok bool) {
	m := oracleLine.FindStringSubmatch(line)
	if m == nil {
		return s, false
	}
	ok = true
	number := func(text string, base, bits int) uint64 {
		n, err := strconv.ParseUint(text, base, bits)
		ok = ok && err == nil
		return n
	}
	entry, _, _ := strings.Cut(strings.TrimSpace(line), ":")
	number(entry, 10, 32)
	address := func(text string) netip.Addr {
		var b []byte // in each word, the last byte printed is the first of the address
		for word := 0; word < len(text); word += 8 {
			for digit := 6; digit >= 0; digit -= 2 {
				b = append(b, byte(number(text[word+digit:word+digit+2], 16, 8)))
			}
		}
		a, _ := netip.AddrFromSlice(b)
		ok = ok && a.Is4() == (family == tcp.IPv4)
		return a
	}
	s.Family = family
	s.Local = netip.AddrPortFrom(address(m[1]), uint16(number(m[2], 16, 16)))
	s.Peer = netip.AddrPortFrom(address(m[3]), uint16(number(m[4], 16, 16)))
	state, known := tcp.StateFromKernel(uint8(number(m[5], 16, 8)))
	ok = ok && known
	s.State = state
	toSend, received := uint32(number(m[6], 16, 32)), uint32(number(m[7], 16, 32))
	s.Timer.Kind = tcp.TimerKind(number(m[8], 16, 8))
	ticks := number(m[9], 16, 64)
	ok = ok && ticks <= 1<<63/10_000_000
	resends, uid, probes, inode := number(m[10], 16, 8), number(m[11], 10, 32), number(m[12], 10, 8), number(m[13], 10, 32)
	s.ProcLine = tcp.Known(tcp.ProcLine{UID: uint32(uid), Resends: uint8(resends), Probes: uint8(probes)})
	rest := strings.FieldsFunc(m[14], func(r rune) bool { return r == ' ' })
	full := len(rest) >= 7

	if state == tcp.Listen {
		s.AcceptQueue = received
	} else {
		s.SendQueue, s.RecvQueue = toSend, received
	}
	if s.Timer.Kind != 0 {
		s.Timer.Expires = time.Duration(ticks) * 10 * time.Millisecond
	}
	switch s.Timer.Kind {
	case 1:
		s.Timer.Retransmits = uint8(resends)
	case 2, 4:
		s.Timer.Retransmits = uint8(probes)
	}
	switch {
	case state == tcp.TimeWait, s.Timer.Kind == 3:
	case state == tcp.SynRecv && !full:
	default:
		ok = ok && full
		s.Owner = tcp.FullSocketOwner(uint32(uid), uint32(inode))
		if full && state != tcp.Listen {
			if rest[6] == "-1" {
				rest[6] = "2147483647"
			}
			s.Info = end(uint32(number(rest[2], 10, 32)), uint32(number(rest[5], 10, 32)), uint32(number(rest[6], 10, 32)))
		}
	}
	return s, ok
}

// compare fails if the parser and the oracle differ.
func compare(t *testing.T, text string, family tcp.Family) {
	t.Helper()
	want, wrong := oracle(text, family)
	got, errs := all(strings.NewReader(text), family)
	if len(errs) != wrong {
		t.Fatalf("the parser returns %d errors, the first of them %v, the oracle %d\n%q", len(errs), errs[:min(1, len(errs))], wrong, text)
	}
	if len(got) != len(want) {
		t.Fatalf("%d sockets, the oracle has %d\n%q", len(got), len(want), text)
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("got  %+v\nwant %+v\n%q", got[i], want[i], text)
		}
	}
}

func TestOracleAgreesOnRecordedFiles(t *testing.T) {
	for name, family := range map[string]tcp.Family{"testdata/net/tcp": tcp.IPv4, "testdata/net/tcp6": tcp.IPv6} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, string(text), family)
		// Also truncate the file at each byte of the first lines.
		for i := range 1500 {
			compare(t, string(text[:i]), family)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	for _, family := range families {
		for _, line := range lines {
			f.Add(fmt.Sprintf("%s  12: %s %s %s\n", family.header, family.localText, family.remote, line.text), family.family == tcp.IPv6)
		}
		f.Add(family.header, family.family == tcp.IPv6)
		line := fmt.Sprintf("  12: %s %s %s\n", family.localText, family.remote, lines[0].text)
		for _, between := range damaged {
			f.Add(family.header+line+between+line, family.family == tcp.IPv6)
		}
	}
	f.Add("", false)
	f.Fuzz(func(t *testing.T, text string, ipv6 bool) {
		family := tcp.IPv4
		if ipv6 {
			family = tcp.IPv6
		}
		compare(t, text, family)
	})
}

// FuzzParseLine always uses valid headers, so that the fuzzer changes only the
// line.
func FuzzParseLine(f *testing.F) {
	for _, family := range families {
		for _, line := range lines {
			f.Add(fmt.Sprintf("  12: %s %s %s", family.localText, family.remote, line.text))
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		compare(t, header4+line+"\n", tcp.IPv4)
		compare(t, header6+line+"\n", tcp.IPv6)
	})
}
