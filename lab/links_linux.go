package lab

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The name of the link of each host, and the hardware addresses of the two.
const linkName = "eth0"

func hardware(s Side) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, byte(s)} }

// build makes the hosts and the wire. The wire has a namespace of its own with one
// end of a pair of veth devices for each host. A packet socket of the wire receives
// what the host sends, and what it sends is received by the host. A TUN device
// would need more privileges on many hosts.
func (s *stage) build(o Options) error {
	middle, err := newHost(0)
	if err != nil {
		return err
	}
	defer middle.end()
	s.wire = newWire(o.Capture)
	for _, side := range []Side{Here, There} {
		h, err := newHost(side)
		if err != nil {
			return err
		}
		s.hosts[side] = h
		end := "wire" + side.String()
		if err := middle.do(func() error { return connectHost(h, end) }); err != nil {
			return err
		}
		if err := h.do(func() error { return setUpHost(side) }); err != nil {
			return err
		}
		if err := middle.do(func() error { return s.wire.open(side, end) }); err != nil {
			return err
		}
		if o.witness == nil {
			continue
		}
		if err := middle.do(func() error { return o.witness(side, end) }); err != nil {
			return err
		}
	}
	return nil
}

// connectHost makes a pair of veth devices: end, which stays in the namespace of
// the caller, and the link of the host.
func connectHost(h *host, end string) error {
	space, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer space.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = end
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: linkName, PeerHardwareAddr: hardware(h.side), PeerNamespace: netlink.NsFd(space.Fd())}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("making %s: %w", end, err)
	}
	if err := disableIPv6(end); err != nil {
		return err
	}
	return setUp(end)
}

// setUpHost gives the link of a host its address, and a neighbour entry for the
// other host that stays. So nothing but TCP is on the wire. All other addresses
// are behind the other host.
func setUpHost(side Side) error {
	if err := setUp("lo"); err != nil {
		return err
	}
	if err := disableIPv6(linkName); err != nil {
		return err
	}
	link, err := netlink.LinkByName(linkName)
	if err != nil {
		return fmt.Errorf("finding %s: %w", linkName, err)
	}
	if err := netlink.LinkSetGSOMaxSegs(link, 1); err != nil { // what is on the wire then fits into a frame
		return fmt.Errorf("setting the longest segment of %s: %w", linkName, err)
	}
	for _, name := range []string{"all", linkName} {
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/rp_filter", []byte("0"), 0); err != nil {
			return err // an injected segment may come from any address
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_no_metrics_save", []byte("1"), 0); err != nil {
		return err // an earlier connection does not affect a later one
	}
	address := &net.IPNet{IP: side.Addr().AsSlice(), Mask: net.CIDRMask(24, 32)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("adding the address of %s: %w", linkName, err)
	}
	if err := setUp(linkName); err != nil {
		return err
	}
	err = netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: unix.NUD_PERMANENT,
		IP: side.other().Addr().AsSlice(), HardwareAddr: hardware(side.other())})
	if err != nil {
		return fmt.Errorf("adding the neighbour: %w", err)
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: side.other().Addr().AsSlice()}); err != nil {
		return fmt.Errorf("adding the route: %w", err)
	}
	return nil
}

func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("bringing %s up: %w", name, err)
	}
	return nil
}

// disableIPv6 stops what the kernel itself would send on a link. A kernel without
// IPv6 sends nothing.
func disableIPv6(name string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
