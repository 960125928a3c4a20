package procnet

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestKernelDescriptors asks for this process's own, before and after it opens
// one more.
func TestKernelDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	proc := Open("/proc")
	before, err := proc.Descriptors(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	after, err := proc.Descriptors(os.Getpid())
	if err != nil || after.Open != before.Open+1 || after.Soft != int(limit.Cur) {
		t.Errorf("%+v, then %+v of %d, %v", before, after, limit.Cur, err)
	}
	if release, err := proc.Release(); err != nil || !strings.Contains(release, ".") {
		t.Errorf("release %q, %v", release, err)
	}
}
