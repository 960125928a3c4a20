package machine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connectUnspecified takes a socket's peer away.
func connectUnspecified(fd int) syscall.Errno {
	address := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
	return errno
}
