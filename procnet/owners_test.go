package procnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"tcpstate/tcp"
)

// process adds a process to a /proc in a map: its name, the targets of its
// descriptors, and the files with details.
func process(m fstest.MapFS, pid int, name string, fds map[int]string) {
	dir := fmt.Sprint(pid)
	m[dir+"/comm"] = &fstest.MapFile{Data: []byte(name + "\n")}
	m[dir+"/status"] = &fstest.MapFile{Data: fmt.Appendf(nil, "Name:\t%s\nUmask:\t0022\nUid:\t1\t%d\t3\t4\nGid:\t5\t6\t7\t8\n", name, 1000+pid)}
	m[dir+"/cmdline"] = &fstest.MapFile{Data: []byte("/bin/" + name + "\x00-x\x00")}
	m[dir+"/exe"] = symlink("/bin/" + name)
	m[dir+"/fd"] = &fstest.MapFile{Mode: fs.ModeDir}
	m[dir+"/task/"+dir] = &fstest.MapFile{Mode: fs.ModeDir}
	for fd, target := range fds {
		m[fmt.Sprint(dir, "/fd/", fd)] = symlink(target)
	}
}

func symlink(target string) *fstest.MapFile {
	return &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
}

// set returns the set of inodes for a query.
func set(inodes ...uint32) map[uint32]struct{} {
	wanted := make(map[uint32]struct{})
	for _, inode := range inodes {
		wanted[inode] = struct{}{}
	}
	return wanted
}

// list returns everything in o as one line.
func list(o *Owners) string {
	var words []string
	for _, h := range o.holders {
		words = append(words, fmt.Sprintf("%d:%d/%s/%d", h.Inode, h.PID, h.Name, h.FD))
	}
	if o.Unreadable > 0 {
		words = append(words, fmt.Sprint("unreadable=", o.Unreadable))
	}
	if o.Vanished > 0 {
		words = append(words, fmt.Sprint("vanished=", o.Vanished))
	}
	if o.Hidden {
		words = append(words, "hidden")
	}
	return strings.Join(words, " ")
}

func TestOwners(t *testing.T) {
	m := fstest.MapFS{"net": {Mode: fs.ModeDir}, "sys/x": {}, "12x/fd/3": symlink("socket:[40]"), "007/fd/3": symlink("socket:[40]"), "uptime": {}}
	process(m, 1, "init", map[int]string{0: "/dev/null", 3: "socket:[10]", 4: "socket:[70]", 5: "pipe:[20]"})
	process(m, 9, "", nil) // like a kernel thread
	process(m, 20, "master", map[int]string{13: "socket:[20]", 12: "socket:[40]"})
	process(m, 21, "worker", map[int]string{3: "socket:[20]", 4: "socket:[20]", 7: "anon_inode:[eventpoll]", 8: "/tmp/socket:[20]"})
	process(m, 30, "a\nb\x1b[2J", map[int]string{3: "socket:[30]"})
	process(m, 40, "leader", nil) // has ended; its other threads still run
	m["40/task/41/fd"] = &fstest.MapFile{Mode: fs.ModeDir}
	m["40/task/42/fd/6"] = symlink("socket:[60]")
	m["40/task/43/fd/6"] = symlink("socket:[60]")
	process(m, 50, "threads", map[int]string{6: "socket:[65]"})
	m["50/task/51/fd/6"] = symlink("socket:[65]")
	p := &Proc{FS: m, Dir: "/proc"}

	for _, test := range []struct {
		name   string
		inodes map[uint32]struct{}
		want   string
	}{
		{"none", set(), ""},
		{"one", set(10), "10:1/init/3"},
		{"one of two sockets of a process", set(70), "70:1/init/4"},
		{"shared by two processes, one with two descriptors", set(20), "20:20/master/13 20:21/worker/3 20:21/worker/4"},
		{"a name that moves the cursor", set(30), "30:30/a\nb\x1b[2J/3"},
		{"threads without their leader", set(60), "60:40/leader/6"},
		{"threads count once", set(65), "65:50/threads/6"},
		{"a pipe is not a socket", set(40, 99), "40:20/master/12"},
		{"all", nil, "10:1/init/3 20:20/master/13 20:21/worker/3 20:21/worker/4 30:30/a\nb\x1b[2J/3 40:20/master/12 " +
			"60:40/leader/6 65:50/threads/6 70:1/init/4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := p.Owners(t.Context(), OwnersQuery{Inodes: test.inodes})
			if err != nil {
				t.Fatal(err)
			}
			if got := list(o); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			for _, h := range o.holders {
				if h.UID.IsKnown() || h.Exe != "" || h.Cmdline != nil {
					t.Errorf("details that the query does not ask for: %+v", *h.Process)
				}
			}
		})
	}

	o, err := p.Owners(t.Context(), OwnersQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for inode, want := range map[uint32]int{0: 0, 9: 0, 10: 1, 15: 0, 20: 3, 70: 1, 71: 0} {
		if got := o.Of(inode); len(got) != want || cap(got) != want {
			t.Errorf("socket %d has %d holders, want %d", inode, len(got), want)
		}
	}
}

