//go:build !linux

package sockdiag

import (
	"tcpstate/tcp"
	"tcpstate/wording"
)

// newDialer returns a dialer that always fails: sock_diag needs Linux.
func newDialer() dialer {
	return func(tcp.Family, Request) (conn, error) {
		return nil, &OpError{wording.Say("sockdiag.opening"), wording.Fail("sockdiag.needs-linux")}
	}
}
