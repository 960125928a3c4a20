// Package watch follows sockets: it reads them again and again, and reports
// what changed in between.
//
// A [Session] follows the sockets of a query. Each [Session.Tick] reads all
// sockets once and returns a [Tick] with the counts; [Session.Events] yields
// the events since the tick before. The [Follower] of the session holds a [Row]
// for every socket. A [Stream] writes ticks and events as lines, for a pipe,
// and waits for conditions.
//
// Every socket is followed, including those that are not selected. Otherwise,
// if only SYN_RECV is selected, a socket that changes from SYN_RECV to
// ESTABLISHED would be taken for closed. Only selected sockets are counted and
// have events.
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
	// Query selects the sockets that are counted and have events. Its selection
	// may change between two ticks; another source or namespace needs another
	// session. Of its details only DetailProcesses, DetailCommands and
	// DetailAge have an effect: no others are kept for a socket.
	Query collect.Query

	Now func() time.Time

	// Background begins a search for the processes of new sockets, usually in
	// another goroutine. Tick does not wait for it: its result comes from Found. A
	// filter that depends on processes still waits. Nil: Tick waits for all
	// searches.
	Background func(search func())

	Follower

	source   collect.Source // that the first tick chose, for all others
	missing  []string
	unlisted tcp.StateSet
	owners   *collect.Owners     // if processes are needed; else nil
	found    chan Found          // of the search in the background; nil: there was none
	searches bool                // one runs, or its result has not been taken
	spaces   map[netns.ID]string // names of the network namespaces at the last tick
	warnings collect.Warnings
}

// Tick reads the sockets and returns what has changed since the last tick. The
// tick and its rows are valid until the next one. After an error the tick has
// what was read before the error, or is nil. The session can be used after an
// error.
func (s *Session) Tick(ctx context.Context) (*Tick, error) {
	at := s.Now()
	q := s.Query
	q.Everything = true
	q.Detail &= tcp.DetailAge
	if s.source != nil {
		q.Source = s.source // so the warning about the choice does not come again
	}
	snapshot, err := collect.Open(ctx, q)
	if err != nil {
		return nil, err
	}
	s.source, s.missing, s.unlisted = snapshot.Source(), snapshot.Missing(), snapshot.Unlisted()
	s.nameNamespaces(snapshot.Namespaces())
	sockets := whole(snapshot)
	if s.needsOwners() {
		sockets = s.owned(ctx, sockets)
	}
	tick, err := s.Follow(at, sockets, snapshot.Selects)
	tick.Unlisted = s.unlisted
	s.warnings.Add(snapshot.Warnings()...)
	if err == nil && s.needsOwners() {
		err = s.findOwners(ctx)
	}
	return tick, err
}

// whole yields the sockets of a snapshot, and an error if some could not be read: they
// must not be taken for closed.
func whole(snapshot *collect.Snapshot) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range snapshot.Sockets() {
			if !yield(socket, err) {
				return
			}
		}
		if err := snapshot.Warnings().Failure(); err != nil {
			yield(nil, err)
		}
	}
}

// Source returns the source that is read, or Auto before the first tick.
func (s *Session) Source() collect.Source {
	if s.source == nil {
		return collect.Auto
	}
	return s.source
}

// Missing returns the JSON names of what the source cannot report.
func (s *Session) Missing() []string { return s.missing }

// Warnings returns what a reader should know. Each warning comes once: if it
// comes again with other numbers, the first stays. Each tick may add more.
func (s *Session) Warnings() collect.Warnings { return s.warnings }

// Events yields what happened between the last two ticks, with the processes of the
// sockets if they are requested. The event and its socket are reused: they are valid
// until the next one.
func (s *Session) Events() iter.Seq[*tcp.Event] { return s.events(s.Fill) }

// Fill sets into to the last reading of the row's socket, with its processes or
// the listener through which it came in, if these are needed.
func (s *Session) Fill(row *Row, into *tcp.Socket) {
	row.Fill(into)
	if s.owners != nil && s.Query.Detail.Has(tcp.DetailProcesses) {
		s.owners.Join(into)
	}
}

// nameNamespaces informs the follower about network namespaces whose names
// differ from those in the last tick. Their sockets are the same.
func (s *Session) nameNamespaces(list []*netns.Namespace) {
	names, changed := make(map[netns.ID]string), make(map[string]string)
	for _, space := range list {
		if space == nil {
			continue // the namespace of the process, the only one
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

// judgesOwners reports whether the filter depends on the process that holds a
// socket.
func (s *Session) judgesOwners() bool {
	return s.Query.Filter != nil && s.Query.Filter.Needs().Has(tcp.DetailProcesses)
}

func (s *Session) needsOwners() bool {
	return s.Query.Detail.Has(tcp.DetailProcesses) || s.judgesOwners()
}

// heldBack is how many sockets can wait for a search of their processes.
const heldBack = 1 << 16

// owned yields the sockets and records their inodes. If the filter depends on
// processes, sockets whose processes are not known yet come last, after a
// search for them.
func (s *Session) owned(ctx context.Context, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	if s.owners == nil {
		s.owners = collect.NewOwners(s.Query)
	}
	judges := s.judgesOwners()
	if judges && s.searches { // one search at a time
		select {
		case f := <-s.found:
			if err := s.Take(f); err != nil {
				return func(yield func(*tcp.Socket, error) bool) { yield(nil, err) }
			}
		case <-ctx.Done():
		}
	}
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

// findOwners finds the processes of new sockets, and all listeners.
func (s *Session) findOwners(ctx context.Context) error {
	s.owners.Recheck()
	if s.Background != nil && !s.judgesOwners() {
		s.searchInBackground(ctx)
	} else if err := s.owners.Search(ctx); err != nil {
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

// Found is the result of a search in the background, for Session.Take.
type Found struct {
	search *collect.Search
	panic  any
}

// searchInBackground begins a search for the processes of new sockets, unless one
// runs: then the next tick begins another one.
func (s *Session) searchInBackground(ctx context.Context) {
	if s.searches {
		return
	}
	f := Found{search: s.owners.BeginSearch()}
	if f.search == nil {
		return
	}
	if s.found == nil {
		s.found = make(chan Found, 1)
	}
	s.searches = true
	s.Background(func() {
		defer func() {
			f.panic = recover()
			s.found <- f
		}()
		f.search.Run(ctx)
	})
}

// Found returns the channel of the results of searches in the background. The
// caller passes each to Take, before the next tick. The channel is nil before the
// first search.
func (s *Session) Found() <-chan Found { return s.found }

// Take keeps the result of a search in the background. The processes of its
// sockets are known then. If the search has panicked, Take panics.
func (s *Session) Take(f Found) error {
	s.searches = false
	if f.panic != nil {
		panic(f.panic)
	}
	err := s.owners.EndSearch(f.search)
	s.warnings.Add(s.owners.Warnings()...)
	return err
}

// Searches reports whether a search for processes runs in the background.
func (s *Session) Searches() bool { return s.searches }

// Knows reports whether the processes of a socket have been searched for, or none
// are needed. If they are still unknown then, they cannot be known.
func (s *Session) Knows(socket *tcp.Socket) bool {
	return s.owners == nil || !s.needsOwners() || s.owners.Knows(socket)
}
