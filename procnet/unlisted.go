package procnet

import (
	"io/fs"
	"path"
	"strings"
)

// UnlistedSockets returns how many sockets of the network namespace, at most, are
// in none of its tables. The connection of such a socket has ended, or the socket
// has not been bound. The kernel counts all sockets that programs opened, and for
// each protocol those in its tables (sockstat_seq_show in net/ipv4/proc.c). A few
// socket families have no table here and count as unlisted. The number is unknown
// if a file cannot be read, or if the tables have more than there are: then the
// kernel has TCP sockets of its own, which it counts in the tables only.
func (p *Proc) UnlistedSockets() (n int64, known bool) {
	counts, err := p.SockStat()
	n, known = counts["sockets.used"]
	if err != nil || !known {
		return 0, false
	}
	// A kernel without IPv6 has no such file.
	if err := p.parse(path.Join(p.NetDir, "sockstat6"), counts, parseSockStat); err != nil && !isGone(err) {
		return 0, false
	}
	for _, protocol := range []string{"TCP", "TCP6", "UDP", "UDP6", "UDPLITE", "UDPLITE6", "RAW", "RAW6"} {
		n -= counts[protocol+".inuse"]
	}
	for _, table := range []string{"unix", "netlink", "packet"} {
		text, err := fs.ReadFile(p.FS, path.Join(p.NetDir, table))
		if err != nil && !isGone(err) {
			return 0, false
		}
		n -= entriesOf(table, string(text))
	}
	return n, n >= 0
}

// entriesOf returns how many sockets of programs a table has. After the headings it
// has a line for each socket. The netlink sockets of the kernel have the port id 0
// in their third column.
func entriesOf(table, text string) (n int64) {
	headings := true
	for line := range strings.Lines(text) {
		if headings {
			headings = false
			continue
		}
		if table == "netlink" {
			if words := strings.Fields(line); len(words) > 2 && words[2] == "0" {
				continue
			}
		}
		n++
	}
	return n
}
