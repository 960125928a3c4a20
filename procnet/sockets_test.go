package procnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tcpstate/tcp"
)

const (
	header4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n"
	header6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)

// line4 is a valid line, which tests change to make it invalid.
const line4 = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 13199 3 000000000dcd7b9c 100 0 0 10 0                     \n"

// families are the headers, and the address columns of lines on a little-endian
// host.
var families = []struct {
	family            tcp.Family
	header            string
	localText, remote string
	local, peer       netip.AddrPort
}{
	{tcp.IPv4, header4, "0100007F:1F90", "0302010A:01BB",
		netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("10.1.2.3:443")},
	{tcp.IPv6, header6, "341200FDBC9A78560000000001000000:1F90", "0000000000000000FFFF00000302010A:01BB",
		netip.MustParseAddrPort("[fd00:1234:5678:9abc::1]:8080"), netip.MustParseAddrPort("[::ffff:10.1.2.3]:443")},
	{tcp.IPv6, header6, "341200fdbc9a78560000000001000000:1f90", "0000000000000000ffff00000302010a:01bb",
		netip.MustParseAddrPort("[fd00:1234:5678:9abc::1]:8080"), netip.MustParseAddrPort("[::ffff:10.1.2.3]:443")},
}

func owner(uid, inode uint32) tcp.Owner { return tcp.Owner{UID: tcp.Known(uid), Inode: inode} }

func timer(kind tcp.TimerKind, expires time.Duration, retransmits uint8) tcp.Timer {
	return tcp.Timer{Kind: kind, Expires: expires, Retransmits: retransmits}
}

// unset is a slow start threshold before the first loss.
const unset = 1<<31 - 1

// end returns what the end of a line has, with the timeout in ticks of 10 ms.
func end(rto, cwnd, ssthresh uint32) *tcp.Info {
	return &tcp.Info{OfProc: true, RTO: time.Duration(rto) * 10 * time.Millisecond, SendCwnd: cwnd, SendSSThresh: ssthresh}
}

// damaged are parts of files that no kernel writes, in place of a line.
var damaged = []string{
	"\n", "   \n", strings.Repeat("\x00", 4096) + "\n", header4, header6, "\x00\x00", strings.Repeat("x", 2*longestLine) + "\n",
}

func columns(uid uint32, resends, probes uint8) tcp.Optional[tcp.ProcLine] {
	return tcp.Known(tcp.ProcLine{UID: uid, Resends: resends, Probes: probes})
}

