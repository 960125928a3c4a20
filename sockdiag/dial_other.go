//go:build !linux

package sockdiag

import (
	"errors"

	"tcpstate/tcp"
)

// newDialer returns a dialer that always fails: sock_diag needs Linux.
func newDialer() dialer {
	return func(tcp.Family, Request) (conn, error) {
		return nil, &OpError{Op: "opening a netlink socket", Err: errors.New("sock_diag needs Linux")}
	}
}
