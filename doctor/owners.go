package doctor

import (
	"iter"
	"maps"
	"slices"

	"tcpstate/tcp"
)

// This file is for a survey whose sockets come without their processes. To find
// the processes of all sockets costs more than all the rest, and few findings
// name one. So the survey keeps the inodes by which they can be found, and copies
// of the sockets that it cannot sum up without their processes. When the sockets
// have been read, Wanted returns the sockets whose processes the findings need,
// and Attribute adds what was found of them.

// Owners is the result of a search for processes.
type Owners interface {
	// Of returns the processes that hold a socket, none if none was found. They are
	// valid until the next call.
	Of(inode uint32) []tcp.Process

	// Kernel reports whether the kernel itself serves a socket.
	Kernel(inode uint32) bool

	// Join sets the processes of a socket, whether the kernel serves it, and the
	// processes of its listener.
	Join(s *tcp.Socket)

	// Holdings yields the processes that were found, with the inodes of all sockets
	// that each holds, of whatever kind.
	Holdings() iter.Seq2[Process, []uint32]

	// Cut reports whether only some of the sockets of a process were found, because
	// no finding needs the others.
	Cut(pid int) bool
}

// Defer makes the survey expect sockets without their processes. They come later,
// with Attribute.
func (v *Survey) Defer() { v.deferred = true }

// maxWaiting is how many sockets may wait for their processes.
const maxWaiting = 1 << 14

// Overfull reports whether more sockets wait for their processes than are kept.
// The caller must then search for the processes of all sockets, and pass them to
// Know, before it adds more.
func (v *Survey) Overfull() bool { return v.waits > maxWaiting && v.owners == nil }

// Know sets the processes of all sockets before all sockets were added.
func (v *Survey) Know(owners Owners) {
	v.owners = owners
	v.place()
}

// ownerRule is a rule that sums up the sockets of each process.
type ownerRule struct {
	groups  func(*Survey) *groups[owner]
	add     func(*Survey, *group, *tcp.Socket)
	reports func(*Observation, *group) bool // whether a group is a finding; so is any larger one
}

// The rules that sum up the sockets of each process.
const (
	byCloseWait = iota
	byFinWait2
	byUnread
	bySilent
	byMPTCPEnded
	byMPTCPUnread
	numOwnerRules
)

var ownerRules = [numOwnerRules]ownerRule{
	byCloseWait:   {func(v *Survey) *groups[owner] { return &v.closeWait }, (*Survey).sumCloseWait, (*Observation).reportsCloseWait},
	byFinWait2:    {func(v *Survey) *groups[owner] { return &v.finWait2 }, (*Survey).sumFinWait2, (*Observation).reportsStanding},
	byUnread:      {func(v *Survey) *groups[owner] { return &v.unreadApp }, (*Survey).sumUnread, (*Observation).reportsStanding},
	byMPTCPEnded:  {func(v *Survey) *groups[owner] { return &v.mptcpEnded }, (*Survey).sumMPTCPEnded, (*Observation).reportsCloseWait},
	byMPTCPUnread: {func(v *Survey) *groups[owner] { return &v.mptcpUnread }, (*Survey).sumMPTCPUnread, (*Observation).reportsStanding},
	bySilent:      {func(v *Survey) *groups[owner] { return &v.silent }, (*Survey).sumSilent, (*Observation).reportsSilent},
}

func (o *Observation) reportsStanding(g *group) bool { return g.standing > 0 }

// sumUp adds a socket to the group of its owner, now or when that is known.
func (v *Survey) sumUp(rule int, s *tcp.Socket) {
	if v.deferred && s.Owner.Inode != 0 && len(s.Processes) == 0 {
		if v.owners == nil {
			v.waiting[rule] = append(v.waiting[rule], s.Clone())
			v.waits++
			return
		}
		v.owners.Join(s)
	}
	r := &ownerRules[rule]
	r.add(v, r.groups(v).get(v.ownerOf(s)), s)
}

// place adds the sockets that wait to the groups of their owners.
func (v *Survey) place() {
	for rule := range v.waiting {
		list := v.waiting[rule]
		v.waiting[rule] = nil
		for _, s := range list {
			v.owners.Join(s)
			v.sumUp(rule, s)
		}
	}
	v.waits = 0
}