// lines are the columns after the addresses, and the sockets that the parser
// must return for them.
var lines = []struct {
	name string
	text string
	want tcp.Socket
}{
	{"listener",
		"0A 00000000:00000002 00:00000000 00000000  1000        0 13199 3 000000000dcd7b9c 100 0 0 10 0                     ",
		tcp.Socket{State: tcp.Listen, AcceptQueue: 2, Owner: owner(1000, 13199), ProcLine: columns(1000, 0, 0)}},
	{"client before any answer",
		"02 00000001:00000000 01:0000001E 00000002     0        0 13202 2 000000007ea99f0c 100 0 0 1 -1",
		tcp.Socket{State: tcp.SynSent, SendQueue: 1, Timer: timer(tcp.TimerOn, 300*time.Millisecond, 2), Owner: owner(0, 13202), Info: end(100, 1, unset), ProcLine: columns(0, 2, 0)}},
	{"request socket, with its listener's uid",
		"03 00000000:00000000 01:0000001C 00000001  1000        0 0 0 000000002f23ccd1                                      ",
		tcp.Socket{State: tcp.SynRecv, Timer: timer(tcp.TimerOn, 280*time.Millisecond, 1), ProcLine: columns(1000, 1, 0)}},
	{"full socket in SYN_RECV, after a simultaneous open",
		"03 00000001:00000000 01:00000064 00000000  1000        0 13203 2 0000000019c47bc6 100 0 0 10 -1",
		tcp.Socket{State: tcp.SynRecv, SendQueue: 1, Timer: timer(tcp.TimerOn, time.Second, 0), Owner: owner(1000, 13203), Info: end(100, 10, unset), ProcLine: columns(1000, 0, 0)}},
	{"established, keepalive, three probes unanswered",
		"01 00000000:00000005 02:000AFB6E 00000000  1000        3 13206 2 00000000a44ee0c1 20 0 0 11 -1",
		tcp.Socket{State: tcp.Established, RecvQueue: 5, Timer: timer(tcp.TimerKeepalive, 2*time.Hour-2740*time.Millisecond, 3), Owner: owner(1000, 13206), Info: end(20, 11, unset), ProcLine: columns(1000, 0, 3)}},
	{"established, timer off after it has been on",
		"01 00000000:00000000 00:00000009 00000007     0        9 13207 1 00000000827dca11 20 4 30 10 -1",
		tcp.Socket{State: tcp.Established, Owner: owner(0, 13207), Info: end(20, 10, unset), ProcLine: columns(0, 7, 9)}},
	{"established, not accepted yet",
		"01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000505e2e57 20 0 0 10 -1",
		tcp.Socket{State: tcp.Established, Info: end(20, 10, unset), ProcLine: columns(0, 0, 0)}},
	{"zero window, with probes",
		"04 0039B601:00000000 04:00000047 00000008     0        2 13221 2 0000000070a4241b 20 0 0 16 -1",
		tcp.Socket{State: tcp.FinWait1, SendQueue: 3782145, Timer: timer(tcp.TimerPersist, 710*time.Millisecond, 2), Owner: owner(0, 13221), Info: end(20, 16, unset), ProcLine: columns(0, 8, 2)}},
	{"half-closed by its own program",
		"05 00000000:0001F600 00:00000000 00000000     0        0 13225 1 000000004a392147 20 4 0 11 -1",
		tcp.Socket{State: tcp.FinWait2, RecvQueue: 128512, Owner: owner(0, 13225), Info: end(20, 11, unset), ProcLine: columns(0, 0, 0)}},
	{"orphan that is still a full socket",
		"05 00000000:00000000 02:00000E8F 00000000  1000        0 0 2 00000000bfd5929c 20 0 0 11 -1",
		tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerKeepalive, 37270*time.Millisecond, 0), Owner: owner(1000, 0), Info: end(20, 11, unset), ProcLine: columns(1000, 0, 0)}},
	{"orphan that is a small socket",
		"05 00000000:00000000 03:0000165F 00000000     0        0 0 3 00000000dc2700ff                                      ",
		tcp.Socket{State: tcp.FinWait2, Timer: timer(tcp.TimerTimeWait, 57270*time.Millisecond, 0), ProcLine: columns(0, 0, 0)}},
	{"closed by both ends at once",
		"0B 00000001:00000000 01:00000014 00000001     0        0 13230 2 0000000006040a93 20 4 0 10 -1",
		tcp.Socket{State: tcp.Closing, SendQueue: 1, Timer: timer(tcp.TimerOn, 200*time.Millisecond, 1), Owner: owner(0, 13230), Info: end(20, 10, unset), ProcLine: columns(0, 1, 0)}},
	{"TIME_WAIT",
		"06 00000000:00000000 03:0000165E 00000000     0        0 0 3 0000000005b2a59e                                      ",
		tcp.Socket{State: tcp.TimeWait, Timer: timer(tcp.TimerTimeWait, 57260*time.Millisecond, 0), ProcLine: columns(0, 0, 0)}},
	{"closed by the peer",
		"08 00000000:00000001 00:00000000 00000000     0        0 13213 1 00000000c4afc8e8 20 4 0 10 -1",
		tcp.Socket{State: tcp.CloseWait, RecvQueue: 1, Owner: owner(0, 13213), Info: end(20, 10, unset), ProcLine: columns(0, 0, 0)}},
	{"last FIN unacknowledged",
		"09 0039B601:00000001 04:0000003A 00000000     0        0 0 2 000000002d677e6b 20 4 0 16 -1",
		tcp.Socket{State: tcp.LastAck, SendQueue: 3782145, RecvQueue: 1, Timer: timer(tcp.TimerPersist, 580*time.Millisecond, 0), Info: end(20, 16, unset), ProcLine: columns(0, 0, 0)}},
	{"closed",
		"07 00000000:00000000 00:00000000 00000000 65534        0 4294967295 1 000000001561fc9a 20 8 0 10 -1",
		tcp.Socket{State: tcp.Close, Owner: owner(65534, 1<<32-1), Info: end(20, 10, unset), ProcLine: columns(65534, 0, 0)}},
	{"after a loss, with a long timeout",
		"01 00000000:00000000 01:00000064 00000003     0        0 13208 2 00000000827dca12 12000 4 1 1 7",
		tcp.Socket{State: tcp.Established, Timer: timer(tcp.TimerOn, time.Second, 3), Owner: owner(0, 13208), Info: end(12000, 1, 7), ProcLine: columns(0, 3, 0)}},
	{"columns of a future kernel",
		"01 00000000:00000000 00:00000000 00000000     0        0 13207 1 00000000827dca11 20 4 30 10 -1 12 what 0x3",
		tcp.Socket{State: tcp.Established, Owner: owner(0, 13207), Info: end(20, 10, unset), ProcLine: columns(0, 0, 0)}},
}

