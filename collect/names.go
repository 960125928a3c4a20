package collect

import (
	"context"
	"net"
	"net/netip"
	"os/user"
	"strconv"

	"tcpstate/filter"
)

// FilterNames returns what this host knows of the names in a filter: services
// from /etc/services, hosts from its resolver, its interfaces, users and
// cgroups.
func FilterNames() filter.Names {
	return filter.Names{
		Service: func(name string) (uint16, bool) {
			port, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", name)
			return uint16(port), err == nil && name != ""
		},
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
