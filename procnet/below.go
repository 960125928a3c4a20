package procnet

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// BelowTCP returns counters of what drops packets before TCP sees them:
// Softnet.Dropped, for the whole host, and Conntrack.Drop, for the namespace. A
// counter that cannot be read is missing. The files have a line for each
// processor, with numbers in hexadecimal (softnet_seq_show in
// net/core/net-procfs.c, ct_cpu_seq_show in
// net/netfilter/nf_conntrack_standalone.c).
func (p *Proc) BelowTCP() Counters {
	counters := make(Counters)
	if n, ok := p.sumColumn("softnet_stat", 1, 0); ok {
		counters["Softnet.Dropped"] = n
	}
	const conntrackDrop = 10 // 11th column; the first line has the names
	if n, ok := p.sumColumn("stat/nf_conntrack", conntrackDrop, 1); ok {
		counters["Conntrack.Drop"] = n
	}
	return counters
}

// sumColumn adds up a column of a file, starting at line first.
func (p *Proc) sumColumn(name string, column, first int) (sum int64, ok bool) {
	file, err := p.FS.Open(path.Join(p.NetDir, name))
	if err != nil {
		return 0, false
	}
	defer file.Close()
	return parseColumn(io.LimitReader(file, maxRoutes), column, first)
}

// parseColumn reads lines of hexadecimal numbers of 32 bits and adds up a column,
// starting at line first. Lines and columns count from 0.
func parseColumn(r io.Reader, column, first int) (sum int64, ok bool) {
	text, err := io.ReadAll(r)
	if err != nil {
		return 0, false
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if i < first {
			continue
		}
		words := strings.Fields(line)
		if len(words) <= column {
			return 0, false
		}
		n, err := strconv.ParseUint(words[column], 16, 32)
		if err != nil {
			return 0, false
		}
		sum += int64(n)
	}
	return sum, true
}

// Conntrack returns how many connections the firewall of the namespace tracks,
// and how many it can, and whether that is known. Both are 0 if it tracks none: the
// kernel then has no file about it. Any user may read the files, but a container may
// hide them.
func (p *Proc) Conntrack() (count, most int64, known bool) {
	const limits = "sys/net/netfilter/nf_conntrack_"
	missing := 0
	for name, value := range map[string]*int64{limits + "count": &count, limits + "max": &most} {
		text, err := fs.ReadFile(p.FS, name)
		if errors.Is(err, fs.ErrNotExist) {
			missing++
			continue
		}
		if err != nil {
			return 0, 0, false
		}
		if *value, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return 0, 0, false
		}
	}
	if missing == 0 {
		return count, most, true
	}
	_, settings := fs.Stat(p.FS, "sys/net/ipv4")
	_, table := fs.Stat(p.FS, path.Join(p.NetDir, "stat/nf_conntrack"))
	return 0, 0, missing == 2 && settings == nil && errors.Is(table, fs.ErrNotExist)
}
