package procnet

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
)

// TestKernelOpenFiles reads the limit and the number of descriptors of a child.
func TestKernelOpenFiles(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	inode, file := listener(t)
	defer file.Close()
	c := hold(t, "holder", file, file, file)
	for name, proc := range ways() {
		if got, err := proc.OpenFilesLimit(c.PID); err != nil || got != int(limit.Cur) {
			t.Errorf("%s: got a limit of %d, want %d; error %v", name, got, limit.Cur, err)
		}
		lab.Await(t, func() error { // until the child's runtime has opened its own files
			if got, want := openOf(t, proc, inode, c.PID), descriptorsOf(t, c.PID); got != want || got < 3+3 {
				return fmt.Errorf("%s: the child has %d descriptors, Owners reports %d", name, want, got)
			}
			return nil
		})
	}
	if release, err := Open("/proc").Release(); err != nil || !strings.Contains(release, ".") {
		t.Errorf("release %q, %v", release, err)
	}
}

// openOf returns the number of open descriptors of one holder of a socket.
func openOf(t *testing.T, proc *Proc, inode uint32, pid int) int {
	t.Helper()
	o, err := proc.Owners(t.Context(), OwnersQuery{Inodes: set(inode)})
	if err != nil {
		t.Fatal(err)
	}
	list := o.Processes()
	if len(list) != 2 {
		t.Fatalf("the socket has %d holders, want 2: this process and its child", len(list))
	}
	for _, p := range list {
		if p.PID == pid {
			return p.Open
		}
	}
	return 0
}

func descriptorsOf(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
