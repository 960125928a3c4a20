package screen

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpstate/collect"
	"tcpstate/filter"
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

// order finds the rows of the list, and what is told of the state in front.
func (r *reader) order(ctx context.Context) {
	r.places, r.gone = r.places[:0], 0
	front, group := r.done.front, r.done.group
	r.groups.reset()
	r.groups.by, r.groups.front = group, front
	r.front.reset()
	if r.tick == nil {
		return
	}
	if (front != 0 || group == byListener) && r.listedAt != r.lookedAt {
		r.findListeners(ctx)
	}
	var s tcp.Socket
	for row := range r.session.Rows() {
		if front != 0 && row.State() == tcp.Listen {
			r.session.Fill(row, &s)
			r.front.listen(&s)
		}
		if !row.Selected() || front != 0 && row.State() != front {
			continue
		}
		r.session.Fill(row, &s)
		if front != 0 {
			r.front.add(&s, r.listeners)
		}
		if group != ungrouped {
			r.groups.add(group.keyOf(&s, r.listeners), s.State)
		} else {
			r.places = append(r.places, placeOf(r.done.sort, row, &s))
		}
	}
	if group == ungrouped {
		r.addDeparted(&s)
	} else {
		r.orderGroups()
	}
	r.frontTold = nil
	if front != 0 {
		r.tellFront()
	}
}

// addDeparted lists once more the sockets that are gone, or have gone from the
// state in front to another.
func (r *reader) addDeparted(s *tcp.Socket) {
	for _, e := range r.tick.Events {
		gone := e.Kind == watch.Closed && (r.done.front == 0 || e.From == r.done.front)
		moved := e.Kind == watch.Changed && r.done.front != 0 && e.From == r.done.front && e.To != r.done.front
		if gone || moved {
			r.session.Fill(e.Row, s)
			r.places = append(r.places, placeOf(r.done.sort, e.Row, s))
			r.gone++
		}
	}
}

func (r *reader) tellFront() {
	f := r.front.told(r.done.front)
	f.count = r.tick.Counts.Of(f.state)
	if !r.fresh {
		f.arrived, f.left = r.tick.Arrived.Of(f.state), r.tick.Left.Of(f.state)
		f.elapsed = r.lookedAt.Sub(r.before)
	}
	r.frontTold = f
}

// orderGroups makes rows of the groups, and of those that are gone.
func (r *reader) orderGroups() {
	r.rows = r.rows[:0]
	compares := !r.fresh && r.last.by == r.groups.by && r.last.front == r.groups.front
	for i := range r.groups.groups {
		g := &r.groups.groups[i]
		line := row{key: g.key, counts: g.counts, total: g.counts.Total()}
		if compares {
			before := r.last.of(g.key)
			switch line.change = line.total - before; {
			case before == 0:
				line.mark = opening
			case line.change != 0:
				line.mark = changed
			}
		}
		r.rows = append(r.rows, line)
	}
	if compares {
		for i := range r.last.groups {
			if g := &r.last.groups[i]; r.groups.of(g.key) == 0 {
				r.rows = append(r.rows, row{key: g.key, mark: closed, change: -g.counts.Total()})
				r.gone++
			}
		}
	}
}

// compareGroups returns the order of groups that a sorting asks for.
func compareGroups(order sorting) func(a, b row) int {
	return func(a, b row) int {
		by := 0
		switch order.by {
		case byTotal:
			by = cmp.Compare(a.total, b.total)
		case byChange:
			by = cmp.Compare(abs(a.change), abs(b.change))
		}
		if by == 0 && order.by == byName {
			by = compareKeys(a.key, b.key)
		}
		switch {
		case by == 0:
			return compareKeys(a.key, b.key)
		case order.descending:
			return -by
		}
		return by
	}
}

func abs(n int) int { return max(n, -n) }

// around is how many rows a frame has on either side of those that are shown, and
// atEnds how many at both ends of the list.
const (
	around = 400
	atEnds = 120
)

// frame makes a frame of what was seen.
func (r *reader) frame(ctx context.Context) *frame {
	f := &frame{wish: r.done, at: r.lookedAt, source: r.session.Source().String(), warnings: slices.Clone(r.session.Warnings()),
		err: r.err, fresh: r.fresh, history: r.history, front: r.frontTold, opened: r.opened}
	if r.tick != nil {
		f.at, f.counts, f.before = r.tick.At, r.tick.Counts, r.tick.Before
	}
	total := len(r.places)
	if r.done.group != ungrouped {
		total = len(r.rows)
	}
	f.rows.total, f.gone = total, r.gone
	top := min(r.done.top, max(total-r.done.height, 0))
	from, to := max(top-around, 0), min(top+r.done.height+around, total)
	for _, ends := range [][2]int{{0, min(atEnds, from)}, {from, to}, {max(to, total-atEnds), total}} {
		if ends[0] < ends[1] {
			f.rows.parts = append(f.rows.parts, part{ends[0], r.window(ctx, ends[0], ends[1])})
		}
	}
	return f
}

