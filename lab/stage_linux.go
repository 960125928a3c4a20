package lab

import (
	"context"
	"sync"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// stage is where a scene is played: two hosts, the wire between them, and the
// record of what happens.
type stage struct {
	ctx      context.Context
	fast     bool
	began    time.Time
	hosts    [There + 1]*host // by side
	wire     *wire
	settings lifecycle.Settings // of both hosts, when the scene began
	yield    func(Step)
	fail     context.CancelCauseFunc

	mu      sync.Mutex
	last    time.Duration // when the last step happened
	changed chan struct{} // closed at the next change of what a scene waits for
	due     []cue
}

// cue is a note that is due before a segment.
type cue struct {
	match match
	note  wording.Message
}

// patience is how long a scene waits for an event that needs no slow timer. It
// exists only to end a scene that waits in vain.
const patience = 2 * time.Minute

// play plays a scene.
func play(ctx context.Context, scene *Scene, o Options, yield func(Step)) (err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s := &stage{ctx: ctx, fast: o.Fast, yield: yield, fail: fail, changed: make(chan struct{})}
	if err := s.build(o); err != nil {
		return denied(wording.Wrap(err, "lab.building"), err)
	}
	s.began = time.Now()
	for _, h := range s.hosts[Here:] {
		if err := h.begin(); err != nil {
			return denied(wording.Wrap(err, "lab.building"), err)
		}
	}
	if err := scene.prepare(s, o); err != nil {
		return err
	}
	s.wire.start(s)
	var group sync.WaitGroup
	group.Go(func() { s.poll(ctx) })
	p := &script{stage: s}
	scene.play(p)
	err = p.err
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil && o.Stay != nil {
		err = o.Stay(s.places())
	}
	fail(nil)
	group.Wait()
	s.wire.close()
	for _, h := range s.hosts[Here:] {
		h.end()
	}
	return err
}

// log records a step. Steps are in the order of their times.
func (s *stage) log(step Step) { s.logAt(time.Now(), step) }

func (s *stage) logAt(at time.Time, step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(at, step)
	s.wake()
}

// add records a step. The caller holds the lock.
func (s *stage) add(at time.Time, step Step) {
	step.At = max(at.Sub(s.began), s.last)
	s.last = step.At
	s.yield(step)
}

// wake wakes the goroutines that wait for a change. The caller holds the lock.
func (s *stage) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// cueFor logs the notes that are due before a segment.
func (s *stage) cueFor(at time.Time, p *passing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.due) > 0 && s.due[0].match(p) {
		s.add(at, Step{Kind: Note, Text: s.due[0].note})
		s.due = s.due[1:]
	}
}

// await waits until done returns true. done is called with the lock held, after
// each change. what says what is waited for.
func (s *stage) await(limit time.Duration, what string, done func() bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		ok, changed := done(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return wording.Fail("lab.waited", "time", limit, "what", what)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// poll reads the sockets again and again, for changes that no segment and no call
// announces: those of the kernel's timers.
func (s *stage) poll(ctx context.Context) {
	const short, long = 8 * time.Millisecond, 40 * time.Millisecond
	for ctx.Err() == nil {
		s.mu.Lock()
		quiet := time.Since(s.began)-s.last > 300*time.Millisecond
		s.mu.Unlock()
		wait := short
		if quiet {
			wait = long
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		for _, h := range s.hosts[Here:] {
			s.sample(h.side, time.Now())
		}
	}
}

// sample reads the sockets and the counters of a host and logs what has changed.
// The changes were made before at.
func (s *stage) sample(side Side, at time.Time) {
	if side == 0 {
		return
	}
	if err := s.hosts[side].sample(s, at); err != nil && s.ctx.Err() == nil {
		s.fail(err)
	}
}

// list returns the sockets of the host, by cookie. Sockets that only hold a port are
// in a large table that all namespaces share, so it is read only if there may be one.
func (h *host) list() (map[tcp.Cookie]*tcp.Socket, error) {
	states := tcp.All
	if !h.bound.Load() {
		states &^= tcp.Set(tcp.Close, tcp.BoundInactive)
	}
	dump, err := sockdiag.Open(context.Background(), sockdiag.Request{Families: []tcp.Family{tcp.IPv4}, States: states, Within: h.do})
	if err != nil {
		return nil, err
	}
	sockets := make(map[tcp.Cookie]*tcp.Socket)
	for socket, err := range dump.Sockets() {
		if err != nil {
			return nil, err
		}
		sockets[socket.Cookie] = socket.Clone()
	}
	return sockets, nil
}
