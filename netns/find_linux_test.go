package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// namespace makes a namespace of the lab with a name.
func namespace(t *testing.T, l *lab.Lab, name string) *lab.Namespace {
	t.Helper()
	ns, err := l.Namespace(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// nameless starts a process in a namespace without a name. It returns the
// process and the number of the namespace. The process lives as long as the
// test.
func nameless(t *testing.T) (*os.Process, uint64) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	p := start(t, cmd)
	return p, inodeOf(t, fmt.Sprintf("/proc/%d/ns/net", p.Pid))
}

func start(t *testing.T, cmd *exec.Cmd) *os.Process {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd.Process) })
	return cmd.Process
}

func end(p *os.Process) {
	p.Kill()
	p.Wait() // fails if another call has waited already
}

// inodeOf reads the number of a namespace from a link, as namespaces(7)
// describes it.
func inodeOf(t *testing.T, link string) uint64 {
	t.Helper()
	text, err := os.Readlink(link)
	if err != nil {
		t.Fatal(err)
	}
	number, found := strings.CutPrefix(text, "net:[")
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	if !found || err != nil {
		t.Fatalf("%s points to %q", link, text)
	}
	return inode
}

func bind(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Unmount(to, unix.MNT_DETACH)
		os.Remove(to)
	})
}

func TestFind(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		blue := namespace(t, l, "blue")
		process, inode := nameless(t)
		other, _ := nameless(t)
		pid, file := strconv.Itoa(process.Pid), fmt.Sprintf("/proc/%d/ns/net", process.Pid)
		digits := namespace(t, l, strconv.Itoa(other.Pid))
		elsewhere := filepath.Join(t.TempDir(), "mounted")
		bind(t, blue.Path, elsewhere)
		t.Chdir(filepath.Dir(elsewhere))
		proc := t.TempDir()
		if err := os.Symlink("/proc/"+pid, filepath.Join(proc, "7")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/run/netns", "netns"); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			about, proc, spec, name string
			inode                   uint64
		}{
			{"a name", "/proc", "blue", "blue", blue.Inode},
			{"a path of a name", "/proc", "/run/netns/blue", "/run/netns/blue", blue.Inode},
			{"a mount elsewhere", "/proc", elsewhere, elsewhere, blue.Inode},
			{"a relative path", "/proc", "./mounted", "./mounted", blue.Inode},
			{"through a symbolic link", "/proc", "netns/blue", "netns/blue", blue.Inode},
			{"a process", "/proc", pid, file, inode},
			{"the file of a process", "/proc", file, file, inode},
			{"a process of another /proc", proc, "7", proc + "/7/ns/net", inode},
			{"a name that is also a process", "/proc", digits.Name, digits.Name, digits.Inode},
			{"the reader's own namespace", "/proc", "/proc/self/ns/net", "/proc/self/ns/net", inodeOf(t, "/proc/self/ns/net")},
		} {
			n, err := Find(test.proc, test.spec)
			if err != nil {
				t.Errorf("%s: %v", test.about, err)
				continue
			}
			if n.Name != test.name || n.ID.Inode != test.inode {
				t.Errorf("%s: got %q, %d; want %q, %d", test.about, n.Name, n.ID.Inode, test.name, test.inode)
			}
			err = n.Do(func() error {
				if got := inodeOf(t, "/proc/thread-self/ns/net"); got != test.inode {
					t.Errorf("%s: entered %d, want %d", test.about, got, test.inode)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", test.about, err)
			}
		}
	})
}

