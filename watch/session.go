// Package watch follows sockets: it reads them again and again, and tells what
// became of them in between.
//
// A [Session] is one who watches: each [Session.Tick] reads all sockets once and
// returns a [Tick], the counts and the events since the last one. Its [Follower]
// holds a [Row] for every socket there is. A [Stream] writes ticks as lines, for
// a pipe, and waits for conditions.
//
// Every socket is followed, whatever is selected: only so is one that has left
// SYN_RECV for ESTABLISHED not taken for closed where SYN_RECV alone is asked
// for. What is selected is counted and has events.
package watch

import (
	"context"
	"iter"
	"time"

	"tcpstate/collect"
	"tcpstate/netns"
	"tcpstate/tcp"
)

// Session follows the sockets of a query. Its methods are for one goroutine.
type Session struct {
	// Query selects the sockets that are counted and have events. It may be
	// given another selection between two ticks; another source or namespace is
	// another session. DetailProcesses, DetailCommands and DetailAge count,
	// other details are not kept of a socket.
	Query collect.Query

	Now func() time.Time

	Follower

	source   collect.Source // of the first tick, for the others
	missing  []string
	owners   *collect.Owners     // where processes are wanted
	spaces   map[netns.ID]string // names of the network namespaces at the last tick
	warnings collect.Warnings
}

// Tick reads the sockets and returns what has happened since the last tick. The
// tick and its rows are valid until the next. After an error there may be a tick
// of what was read before it, or none; the session may be used again.
func (s *Session) Tick(ctx context.Context) (*Tick, error) {
	at := s.Now()
	q := s.Query
	q.Everything = true
	q.Detail &= tcp.DetailAge
	if s.source != nil {
		q.Source = s.source // and is not said again
	}
	snapshot, err := collect.Open(ctx, q)
	if err != nil {
		return nil, err
	}
	s.source, s.missing = snapshot.Source(), snapshot.Missing()
	s.nameNamespaces(snapshot.Namespaces())
	sockets := snapshot.Sockets()
	if s.needsOwners() {
		sockets = s.owned(ctx, sockets)
	}
	tick, err := s.Follow(at, sockets, snapshot.Selects)
	s.warnings.Add(snapshot.Warnings()...)
	if err == nil && s.needsOwners() {
		err = s.findOwners(ctx)
	}
	return tick, err
}

// Source returns the source that is read, or Auto before the first tick.
func (s *Session) Source() collect.Source {
	if s.source == nil {
		return collect.Auto
	}
	return s.source
}

// Missing returns the names, as in JSON, of what the source cannot know.
func (s *Session) Missing() []string { return s.missing }

// Warnings returns what a reader should know, each once: of one that comes
// again with other numbers in it, the first. More may come with every tick.
func (s *Session) Warnings() collect.Warnings { return s.warnings }

// Events yields what happened between the last two ticks, with the processes of the
// sockets if they are requested. The event and its socket are reused: they are valid
// until the next one.
func (s *Session) Events() iter.Seq[*tcp.Event] { return s.events(s.Fill) }

// Fill makes into what was last seen of the row's socket, with its processes or
// the listener that it came in by, where these are wanted.
func (s *Session) Fill(row *Row, into *tcp.Socket) {
	row.Fill(into)
	if s.owners != nil && s.Query.Detail.Has(tcp.DetailProcesses) {
		s.owners.Join(into)
	}
}

// nameNamespaces tells the follower of network namespaces that are called by
// other names than at the last tick. Their sockets are the same.
func (s *Session) nameNamespaces(list []*netns.Namespace) {
	names, changed := make(map[netns.ID]string), make(map[string]string)
	for _, space := range list {
		if space == nil {
			continue // there is no other
		}
		names[space.ID] = space.Name
		if before, known := s.spaces[space.ID]; known && before != space.Name {
			changed[before] = space.Name
		}
	}
	s.spaces = names
	if len(changed) > 0 {
		s.rename(changed)
	}
}

// judgesOwners reports whether the filter asks who holds a socket.
func (s *Session) judgesOwners() bool {
	return s.Query.Filter != nil && s.Query.Filter.Needs().Has(tcp.DetailProcesses)
}

func (s *Session) needsOwners() bool {
	return s.Query.Detail.Has(tcp.DetailProcesses) || s.judgesOwners()
}

// heldBack is how many sockets wait for a search of their processes before one
// is made.
const heldBack = 1 << 16

// owned yields the sockets and takes note of their inodes. Where the filter asks
// for processes, those whose are not known come last, after a search for them.
func (s *Session) owned(ctx context.Context, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	if s.owners == nil {
		s.owners = collect.NewOwners(s.Query)
	}
	judges := s.judgesOwners()
	return func(yield func(*tcp.Socket, error) bool) {
		s.owners.Begin()
		var held []*tcp.Socket
		release := func() bool {
			if err := s.owners.Search(ctx); err != nil {
				yield(nil, err)
				return false
			}
			for _, socket := range held {
				s.owners.Join(socket)
				if !yield(socket, nil) {
					return false
				}
			}
			held = held[:0]
			return true
		}
		for socket, err := range sockets {
			if err != nil {
				yield(nil, err)
				return
			}
			if inode := socket.Owner.Inode; inode != 0 {
				known := s.owners.See(inode)
				if judges && !known {
					held = append(held, socket.Clone())
					if len(held) == heldBack && !release() {
						return
					}
					continue
				}
				if judges {
					s.owners.Join(socket)
				}
			}
			if !yield(socket, nil) {
				return
			}
		}
		if judges {
			release()
		}
	}
}

// findOwners finds the processes of the sockets that are new, and the listeners
// of those without any.
func (s *Session) findOwners(ctx context.Context) error {
	s.owners.Recheck()
	if err := s.owners.Search(ctx); err != nil {
		return err
	}
	s.warnings.Add(s.owners.Warnings()...)
	q := s.Query
	q.Source = s.source
	listeners, err := collect.FindListeners(ctx, q)
	if err == nil {
		s.owners.SetListeners(listeners)
	}
	return err
}
