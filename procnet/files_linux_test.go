package procnet

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"tcpstate/tcp"
)

// hostile makes a /proc in which each file that the package reads is made by a
// function, which gets the path of the file.
func hostile(t *testing.T, make func(path string) error) *Proc {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"net/tcp", "net/tcp6", "net/snmp", "net/netstat", "net/sockstat", "net/fib_trie", "net/ipv6_route",
		"net/softnet_stat", "net/stat/nf_conntrack", "sys/net/ipv4/tcp_fin_timeout", "sys/net/netfilter/nf_conntrack_count", "sys/kernel/osrelease",
		"1/comm", "1/status", "1/limits", "1/cmdline", "2/fd"} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, make(path))
	}
	must(t, os.MkdirAll(filepath.Join(dir, "1/fd"), 0o755))
	must(t, os.Symlink("socket:[10]", filepath.Join(dir, "1/fd/3")))
	return Open(dir)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// readEverything calls all that reads files of a /proc. Each call must return.
func readEverything(t *testing.T, p *Proc) (sockets int, errs []error) {
	t.Helper()
	for _, err := range p.Sockets([]tcp.Family{tcp.IPv4, tcp.IPv6}) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		sockets++
	}
	collect := func(err error) { errs = append(errs, err) }
	_, err := p.Counters()
	collect(err)
	_, err = p.SockStat()
	collect(err)
	_, err = p.Settings()
	collect(err)
	_, err = p.Release()
	collect(err)
	_, err = p.Status(1)
	collect(err)
	_, err = p.OpenFilesLimit(1)
	collect(err)
	_, err = p.Owners(t.Context(), OwnersQuery{Details: true})
	collect(err)
	if got := p.LocalAddresses(); len(got) > 0 {
		t.Errorf("the addresses are %v", got)
	}
	p.Conntrack()
	p.BelowTCP()
	p.ProcessNames()
	p.TCPSockets(2, 10, false)
	return sockets, errs
}

// TestFilesThatAreNone reads a directory in which named pipes, devices and sockets have
// the names of files. Nobody writes into the pipes.
func TestFilesThatAreNone(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"a named pipe":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"a link to zeros":   func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to a tty":   func(path string) error { return os.Symlink("/dev/tty", path) },
		"a link to itself":  func(path string) error { return os.Symlink(path, path) },
		"a directory":       func(path string) error { return os.Mkdir(path, 0o755) },
		"a link to nothing": func(path string) error { return os.Symlink("/nosuch", path) },
	} {
		sockets, errs := readEverything(t, hostile(t, make))
		if sockets != 0 || errs[0] == nil {
			t.Errorf("%s: %d sockets, %v", name, sockets, errs[0])
		}
		if name != "a directory" && name != "a link to nothing" && name != "a link to itself" && !errors.Is(errs[0], errNotFile) {
			t.Errorf("%s: %v, want %v", name, errs[0], errNotFile)
		}
	}
}

// TestFilesWithoutEnd reads files that are much longer than those of the kernel: holes
// of a terabyte, which are one line of zeros, and a file of one line that repeats.
func TestFilesWithoutEnd(t *testing.T) {
	const most = 64 << 20
	long := filepath.Join(t.TempDir(), "long")
	must(t, os.WriteFile(long, bytes.Repeat([]byte("Tcp: a b\n"), most/9), 0o644))
	line := filepath.Join(t.TempDir(), "line")
	must(t, os.WriteFile(line, []byte(strings.Repeat("a", 2*maxSmall)), 0o644))
	for name, make := range map[string]func(string) error{
		"a hole": func(path string) error {
			must(t, os.WriteFile(path, nil, 0o644))
			return os.Truncate(path, 1<<40)
		},
		"a long file": func(path string) error { return os.Symlink(long, path) },
		"a long line": func(path string) error { return os.Symlink(line, path) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sockets, errs := readEverything(t, hostile(t, make))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 8*most { // 4.6 of it with the race detector
			t.Errorf("%s: %d MiB were allocated", name, used>>20)
		}
		for i, err := range errs {
			if err == nil && i != 3 { // most settings have no file
				t.Errorf("%s: no error from call %d", name, i)
			}
		}
		if sockets != 0 {
			t.Errorf("%s: %d sockets", name, sockets)
		}
	}
}

// TestFilesThatGrow reads no more of a file than it had when it was opened.
func TestFilesThatGrow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, []byte("one\n"), 0o644))
	f, err := filesIn(dir).Open("file")
	must(t, err)
	defer f.Close()
	must(t, os.WriteFile(path, []byte("one\ntwo\n"), 0o644))
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil || text.String() != "one\n" {
		t.Errorf("read %q, %v", text.String(), err)
	}
}

// TestFilesThatWait opens the kernel's log, which is a regular file whose reads wait for
// a message. Only a privileged user may open it.
func TestFilesThatWait(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/proc/kmsg", filepath.Join(dir, "kmsg")))
	for range 3 { // until it is empty
		if _, err := fs.ReadFile(filesIn(dir), "kmsg"); err == nil {
			t.Error("the log has an end")
		}
	}
}

// TestDirectoriesAreReadAsOthers compares the files of a directory with os.DirFS.
func TestDirectoriesAreReadAsOthers(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a/empty"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "a/file"), []byte("text\n"), 0o644))
	must(t, os.Symlink("file", filepath.Join(dir, "a/link")))
	ours, theirs := filesIn(dir), os.DirFS(dir)
	for _, name := range []string{"a/file", "a/link", "a/empty", "a/nosuch", "a", "../a", "/a", ""} {
		got, err := fs.ReadFile(ours, name)
		want, wantErr := fs.ReadFile(theirs, name)
		if string(got) != string(want) || (err == nil) != (wantErr == nil) || errors.Is(err, fs.ErrNotExist) != errors.Is(wantErr, fs.ErrNotExist) {
			t.Errorf("%q: %q, %v, want %q, %v", name, got, err, want, wantErr)
		}
	}
	entries, err := fs.ReadDir(ours, "a")
	want, wantErr := fs.ReadDir(theirs, "a")
	if err != nil || wantErr != nil || len(entries) != len(want) || entries[3].Name() != "link" {
		t.Errorf("entries %v, %v, want %v", entries, err, want)
	}
	if target, err := fs.ReadLink(ours, "a/link"); target != "file" || err != nil {
		t.Errorf("the link refers to %q, %v", target, err)
	}
	if _, err := fs.ReadLink(ours, "a/file"); err == nil {
		t.Error("a file is a link")
	}
}
