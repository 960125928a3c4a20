package collect

import (
	"errors"
	"io/fs"
	"iter"

	"tcpstate/netns"
)

// AllNamespaces asks for the sockets of every network namespace that is found.
const AllNamespaces = "all"

// findNamespaces finds the namespaces that are asked for, unless that has been
// done. What All could not look at is a warning.
func (s *Snapshot) findNamespaces() error {
	if s.query.spaces != nil {
		return nil
	}
	switch s.query.Netns {
	case "":
		s.query.spaces = []*netns.Namespace{nil}
	case AllNamespaces:
		list, err := netns.All(s.query.Proc)
		if err != nil {
			return err
		}
		s.query.spaces = list.Namespaces
		for _, err := range list.Failed {
			s.warnings.Add(namespaceSkipped(err))
		}
		switch {
		case list.Hidden:
			s.warnings.Add(namespacesHidden())
		case list.Unreadable > 0:
			s.warnings.Add(namespacesUnseen(list.Unreadable))
		}
	default:
		space, err := netns.Find(s.query.Proc, s.query.Netns)
		if err != nil {
			return err
		}
		s.query.spaces = []*netns.Namespace{space}
	}
	return nil
}

// Namespaces returns the network namespaces that are read, whose names their sockets
// bear, nil for that of the process where no other was asked for. A
// namespace without a name of its own is called by another one when the process
// that it was found by has ended.
func (s *Snapshot) Namespaces() []*netns.Namespace { return s.query.spaces }

// readings yields the readings of the namespaces: the first, which is open, and
// each of the others as it is opened. One of those that cannot be read is a
// warning. At most one error comes, last.
func (s *Snapshot) readings() iter.Seq2[*reading, error] {
	return func(yield func(*reading, error) bool) {
		if !yield(s.first, nil) {
			return
		}
		var closed []string
		for _, space := range s.query.spaces[1:] {
			r, err := s.read(space)
			switch {
			case s.ctx.Err() != nil:
				yield(nil, s.ctx.Err())
				return
			case err == nil:
				if !yield(r, nil) {
					return
				}
			case errors.Is(err, netns.ErrGone):
			case errors.Is(err, fs.ErrPermission):
				closed = append(closed, space.Name)
			default:
				s.warnings.Add(namespaceUnreadable(space.Name, err))
			}
		}
		if len(closed) > 0 {
			s.warnings.Add(namespacesClosed(closed))
		}
	}
}
