package sockdiag

import (
	"time"

	"golang.org/x/sys/unix"
)

// UnsetClock returns what a clock of tcp_info that was never set shows now: the
// time since the kernel's own clock (jiffies) was 0, which is five minutes after
// boot (INITIAL_JIFFIES in include/linux/jiffies.h). It asks for the tcp_info of
// a new socket, which has received nothing. 0 means that this is not known.
func UnsetClock() time.Duration {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return time.Duration(info.Last_data_recv) * time.Millisecond
}
