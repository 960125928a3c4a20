package ground

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Churn opens and closes about n connections a second over the loopback, half
// of them over IPv6, until stop is called. stop returns the number of
// connections. Every second connection is closed in the ordinary way and leaves
// a TIME_WAIT, which lasts 60 s. The others are reset and leave nothing.
func (l *Lab) Churn(n int) (stop func() (int, error), err error) {
	if n < 1 || n > maxChurn {
		return nil, fmt.Errorf("churning: %d connections a second is not between 1 and %d", n, maxChurn)
	}
	var listeners []int
	var ats []netip.AddrPort
	for _, host := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		fd, at, err := Listening(netip.AddrPortFrom(host, 0), 16)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("churning: %w", err), closeAll(listeners))
		}
		listeners, ats = append(listeners, fd), append(ats, at)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	total, failure := 0, error(nil)
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for start := time.Now(); ; {
			for due := int(time.Since(start).Seconds() * float64(n)); total < due; total++ {
				if failure = churnOnce(listeners[total%2], ats[total%2], total%4 < 2); failure != nil {
					return
				}
				select {
				case <-quit:
					return
				default:
				}
			}
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	var once sync.Once
	return func() (int, error) {
		once.Do(func() {
			close(quit)
			<-done
			failure = errors.Join(failure, closeAll(listeners))
		})
		if failure != nil {
			return total, fmt.Errorf("churning: %w", failure)
		}
		return total, nil
	}, nil
}

func churnOnce(listener int, at netip.AddrPort, reset bool) error {
	client, err := connected(at)
	if err != nil {
		return err
	}
	server, err := accept(listener)
	if err != nil {
		return errors.Join(err, unix.Close(client))
	}
	if reset {
		err = unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	return errors.Join(err, unix.Close(client), unix.Close(server))
}
