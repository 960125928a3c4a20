package collect

import (
	"context"
	"net"
	"net/netip"
	"os/user"
	"strconv"
	"sync"

	"tcpstate/filter"
)

// FilterNames returns what this host knows of the names in a filter: services
// from /etc/services and the well-known ones, hosts from its resolver, its
// interfaces, users and cgroups. None of it is read before it is asked for.
func FilterNames() filter.Names {
	known := sync.OnceValue(func() *services { return openServices(servicesFile) })
	return filter.Names{
		Service: func(name string) (uint16, bool) { return known().port(name) },
		Host: func(name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(context.Background(), "ip", name)
		},
		Interface: func(name string) (uint32, bool) {
			i, err := net.InterfaceByName(name)
			if err != nil {
				return 0, false
			}
			return uint32(i.Index), true
		},
		User: func(name string) (uint32, bool) {
			u, err := user.Lookup(name)
			if err != nil {
				return 0, false
			}
			uid, err := strconv.ParseUint(u.Uid, 10, 32)
			return uint32(uid), err == nil
		},
		Cgroup: cgroupID,
	}
}

// userNames remembers the names of users by their number, as this host has them.
type userNames struct {
	names map[uint32]string
}

// name returns the name of the user, "" where there is none. A name that the
// host does not keep itself may take as long as whom it asks (nsswitch.conf(5)).
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