func TestOwnersDetails(t *testing.T) {
	m := fstest.MapFS{}
	process(m, 1, "init", map[int]string{3: "socket:[10]", 4: "socket:[11]"})
	process(m, 2, "bare", map[int]string{3: "socket:[10]"})
	for _, name := range []string{"status", "cmdline", "exe"} {
		delete(m, "2/"+name)
	}
	o, err := (&Proc{FS: m}).Owners(t.Context(), OwnersQuery{Details: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(o); got != "10:1/init/3 10:2/bare/3 11:1/init/4" {
		t.Fatal(got)
	}
	init, bare := o.Of(10)[0].Process, o.Of(10)[1].Process
	if init.UID != tcp.Known[uint32](1001) || init.Exe != "/bin/init" || !slices.Equal(init.Cmdline, []string{"/bin/init", "-x"}) {
		t.Errorf("init: %+v", init)
	}
	if bare.UID.IsKnown() || bare.Exe != "" || bare.Cmdline != nil {
		t.Errorf("bare: %+v", bare)
	}
	if o.Of(11)[0].Process != init {
		t.Error("two sockets of a process have different Process values")
	}
}

// scripted is a file system that calls on before it reads a file, a directory
// or a link. on gets the name and the number of earlier reads of that name. It
// may change the files, or return an error for this read.
type scripted struct {
	fstest.MapFS
	on   func(name string, times int) error
	seen map[string]int
}

func (s *scripted) step(name string) error {
	s.seen[name]++
	return s.on(name, s.seen[name]-1)
}

func (s *scripted) Open(name string) (fs.File, error) { return s.MapFS.Open(name) }

func (s *scripted) ReadFile(name string) ([]byte, error) {
	if err := s.step(name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return s.MapFS.ReadFile(name)
}

func (s *scripted) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := s.step(name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return s.MapFS.ReadDir(name)
}

func (s *scripted) ReadLink(name string) (string, error) {
	if err := s.step(name); err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return s.MapFS.ReadLink(name)
}

// If something changes during the search, no socket is attributed to the wrong
// process.
func TestOwnersDuringChanges(t *testing.T) {
	denied := func(err error, names ...string) func(fstest.MapFS, string, int) error {
		return func(_ fstest.MapFS, name string, _ int) error {
			if slices.Contains(names, name) {
				return err
			}
			return nil
		}
	}
	rename := func(m fstest.MapFS, name string) { m["7/comm"] = &fstest.MapFile{Data: []byte(name + "\n")} }
	for _, test := range []struct {
		name string
		on   func(m fstest.MapFS, name string, times int) error
		want string
	}{
		{"nothing happens", denied(nil), "10:7/old/3 11:7/old/4 12:8/other/3"},
		{"the process ends before it is opened", denied(syscall.ENOENT, "7/fd"), "12:8/other/3 vanished=1"},
		{"it ends before its name is read", denied(syscall.ESRCH, "7/comm"), "12:8/other/3 vanished=1"},
		{"it ends after its sockets were seen", func(_ fstest.MapFS, name string, times int) error {
			if name == "7/comm" && times > 0 {
				return syscall.ESRCH
			}
			return nil
		}, "12:8/other/3 vanished=1"},
		{"a process of another user", denied(syscall.EACCES, "7/fd"), "12:8/other/3 unreadable=1"},
		{"hidepid=1", denied(syscall.EPERM, "7/fd", "7/comm", "7/status"), "12:8/other/3 unreadable=1"},
		{"the user changes after the first descriptor", denied(syscall.EACCES, "7/fd/4"), "12:8/other/3 unreadable=1"},
		{"its first thread has ended, and the user has no privileges", func(m fstest.MapFS, name string, _ int) error {
			if name != "7/fd" {
				return nil
			}
			m["7/task/70/fd/5"] = symlink("socket:[10]")
			return syscall.EACCES
		}, "10:7/old/5 12:8/other/3"},
		{"a descriptor is closed", denied(syscall.ENOENT, "7/fd/3"), "11:7/old/4 12:8/other/3"},
		{"the first descriptor is closed before the name is read", func(m fstest.MapFS, name string, _ int) error {
			if name == "7/comm" {
				delete(m, "7/fd/3")
			}
			return nil
		}, "11:7/old/4 12:8/other/3"},
		{"the first descriptor is another socket before the name is read", func(m fstest.MapFS, name string, _ int) error {
			if name == "7/comm" {
				m["7/fd/3"] = symlink("socket:[13]")
			}
			return nil
		}, "11:7/old/4 12:8/other/3"},
		{"it executes another program, which keeps one socket", func(m fstest.MapFS, name string, times int) error {
			if name == "7/fd/4" && times == 0 {
				rename(m, "new")
				delete(m, "7/fd/3")
			}
			return nil
		}, "11:7/new/4 12:8/other/3"},
		{"it executes another program, which keeps no socket", func(m fstest.MapFS, name string, times int) error {
			if name == "7/comm" && times == 1 {
				rename(m, "new")
				delete(m, "7/fd/3")
				delete(m, "7/fd/4")
			}
			return nil
		}, "12:8/other/3"},
		{"its name changes all the time", func(m fstest.MapFS, name string, times int) error {
			if name == "7/comm" {
				rename(m, fmt.Sprint("name", times))
			}
			return nil
		}, "10:7/name6/3 11:7/name6/4 12:8/other/3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := fstest.MapFS{}
			process(m, 7, "old", map[int]string{3: "socket:[10]", 4: "socket:[11]"})
			process(m, 8, "other", map[int]string{3: "socket:[12]"})
			s := &scripted{m, func(name string, times int) error { return test.on(m, name, times) }, map[string]int{}}
			o, err := oneWorker(t, &Proc{FS: s}, OwnersQuery{Inodes: set(10, 11, 12)})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(list(o), " hidden"); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if !o.Hidden {
				t.Error("there is no process 1, but Hidden is not set")
			}
		})
	}
}

// oneWorker searches with one goroutine, so that the order of reads is fixed.
func oneWorker(t *testing.T, p *Proc, q OwnersQuery) (*Owners, error) {
	t.Helper()
	pids, err := p.processes()
	if err != nil {
		return nil, err
	}
	return p.owners(t.Context(), q, pids, 1)
}

// Every error other than a process that has ended or may not be read is
// returned, and names the file.
func TestOwnersErrors(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{".", "reading /proc: input/output error"},
		{"7/fd", "reading /proc/7/fd: input/output error"},
		{"7/fd/3", "reading /proc/7/fd/3: input/output error"},
		{"7/comm", "reading /proc/7/comm: input/output error"},
		{"7/status", "reading /proc/7/status: input/output error"},
		{"7/exe", "reading /proc/7/exe: input/output error"},
		{"7/cmdline", "reading /proc/7/cmdline: input/output error"},
		{"8/task", "reading /proc/8/task: input/output error"},
		{"8/task/9/fd", "reading /proc/8/task/9/fd: input/output error"},
	} {
		m := fstest.MapFS{}
		process(m, 7, "old", map[int]string{3: "socket:[10]"})
		process(m, 8, "leaderless", nil)
		m["8/task/9/fd/3"] = symlink("socket:[11]")
		s := &scripted{m, func(name string, _ int) error {
			if name == test.name {
				return syscall.EIO
			}
			return nil
		}, map[string]int{}}
		_, err := oneWorker(t, &Proc{FS: s, Dir: "/proc"}, OwnersQuery{Details: true})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
		if _, ok := errors.AsType[*ReadError](err); !ok || !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %#v", test.name, err)
		}
	}
	m := fstest.MapFS{}
	process(m, 7, "old", map[int]string{3: "socket:[10]"})
	m["7/status"] = &fstest.MapFile{Data: []byte("Uid:\tx\ty\n")}
	_, err := (&Proc{FS: m, Dir: "/proc"}).Owners(t.Context(), OwnersQuery{Details: true})
	if want := `reading /proc/7/status: effective user id "y": not a whole number of 32 bits`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOwnersCancelled(t *testing.T) {
	m := fstest.MapFS{}
	process(m, 7, "old", map[int]string{3: "socket:[10]"})
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if o, err := (&Proc{FS: m}).Owners(ctx, OwnersQuery{}); err != why {
		t.Errorf("%v, %v", o, err)
	}
}

// For a process that holds none of the sockets, only the targets of its
// descriptors are read. For an empty query nothing is read.
func TestOwnersReadNoMoreThanTheyMust(t *testing.T) {
	m := fstest.MapFS{}
	process(m, 7, "old", map[int]string{3: "socket:[10]", 4: "/dev/null"})
	process(m, 8, "other", map[int]string{3: "socket:[11]"})
	s := &scripted{m, func(string, int) error { return nil }, map[string]int{}}
	for _, test := range []struct {
		inodes map[uint32]struct{}
		want   string
	}{
		{set(), ""},
		{set(99), ". 7/fd 7/fd/3 7/fd/4 8/fd 8/fd/3"},
		{set(11), ". 7/fd 7/fd/3 7/fd/4 8/comm 8/fd 8/fd/3"},
	} {
		clear(s.seen)
		if len(test.inodes) == 0 {
			if _, err := (&Proc{FS: s}).Owners(t.Context(), OwnersQuery{Inodes: test.inodes}); err != nil {
				t.Fatal(err)
			}
		} else if _, err := oneWorker(t, &Proc{FS: s}, OwnersQuery{Inodes: test.inodes}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(s.seen)), " "); got != test.want {
			t.Errorf("for %d sockets it reads %q, want %q", len(test.inodes), got, test.want)
		}
	}
}

