package screen

import (
	"context"
	"sync"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// reader owns a session, and makes frames of what it sees. All but ask is for
// the goroutine of run.
type reader struct {
	session *watch.Session
	names   *collect.Naming
	detail  tcp.Detail // that the session was given

	mu     sync.Mutex
	wanted wish
	asked  chan struct{} // holds one: there is a new wish

	done      wish // that is being fulfilled
	tick      *watch.Tick
	err       error
	lookedAt  time.Time // the last look, and the one before it
	before    time.Time
	fresh     bool
	lookedFor int // wish.filtered of the last look
	history   []sample
	listeners *collect.Listeners
	listedAt  time.Time // the look to which these belong

	places       []place // of the sockets that are listed
	groups, last tally   // of now, and of the look before
	rows         []row   // the groups
	gone         int     // of either, those that are no more
	front        frontTally
	frontTold    *front
	opened       *opened
}

func newReader(s *Screen) *reader {
	return &reader{session: s.Session, names: s.Names, detail: s.Session.Query.Detail, asked: make(chan struct{}, 1),
		wanted: firstWish(s)}
}

func firstWish(s *Screen) wish {
	return wish{serial: 1, interval: s.Interval, filter: s.Session.Query.Filter, front: s.Front, sort: socketOrders[0], height: 24}
}

// ask asks for a wish to be fulfilled. It does not wait.
func (r *reader) ask(w wish) {
	r.mu.Lock()
	if w.serial > r.wanted.serial {
		r.wanted = w
	}
	r.mu.Unlock()
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

func (r *reader) latest() wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted
}

// run looks at the sockets again and again, and shows each look, and each wish
// between two, until ctx ends. A look that takes longer than the interval is
// followed by the next without a pause.
func (r *reader) run(ctx context.Context, show func(*frame)) {
	for {
		r.hesitate(ctx)
		f := r.next(ctx)
		if ctx.Err() != nil {
			return
		}
		show(f)
		r.wait(ctx)
	}
}

// hesitation is how long the last of several keys is waited for.
const hesitation = 250 * time.Millisecond

// hesitate waits a moment before the processes of all sockets are searched for,
// which may take seconds: who presses g again does not want them.
func (r *reader) hesitate(ctx context.Context) {
	for r.tick != nil && r.detailOf(r.latest())&^r.detailOf(r.done)&tcp.DetailProcesses != 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(hesitation):
			return
		case <-r.asked:
		}
	}
}

// next fulfils the latest wish, with a look if one is due.
func (r *reader) next(ctx context.Context) *frame {
	w := r.latest()
	due := r.lookedAt.Add(w.interval)
	look := r.tick == nil || !w.paused && !r.session.Now().Before(due) || r.needsLook(w)
	stale := look || r.needsOrder(w)
	r.done = w
	if look {
		r.look(ctx)
	}
	if stale {
		r.order(ctx)
	}
	if look || r.opened == nil || r.opened.id != w.open {
		r.open(ctx)
	}
	return r.frame(ctx)
}

// wait waits until the next look is due, or for a wish.
func (r *reader) wait(ctx context.Context) {
	var due <-chan time.Time
	if !r.done.paused {
		timer := time.NewTimer(r.lookedAt.Add(r.done.interval).Sub(r.session.Now()))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-r.asked:
	}
}

// needsLook reports whether a wish cannot be fulfilled with what was seen.
func (r *reader) needsLook(w wish) bool {
	return w.filtered != r.done.filtered || r.detailOf(w) != r.detailOf(r.done)
}

// needsOrder reports whether a wish is of other rows, or of another order.
func (r *reader) needsOrder(w wish) bool {
	return w.front != r.done.front || w.group != r.done.group || w.sort != r.done.sort
}

// detailOf returns what must be asked of every socket. The ages of ESTABLISHED
// and CLOSE_WAIT cost the kernel most of what a look costs, so they are asked for
// only where they are looked at.
func (r *reader) detailOf(w wish) tcp.Detail {
	detail := r.detail
	if w.group == byOwner || w.sort.by == byProcess {
		detail |= tcp.DetailProcesses
	}
	if w.sort.by == byAge || tcp.Set(tcp.Established, tcp.CloseWait).Has(w.front) {
		detail |= tcp.DetailAge
	}
	return detail
}

// look looks at the sockets.
func (r *reader) look(ctx context.Context) {
	r.session.Query.Filter = r.done.filter
	r.session.Query.Detail = r.detailOf(r.done)
	if r.fresh = r.tick == nil || r.lookedFor != r.done.filtered; r.fresh {
		r.history = nil
	}
	r.lookedFor = r.done.filtered
	r.groups, r.last = r.last, r.groups
	r.before, r.lookedAt = r.lookedAt, r.session.Now()
	tick, err := r.session.Tick(ctx)
	r.err = err
	if tick == nil {
		return
	}
	r.tick = tick
	if err == nil {
		r.history = remember(r.history, sample{tick.At, tick.Counts})
	}
}

// findListeners finds who listens now. An error is told as one of the look.
func (r *reader) findListeners(ctx context.Context) {
	q := r.session.Query
	q.Source, q.Everything = r.session.Source(), false
	var err error
	r.listeners, err = collect.FindListeners(ctx, q)
	r.listedAt = r.lookedAt
	if r.err == nil {
		r.err = err
	}
}