func TestParseSockets(t *testing.T) {
	seen := map[tcp.State]bool{}
	for _, f := range families {
		for _, test := range lines {
			t.Run(f.family.String()+"/"+test.name, func(t *testing.T) {
				want := test.want
				want.Family, want.Local, want.Peer = f.family, f.local, f.peer
				text := fmt.Sprintf("%s  12: %s %s %s\n", f.header, f.localText, f.remote, test.text)
				got, errs := all(strings.NewReader(text), f.family)
				if errs != nil {
					t.Fatal(errs)
				}
				if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				seen[want.State] = true
			})
		}
	}
	for s := range tcp.All.States() {
		if !seen[s] && s != tcp.BoundInactive {
			t.Errorf("no line is in state %v", s)
		}
	}
}

// A big-endian host prints the bytes of the same address in the opposite order.
func TestParseSocketsBigEndian(t *testing.T) {
	text := header6 + "   0: FD00123456789ABC0000000000000001:1F90 00000000000000000000FFFF0A010203:01BB " + lines[0].text + "\n"
	for s, err := range parseSockets(strings.NewReader(text), tcp.IPv6, binary.BigEndian) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Local != families[1].local || s.Peer != families[1].peer {
			t.Errorf("got %v and %v, want %v and %v", s.Local, s.Peer, families[1].local, families[1].peer)
		}
	}
}

