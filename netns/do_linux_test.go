package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

func find(t *testing.T, spec string) *Namespace {
	t.Helper()
	n, err := Find("/proc", spec)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDoSees checks what f sees of a namespace: its sockets, the files of
// /proc, and commands that it runs; and what other code does not see.
func TestDoSees(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		blue := namespace(t, l, "blue")
		at, err := blue.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		const sysctl = "/proc/sys/net/ipv4/tcp_fin_timeout"
		if err := blue.Do(func() error { return os.WriteFile(sysctl, []byte("17"), 0) }); err != nil {
			t.Fatal(err)
		}
		port := fmt.Sprintf(":%04X ", at.Port())
		read := func(file string) string {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			return string(text)
		}
		views := func(where string, inside bool) {
			for file, want := range map[string]bool{"/proc/thread-self/net/tcp": inside, "/proc/net/tcp": false, "/proc/self/net/tcp": false} {
				if got := strings.Contains(read(file), port); got != want {
					t.Errorf("%s: %s shows the listener: %t, want %t", where, file, got, want)
				}
			}
			if got := strings.TrimSpace(read(sysctl)) == "17"; got != inside {
				t.Errorf("%s: the setting is that of the namespace: %t, want %t", where, got, inside)
			}
		}
		var stays net.Listener
		views("before", false)
		err = find(t, "blue").Do(func() (err error) {
			views("inside", true)
			out, err := exec.Command("readlink", "/proc/self/ns/net").Output()
			if want := fmt.Sprintf("net:[%d]\n", blue.Inode); err != nil || string(out) != want {
				t.Errorf("a command runs in %q, %v; want %q", out, err, want)
			}
			stays, err = net.Listen("tcp4", "127.0.0.1:0")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		views("after", false)
		defer stays.Close()
		err = blue.Do(func() error { // the listener accepts connections in the namespace
			conn, err := net.Dial("tcp4", stays.Addr().String())
			if err != nil {
				return err
			}
			return conn.Close()
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestDoPassesOn checks that errors, panics and Goexit of f reach the caller.
func TestDoPassesOn(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "blue")
		own, err := Own()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []*Namespace{find(t, "blue"), own} {
			wrong := errors.New("wrong")
			if err := n.Do(func() error { return wrong }); err != wrong {
				t.Errorf("%s: got %v, want %v", n.Name, err, wrong)
			}
			func() {
				defer func() {
					if got := recover(); got != "the cause" {
						t.Errorf("%s: recovered %v, want the cause", n.Name, got)
					}
				}()
				n.Do(func() error { panic("the cause") })
				t.Errorf("%s: Do returned although f panicked", n.Name)
			}()
			done := make(chan bool)
			go func() {
				returned := false
				defer func() { done <- returned }()
				n.Do(func() error { runtime.Goexit(); return nil })
				returned = true
			}()
			if <-done {
				t.Errorf("%s: Do returned although f called Goexit", n.Name)
			}
		}
	})
}

// TestNoThreadStays enters namespaces from many goroutines and ends there in
// every way. Afterwards no thread of the process is in one of them. The first
// thread never was: what /proc/self shows, and what other processes see of this
// one, has never changed.
func TestNoThreadStays(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "blue")
		namespace(t, l, "red")
		own := inodeOf(t, "/proc/self/ns/net")
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				n := find(t, []string{"blue", "red"}[i%2])
				for round := range 50 {
					enterAndEnd(t, n, own, round)
				}
			})
		}
		group.Wait()
		lab.Await(t, func() error { // the kernel ends a thread some time later
			if strayed := strayed(t, own); len(strayed) > 0 {
				return fmt.Errorf("threads are in another namespace: %v", strayed)
			}
			return nil
		})
		// Many goroutines at the same time, each in its own thread. Some
		// threads are new.
		together := make(chan struct{})
		var ready sync.WaitGroup
		for range 64 {
			ready.Add(1)
			group.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				if got := inodeOf(t, "/proc/thread-self/ns/net"); got != own {
					t.Errorf("a goroutine runs in %d, want %d", got, own)
				}
				ready.Done()
				<-together
			})
		}
		ready.Wait()
		if strayed := strayed(t, own); len(strayed) > 0 {
			t.Errorf("threads are in another namespace: %v", strayed)
		}
		close(together)
		group.Wait()
	})
}

// enterAndEnd enters a namespace and ends there in one of several ways.
func enterAndEnd(t *testing.T, n *Namespace, own uint64, round int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }()
		n.Do(func() error {
			if got := inodeOf(t, "/proc/thread-self/ns/net"); got != n.ID.Inode {
				t.Errorf("in %d, want %d", got, n.ID.Inode)
			}
			if got := inodeOf(t, "/proc/self/ns/net"); got != own {
				t.Errorf("the process is in %d, want %d", got, own)
			}
			outside := make(chan uint64)
			go func() { outside <- inodeOf(t, "/proc/thread-self/ns/net") }() // perhaps in a new thread
			if got := <-outside; got != own {
				t.Errorf("a goroutine that f started is in %d, want %d", got, own)
			}
			switch round % 3 {
			case 0:
				panic("the way out")
			case 1:
				runtime.Goexit()
			}
			return nil
		})
	}()
	<-done
}

// strayed returns the threads of this process that are in another namespace.
func strayed(t *testing.T, own uint64) []string {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(threads) == 0 {
		t.Fatalf("the threads %q, %v", threads, err)
	}
	var strayed []string
	for _, thread := range threads {
		if text, err := os.Readlink(thread); err == nil && text != fmt.Sprintf("net:[%d]", own) {
			strayed = append(strayed, thread)
		}
	}
	return strayed
}