func TestFindErrors(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "red")
		namespace(t, l, "blue")
		dir := t.TempDir()
		plain, pipe := filepath.Join(dir, "plain"), filepath.Join(dir, "pipe")
		if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("/run/netns/stale", nil, 0); err != nil {
			t.Fatal(err)
		}
		dead := exec.Command("true")
		if err := dead.Run(); err != nil {
			t.Fatal(err)
		}
		zombie := exec.Command("true")
		awaitZombie(t, start(t, zombie))

		for _, spec := range []string{"nosuch", "", ".", "..", "/nosuch", "no/such", "0", "99999999999999999999",
			strconv.Itoa(dead.Process.Pid), strconv.Itoa(zombie.Process.Pid)} {
			_, err := Find("/proc", spec)
			missing, ok := errors.AsType[*NotFoundError](err)
			if want := fmt.Sprintf("no network namespace %q", spec); !ok || err.Error() != want {
				t.Errorf("%q: got %v, want %s", spec, err, want)
				continue
			}
			if want := []string{"blue", "red"}; !slices.Equal(missing.Names, want) {
				t.Errorf("%q: the names %q, want %q", spec, missing.Names, want)
			}
		}
		for _, test := range []struct{ spec, want string }{
			{plain, fmt.Sprintf("opening %q: it is not a network namespace", plain)},
			{pipe, fmt.Sprintf("opening %q: it is not a network namespace", pipe)},
			{dir + "/", fmt.Sprintf("opening %q: it is not a network namespace", dir+"/")},
			{"/dev/null", `opening "/dev/null": it is not a network namespace`},
			{"stale", `opening "/run/netns/stale": it is not a network namespace`},
			{"/proc/self/ns/uts", `opening "/proc/self/ns/uts": it is not a network namespace`},
			{"/proc/self/ns/user", `opening "/proc/self/ns/user": it is not a network namespace`},
			{plain + "/x", fmt.Sprintf("opening %q: not a directory", plain+"/x")},
			{"a\x00b", `opening "/run/netns/a\x00b": invalid argument`},
			{strings.Repeat("x", 300), fmt.Sprintf("opening %q: file name too long", "/run/netns/"+strings.Repeat("x", 300))},
		} {
			if _, err := Find("/proc", test.spec); err == nil || err.Error() != test.want {
				t.Errorf("%q: got %v, want %s", test.spec, err, test.want)
			}
		}
	})
}

