package doctor

import (
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"tcpstate/tcp"
)

// searched is a host whose processes are searched for after the sockets have been
// read.
type searched struct {
	processes map[uint32][]tcp.Process // that hold each socket
	wanted    map[uint32]struct{}      // nothing is known of the holders of other sockets
	next      uint32
}

// later makes the sockets of a patient come without their processes.
func later(p *patient) *patient {
	p.Survey.Defer()
	p.later = &searched{processes: make(map[uint32][]tcp.Process)}
	return p
}

// see adds a socket to the survey. If the survey is deferred, the socket comes
// without its processes.
func (p *patient) see(s *tcp.Socket) {
	if p.later == nil {
		p.Survey.Add(s)
		return
	}
	s = s.Clone()
	if s.Owner.Inode != 0 {
		p.later.next++
		s.Owner.Inode = p.later.next
		p.later.processes[s.Owner.Inode] = s.Processes
	}
	s.Processes = nil
	p.Survey.Add(s)
}

// search finds the processes of the sockets that the rules need.
func (p *patient) search() {
	if p.later == nil || p.later.wanted != nil {
		return
	}
	w := p.Wanted(Rules())
	p.later.wanted = w.Inodes
	p.Attribute(w, p.later)
}

func (h *searched) Cut(int) bool { return false }

func (h *searched) Of(inode uint32) []tcp.Process {
	if _, wanted := h.wanted[inode]; !wanted {
		return nil
	}
	return h.processes[inode]
}

func (h *searched) Kernel(uint32) bool { return false }

func (h *searched) Join(s *tcp.Socket) {
	if s.Owner.Inode != 0 {
		s.Processes = h.Of(s.Owner.Inode)
	}
}

func (h *searched) Holdings() iter.Seq2[Process, []uint32] {
	held, found := map[Process][]uint32{}, map[Process]bool{}
	for inode, list := range h.processes {
		for _, p := range list {
			of := Process{PID: p.PID, Name: p.Name}
			held[of] = append(held[of], inode)
			_, wanted := h.wanted[inode]
			found[of] = found[of] || wanted
		}
	}
	maps.DeleteFunc(held, func(p Process, _ []uint32) bool { return !found[p] })
	return maps.All(held)
}

// TestProcessesCanComeLater applies the rules to sockets that came without their
// processes, and then with those that the rules asked for. It must find the same
// as with sockets that come with their processes.
func TestProcessesCanComeLater(t *testing.T) {
	for _, c := range cases {
		t.Run(c.code+"/"+c.name, func(t *testing.T) {
			now, later := c.recipe.make(), c.recipe.makeLater()
			want, got := describe(now.examine(t)), describe(later.examine(t))
			if c.code == "fd-limit-near" || c.code == "ended-not-closed" {
				return // the processes of these are found by their descriptors
			}
			if got != want {
				t.Errorf("with processes:%s\nwith processes later:%s", want, got)
			}
		})
	}
}

// TestHealthySocketsNeedNoProcess has many sockets of which none is a finding.
func TestHealthySocketsNeedNoProcess(t *testing.T) {
	p := later(healthy())
	p.listen(0, 128)
	p.add(100, tcp.Established, time.Second)
	p.add(9, tcp.CloseWait, 2*time.Minute)
	p.add(9, tcp.Established, 2*time.Hour)
	p.add(100, tcp.FinWait2, time.Second)
	p.add(100, tcp.Established, time.Second, queues(100, 0))
	if w := p.Wanted(Rules()); len(w.Inodes) > 0 {
		t.Errorf("it wants the processes of %d sockets", len(w.Inodes))
	}
	p.add(1, tcp.CloseWait, 2*time.Minute)
	if w := p.Wanted(Rules()); len(w.Inodes) != 10 {
		t.Errorf("of 10 leaked sockets it wants the processes of %d", len(w.Inodes))
	}
}

// TestFewSocketsWait adds more sockets that need their processes than are kept.
func TestFewSocketsWait(t *testing.T) {
	p := later(healthy())
	for i := range 2 * maxWaiting {
		if p.Survey.Overfull() != (i == maxWaiting+1 && p.Survey.owners == nil) {
			t.Fatalf("Overfull after %d sockets: %v", i, p.Survey.Overfull())
		}
		if p.Survey.Overfull() {
			p.later.wanted = map[uint32]struct{}{}
			for inode := range p.later.processes {
				p.later.wanted[inode] = struct{}{}
			}
			p.Survey.Know(p.later)
		}
		if p.later.wanted != nil {
			p.later.wanted[p.later.next+1] = struct{}{}
		}
		p.add(1, tcp.CloseWait, 2*time.Minute)
	}
	p.Attribute(p.Wanted(Rules()), p.later)
	f := find(p.examine(t), "close-wait-leak")
	if f == nil || !slices.Contains(f.Processes, nginx) || f.Evidence.Get("close_wait") != int64(2*maxWaiting) {
		t.Errorf("%d leaked sockets: %+v", 2*maxWaiting, f)
	}
}
