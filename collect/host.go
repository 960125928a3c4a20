package collect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"tcpstate/doctor"
	"tcpstate/explain"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// ReadHost reads what a page of explain says about this host: the number of
// sockets in each state; the sockets in the topic's states by process, listener
// and peer; the settings; and the counters that the topic names. The query
// gives one network namespace and the source. The warnings are like those of a
// Snapshot.
func ReadHost(ctx context.Context, q Query, topic explain.Topic) (host *explain.Host, warnings Warnings, err error) {
	q.States, q.Filter, q.Detail, q.Everything = tcp.All, nil, 0, false
	q.Families = []tcp.Family{tcp.IPv4, tcp.IPv6}
	j, err := newJob(q)
	if err != nil {
		return nil, nil, err
	}
	s, err := j.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	host = &explain.Host{}
	proc := procOf(j.query.Proc, j.spaces[0])
	if host.Settings, err = proc.Settings(); err != nil {
		return nil, s.Warnings(), err
	}
	var ports *doctor.Observation // counts ports as the doctor does
	if topic.Name == "port-exhaustion" {
		ports = doctor.Observe(host.Settings, doctor.DefaultThresholds())
	}
	for socket, err := range s.Sockets() {
		if err != nil {
			return nil, nil, err
		}
		host.Counts.Add(socket.State)
		if ports != nil {
			ports.Survey.Add(socket)
		}
	}
	warnings = s.Warnings()
	host.Unseen = s.Unlisted()
	if ports != nil {
		host.Ports = portUseOf(ports)
	}
	counters, err := proc.Counters()
	if err != nil {
		return nil, warnings, err
	}
	host.Counters = make(map[string]uint64)
	for _, name := range topic.Counters {
		if value, known := counters[name]; known {
			host.Counters[name] = uint64(value)
		}
	}
	if topic.States&^host.Unseen == 0 {
		return host, warnings, nil
	}
	q.States, q.Detail = topic.States&^host.Unseen, tcp.DetailProcesses|tcp.DetailAge
	groups, err := j.again(q)
	if err != nil {
		return nil, warnings, err
	}
	more, err := groups.readGroups(ctx, host)
	warnings.Add(more...)
	return host, warnings, err
}

// portUseOf returns the use of local ports for the destination that uses the most.
func portUseOf(o *doctor.Observation) tcp.Optional[explain.PortUse] {
	usable, known := o.UsablePorts()
	if !known {
		return tcp.Optional[explain.PortUse]{}
	}
	use := explain.PortUse{Usable: usable}
	if all := o.PortUses(func(taken int64) bool { return taken > 0 }); len(all) > 0 {
		use.Local, use.Peer, use.Used = all[0].Local.String(), all[0].Peer.String(), all[0].Taken
	}
	return tcp.Known(use)
}

// groupsShown is how many groups of each kind a page names.
const groupsShown = 5

// readGroups reads the sockets of the job, and sets the groups and the oldest
// socket of the host.
func (j *job) readGroups(ctx context.Context, host *explain.Host) (warnings Warnings, err error) {
	listeners, err := j.listeners(ctx)
	if err != nil {
		return nil, err
	}
	j.owners.SetListeners(listeners)
	s, err := j.open(ctx)
	if err != nil {
		return nil, err
	}
	processes, places, peers := map[string]int{}, map[string]int{}, map[string]int{}
	var b []byte
	for socket, err := range s.Sockets() {
		if err != nil {
			return nil, err
		}
		if age, known := socket.Age.Get(); known {
			if oldest, known := host.Oldest.Get(); !known || age > oldest.Age {
				host.Oldest = tcp.Known(explain.Oldest{Age: age, Exact: socket.AgeExact, AtLeast: socket.AgeAtLeast, Name: ends(socket)})
			}
		}
		if len(socket.Processes) > 0 {
			p := &socket.Processes[0]
			b = fmt.Appendf(b[:0], "%s[%d]", p.Name, p.PID)
			processes[string(b)]++
		}
		if at, ok := listeners.Of(socket); ok && socket.State != tcp.Listen {
			places[string(at.AppendTo(b[:0]))]++
		}
		var known bool
		if b, known = appendHost(b[:0], socket.Peer); known {
			peers[string(b)]++
		}
	}
	host.Partial = j.owners.unknown > 0
	for _, by := range []struct {
		name   explain.By
		counts map[string]int
	}{{explain.ByProcess, processes}, {explain.ByListener, places}, {explain.ByPeer, peers}} {
		if len(by.counts) > 0 {
			host.Groups = append(host.Groups, largest(by.name, by.counts))
		}
	}
	return s.Warnings(), nil
}

func ends(s *tcp.Socket) string {
	if s.Peer.Port() == 0 {
		return s.Local.String()
	}
	return fmt.Sprintf("%s - %s", s.Local, s.Peer)
}

// largest returns the groups with the most sockets, and the number of sockets
// in all other groups.
func largest(by explain.By, counts map[string]int) explain.Grouping {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	grouping := explain.Grouping{By: by}
	for i, name := range names {
		if i < groupsShown {
			grouping.Groups = append(grouping.Groups, explain.Group{Name: name, Count: counts[name]})
		} else {
			grouping.Others += counts[name]
		}
	}
	return grouping
}

// ReadSettings reads the settings of the network namespace of a query.
func ReadSettings(q Query) (lifecycle.Settings, error) {
	j, err := newJob(q)
	if err != nil {
		return lifecycle.Settings{}, err
	}
	return procOf(j.query.Proc, j.spaces[0]).Settings()
}
