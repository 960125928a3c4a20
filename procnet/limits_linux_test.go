package procnet

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestKernelOpenFiles asks for this process's own limit, and for its descriptors
// before and after it opens one more.
func TestKernelOpenFiles(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for name, proc := range ways() {
		if got, err := proc.OpenFilesLimit(os.Getpid()); err != nil || got != int(limit.Cur) {
			t.Errorf("%s: the limit is %d of %d, %v", name, got, limit.Cur, err)
		}
		inode, held := listener(t)
		before := openOf(t, proc, inode)
		file, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		if after := openOf(t, proc, inode); after != before+1 {
			t.Errorf("%s: %d descriptors, after one more %d", name, before, after)
		}
		file.Close()
		held.Close()
	}
	if release, err := Open("/proc").Release(); err != nil || !strings.Contains(release, ".") {
		t.Errorf("release %q, %v", release, err)
	}
}

// openOf returns how many descriptors the holder of a socket, this process, has.
func openOf(t *testing.T, proc *Proc, inode uint32) int {
	t.Helper()
	o, err := proc.Owners(t.Context(), OwnersQuery{Inodes: set(inode)})
	if err != nil {
		t.Fatal(err)
	}
	list := o.Processes()
	if len(list) != 1 || list[0].PID != os.Getpid() {
		t.Fatalf("the holders are %v", list)
	}
	return list[0].Open
}
