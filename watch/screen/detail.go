package screen

import (
	"context"
	"fmt"
	"net/netip"

	"tcpstate/collect"
	"tcpstate/filter"
	"tcpstate/tcp"
)

// readDetail reads all details of the socket that the screen shows in full.
func (r *reader) readDetail(ctx context.Context) {
	id := r.serving.detail
	if id == 0 {
		r.detail = nil
		return
	}
	o := &socketDetail{id: id}
	last := r.detail
	row := r.session.Row(id)
	if row == nil {
		if last == nil || last.id != id {
			o.gone = r.readAt
		} else if *o = *last; o.gone.IsZero() {
			o.gone = r.readAt
		}
		r.detail = o
		return
	}
	o.socket = new(tcp.Socket)
	r.session.Fill(row, o.socket)
	o.history = row.History()
	o.first, o.new = row.FirstSeen()
	if full, err := r.readFull(ctx, o.socket); err != nil {
		o.err = err
	} else if full != nil {
		keepAge(full, o.socket)
		o.socket = full
	}
	var err error
	if o.settings, err = collect.ReadSettings(r.session.Query); err != nil && o.err == nil {
		o.err = err
	}
	r.detail = o
}

// keepAge gives a socket the age of its row if both are lower bounds in the same
// state, and that of the row is the greater.
func keepAge(full, row *tcp.Socket) {
	bound := row.AgeAtLeast && (full.AgeAtLeast || !full.Age.IsKnown())
	if bound && full.State == row.State && row.Age.Or(0) > full.Age.Or(0) {
		full.Age, full.AgeExact, full.AgeAtLeast = row.Age, false, true
	}
}

// readFull reads a socket with all details. It returns nil if the socket no
// longer exists.
func (r *reader) readFull(ctx context.Context, s *tcp.Socket) (full *tcp.Socket, err error) {
	q := r.session.Query
	q.Source, q.States, q.Everything = r.session.Source(), tcp.All, false
	q.Detail = tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended | tcp.DetailProcesses | tcp.DetailAge | tcp.DetailCommands
	q.MPTCP = collect.MPTCPMarked
	if q.Filter, err = filter.Parse([]string{filterFor(s)}, filter.Names{}); err != nil {
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

// filterFor returns a filter that selects the socket and few others.
func filterFor(s *tcp.Socket) string {
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
