package screen

import (
	"cmp"
	"context"
	"time"

	"tcpstate/tcp"
	"tcpstate/watch"
)

// selectItems finds the items of the list, and summarizes the focused state.
func (r *reader) selectItems(ctx context.Context) {
	r.sortKeys, r.gone = r.sortKeys[:0], 0
	focus, group := r.serving.focus, r.serving.group
	r.groups.reset()
	r.groups.by, r.groups.focus = group, focus
	r.focus.reset()
	if r.tick == nil {
		return
	}
	if (focus != 0 || group == byListener || group == theListeners) && r.listedAt != r.readAt {
		r.findListeners(ctx)
	}
	var s tcp.Socket
	for row := range r.session.Rows() {
		if focus != 0 && row.State() == tcp.Listen {
			r.session.Fill(row, &s)
			r.focus.listen(&s)
		}
		if !row.Selected() || focus != 0 && row.State() != focus {
			continue
		}
		r.session.Fill(row, &s)
		if focus != 0 {
			r.focus.add(&s, r.listeners)
		}
		if group == theListeners {
			continue
		}
		if group != ungrouped {
			key := group.keyOf(&s, r.listeners)
			if group == byOwner && s.Owner.Inode != 0 && !r.session.Knows(&s) {
				key = lookedUp
			}
			r.groups.add(key, s.State)
		} else {
			r.sortKeys = append(r.sortKeys, sortKeyOf(r.serving.sort, row, &s))
		}
	}
	switch group {
	case ungrouped:
		r.addDeparted(&s)
	case theListeners:
		r.listListeners(ctx)
	default:
		r.itemsOfGroups()
	}
	r.focusShown = nil
	if focus != 0 {
		r.summarizeFocus()
	}
}

// addDeparted adds the sockets that were closed since the last reading, or that
// left the focused state. They are shown a last time.
func (r *reader) addDeparted(s *tcp.Socket) {
	for row := range r.session.Departed(r.serving.focus) {
		r.session.Fill(row, s)
		r.sortKeys = append(r.sortKeys, sortKeyOf(r.serving.sort, row, s))
		r.gone++
	}
}

func (r *reader) summarizeFocus() {
	f := r.focus.summary(r.serving.focus)
	f.count = r.tick.Counts.Of(f.state)
	if !r.firstReading {
		f.arrived, f.left = r.tick.Arrived.Of(f.state), r.tick.Left.Of(f.state)
		f.elapsed = r.readAt.Sub(r.previousAt)
	}
	r.focusShown = f
}

// itemsOfGroups makes an item of each group, and of each group that no longer
// exists.
func (r *reader) itemsOfGroups() {
	r.items = r.items[:0]
	compares := !r.firstReading && r.last.by == r.groups.by && r.last.focus == r.groups.focus && r.last.of(lookedUp)+r.groups.of(lookedUp) == 0
	for i := range r.groups.groups {
		g := &r.groups.groups[i]
		it := item{key: g.key, looked: g.key != lookedUp, counts: g.counts, total: g.counts.Total()}
		if compares {
			before := r.last.of(g.key)
			switch it.change = it.total - before; {
			case before == 0:
				it.mark = opening
			case it.change != 0:
				it.mark = changed
			}
		}
		r.items = append(r.items, it)
	}
	if compares {
		for i := range r.last.groups {
			if g := &r.last.groups[i]; r.groups.of(g.key) == 0 {
				r.items = append(r.items, item{key: g.key, looked: true, mark: closed, change: -g.counts.Total()})
				r.gone++
			}
		}
	}
}

// compareGroups returns the function that compares groups in an order.
func compareGroups(order sorting) func(a, b item) int {
	return func(a, b item) int {
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

// itemsAround is how many items a frame holds before and after those on the
// screen. itemsAtEnds is how many it holds at each end of the list.
const (
	itemsAround = 400
	itemsAtEnds = 120
)

// frame makes a frame of the last reading.
func (r *reader) frame(ctx context.Context) *frame {
	f := &frame{request: r.serving, at: r.readAt, source: r.session.Source().String(), warnings: r.session.Warnings(),
		err: r.err, firstReading: r.firstReading, history: r.history, focus: r.focusShown, detail: r.detail, found: r.found,
		searches: r.session.Searches() && r.detailOf(r.serving).Has(tcp.DetailProcesses)}
	if r.tick != nil {
		f.at, f.counts, f.before, f.unlisted = r.tick.At, r.tick.Counts, r.tick.Before, r.tick.Unlisted
	}
	total := len(r.sortKeys)
	if r.serving.group != ungrouped {
		total = len(r.items)
	}
	f.items.total, f.gone = total, r.gone
	top := min(r.serving.top, max(total-r.serving.height, 0))
	from, to := max(top-itemsAround, 0), min(top+r.serving.height+itemsAround, total)
	for _, edges := range [][2]int{{0, min(itemsAtEnds, from)}, {from, to}, {max(to, total-itemsAtEnds), total}} {
		if edges[0] < edges[1] {
			f.items.parts = append(f.items.parts, part{edges[0], r.window(ctx, edges[0], edges[1])})
		}
	}
	return f
}

// window returns the items from index from to before index to.
func (r *reader) window(ctx context.Context, from, to int) []item {
	items := make([]item, 0, to-from)
	if r.serving.group == theListeners {
		sortPart(r.items, from, to, compareListeners(r.serving.sort))
		return append(items, r.items[from:to]...)
	}
	if group := r.serving.group; group != ungrouped {
		sortPart(r.items, from, to, compareGroups(r.serving.sort))
		for _, it := range r.items[from:to] {
			it.name, it.term = group.label(it.key), group.term(it.key)
			items = append(items, it)
		}
		return items
	}
	sortPart(r.sortKeys, from, to, compareSortKeys)
	sockets := make([]tcp.Socket, to-from)
	for i, p := range r.sortKeys[from:to] {
		r.session.Fill(p.row, &sockets[i])
		items = append(items, item{id: p.row.ID(), socket: &sockets[i], looked: r.session.Knows(&sockets[i]), mark: r.markOf(p.row), since: p.row.Since()})
	}
	r.name(ctx, sockets)
	return items
}

// markOf returns what happened to a socket between the last two readings.
func (r *reader) markOf(row *watch.Row) mark {
	first, seenOpening := row.FirstSeen()
	switch {
	case r.session.Row(row.ID()) == nil:
		return closed
	case r.tick.First:
		return unmarked
	case seenOpening && first.Equal(r.tick.At):
		return opening
	case row.Since().Equal(r.tick.At):
		return changed
	}
	return unmarked
}

// nameTimeout is how long a frame waits for host names. Hosts without a name by
// then are shown as numbers.
const nameTimeout = 200 * time.Millisecond

// name fills in the names of hosts and services, if they are wanted.
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
	for s := range r.names.Name(ctx, nameTimeout, each) {
		sockets[i].LocalName, sockets[i].PeerName = s.LocalName, s.PeerName
		i++
	}
}
