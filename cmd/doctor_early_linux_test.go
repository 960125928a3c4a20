package cmd

import (
	"fmt"
	"net/netip"
	"testing"

	"tcpstate/internal/lab"
)

// TestDoctorSeesPacketsDroppedEarly has SYNs arrive by an interface that the
// route back does not use.
func TestDoctorSeesPacketsDroppedEarly(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		must(t, l.SetSysctl("net.ipv4.conf."+lab.HostLink+".rp_filter", 1))
		_, at := listenWith(t, lab.Host4, 64)
		next := 0
		arrive := func(n int) func() {
			return func() {
				before := counter(t, "TcpExtIPReversePathFilter")
				for range n {
					next++
					p, err := l.Peer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 9, 9, byte(next)}), 5000)) // routed to another link
					must(t, err)
					p.Host = at
					must(t, p.Send(lab.SYN, nil))
				}
				lab.Await(t, func() error {
					if got := counter(t, "TcpExtIPReversePathFilter") - before; got != n {
						return fmt.Errorf("%d of %d packets were dropped", got, n)
					}
					return nil
				})
			}
		}
		finds(t, arrive(9), nil)
		f := finds(t, arrive(60), set("dropped-early.rate=10"), "warning dropped-early")
		f.says(t, "60 because the way back leads over another interface (rp_filter)")
		f.wants(t, "ip_reverse_path_filter", 60)
	})
}
