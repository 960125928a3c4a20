package ground

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
)

// RunWithoutDiag runs cmd so that every attempt to open a NETLINK_SOCK_DIAG
// socket fails with the error denied, as with the seccomp filter of a container
// or a kernel without the module. cmd is killed when this process ends.
//
// The filter applies to one thread: the one that starts cmd. cmd inherits it.
// The thread is never unlocked, so the runtime ends it with the goroutine and
// starts no other thread from it.
func RunWithoutDiag(cmd *exec.Cmd, denied syscall.Errno) error {
	return runWithoutDiag(cmd, denied, func() {})
}

// RunAsOldLinux runs cmd so that uname(2) reports a release 2.6, as setarch(8) does.
// The kernel is still the running one.
func RunAsOldLinux(cmd *exec.Cmd) error {
	const uname26 = 0x0020000 // UNAME26, include/uapi/linux/personality.h
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if _, _, errno := unix.Syscall(unix.SYS_PERSONALITY, uname26, 0, 0); errno != 0 {
			done <- fmt.Errorf("personality: %w", errno)
			return
		}
		done <- private.RunBound(cmd, func() {})
	}()
	return <-done
}

func runWithoutDiag(cmd *exec.Cmd, denied syscall.Errno, started func()) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := denyDiag(denied); err != nil {
			done <- fmt.Errorf("denying sock_diag: %w", err)
			return
		}
		done <- private.RunBound(cmd, started)
	}()
	return <-done
}

// denyDiag installs the filter on the calling thread (seccomp(2)). It checks
// only the native system call, because the lab runs only native programs.
func denyDiag(denied syscall.Errno) error {
	if !isLittleEndian() {
		return fmt.Errorf("big-endian machines are not supported: %w", unix.ENOTSUP)
	}
	// The offsets are those of struct seccomp_data: the number is at 0, and
	// 64-bit arguments begin at 16. The filter reads the low half of an
	// argument.
	const number, domain, protocol = 0, 16, 32
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	program := []unix.SockFilter{
		load(number), unless(unix.SYS_SOCKET, 5),
		load(domain), unless(unix.AF_NETLINK, 3),
		load(protocol), unless(unix.NETLINK_SOCK_DIAG, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(denied)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

func isLittleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }
