package ground

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The ends of the wire. The kernel's end has addresses. The lab receives at the
// other end what the kernel sends, and may answer it.
const (
	HostLink = "lab0"  // the kernel's end
	peerLink = "wire0" // the lab's end
	cutLink  = "cut0"  // a link whose other end is down
)

// The addresses of the kernel's end. Everything that is not local is routed to
// the wire, so a peer may have any other address.
var (
	Host4     = netip.MustParseAddr("10.77.0.1")
	Host6     = netip.MustParseAddr("fd77::1")
	HostLocal = netip.MustParseAddr("fe80::1%" + HostLink) // link-local
	gateway4  = netip.MustParseAddr("10.77.0.2")
	gateway6  = netip.MustParseAddr("fd77::2")
	cut6      = netip.MustParseAddr("fe80::2") // an IPv6 gateway must be on its link
)

// anyIP6 has only local addresses, like 127.0.0.0/8. IPv6 has only one loopback
// address, and many sockets need many addresses.
var anyIP6 = netip.MustParsePrefix("fd7f::/64")

// The peers of Fill and Flood, numbered from the first address of each prefix.
// They never answer: what the kernel sends to them goes into a link whose other
// end is down, and the kernel treats it as sent (noop_enqueue,
// net/sched/sch_generic.c, returns NET_XMIT_CN). The wire cannot be used for
// them. When all resends of a flood come at once, they overflow the receive
// backlog of a veth device, which reports an error (veth_xmit,
// drivers/net/veth.c), and the kernel drops a half-open connection whose
// SYN-ACK could not be sent (reqsk_timer_handler,
// net/ipv4/inet_connection_sock.c).
var (
	fill4 = netip.MustParsePrefix("100.0.0.0/8")
	fill6 = netip.MustParsePrefix("fd64::/16")
)

// Lab is a network namespace with a wire to peers that the lab itself
// simulates. Several goroutines may call its methods at once.
type Lab struct {
	wire *wire
	next [2]atomic.Uint32 // for each family, how many peers of Fill have an address

	mu      sync.Mutex
	fds     []int     // kept open until Close
	holders []*holder // processes that keep more open
	ownRun  bool      // /run is a file system of the lab, see Namespace
}

// Open sets up the namespace in which this process was started.
func Open() (*Lab, error) {
	if _, err := net.InterfaceByName(HostLink); err == nil {
		return nil, errors.New("opening the lab: this process has opened one already")
	}
	l := &Lab{}
	if err := setUpLinks(); err != nil {
		return nil, fmt.Errorf("opening the lab: %w", err)
	}
	wire, err := openWire()
	if err != nil {
		return nil, fmt.Errorf("opening the lab: %w", err)
	}
	l.wire = wire
	return l, nil
}

// Close closes everything that the lab holds. The namespace ends when its
// processes end.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, h := range l.holders { // all at once, because each needs some time to close its sockets
		h.input.Close()
	}
	for _, h := range l.holders {
		errs = append(errs, h.end())
	}
	for _, fd := range l.fds {
		errs = append(errs, unix.Close(fd))
	}
	l.fds, l.holders = nil, nil
	return errors.Join(append(errs, l.wire.close())...)
}

// keep keeps fds open until Close.
func (l *Lab) keep(fds ...int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fds = append(l.fds, fds...)
}

// SetSysctl sets a parameter of the namespace, such as "net.ipv4.tcp_fin_timeout".
func (l *Lab) SetSysctl(name string, value int) error { return setSysctl(name, value) }

func setSysctl(name string, value int) error {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	if err := os.WriteFile(path, []byte(strconv.Itoa(value)), 0); err != nil {
		return fmt.Errorf("setting %s to %d: %w", name, value, err)
	}
	return nil
}

