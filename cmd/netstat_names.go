package cmd

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"tcpstate/tcp"
)

// netstatNames are the names that netstat shows instead of numbers. A name that
// was looked up is kept for the next listing.
type netstatNames struct {
	hosts    map[netip.Addr]string // "": none, or no answer in time
	users    map[uint32]string     // "": none
	services map[uint16]string

	// The functions that the layout gets; nil if it shows numbers.
	host    func(netip.Addr) string
	service func(port uint16) string
	user    func(uid uint32) string
}

// newNetstatNames returns the names for the options: hosts, ports or users that
// an option requests as numbers have no names.
func newNetstatNames(o netstatOptions) *netstatNames {
	n := &netstatNames{hosts: map[netip.Addr]string{}, users: map[uint32]string{}}
	if !o.numericHosts {
		n.host = func(addr netip.Addr) string { return n.hosts[addr] }
	}
	if !o.numericPorts {
		n.services = readServices()
		n.service = func(port uint16) string { return n.services[port] }
	}
	if !o.numericUsers {
		n.user = n.lookUpUser
	}
	return n
}

// lookUpUser returns the name of a user, or "" if there is none.
func (n *netstatNames) lookUpUser(uid uint32) string {
	name, known := n.users[uid]
	if !known {
		if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
			name = u.Username
		}
		n.users[uid] = name
	}
	return name
}

// readServices returns the names of TCP ports in /etc/services, or none if that
// file cannot be read.
func readServices() map[uint16]string {
	file, err := os.Open("/etc/services")
	if err != nil {
		return nil
	}
	defer file.Close()
	return parseServices(file)
}

// parseServices reads a file in the format of services(5). If a port has several
// names, netstat shows the last one (add2list and searchlist, lib/inet.c). Lines
// that cannot be parsed are skipped.
func parseServices(r io.Reader) map[uint16]string {
	services := map[uint16]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, isTCP := strings.CutSuffix(fields[1], "/tcp")
		if port, err := strconv.ParseUint(number, 10, 16); err == nil && isTCP {
			services[uint16(port)] = fields[0]
		}
	}
	return services
}

// The limits of a search for names of hosts. netstat itself has none: it looks up
// one host after another, and waits for each until the resolver gives up.
const (
	resolveLimit = 5 * time.Second // for all hosts together
	resolvers    = 64              // lookups at the same time
)

// resolve looks up the hosts of the sockets that have not been looked up before.
// It reports whether all lookups ended in time.
func (n *netstatNames) resolve(ctx context.Context, sockets []*tcp.Socket) (inTime bool) {
	var wanted []netip.Addr
	for _, s := range sockets {
		for _, addr := range []netip.Addr{s.Local.Addr(), s.Peer.Addr()} {
			addr = addr.WithZone("")
			if _, known := n.hosts[addr]; !known && !addr.IsUnspecified() {
				n.hosts[addr] = ""
				wanted = append(wanted, addr)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	names := make([]string, len(wanted))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(resolvers, len(wanted)) {
		group.Go(func() {
			for i := range next {
				names[i] = lookUpHost(ctx, wanted[i])
			}
		})
	}
	for i := range wanted {
		next <- i
	}
	close(next)
	group.Wait()
	for i, addr := range wanted {
		n.hosts[addr] = names[i]
	}
	return ctx.Err() == nil
}

// lookUpHost returns the name of a host, the first if it has several, or "" if it
// has none.
func lookUpHost(ctx context.Context, addr netip.Addr) string {
	names, err := net.DefaultResolver.LookupAddr(ctx, addr.String())
	if err != nil || len(names) == 0 {
		return ""
	}
	return strings.TrimSuffix(names[0], ".")
}
