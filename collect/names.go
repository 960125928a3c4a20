package collect

import (
	"cmp"
	"context"
	"maps"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"sync"

	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/procnet"
)

// FilterNames returns what this host knows about the names in a filter:
// services from /etc/services and a list of well-known ones, hosts from its
// resolver, users, cgroups, the processes in the directory of a Query.Proc, and
// the interfaces of the network namespace that a Query.Netns names. For all
// namespaces there are no names of interfaces, because an interface has a
// different index in each. Nothing is read before it is needed.
func FilterNames(network, proc string) filter.Names {
	known := sync.OnceValue(func() *services { return openServices(servicesFile) })
	return filter.Names{
		Service: func(name string) (uint16, bool) { return known().port(name) },
		Host: func(name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(context.Background(), "ip", name)
		},
		Interface: interfacesOf(network),
		User: func(name string) (uint32, bool) {
			u, err := user.Lookup(name)
			if err != nil {
				return 0, false
			}
			uid, err := strconv.ParseUint(u.Uid, 10, 32)
			return uint32(uid), err == nil
		},
		Cgroup: cgroupID,
		Process: func(name string) bool {
			return procnet.Open(cmp.Or(proc, DefaultProc)).Runs(name)
		},
		Running: func() []string {
			return slices.Sorted(maps.Values(procnet.Open(cmp.Or(proc, DefaultProc)).ProcessNames()))
		},
	}
}

// interfacesOf returns the function that finds an interface by its name in a
// namespace.
func interfacesOf(network string) func(name string) (uint32, bool) {
	index := func(name string) (uint32, bool) {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return 0, false
		}
		return uint32(i.Index), true
	}
	switch network {
	case "":
		return index
	case AllNamespaces:
		return nil
	}
	return func(name string) (found uint32, ok bool) {
		space, err := netns.Find(DefaultProc, network)
		if err != nil {
			return 0, false
		}
		err = space.Do(func() error {
			found, ok = index(name)
			return nil
		})
		return found, ok && err == nil
	}
}

// userNames remembers the names that this host has for users, by their ids.
type userNames struct {
	names map[uint32]string
}

// name returns the name of the user, or "" if there is none. If the host does
// not store the name itself, this may take as long as the service that it asks
// needs (nsswitch.conf(5)).
func (n *userNames) name(uid uint32) string {
	if name, ok := n.names[uid]; ok {
		return name
	}
	if n.names == nil {
		n.names = make(map[uint32]string)
	}
	name := ""
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		name = u.Username
	}
	n.names[uid] = name
	return name
}
