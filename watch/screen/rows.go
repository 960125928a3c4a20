package screen

import (
	"cmp"
	"context"
	"time"

	"tcpstate/tcp"
	"tcpstate/watch"
)

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
	for row := range r.session.Departed(r.done.front) {
		r.session.Fill(row, s)
		r.places = append(r.places, placeOf(r.done.sort, row, s))
		r.gone++
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
	f := &frame{wish: r.done, at: r.lookedAt, source: r.session.Source().String(), warnings: r.session.Warnings().Texts(),
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
