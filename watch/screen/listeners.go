package screen

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"tcpstate/collect"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
)

// figures are what the list of listeners shows of one, beside its socket. The
// connections are those of its address: if several listeners share the address
// (SO_REUSEPORT), nothing shows which of them a connection belongs to.
type figures struct {
	peak     uint32
	drops    tcp.Optional[uint32] // since it began to listen (SK_MEMINFO_DROPS)
	dropped  uint32               // of these, since the reading before
	synRecv  int
	arrived  tcp.Optional[float64] // connections a second that were opened since the reading before
	accepted tcp.Optional[float64] // connections a second that got a file since then
	shared   bool                  // other listeners have the same address
}

// listenerOrders are the orders of the list of listeners.
var listenerOrders = []sorting{{byRecvQueue, true}, {byPeak, true}, {byDrops, true}, {bySynRecv, true}, {byArrived, true}, {byAccepted, true},
	{byLocal, false}, {byProcess, false}}

// address identifies the listeners to which a connection may belong.
type address struct {
	netns string
	at    netip.AddrPort
}

// traffic counts the connections of an address.
type traffic struct{ listeners, synRecv, arrived, accepted int }

// socketID identifies a socket in two readings.
type socketID struct {
	netns  string
	cookie tcp.Cookie
}

// readDrops reads how many segments each listener has dropped. It is a reading of its
// own, because a session keeps no memory of sockets. A source that does not know them
// leaves them out.
func (r *reader) readDrops(ctx context.Context) {
	q := r.session.Query
	q.Source, q.States, q.Everything, q.Detail = r.session.Source(), tcp.Set(tcp.Listen), false, tcp.DetailMemory
	r.dropsBefore, r.drops = r.drops, make(map[socketID]uint32)
	snapshot, err := collect.Open(ctx, q)
	if err == nil {
		for s, failed := range snapshot.Sockets() {
			if err = failed; err != nil {
				break
			}
			if s.Memory == nil {
				continue
			}
			if drops, known := s.Memory.Drops.Get(); known {
				r.drops[socketID{s.Netns, s.Cookie}] = drops
			}
		}
	}
	if r.err == nil {
		r.err = err
	}
}

// listListeners makes an item of each selected listener.
func (r *reader) listListeners(ctx context.Context) {
	if r.dropsAt != r.readAt {
		r.readDrops(ctx)
		r.dropsAt = r.readAt
	}
	r.items = r.items[:0]
	elapsed := r.readAt.Sub(r.previousAt)
	of := make(map[address]traffic)
	var s tcp.Socket
	for row := range r.session.Rows() {
		if r.session.Fill(row, &s); s.State == tcp.Listen {
			key := address{s.Netns, s.Local}
			t := of[key]
			t.listeners++
			of[key] = t
			continue
		}
		at, ok := r.listeners.Of(&s)
		if !ok {
			continue
		}
		key := address{s.Netns, at}
		t := of[key]
		if s.State == tcp.SynRecv {
			t.synRecv++
		}
		if first, opened := row.FirstSeen(); opened && first.Equal(r.tick.At) {
			t.arrived++
		}
		if row.Accepted() {
			t.accepted++
		}
		of[key] = t
	}
	for row := range r.session.Rows() {
		if row.State() != tcp.Listen || !row.Selected() {
			continue
		}
		socket := new(tcp.Socket)
		r.session.Fill(row, socket)
		t := of[address{socket.Netns, socket.Local}]
		f := &figures{peak: row.Peak(), synRecv: t.synRecv, shared: t.listeners > 1}
		if seconds := elapsed.Seconds(); !r.firstReading && 2*elapsed >= r.serving.interval { // a key may cause a reading soon after the last: too short for a rate
			f.arrived, f.accepted = tcp.Known(float64(t.arrived)/seconds), tcp.Known(float64(t.accepted)/seconds)
		}
		id := socketID{socket.Netns, socket.Cookie}
		if drops, known := r.drops[id]; known {
			f.drops = tcp.Known(drops)
			if before, known := r.dropsBefore[id]; known {
				f.dropped = drops - before
			}
		}
		r.items = append(r.items, item{id: row.ID(), socket: socket, looked: r.session.Knows(socket), mark: r.markOf(row), since: row.Since(), figures: f})
	}
}

// compareListeners returns the function that compares listeners in an order. What is
// not known comes last in both directions.
func compareListeners(order sorting) func(a, b item) int {
	value := func(it *item) (v float64, known bool) {
		f := it.figures
		switch order.by {
		case byRecvQueue:
			return float64(it.socket.AcceptQueue), true
		case byPeak:
			return float64(f.peak), true
		case byDrops:
			n, known := f.drops.Get()
			return float64(n), known
		case bySynRecv:
			return float64(f.synRecv), true
		case byArrived:
			return f.arrived.Get()
		case byAccepted:
			return f.accepted.Get()
		}
		return 0, true
	}
	return func(a, b item) int {
		x, xKnown := value(&a)
		y, yKnown := value(&b)
		by := cmp.Compare(x, y)
		switch {
		case xKnown != yKnown && xKnown:
			return -1
		case xKnown != yKnown:
			return 1
		case order.by == byProcess:
			by = compareSortKeys(sortKeyOf(sorting{by: byProcess}, nil, a.socket), sortKeyOf(sorting{by: byProcess}, nil, b.socket))
		case order.by == byLocal:
			by = a.socket.Local.Compare(b.socket.Local)
		}
		if order.descending {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(a.socket.Netns, b.socket.Netns), a.socket.Local.Compare(b.socket.Local), cmp.Compare(a.id, b.id))
	}
}