// TestDoOwn checks that the caller's own namespace is not entered again,
// neither outside Do nor within it.
func TestDoOwn(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "blue")
		blue, home := find(t, "blue"), find(t, "/proc/self/ns/net")
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		staysIn := func(n *Namespace) {
			t.Helper()
			before, inside := unix.Gettid(), 0
			if err := n.Do(func() error { inside = unix.Gettid(); return nil }); err != nil || inside != before {
				t.Errorf("%s: %v, in thread %d; want %d", n.Name, err, inside, before)
			}
		}
		staysIn(home)
		err := blue.Do(func() error {
			staysIn(blue)
			if own, err := Own(); err != nil || own.ID != blue.ID {
				t.Errorf("Own is %+v, %v; want %+v", own, err, blue.ID)
			}
			return home.Do(func() error {
				if got := inodeOf(t, "/proc/thread-self/ns/net"); got != home.ID.Inode {
					t.Errorf("back in %d, want %d", got, home.ID.Inode)
				}
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestDoGone has namespaces that end between All and Do.
func TestDoGone(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		never := func() error { t.Error("f was run"); return nil }
		isGone := func(about string, err error) {
			t.Helper()
			if op, ok := errors.AsType[*OpError](err); !ok || !errors.Is(err, ErrGone) || !op.Hint().IsZero() {
				t.Errorf("%s: got %v, want %v", about, err, ErrGone)
			}
		}
		first, _ := nameless(t)
		n := find(t, strconv.Itoa(first.Pid))
		second := start(t, exec.Command("nsenter", "-t", strconv.Itoa(first.Pid), "-n", "sleep", "600"))
		awaitInside(t, second, n.ID.Inode)
		proc := procOf(t, 2, first.Pid, second.Pid)
		listing := all(t, proc) // it also has the names of the host
		i := slices.IndexFunc(listing.Namespaces, func(other *Namespace) bool { return other.ID == n.ID })
		if i < 0 {
			t.Fatalf("no namespace with number %d among %q", n.ID.Inode, names(listing))
		}
		listed := listing.Namespaces[i]
		end(first)
		isGone("found by its only process", n.Do(never))
		if err := listed.Do(func() error { return nil }); err != nil {
			t.Errorf("with a second process in it: %v", err)
		}
		end(second)
		isGone("without its processes", listed.Do(never))

		blue := namespace(t, l, "blue")
		n = find(t, "blue")
		if err := unix.Unmount(blue.Path, 0); err != nil {
			t.Fatal(err)
		}
		isGone("with the name unmounted", n.Do(never))
		if err := os.Remove(blue.Path); err != nil {
			t.Fatal(err)
		}
		isGone("with the name removed", n.Do(never))

		red := namespace(t, l, "red")
		n = find(t, "red")
		namespace(t, l, "green")
		if err := unix.Mount("/run/netns/green", red.Path, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		isGone("with the name given to another", n.Do(never))
		isGone("never found", (&Namespace{}).Do(never))
	})
}

// awaitInside waits until a command has entered the namespace.
func awaitInside(t *testing.T, p *os.Process, inode uint64) {
	t.Helper()
	link := fmt.Sprintf("/proc/%d/ns/net", p.Pid)
	lab.Await(t, func() error {
		if got := inodeOf(t, link); got != inode {
			return fmt.Errorf("process %d is in %d and has not entered %d", p.Pid, got, inode)
		}
		return nil
	})
}

// withoutPrivilege is an environment variable. It is set for the process in
// which TestUnprivileged has no capabilities. Its value is the id of a process
// that this process may not examine.
const withoutPrivilege = "NETNS_TEST_STRANGER"

// TestUnprivileged runs itself again as a process without capabilities.
func TestUnprivileged(t *testing.T) {
	if stranger := os.Getenv(withoutPrivilege); stranger != "" {
		unprivileged(t, stranger)
		return
	}
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace(t, l, "blue")
		process, _ := nameless(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestUnprivileged$", "-test.v", "-test.count=1")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", withoutPrivilege, process.Pid))
		var out []byte
		var err error
		if dropped := lab.WithoutCapabilities(func() { out, err = cmd.CombinedOutput() }); dropped != nil {
			t.Fatal(dropped)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestUnprivileged") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func unprivileged(t *testing.T, stranger string) {
	listing := all(t, "/proc")
	ran := 0
	for i, n := range listing.Namespaces {
		err := n.Do(func() error { ran++; return nil })
		if i == 0 {
			if err != nil {
				t.Errorf("the reader's own namespace: %v", err)
			}
			continue
		}
		op, ok := errors.AsType[*OpError](err)
		if want := fmt.Sprintf("entering network namespace %q: operation not permitted", n.Name); !ok || err.Error() != want || !strings.Contains(op.Hint().String(), "CAP_SYS_ADMIN") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if ran != 1 {
		t.Errorf("f was run %d times, want 1", ran)
	}
	if got := names(listing); len(got) < 2 || got[0] != "/proc/self/ns/net" || got[1] != "blue" {
		t.Errorf("listed %q, want /proc/self/ns/net and blue", got)
	}
	if listing.Unreadable == 0 || len(listing.Failed) > 0 {
		t.Errorf("%d unreadable, failed %q; want at least 1 unreadable, none failed", listing.Unreadable, listing.Failed)
	}
	file := processFile("/proc", stranger)
	err := (&Namespace{Name: "strange", files: []string{file, "/nosuch"}}).Do(func() error { return nil })
	if want := `entering network namespace "strange": permission denied`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Find("/proc", stranger)
	op, ok := errors.AsType[*OpError](err)
	if want := fmt.Sprintf("opening %q: permission denied", file); !ok || err.Error() != want || !strings.Contains(op.Hint().String(), "CAP_SYS_PTRACE") {
		t.Errorf("got %v, want %s", err, want)
	}
}
