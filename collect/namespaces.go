package collect

import (
	"io/fs"

	"tcpstate/netns"
	"tcpstate/procnet"
)

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

// NamespaceLabels returns how people see the namespaces that have no name of their
// own, by the names that sockets carry.
func (s *Snapshot) NamespaceLabels() map[string]string {
	labels := make(map[string]string)
	for _, space := range s.spaces {
		if label := namespaceLabel(s.query.Proc, space); label != "" {
			labels[space.Name] = label
		}
	}
	return labels
}

// procOf returns the /proc at dir as it is seen in a namespace.
func procOf(dir string, space *netns.Namespace) *procnet.Proc {
	p := procnet.Open(dir)
	if space != nil {
		p.FS, p.NetDir = insideFS{p.FS, space.Do}, "thread-self/net"
	}
	return p
}

// insideFS opens files in a network namespace. A file of /proc that belongs to
// a namespace belongs to the one in which it was opened.
type insideFS struct {
	fs.FS
	within func(func() error) error
}

func (i insideFS) Open(name string) (file fs.File, err error) {
	err = i.within(func() error {
		file, err = i.FS.Open(name)
		return err
	})
	return file, err
}

// ReadFile reads a whole file. A setting below /proc/sys must be read with one
// call: a read from its second byte on returns nothing (do_proc_dointvec,
// kernel/sysctl.c), and fs.ReadFile, if it has only Open, first reads a single
// byte.
func (i insideFS) ReadFile(name string) (text []byte, err error) {
	err = i.within(func() error {
		text, err = fs.ReadFile(i.FS, name)
		return err
	})
	return text, err
}