// A search for listeners reads the first descriptors of each process, and all of
// them only if a listener has no holder among the first.
func TestOwnersAmongTheFirstDescriptors(t *testing.T) {
	m := fstest.MapFS{}
	process(m, 7, "server", map[int]string{3: "socket:[10]", 4: "socket:[11]", 5: "socket:[12]", 6: "socket:[13]"})
	process(m, 8, "late", map[int]string{3: "/dev/null", 4: "/dev/null", 5: "socket:[14]"})
	process(m, 9, "small", map[int]string{3: "socket:[10]"})
	const first = "10:7/server/3 10:9/small/3 11:7/server/4"
	for _, test := range []struct {
		name  string
		query OwnersQuery
		want  string
		isCut bool
	}{
		{"the first have it", OwnersQuery{Inodes: set(10)}, first, true},
		{"another process has it", OwnersQuery{Inodes: set(14)}, "14:8/late/5", false},
		{"one of two is late", OwnersQuery{Inodes: set(10, 14)}, "10:7/server/3 10:9/small/3 11:7/server/4 12:7/server/5 13:7/server/6 14:8/late/5", false},
		{"nobody has it", OwnersQuery{Inodes: set(99)}, "", false},
		{"a process is requested", OwnersQuery{Inodes: set(10), Also: map[int]bool{7: true}},
			"10:7/server/3 10:9/small/3 11:7/server/4 12:7/server/5 13:7/server/6", false},
	} {
		q := test.query
		q.Whole, q.First = true, 2
		o, err := (&Proc{FS: m}).searchFirst(t.Context(), q, []int{7, 8, 9})
		if err != nil {
			t.Fatal(err)
		}
		o.Hidden = false
		if got := list(o); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if holders := o.Of(10); len(holders) > 0 && holders[0].Cut != test.isCut {
			t.Errorf("%s: cut %t, want %t", test.name, holders[0].Cut, test.isCut)
		}
	}
}

