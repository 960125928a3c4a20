package collect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tcpstate/tcp"
)

func TestParseCgroupMounts(t *testing.T) {
	const (
		v1      = "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
		hybrid  = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
		unified = "31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"
		subtree = "52 27 0:28 /system.slice/web.service /mnt/a\\040b\\134c rw,relatime - cgroup2 cgroup2 rw\n"
		host    = "60 27 0:28 /../.. /host/sys/fs/cgroup ro,relatime - cgroup2 cgroup2 rw\n"
		decoy   = "61 27 0:50 / /cgroup2 rw,relatime - tmpfs cgroup2 rw\n"
	)
	for _, test := range []struct {
		mountinfo string
		want      []string
	}{
		{"", nil},
		{v1 + decoy, nil},
		{v1 + hybrid, []string{"/sys/fs/cgroup/unified"}},
		{unified, []string{"/sys/fs/cgroup"}},
		{subtree, []string{`/mnt/a b\c`}},
		{subtree + unified, []string{"/sys/fs/cgroup", `/mnt/a b\c`}},
		{unified + subtree + host, []string{"/host/sys/fs/cgroup", "/sys/fs/cgroup", `/mnt/a b\c`}},
		{"1 2 - cgroup2 cgroup2 rw\n - \n\n" + hybrid, []string{"/sys/fs/cgroup/unified"}},
	} {
		if got := parseCgroupMounts(strings.NewReader(test.mountinfo)); !slices.Equal(got, test.want) {
			t.Errorf("of\n%s%q, want %q", test.mountinfo, got, test.want)
		}
	}
}

func FuzzParseCgroupMounts(f *testing.F) {
	f.Add("41 31 0:38 /a/../.. /sys/fs\\040\\9\\ rw,relatime shared:9 - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, mountinfo string) {
		if got := parseCgroupMounts(strings.NewReader(mountinfo)); len(got) > strings.Count(mountinfo, " - cgroup2 ") {
			t.Errorf("of %q: %q", mountinfo, got)
		}
	})
}

// inode returns the inode of a directory, which is the id of its cgroup. It
// creates the directory if it does not exist.
func inode(t *testing.T, directory string) uint64 {
	t.Helper()
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(directory, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

func TestCgroupNames(t *testing.T) {
	mount := t.TempDir()
	names := &cgroupNames{mount: mount}
	expect := func(id uint64, want string) {
		t.Helper()
		if got := names.of(id); got != (cgroupAt(want)) {
			t.Errorf("%d is %+v, want %q", id, got, want)
		}
	}
	root := inode(t, mount)
	nginx := inode(t, filepath.Join(mount, "system.slice/nginx.service"))
	slice := inode(t, filepath.Join(mount, "system.slice"))
	deep := inode(t, filepath.Join(mount, "a/b/c/d"))

	expect(0, "")
	if names.walks != 0 {
		t.Error("the tree was read although there is no cgroup")
	}
	expect(nginx, "/system.slice/nginx.service")
	expect(root, "/")
	expect(slice, "/system.slice")
	expect(deep, "/a/b/c/d")
	if names.walks != 1 {
		t.Errorf("the tree was read %d times", names.walks)
	}

	later := inode(t, filepath.Join(mount, "later"))
	expect(later, "/later")
	latest := inode(t, filepath.Join(mount, "latest"))
	for range 10 {
		if got := names.of(latest); got != (tcp.Cgroup{}) {
			t.Errorf("an unknown cgroup is %+v, want none", got)
		}
	}
	expect(nginx, "/system.slice/nginx.service")
	if names.walks != cgroupWalks {
		t.Errorf("the tree was read %d times, want %d", names.walks, cgroupWalks)
	}
}

func TestCgroupsUnread(t *testing.T) {
	names := &cgroupNames{mount: filepath.Join(t.TempDir(), "gone")}
	for range 2 {
		if got := names.of(7); got != (tcp.Cgroup{}) {
			t.Errorf("without a tree, 7 is %+v", got)
		}
	}
	if names.walks != 1 {
		t.Errorf("the tree was read %d times for one cgroup", names.walks)
	}
}

// TestCgroupOfThisHost compares the inode of a cgroup with the id that the
// kernel reports, and the path that is shown with the path that a filter takes.
func TestCgroupOfThisHost(t *testing.T) {
	mount := cgroupMount()
	if mount == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("cgroup v2 is not mounted")
		}
		t.Skip("cgroup v2 is not mounted")
	}
	var names cgroupNames
	for _, directory := range append([]string{mount}, below(t, mount)...) {
		id, ok := handleOf(directory)
		if !ok {
			continue // it was removed
		}
		group := names.of(id)
		if filepath.Join(mount, group.Path) != directory || group.Path == "" {
			t.Errorf("%s has id %d, which is shown as %+v", directory, id, group)
		}
		if got, ok := cgroupID(group.Path); !ok || got != id {
			t.Errorf("the id of %s is %d, want %d", group.Path, got, id)
		}
	}
}

// below returns some cgroups below the directory.
func below(t *testing.T, directory string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && len(found) < 100 {
			found = append(found, filepath.Join(directory, entry.Name()))
		}
	}
	return found
}