func TestParseSocketsErrors(t *testing.T) {
	broken := func(was, becomes string) string {
		if strings.Count(line4, was) == 0 {
			t.Fatalf("%q is not in the line", was)
		}
		return header4 + line4 + strings.Replace(line4, was, becomes, 1)
	}
	for _, test := range []struct{ name, text, want string }{
		{"empty file", "", `line 1: header "": not that of net/tcp or net/tcp6`},
		{"no header", line4, `line 1: header ` + quote(line4) + `: not that of net/tcp or net/tcp6`},
		{"header of net/route", "Iface\tDestination\n", `line 1: header "Iface\tDestination": not that of net/tcp or net/tcp6`},
		{"header with a longer word", strings.Replace(header4, "inode", "inodes", 1), `line 1: header ` + quote(strings.Replace(header4, "inode", "inodes", 1)) + `: not that of net/tcp or net/tcp6`},
		{"blank line", header4 + line4 + "\n", `line 3: line "": 0 columns, not 12`},
		{"line of one word", header4 + "  oops  \n", `line 2: line "  oops  ": 1 columns, not 12`},
		{"entry", broken("0:", "x:"), `line 3: entry "x": not a decimal number`},
		{"entry without number", broken("0:", ":"), `line 3: entry "": not a decimal number`},
		{"entry without colon", broken("0: ", "0 "), `line 3: entry "0": no colon at its end`},
		{"short and odd address", broken("0100007F", "0G00"), `line 3: local address "0G00": not hexadecimal`},
		{"short address", broken("0100007F", "0100"), `line 3: local address "0100": 4 digits, not 8`},
		{"address of IPv6", broken("0100007F", strings.Repeat("0", 32)), `line 3: local address "00000000000000000000000000000000": 32 digits, not 8`},
		{"address without port", broken("0100007F:", "0100007F"), `line 3: local address "0100007F1F90": no colon in it`},
		{"control characters", broken("0100007F", "\x1b[2J\u202e"), `line 3: local address "\x1b[2J\u202e": not hexadecimal`},
		{"local port", broken("1F90", "1F9"), `line 3: local port "1F9": 3 digits, not 4`},
		{"peer address", broken("00000000:0000", "0000000-:0000"), `line 3: peer address "0000000-": not hexadecimal`},
		{"peer port", broken("00000000:0000", "00000000:"), `line 3: peer port "": 0 digits, not 4`},
		{"state 0", broken("0A", "00"), `line 3: state "00": not a state`},
		{"state 14", broken("0A", "0E"), `line 3: state "0E": not a state`},
		{"state that would overflow a byte", broken("0A", "10A"), `line 3: state "10A": 3 digits, not 2`},
		{"queues", broken("00000000:00000002", "0000000000000002"), `line 3: queues "0000000000000002": no colon in it`},
		{"send queue", broken("00000000:00000002", "-0000001:00000002"), `line 3: send queue "-0000001": not hexadecimal`},
		{"receive queue", broken("00000000:00000002", "00000000:000000002"), `line 3: receive queue "000000002": 9 digits, not 8`},
		{"timer", broken("00:00000000", "0:00000000"), `line 3: timer "0": 1 digits, not 2`},
		{"timer's expiry", broken("00:00000000", "00:FFFFFFFFFFFFFFF0"), `line 3: timer expiry "FFFFFFFFFFFFFFF0": too far away`},
		{"timer's expiry, one tick more than a Duration can hold", broken("00:00000000", "00:D6BF94D5E6"), `line 3: timer expiry "D6BF94D5E6": too far away`},
		{"timer's expiry, longer than a word", broken("00:00000000", "00:10000000000000000"), `line 3: timer expiry "10000000000000000": 17 digits, not 8`},
		{"resends", broken("00000000     0", "00000100     0"), `line 3: resends "00000100": more than 255`},
		{"uid", broken("     0        0", "    -1        0"), `line 3: uid "-1": not a decimal number`},
		{"uid too large", broken("     0        0", " 4294967296        0"), `line 3: uid "4294967296": more than 32 bits`},
		{"probes", broken("     0        0", "     0      256"), `line 3: probes "256": more than 255`},
		{"inode", broken("13199", "0x33"), `line 3: inode "0x33": not a decimal number`},
		{"inode too large", broken("13199", "99999999999999999999999"), `line 3: inode "99999999999999999999999": more than 32 bits`},
		{"first of two errors", broken("0100007F:1F90 00000000", "0100007G:1F90 0000000G"), `line 3: local address "0100007G": not hexadecimal`},
		{"cut off in the inode", header4 + line4 + line4[:strings.Index(line4, "199")], `line 3: line "` + line4[:strings.Index(line4, "199")] + `": 10 columns, not 12`},
		{"full socket, cut off after the pointer", header4 + line4[:strings.Index(line4, " 100 0")], `line 2: line ` + quote(line4[:strings.Index(line4, " 100 0")]) + `: 12 columns, not 17`},
		{"endless line", header4 + strings.Repeat("0", longestLine), `line 2: line "` + strings.Repeat("0", 100) + `"...: too long`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, errs := all(strings.NewReader(test.text), tcp.IPv4)
			if len(errs) != 1 {
				t.Fatalf("%d errors, want %s", len(errs), test.want)
			}
			err := errs[0]
			err.File = "net/tcp"
			if want := "reading net/tcp: " + test.want; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			if _, ok := errors.AsType[*ValueError](err); !ok {
				t.Errorf("%v has no *ValueError in it", err)
			}
		})
	}
}