// toggleListeners shows the list of listeners, or goes back to the sockets.
func (m *model) toggleListeners() tea.Cmd {
	group := theListeners
	if m.want.group == theListeners {
		group = ungrouped
	}
	m.want.group, m.want.sort = group, group.sortings()[0]
	m.left = 0
	m.moveTo(0)
	return nil
}

// listenerColumns returns the columns of the list of listeners.
func (m *model) listenerColumns(items []*item) []column {
	cellsOf := func(name string) func(*item) string {
		of, err := render.ParseColumns(name)
		if err != nil {
			panic(err) // the names are constants, so this is a bug
		}
		return func(it *item) string { return string(of[0].AppendCell(nil, it.socket)) }
	}
	list := []struct {
		column
		cell func(*item) string
	}{
		{column{heading: "NETNS", readable: 12, rank: 6}, cellsOf("netns")},
		{column{heading: "LISTENER", middle: true, readable: 16, sorts: byLocal, sortable: true}, cellsOf("local")},
		{column{heading: "ACCEPT-Q", right: true, sorts: byRecvQueue, sortable: true}, acceptQueue},
		{column{heading: "PEAK", right: true, rank: 4, sorts: byPeak, sortable: true}, func(it *item) string { return strconv.Itoa(int(it.figures.peak)) }},
		{column{heading: "DROPS", right: true, rank: 1, sorts: byDrops, sortable: true}, drops},
		{column{heading: "SYN_RECV", right: true, rank: 2, sorts: bySynRecv, sortable: true},
			func(it *item) string { return it.figures.ofAddress(strconv.Itoa(it.figures.synRecv)) }},
		{column{heading: "IN/s", right: true, rank: 5, sorts: byArrived, sortable: true}, func(it *item) string { return it.figures.rate(it.figures.arrived) }},
		{column{heading: "ACCEPT/s", right: true, rank: 5, sorts: byAccepted, sortable: true}, func(it *item) string { return it.figures.rate(it.figures.accepted) }},
		{column{heading: "PROCESS", readable: 10, rank: 3, sorts: byProcess, sortable: true}, func(it *item) string {
			if !it.looked {
				return m.ellipsis()
			}
			return cellsOf("process")(it)
		}},
	}
	if m.within == "" {
		list = list[1:]
	}
	var columns []column
	for _, entry := range list {
		c := entry.column
		for _, it := range items {
			cell := ""
			if it != nil && it.figures != nil {
				cell = entry.cell(it)
			}
			c.cells = append(c.cells, cell)
			if c.sorts == byRecvQueue || c.sorts == byDrops {
				c.colors = append(c.colors, alarm(it, c.sorts))
			}
		}
		columns = append(columns, c)
	}
	return columns
}

// acceptQueue returns the accept queue with its maximum.
func acceptQueue(it *item) string {
	cell := strconv.Itoa(int(it.socket.AcceptQueue))
	if most, known := it.socket.AcceptQueueMax.Get(); known {
		cell += "/" + strconv.Itoa(int(most))
	}
	return cell
}

// drops returns the drops of a listener, and how many are new.
func drops(it *item) string {
	n, known := it.figures.drops.Get()
	if !known {
		return "-"
	}
	cell := strconv.Itoa(int(n))
	if it.figures.dropped > 0 {
		cell += " +" + strconv.Itoa(int(it.figures.dropped))
	}
	return cell
}

// ofAddress marks a cell whose value belongs to all listeners of the address.
func (f *figures) ofAddress(cell string) string {
	if f.shared {
		return cell + "*"
	}
	return cell
}

// rate returns a rate, or "-" if it is not known.
func (f *figures) rate(rate tcp.Optional[float64]) string {
	r, known := rate.Get()
	switch {
	case !known:
		return "-"
	case r > 0 && r < 10:
		return f.ofAddress(strconv.FormatFloat(r, 'f', 1, 64))
	}
	return f.ofAddress(strconv.FormatFloat(r, 'f', 0, 64))
}

// alarm returns red for a full accept queue and for new drops.
func alarm(it *item, by sortBy) text.Style {
	if it == nil || it.figures == nil {
		return ""
	}
	most, known := it.socket.AcceptQueueMax.Get()
	full := by == byRecvQueue && known && it.socket.AcceptQueue >= most
	if full || by == byDrops && it.figures.dropped > 0 {
		return text.Red
	}
	return ""
}