// awaitZombie waits until a process has ended, and leaves it as a zombie.
func awaitZombie(t *testing.T, p *os.Process) {
	t.Helper()
	if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

func names(l *Listing) []string {
	var names []string
	for _, n := range l.Namespaces {
		names = append(names, n.Name)
	}
	return names
}

func all(t *testing.T, proc string) *Listing {
	t.Helper()
	l, err := All(proc)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// procOf returns a /proc with the given processes. Their ids there count up
// from first.
func procOf(t *testing.T, first int, pids ...int) string {
	t.Helper()
	dir := t.TempDir()
	for i, pid := range pids {
		if err := os.Symlink(fmt.Sprintf("/proc/%d", pid), filepath.Join(dir, strconv.Itoa(first+i))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAll lists the namespaces of the whole host, which may have others than
// those of the lab.
func TestAll(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		red, blue := namespace(t, l, "red"), namespace(t, l, "blue")
		bind(t, red.Path, "/run/netns/azure-after-red")
		process, inode := nameless(t)
		sibling := start(t, exec.Command("nsenter", "-t", strconv.Itoa(process.Pid), "-n", "sleep", "600"))
		awaitInside(t, sibling, inode)
		if err := blue.Do(func() error { start(t, exec.Command("sleep", "600")); return nil }); err != nil {
			t.Fatal(err)
		}
		listing := all(t, "/proc")
		own := inodeOf(t, "/proc/self/ns/net")
		if first := listing.Namespaces[0]; first.Name != "/proc/self/ns/net" || first.ID.Inode != own {
			t.Errorf("the first is %q, %d; want the reader's own, %d", first.Name, first.ID.Inode, own)
		}
		file := fmt.Sprintf("/proc/%d/ns/net", min(process.Pid, sibling.Pid))
		for name, want := range map[string]uint64{"azure-after-red": red.Inode, "blue": blue.Inode, file: inode} {
			i := slices.IndexFunc(listing.Namespaces, func(n *Namespace) bool { return n.Name == name })
			if i < 0 || listing.Namespaces[i].ID.Inode != want {
				t.Errorf("no %q with number %d among %q", name, want, names(listing))
			}
		}
		seen := map[ID]string{}
		for _, n := range listing.Namespaces {
			if before, twice := seen[n.ID]; twice {
				t.Errorf("%q and %q are the same namespace", before, n.Name)
			}
			seen[n.ID] = n.Name
			found, err := Find("/proc", n.Name)
			if _, ended := errors.AsType[*NotFoundError](err); ended {
				continue // another namespace of this host, which has ended
			}
			if err != nil || found.ID != n.ID {
				t.Errorf("%q is not found by its name: %+v, %v", n.Name, found, err)
			}
		}
		if listing.Hidden {
			t.Error("process 1 is reported as hidden")
		}
		if len(listing.Failed) > 0 {
			t.Errorf("failed: %q", listing.Failed)
		}
	})
}

// TestAllExactly lists the namespaces of chosen processes, and checks the whole
// listing.
func TestAllExactly(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "red")
		namespace(t, l, "blue")
		one, _ := nameless(t)
		two, _ := nameless(t)
		zombie := start(t, exec.Command("true"))
		awaitZombie(t, zombie)
		self := os.Getpid()
		gone := procOf(t, 2, self)
		for _, pid := range []string{"5", "6/ns"} { // a process that had ended before, and one that has just ended
			if err := os.MkdirAll(filepath.Join(gone, pid), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			about, proc string
			want        []string // %s stands for proc
			hidden      bool
		}{
			{"processes in the order of their numbers", procOf(t, 9, two.Pid, one.Pid), []string{"/proc/self/ns/net", "blue", "red", "%s/9/ns/net", "%s/10/ns/net"}, true},
			{"each namespace once", procOf(t, 2, one.Pid, two.Pid, one.Pid), []string{"/proc/self/ns/net", "blue", "red", "%s/2/ns/net", "%s/3/ns/net"}, true},
			{"the reader's own namespace is that of process 1", procOf(t, 1, self), []string{"%s/1/ns/net", "blue", "red"}, false},
			{"the reader's own namespace is not that of process 1", procOf(t, 1, one.Pid, self), []string{"/proc/self/ns/net", "blue", "red", "%s/1/ns/net"}, false},
			{"processes that have ended", gone, []string{"/proc/self/ns/net", "blue", "red"}, true},
			{"a zombie", procOf(t, 1, zombie.Pid), []string{"/proc/self/ns/net", "blue", "red"}, false},
		} {
			listing := all(t, test.proc)
			var want []string
			for _, name := range test.want {
				want = append(want, strings.ReplaceAll(name, "%s", test.proc))
			}
			if got := names(listing); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", test.about, got, want)
			}
			if listing.Unreadable != 0 || listing.Hidden != test.hidden || len(listing.Failed) != 0 {
				t.Errorf("%s: %d unreadable, hidden %t, failed %q; want 0, %t, none", test.about, listing.Unreadable, listing.Hidden, listing.Failed, test.hidden)
			}
		}

		t.Run("own namespace with a name", func(t *testing.T) {
			bind(t, "/proc/self/ns/net", "/run/netns/home")
			if got, want := names(all(t, procOf(t, 1, self))), []string{"home", "blue", "red"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
		t.Run("stale names", func(t *testing.T) {
			if err := os.WriteFile("/run/netns/stale", nil, 0o444); err != nil {
				t.Fatal(err)
			}
			defer os.Remove("/run/netns/stale")
			listing := all(t, procOf(t, 1, self))
			if got, want := fmt.Sprint(listing.Failed), `[opening "/run/netns/stale": it is not a network namespace]`; got != want {
				t.Errorf("failed %s, want %s", got, want)
			}
			if got := names(listing); slices.Contains(got, "stale") {
				t.Errorf("a stale name is listed: %q", got)
			}
		})
		t.Run("no names", func(t *testing.T) {
			if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			defer unix.Unmount("/run", unix.MNT_DETACH)
			listing := all(t, procOf(t, 2, self))
			if got, want := names(listing), []string{"/proc/self/ns/net"}; !slices.Equal(got, want) || len(listing.Failed) > 0 {
				t.Errorf("got %q, failed %q; want %q", got, listing.Failed, want)
			}
			if err := os.WriteFile("/run/netns", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			listing = all(t, procOf(t, 2, self))
			if got, want := fmt.Sprint(listing.Failed), `[reading "/run/netns": not a directory]`; got != want || len(listing.Namespaces) != 1 {
				t.Errorf("failed %s with %q, want %s", got, names(listing), want)
			}
		})
		t.Run("two directories", func(t *testing.T) {
			apart(t)
			bind(t, "/run/netns/blue", "/var/run/netns/also-blue")
			process, _ := nameless(t)
			bind(t, fmt.Sprintf("/proc/%d/ns/net", process.Pid), "/var/run/netns/red")
			bind(t, fmt.Sprintf("/proc/%d/ns/net", one.Pid), "/var/run/netns/one")
			want := []string{"/proc/self/ns/net", "also-blue", "one", "red", "/var/run/netns/red"}
			listing := all(t, procOf(t, 2, self))
			got := names(listing)
			slices.Sort(got[1:])
			slices.Sort(want[1:])
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			for _, n := range listing.Namespaces[1:] {
				if found, err := Find("/proc", n.Name); err != nil || found.ID != n.ID {
					t.Errorf("%q is not found by its name: %+v, %v", n.Name, found, err)
				}
			}
		})
	})
}

// apart makes /var/run a different directory from /run.
func apart(t *testing.T) {
	t.Helper()
	if err := unix.Mount("tmpfs", "/var", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount("/var", unix.MNT_DETACH) })
	if err := os.MkdirAll("/var/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestAllErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "proc")
	want := fmt.Sprintf("reading %q: no such file or directory", missing)
	if _, err := All(missing); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