// Damaged lines are reported, each by its number, and the sockets around them are
// read.
func TestParseSocketsAroundDamage(t *testing.T) {
	var text strings.Builder
	text.WriteString(header4 + line4)
	for _, part := range damaged {
		if !strings.HasSuffix(part, "\n") {
			part += "\n"
		}
		text.WriteString(part + line4)
	}
	got, errs := all(strings.NewReader(text.String()), tcp.IPv4)
	if len(got) != len(damaged)+1 || len(errs) != len(damaged) {
		t.Fatalf("got %d sockets and %d errors, want %d and %d", len(got), len(errs), len(damaged)+1, len(damaged))
	}
	for i, err := range errs {
		if err.Line != 3+2*i || !err.More || len(err.Error()) > 520 {
			t.Errorf("error %d is on line %d: %.600v", i, err.Line, err)
		}
	}
}

// A file that is not a table, or has no end, is given up.
func TestParseSocketsGivesUp(t *testing.T) {
	for name, test := range map[string]struct {
		r    io.Reader
		errs int
	}{
		"no header":           {strings.NewReader(line4 + line4), 1},
		"a line without end":  {io.MultiReader(strings.NewReader(header4), endless("\x00")), 1},
		"lines without end":   {io.MultiReader(strings.NewReader(header4), endless("x\n")), mostWrongLines},
		"no line, but an end": {io.MultiReader(strings.NewReader(header4), io.LimitReader(endless("x"), 50*longestLine)), 1},
	} {
		got, errs := all(test.r, tcp.IPv4)
		if len(got) != 0 || len(errs) != test.errs || errs[len(errs)-1].More != (name == "no line, but an end") {
			t.Errorf("%s: %d sockets, %d errors, the last %.300v", name, len(got), len(errs), errs[len(errs)-1])
		}
	}
}

// endless repeats a text for ever.
type endless string

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e[i%len(e)]
	}
	return len(b), nil
}

func TestParseSocketsReaders(t *testing.T) {
	text := header4 + line4 + line4
	for _, test := range []struct {
		name    string
		r       io.Reader
		sockets int
		err     string
	}{
		{"a byte at a time", iotest.OneByteReader(strings.NewReader(text)), 2, ""},
		{"EOF together with the last bytes", iotest.DataErrReader(strings.NewReader(text)), 2, ""},
		{"no newline at the end", strings.NewReader(strings.TrimSuffix(text, "\n")), 2, ""},
		{"no padding and no newline at the end", strings.NewReader(strings.TrimRight(text, " \n")), 2, ""},
		{"header alone", strings.NewReader(header4), 0, ""},
		{"header without its newline", strings.NewReader(strings.TrimSpace(header4)), 0, ""},
		{"error between lines", io.MultiReader(strings.NewReader(header4+line4), iotest.ErrReader(errors.New("gone"))), 1,
			"reading : line 3: gone"},
		{"error within a line", io.MultiReader(strings.NewReader(text[:len(text)-9]), iotest.ErrReader(errors.New("gone"))), 1,
			"reading : line 3: gone"},
		{"error at once", iotest.ErrReader(&os.PathError{Op: "read", Path: "net/tcp", Err: errors.New("gone")}), 0,
			"reading : line 1: gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, errs := all(test.r, tcp.IPv4)
			if len(got) != test.sockets {
				t.Errorf("got %d sockets, want %d", len(got), test.sockets)
			}
			var err error
			if len(errs) > 0 {
				err = errs[0]
			}
			if message := fmt.Sprint(err); err != nil && message != test.err || err == nil && test.err != "" {
				t.Errorf("got error %v, want %q", err, test.err)
			}
		})
	}
}