// window returns the rows from one to before another.
func (r *reader) window(ctx context.Context, from, to int) []row {
	rows := make([]row, 0, to-from)
	if group := r.done.group; group != ungrouped {
		sortPart(r.rows, from, to, compareGroups(r.done.sort))
		for _, line := range r.rows[from:to] {
			line.name, line.term = group.text(line.key), group.term(line.key)
			rows = append(rows, line)
		}
		return rows
	}
	sortPart(r.places, from, to, comparePlaces)
	sockets := make([]tcp.Socket, to-from)
	for i, p := range r.places[from:to] {
		r.session.Fill(p.row, &sockets[i])
		rows = append(rows, row{id: p.row.ID(), socket: &sockets[i], mark: r.markOf(p.row), since: p.row.Since()})
	}
	r.name(ctx, sockets)
	return rows
}

// markOf returns what has become of a socket at the last look.
func (r *reader) markOf(row *watch.Row) mark {
	first, opened := row.FirstSeen()
	switch {
	case r.session.Row(row.ID()) == nil:
		return closed
	case r.tick.First:
		return unmarked
	case opened && first.Equal(r.tick.At):
		return opening
	case row.Since().Equal(r.tick.At):
		return changed
	}
	return unmarked
}

// patience is how long a frame waits for the names of hosts. Those that are not
// known by then stay numbers.
const patience = 200 * time.Millisecond

// name names the hosts and services of sockets, where that is asked for.
func (r *reader) name(ctx context.Context, sockets []tcp.Socket) {
	if r.names == nil {
		return
	}
	each := func(yield func(*tcp.Socket, error) bool) {
		for i := range sockets {
			if !yield(&sockets[i], nil) {
				return
			}
		}
	}
	i := 0
	for s := range r.names.Name(ctx, patience, each) {
		sockets[i].LocalName, sockets[i].PeerName = s.LocalName, s.PeerName
		i++
	}
}

// open reads all that there is of the socket that is to be shown in full.
func (r *reader) open(ctx context.Context) {
	id := r.done.open
	if id == 0 {
		r.opened = nil
		return
	}
	o := &opened{id: id}
	last := r.opened
	row := r.session.Row(id)
	if row == nil {
		if last == nil || last.id != id {
			o.gone = r.lookedAt
		} else if *o = *last; o.gone.IsZero() {
			o.gone = r.lookedAt
		}
		r.opened = o
		return
	}
	o.socket = new(tcp.Socket)
	r.session.Fill(row, o.socket)
	o.history = row.History()
	o.first, o.new = row.FirstSeen()
	if full, err := r.readFull(ctx, o.socket); err != nil {
		o.err = err
	} else if full != nil {
		o.socket = full
	}
	var err error
	if o.settings, err = collect.ReadSettings(r.session.Query); err != nil && o.err == nil {
		o.err = err
	}
	r.opened = o
}

// readFull reads a socket with all details, nil where it is not found any more.
func (r *reader) readFull(ctx context.Context, s *tcp.Socket) (full *tcp.Socket, err error) {
	q := r.session.Query
	q.Source, q.States, q.Everything = r.session.Source(), tcp.All, false
	q.Detail = tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended | tcp.DetailProcesses | tcp.DetailAge | tcp.DetailCommands
	if q.Filter, err = filter.Parse([]string{endsOf(s)}, filter.Names{}); err != nil {
		return nil, err
	}
	snapshot, err := collect.Open(ctx, q)
	if err != nil {
		return nil, err
	}
	for found, err := range snapshot.Sockets() {
		if err != nil {
			return nil, err
		}
		same := found.Cookie == s.Cookie && found.Netns == s.Netns
		if same && (s.Cookie != 0 || found.Local == s.Local && found.Peer == s.Peer) && full == nil {
			full = found.Clone()
		}
	}
	return full, nil
}

// endsOf returns a filter that selects the socket, among few.
func endsOf(s *tcp.Socket) string {
	text := fmt.Sprintf("sport = :%d", s.Local.Port())
	for _, end := range []struct {
		name string
		at   netip.AddrPort
	}{{"src", s.Local}, {"dst", s.Peer}} {
		addr := end.at.Addr().Unmap().WithZone("")
		if end.at.Port() != 0 && !addr.IsUnspecified() {
			text += fmt.Sprintf(" and %s %s", end.name, netip.AddrPortFrom(addr, end.at.Port()))
		}
	}
	return text
}