// files is the inodes of the sockets that programs hold.
type files struct {
	listening, out, others []uint32        // out: established connections to listeners of others
	users                  map[uint32]bool // that opened them
	lastUser               uint32
}

// keepFile keeps the inode of a socket, to find out later how many sockets a
// process holds.
func (v *Survey) keepFile(s *tcp.Socket, listener *Listener) {
	if !v.deferred || s.Owner.Inode == 0 {
		return
	}
	list := &v.files.others
	switch {
	case s.State == tcp.Listen:
		list = &v.files.listening
	case s.State == tcp.Established && listener == nil:
		list = &v.files.out
	}
	*list = append(*list, s.Owner.Inode)
	if uid, known := s.Owner.UID.Get(); known && (v.files.users == nil || uid != v.files.lastUser) {
		if v.files.users == nil {
			v.files.users = make(map[uint32]bool)
		}
		v.files.users[uid], v.files.lastUser = true, uid
	}
}

// Users returns the users that opened the sockets with a file.
func (v *Survey) Users() iter.Seq[uint32] { return maps.Keys(v.files.users) }

// holdsFiles reports whether there are sockets that programs hold.
func (v *Survey) holdsFiles() bool {
	f := &v.files
	return v.owned+v.unowned+len(f.listening)+len(f.out)+len(f.others) > 0
}

// The kinds of files.
const (
	notSeen uint8 = iota // not among the sockets of the survey
	otherFile
	outFile
	listeningFile
)

// fileKinds is of which kind each of some inodes is.
type fileKinds struct {
	inodes []uint32 // sorted
	kinds  []uint8
}

// kindsOf finds the kinds of the inodes that processes hold. It sorts these, because
// they are mostly few, and the survey may have seen a million sockets.
func (f *files) kindsOf(inodes []uint32) fileKinds {
	slices.Sort(inodes)
	inodes = slices.Compact(inodes)
	k := fileKinds{inodes, make([]uint8, len(inodes))}
	for kind, list := range [...][]uint32{otherFile: f.others, outFile: f.out, listeningFile: f.listening} {
		for _, inode := range list {
			if i, found := slices.BinarySearch(k.inodes, inode); found {
				k.kinds[i] = uint8(kind)
			}
		}
	}
	return k
}

// of returns the kind of an inode that is among them.
func (k *fileKinds) of(inode uint32) uint8 {
	i, _ := slices.BinarySearch(k.inodes, inode)
	return k.kinds[i]
}

// holding returns what a process holds of the sockets that the survey has seen.
func (k *fileKinds) holding(p Process, inodes []uint32) processSockets {
	held := processSockets{Process: p}
	inodes = slices.Clone(inodes)
	slices.Sort(inodes)
	for _, inode := range slices.Compact(inodes) { // a process may have several descriptors for a socket
		switch k.of(inode) {
		case listeningFile:
			held.listens = true
		case outFile:
			held.out++
		case notSeen:
			continue
		}
		held.sockets++
	}
	return held
}

// Wanted is the sockets whose processes the findings need.
type Wanted struct {
	Inodes  map[uint32]struct{}
	Sockets []*tcp.Socket // examples. The listeners of those without a file are needed too
	Others  bool          // not all of Inodes are of listeners
	ports   bool          // a finding is about local ports
}

func (w *Wanted) add(inodes ...uint32) {
	for _, inode := range inodes {
		if inode != 0 {
			w.Inodes[inode], w.Others = struct{}{}, true
		}
	}
}

func (w *Wanted) addListening(inode uint32) {
	if inode != 0 {
		w.Inodes[inode] = struct{}{}
	}
}

// Wanted returns the sockets whose processes are needed to judge by some of the
// rules, and to say which processes the findings are about. Without processes a rule finds
// no less than with them.
func (o *Observation) Wanted(by []Rule) *Wanted {
	v := o.Survey
	o.wanted = &Wanted{Inodes: make(map[uint32]struct{})}
	w := o.wanted
	for i := range by {
		for _, f := range by[i].judge(o) {
			for _, l := range f.Listeners {
				l.want(w)
			}
			w.Sockets = append(w.Sockets, f.Sockets...)
		}
	}
	o.wanted = nil
	for rule, list := range v.waiting {
		r, all := &ownerRules[rule], new(group)
		for _, s := range list {
			r.add(v, all, s)
		}
		if r.reports(o, all) {
			w.add(all.inodes...)
			w.Sockets = append(w.Sockets, list...)
		}
	}
	for _, s := range w.Sockets {
		if s.State == tcp.Listen {
			w.addListening(s.Owner.Inode)
		} else {
			w.add(s.Owner.Inode)
		}
	}
	return w
}