// A 6.18 kernel wrote the files in testdata in one namespace. netstat.txt is
// the output of netstat -tanW of net-tools 2.10, which ran right after that.
func TestNetstatAgrees(t *testing.T) {
	var got []string
	for _, s := range recorded(t) {
		proto, received := "tcp", s.RecvQueue
		if s.Family == tcp.IPv6 {
			proto = "tcp6"
		}
		if s.State == tcp.Listen {
			received = s.AcceptQueue
		}
		got = append(got, fmt.Sprintf("%s %d %d %s %s %s", proto, received, s.SendQueue, netstatName(s.Local), netstatName(s.Peer), s.State))
	}
	text, err := os.ReadFile("testdata/netstat.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); strings.HasPrefix(line, "tcp") {
			want = append(want, strings.Join(words, " "))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// netstatName writes an address like netstat: without brackets, v4-mapped
// addresses as IPv4, and port 0 as *.
func netstatName(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().Unmap().String() + ":*"
	}
	return fmt.Sprintf("%v:%d", a.Addr().Unmap(), a.Port())
}

// recorded returns the sockets of the files in testdata.
func recorded(t *testing.T) []tcp.Socket {
	var sockets []tcp.Socket
	for _, file := range []struct {
		name   string
		family tcp.Family
	}{{"testdata/net/tcp", tcp.IPv4}, {"testdata/net/tcp6", tcp.IPv6}} {
		r, err := os.Open(file.name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, errs := all(r, file.family)
		if errs != nil {
			t.Fatal(errs)
		}
		sockets = append(sockets, got...)
	}
	return sockets
}

// all returns all sockets and errors that parseSockets yields for a file of a
// little-endian host.
func all(r io.Reader, family tcp.Family) (sockets []tcp.Socket, errs []*ReadError) {
	for s, err := range parseSockets(r, family, binary.LittleEndian) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sockets = append(sockets, *s.Clone())
	}
	return sockets, errs
}

func TestParseSocketsAllocatesOncePerFile(t *testing.T) {
	for _, f := range families[:2] {
		allocations := func(rows int) float64 {
			text := table(f.family, rows)
			return testing.AllocsPerRun(10, func() {
				for _, err := range parseSockets(strings.NewReader(text), f.family, binary.LittleEndian) {
					if err != nil {
						t.Fatal(err)
					}
				}
			})
		}
		// The runtime may make a few allocations of its own during the test.
		if few, many := allocations(10), allocations(10_000); many > few+10 {
			t.Errorf("%v: %v allocations for 10 sockets, %v for 10,000", f.family, few, many)
		}
	}
}

// table returns a file with the given number of rows, which uses all lines in
// turn.
func table(family tcp.Family, rows int) string {
	f := families[family-tcp.IPv4]
	var text strings.Builder
	text.WriteString(f.header)
	for i := range rows {
		fmt.Fprintf(&text, "%4d: %s %s %s\n", i, f.localText, f.remote, lines[i%len(lines)].text)
	}
	return text.String()
}

func BenchmarkParseSockets(b *testing.B) {
	for _, f := range families[:2] {
		b.Run(f.family.String(), func(b *testing.B) {
			const rows = 50_000
			text := table(f.family, rows)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range parseSockets(strings.NewReader(text), f.family, binary.LittleEndian) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != rows {
					b.Fatalf("got %d rows, want %d", n, rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