// A directory that was copied from another host works like a real /proc.
func TestOwnersOfARecordedDirectory(t *testing.T) {
	dir := t.TempDir()
	m := fstest.MapFS{}
	process(m, 1, "init", map[int]string{3: "socket:[10]", 4: "/nowhere"})
	process(m, 12, "nginx", map[int]string{3: "socket:[10]", 5: "socket:[11]"})
	record(t, m, dir)
	o, err := Open(dir).Owners(t.Context(), OwnersQuery{Details: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := list(o), "10:1/init/3 10:12/nginx/3 11:12/nginx/5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if h := o.Of(11)[0]; h.Exe != "/bin/nginx" || h.UID != tcp.Known[uint32](1012) {
		t.Errorf("%+v", *h.Process)
	}

	missing := path.Join(dir, "missing")
	_, err = Open(missing).Owners(t.Context(), OwnersQuery{})
	if want := "reading " + missing + ": "; err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want %s...", err, want)
	}
}

// record writes the files of m into dir.
func record(t *testing.T, m fstest.MapFS, dir string) {
	t.Helper()
	for name, file := range m {
		name = filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		switch {
		case err != nil:
		case file.Mode.IsDir():
			err = os.MkdirAll(name, 0o755)
		case file.Mode&fs.ModeSymlink != 0:
			err = os.Symlink(string(file.Data), name)
		default:
			err = os.WriteFile(name, file.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// If the workers together have too many files open, one of them searches alone.
func TestOwnersWithFewDescriptors(t *testing.T) {
	m := fstest.MapFS{}
	process(m, 7, "old", map[int]string{3: "socket:[10]"})
	process(m, 8, "other", map[int]string{3: "socket:[11]"})
	for fails, want := range map[int]string{0: "10:7/old/3 11:8/other/3 hidden", 1: "10:7/old/3 11:8/other/3 hidden", 2: "too many open files"} {
		s := &scripted{m, func(name string, times int) error {
			if name == "7/comm" && times < fails {
				return syscall.EMFILE
			}
			return nil
		}, map[string]int{}}
		o, err := oneOrMore(t, &Proc{FS: s})
		got := fmt.Sprint(err)
		if err == nil {
			got = list(o)
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%d failures: %s, want %s", fails, got, want)
		}
	}

	o, err := (&Proc{FS: fstest.MapFS{"net": {Mode: fs.ModeDir}}}).Owners(t.Context(), OwnersQuery{})
	if err != nil || !o.Empty || !o.Hidden {
		t.Errorf("without processes: %+v, %v", o, err)
	}
}

// oneOrMore searches with one processor, so that the order of reads is fixed.
func oneOrMore(t *testing.T, p *Proc) (*Owners, error) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return p.Owners(t.Context(), OwnersQuery{})
}