// want notes that a finding depends on the processes that hold the sockets of a
// group.
func (o *Observation) want(g *group) {
	if o.wanted != nil {
		o.wanted.add(g.inodes...)
	}
}

// WantListeners adds all listeners to what is wanted.
func (v *Survey) WantListeners(w *Wanted) {
	for _, l := range v.listeners {
		l.want(w)
	}
}

func (l *Listener) want(w *Wanted) {
	for _, s := range l.sockets {
		w.addListening(s.inode)
	}
}

// Attribute adds the processes that were found. Of those that were wanted it
// counts how many were not.
func (o *Observation) Attribute(w *Wanted, owners Owners) {
	v := o.Survey
	v.owners = owners
	for inode := range w.Inodes {
		if len(owners.Of(inode)) > 0 || owners.Kernel(inode) {
			v.owned++
		} else {
			v.unowned++
		}
	}
	holdings := maps.Collect(owners.Holdings())
	kinds := v.files.kindsOf(slices.Concat(slices.Collect(maps.Values(holdings))...))
	for p, inodes := range holdings {
		held := kinds.holding(p, inodes)
		held.cut = owners.Cut(p.PID)
		if held.sockets > 0 && len(v.processes) < maxProcesses {
			v.processes[p.PID] = &held
		}
	}
	v.place()
	for g := range v.shared() {
		g.attribute(owners)
	}
	for g := range v.ofOwners() {
		g.examples.attribute(owners)
	}
	for _, l := range v.listeners {
		l.attribute(owners)
	}
	for _, s := range v.selfConnect {
		owners.Join(s)
	}
	v.losses.examples.attribute(owners)
	if w.ports {
		v.attributePorts(owners)
	}
}

// shared yields the groups whose sockets may belong to several processes, except
// those of listeners.
func (v *Survey) shared() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for _, g := range [...]*group{&v.closing, &v.deadPath, &v.unreadPeer, &v.dropping, &v.full, &v.blocked, &v.suspects, &v.probed} {
			if !yield(g) {
				return
			}
		}
		v.synSent.all(yield)
	}
}

// ofOwners yields the groups whose sockets have one owner, or none.
func (v *Survey) ofOwners() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for i := range ownerRules {
			if !ownerRules[i].groups(v).all(yield) {
				return
			}
		}
		v.orphaned.all(yield)
	}
}

// attribute adds the processes of the sockets of a group that came without.
func (g *group) attribute(owners Owners) {
	g.examples.attribute(owners)
	if len(g.inodes) == 0 {
		return
	}
	known := g.count > len(g.inodes) // of the others it is known that no process holds them
	for _, inode := range g.inodes {
		list := owners.Of(inode)
		pid := 0
		if len(list) > 0 {
			pid = list[0].PID
		}
		switch {
		case !known:
			g.pid, known = pid, true
		case g.pid != pid:
			g.pid = mixed
		}
		g.addHolders(list)
	}
}

func (e *examples) attribute(owners Owners) {
	for _, x := range e.list {
		owners.Join(x.socket)
	}
}

func (l *Listener) attribute(owners Owners) {
	for _, s := range l.sockets {
		list := owners.Of(s.inode)
		l.Processes = addProcesses(l.Processes, list)
		l.Kernel = l.Kernel || owners.Kernel(s.inode)
		switch s.fill {
		case queueFull:
			l.fullOf = addProcesses(l.fullOf, list)
		case queueNear:
			l.nearOf = addProcesses(l.nearOf, list)
		}
	}
	if l.worst != nil {
		owners.Join(l.worst)
	}
	l.members.attribute(owners)
	l.unaccepted.attribute(owners)
	l.halfOpen.attribute(owners)
}
