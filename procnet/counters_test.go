package procnet

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func printCounters(c Counters) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%s %d\n", name, c[name])
	}
	return b.String()
}

func TestCounters(t *testing.T) {
	const snmp = "Tcp: RtoMin MaxConn ActiveOpens\nTcp: 200 -1 489\n"
	for _, test := range []struct{ name, snmp, netstat, want string }{
		{"by name, from both files", snmp, "TcpExt: TW ListenDrops\nTcpExt: 3 0\nIpExt: InOctets\nIpExt: 9223372036854775807\n",
			"IpExt.InOctets 9223372036854775807\nTcp.ActiveOpens 489\nTcp.MaxConn -1\nTcp.RtoMin 200\nTcpExt.ListenDrops 0\nTcpExt.TW 3\n"},
		{"a group in two parts", snmp, "TcpExt: TW\nTcpExt: 3\nTcpExt: ListenDrops\nTcpExt: 4\n",
			"Tcp.ActiveOpens 489\nTcp.MaxConn -1\nTcp.RtoMin 200\nTcpExt.ListenDrops 4\nTcpExt.TW 3\n"},
		{"a group without names", snmp, "TcpExt:\nTcpExt:\n", "Tcp.ActiveOpens 489\nTcp.MaxConn -1\nTcp.RtoMin 200\n"},
		{"no newline at the end", snmp, "TcpExt: TW\nTcpExt: 3", "Tcp.ActiveOpens 489\nTcp.MaxConn -1\nTcp.RtoMin 200\nTcpExt.TW 3\n"},
		{"no file", "", "", "reading net/snmp: file does not exist"},
		{"no second file", snmp, "", "reading net/netstat: file does not exist"},
		{"an empty file", snmp, "\x00", "reading net/netstat: the file is empty"},
		{"no group", snmp, "TW\n3\n", `reading net/netstat: line 1: line "TW": no names of counters after a group and a colon`},
		{"an empty line", snmp, "\n\n", `reading net/netstat: line 1: line "": no names of counters after a group and a colon`},
		{"no values", snmp, "TcpExt: TW\n", "reading net/netstat: line 1: names without values below them"},
		{"values of another group", snmp, "TcpExt: TW\nIpExt: 3\n", `reading net/netstat: line 2: line "IpExt: 3": not the values of the names above it`},
		{"too few values", snmp, "TcpExt: TW ListenDrops\nTcpExt: 3\n", `reading net/netstat: line 2: line "TcpExt: 3": not the values of the names above it`},
		{"too many values", snmp, "TcpExt: TW\nTcpExt: 3 4\n", `reading net/netstat: line 2: line "TcpExt: 3 4": not the values of the names above it`},
		{"no number", snmp, "TcpExt: TW\nTcpExt: 0x3\n", `reading net/netstat: line 2: value of TW "0x3": not a whole number of 64 bits`},
		{"too large", snmp, "TcpExt: TW\nTcpExt: 9223372036854775808\n", `reading net/netstat: line 2: value of TW "9223372036854775808": not a whole number of 64 bits`},
		{"a long line", snmp, "TcpExt: TW\nTcpExt: 3\nIpExt: " + strings.Repeat("A ", longestLine/2) + "\n", "reading net/netstat: line 3: the line is too long"},
	} {
		content := map[string]string{}
		if test.snmp != "" {
			content["net/snmp"] = test.snmp
		}
		if test.netstat != "" {
			content["net/netstat"] = strings.Trim(test.netstat, "\x00")
		}
		counters, err := files(content).Counters()
		got := printCounters(counters)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestSockStat(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"as the kernel writes it", "sockets: used 15\nTCP: inuse 1 orphan 1278 tw 0\nUDP: inuse 0\n",
			"TCP.inuse 1\nTCP.orphan 1278\nTCP.tw 0\nUDP.inuse 0\nsockets.used 15\n"},
		{"no newline at the end", "sockets: used 15", "sockets.used 15\n"},
		{"an empty file", "", "reading net/sockstat: the file is empty"},
		{"no group", "used 15\n", `reading net/sockstat: line 1: line "used 15": no pairs of names and values after a group and a colon`},
		{"half a pair", "TCP: inuse 1 orphan\n", `reading net/sockstat: line 1: line "TCP: inuse 1 orphan": no pairs of names and values after a group and a colon`},
		{"an empty line", "TCP: inuse 1\n\n", `reading net/sockstat: line 2: line "": no pairs of names and values after a group and a colon`},
		{"no number", "TCP: inuse -\n", `reading net/sockstat: line 1: value of inuse "-": not a whole number of 64 bits`},
	} {
		counters, err := files(map[string]string{"net/sockstat": test.text}).SockStat()
		got := printCounters(counters)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

// FuzzCounters checks that the parsers invent nothing: the names and the values
// of all counters are words of the text.
func FuzzCounters(f *testing.F) {
	f.Add("Tcp: RtoMin MaxConn\nTcp: 200 -1\nTcpExt: TW\nTcpExt: 3\n")
	f.Add("sockets: used 15\nTCP: inuse 1 orphan 2")
	f.Add("Tcp:\nTcp:\n")
	f.Add(":\n:")
	f.Fuzz(func(t *testing.T, text string) {
		words := map[string]bool{}
		for _, word := range strings.Fields(text) {
			words[word] = true
			if n, err := strconv.ParseInt(word, 10, 64); err == nil {
				words[fmt.Sprint(n)] = true
			}
		}
		for name, parse := range map[string]func(io.Reader, Counters) *ReadError{"pairs": parseCounters, "list": parseSockStat} {
			counters := make(Counters)
			if parse(strings.NewReader(text), counters) != nil {
				continue
			}
			for counter, value := range counters {
				if !words[fmt.Sprint(value)] || !slices.ContainsFunc(slices.Collect(maps.Keys(words)), func(w string) bool { return strings.HasSuffix(counter, "."+w) }) {
					t.Errorf("%s: %q has no %s %d", name, text, counter, value)
				}
			}
		}
	})
}
