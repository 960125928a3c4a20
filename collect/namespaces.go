package collect

import "tcpstate/netns"

// AllNamespaces requests the sockets of every network namespace that is found.
const AllNamespaces = "all"

// findNamespaces finds the namespaces that are requested. What netns.All could
// not examine is a warning.
func (j *job) findNamespaces() error {
	switch j.query.Netns {
	case "":
		j.spaces = []*netns.Namespace{nil}
	case AllNamespaces:
		list, err := netns.All(j.query.Proc)
		if err != nil {
			return err
		}
		j.spaces = list.Namespaces
		for _, err := range list.Failed {
			j.warnings.Add(namespaceSkipped(err))
		}
		switch {
		case list.Hidden:
			j.warnings.Add(namespacesHidden())
		case list.Unreadable > 0:
			j.warnings.Add(namespacesUnseen(list.Unreadable))
		}
	default:
		space, err := netns.Find(j.query.Proc, j.query.Netns)
		if err != nil {
			return err
		}
		j.spaces = []*netns.Namespace{space}
	}
	return nil
}

// Namespaces returns the network namespaces that are read. Sockets carry their
// names. If no namespace was requested, there is one entry, nil: that of the
// process. A namespace without a name of its own gets a different name when the
// process through which it was found has ended.
func (s *Snapshot) Namespaces() []*netns.Namespace { return s.spaces }