// setUpLinks brings the loopback up and makes the wire: a pair of veth devices
// in the same namespace. A TUN device would need privileges on the host.
//
// Both ends have ARP off. The kernel then puts its own hardware address into
// the frames that it sends. So the other end, which is in the same namespace,
// receives a frame for another host: a packet socket sees it and the IP stack
// drops it (PACKET_OTHERHOST in ip_rcv_core, net/ipv4/ip_input.c). The peers
// are behind a gateway, because each address on the link itself would take an
// entry of the neighbour table, which holds 1024 for the whole machine.
func setUpLinks() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	for name, peer := range map[string]string{HostLink: peerLink, cutLink: cutLink + "end"} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}); err != nil {
			return fmt.Errorf("making the wire: %w", err)
		}
	}
	for name, value := range map[string]int{
		"net.ipv4.conf.all.rp_filter":                  0, // a peer may have any address
		"net.ipv4.conf." + HostLink + ".rp_filter":     0,
		"net.ipv6.conf." + peerLink + ".disable_ipv6":  1,
		"net.ipv6.conf." + HostLink + ".addr_gen_mode": 1, // the link-local address is given below
		"net.ipv6.conf." + HostLink + ".accept_ra":     0,
		"net.ipv6.conf." + HostLink + ".accept_dad":    0, // usable at once
		"net.ipv4.tcp_no_metrics_save":                 1, // an earlier connection does not affect a later one
	} {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	links := map[string]netlink.Link{}
	// The lab's end comes up first. The kernel's end then has its carrier when
	// it comes up, and need not wait for the kernel's delayed link events.
	for _, name := range []string{peerLink, HostLink, cutLink} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("finding %s: %w", name, err)
		}
		if err := netlink.LinkSetARPOff(link); err != nil {
			return fmt.Errorf("turning ARP off on %s: %w", name, err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("bringing %s up: %w", name, err)
		}
		links[name] = link
	}
	for _, prefix := range []netip.Prefix{
		netip.PrefixFrom(Host4, 30), netip.PrefixFrom(Host6, 64), netip.PrefixFrom(HostLocal.WithZone(""), 64),
	} {
		if err := netlink.AddrAdd(links[HostLink], &netlink.Addr{IPNet: ipNet(prefix), Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("giving %s the address %s: %w", HostLink, prefix, err)
		}
	}
	host, cut := links[HostLink].Attrs().Index, links[cutLink].Attrs().Index
	for _, route := range []netlink.Route{
		{LinkIndex: host, Gw: gateway4.AsSlice(), Dst: ipNet(netip.MustParsePrefix("0.0.0.0/0"))},
		{LinkIndex: host, Gw: gateway6.AsSlice(), Dst: ipNet(netip.MustParsePrefix("::/0"))},
		{LinkIndex: lo.Attrs().Index, Dst: ipNet(anyIP6), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST},
		{LinkIndex: cut, Gw: gateway4.AsSlice(), Flags: int(netlink.FLAG_ONLINK), Dst: ipNet(fill4), Src: Host4.AsSlice()},
		{LinkIndex: cut, Gw: cut6.AsSlice(), Dst: ipNet(fill6), Src: Host6.AsSlice()},
	} {
		if err := netlink.RouteAdd(&route); err != nil {
			return fmt.Errorf("adding the route to %s: %w", route.Dst, err)
		}
	}
	return errors.Join(awaitLocal(Host6), awaitLocal(HostLocal.WithZone("")))
}

// awaitLocal waits until the kernel accepts packets for addr. The kernel adds
// the route for them in the background, even without duplicate address
// detection (addrconf_dad_work, net/ipv6/addrconf.c), and drops such packets
// until then.
func awaitLocal(addr netip.Addr) error {
	filter := &netlink.Route{Dst: ipNet(netip.PrefixFrom(addr, addr.BitLen())), Table: unix.RT_TABLE_LOCAL}
	for deadline := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) {
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V6, filter, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
		if err != nil {
			return fmt.Errorf("listing the routes to %s: %w", addr, err)
		}
		if len(routes) > 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for the route to %s: none in %v", addr, Patience)
		}
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
