package doctor

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// This file makes one finding of what is the same problem several times: eleven
// workers of one program, or a listener for IPv4 and its twin for IPv6.

// resembles says which findings of a rule are the same problem: those with the
// same key. name is how a title names this one beside the others.
func (f *Finding) resembles(key, name string) { f.alike, f.alikeName = key, name }

// alikeInTitle is how many further findings the title of a merged one names.
const alikeInTitle = 3

// mergeAlike merges the findings that resemble each other. The first of them,
// which is the worst, gives the title and the evidence.
func mergeAlike(findings []Finding) []Finding {
	first := map[string]int{} // by key, the index in merged
	names := map[string][]string{}
	var merged []Finding
	for _, f := range findings {
		i, found := first[f.alike]
		if f.alike == "" || !found {
			first[f.alike] = len(merged)
			merged = append(merged, f)
			continue
		}
		names[f.alike] = append(names[f.alike], f.alikeName)
		merged[i].join(&f)
	}
	for key, of := range names {
		f := &merged[first[key]]
		f.Evidence.Add("alike", 1+len(of))
		if more := len(of) - alikeInTitle; more > 0 {
			f.Title = wording.Say("doctor.likewise.more", "title", f.Title, "names", of[:alikeInTitle], "n", more)
		} else {
			f.Title = wording.Say("doctor.likewise", "title", f.Title, "names", of)
		}
	}
	return merged
}

// join takes over what another finding of the same problem is about.
func (f *Finding) join(other *Finding) {
	for _, l := range other.Listeners {
		if !slices.Contains(f.Listeners, l) {
			f.Listeners = append(f.Listeners, l)
		}
	}
	all := f.Processes
	for _, p := range other.Processes {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	f.Processes = nil
	f.aboutAll(all)
	for _, s := range other.Sockets {
		if len(f.Sockets) < maxExamples {
			f.Sockets = append(f.Sockets, s)
		}
	}
}

// held is sockets for which a rule makes one finding, and who holds them.
type held struct {
	owners   []owner
	group    *group
	severity Severity
}

// together merges the groups of processes of one name for which cause returns
// the same.
func (o *Observation) together(list []held, cause func(held) string) []held {
	var merged []held
	first := map[string]int{}
	for _, h := range list {
		p, ok := o.process(h.owners[0].pid)
		if !ok {
			merged = append(merged, h)
			continue
		}
		key := p.Name + "\x00" + cause(h)
		i, found := first[key]
		if !found {
			first[key] = len(merged)
			merged = append(merged, h)
			continue
		}
		into := &merged[i]
		if len(into.owners) == 1 {
			into.group = into.group.clone()
			into.owners = slices.Clone(into.owners)
		}
		into.group.merge(h.group)
		into.owners = append(into.owners, h.owners...)
		into.severity = max(into.severity, h.severity)
	}
	return merged
}

func sameCause(held) string { return "" }

func (g *group) clone() *group {
	c := *g
	c.examples.list = slices.Clone(g.examples.list)
	c.sharers = slices.Clone(g.sharers)
	return &c
}

// merge adds the sockets of another group.
func (g *group) merge(other *group) {
	g.count += other.count
	g.standing += other.standing
	g.unaged += other.unaged
	g.oldest = max(g.oldest, other.oldest)
	g.bytes += other.bytes
	g.entered += other.entered
	g.grew += other.grew
	for i, n := range other.kinds {
		g.kinds[i] += n
	}
	switch {
	case other.apart, g.peer.Addr() != other.peer.Addr():
		g.apart = true
	case g.peer != other.peer:
		g.peer = netip.AddrPortFrom(g.peer.Addr(), 0)
	}
	g.pid = mixed
	for _, p := range other.sharers {
		if !slices.Contains(g.sharers, p) {
			g.sharers = append(g.sharers, p)
		}
	}
	for _, x := range other.examples.list {
		g.examples.addOwn(x.score, x.socket)
	}
}

// attribute sets the owners of sockets as the subject of the finding, with the
// other processes that hold some of them, and returns their text for the title.
func (o *Observation) attribute(f *Finding, h held) wording.Message {
	var holders []Process
	add := func(p Process) {
		if !slices.ContainsFunc(holders, func(q Process) bool { return q.PID == p.PID }) {
			holders = append(holders, p)
		}
	}
	var which []string
	for _, who := range h.owners {
		if p, ok := o.process(who.pid); ok {
			add(p)
			which = append(which, "pid = "+strconv.Itoa(p.PID))
		}
	}
	if len(holders) > 0 {
		f.with("which", which[0])
		if len(which) > 1 {
			f.with("which", "'( "+strings.Join(which[:min(len(which), maxPIDs)], " or ")+" )'")
			f.Evidence.Add("alike", len(which))
		}
		for _, p := range h.group.sharers {
			add(p)
		}
		f.aboutAll(holders)
		return nameProcesses(holders)
	}
	who := h.owners[0]
	if l := o.Survey.listeners[who.listener]; l != nil {
		f.at(l)
		f.with("which", "sport = :"+strconv.Itoa(int(l.Local.Port())))
		return wording.Say("doctor.not-accepted", "listener", l)
	}
	if uid, known := who.uid.Get(); known {
		f.Evidence.Add("uid", int64(uid))
		f.with("which", "user = "+strconv.FormatUint(uint64(uid), 10))
		return wording.Say("doctor.user", "uid", uid)
	}
	return wording.Say("doctor.others")
}
