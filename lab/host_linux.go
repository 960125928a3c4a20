package lab

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// host is one of the two hosts: a network namespace of its own.
type host struct {
	side Side
	jobs chan func()   // run in the thread that is in the namespace
	over chan struct{} // closed when the host ends
	path string        // of the file of the namespace
	proc *procnet.Proc

	bound    atomic.Bool                // a program has bound a socket, so that one may only hold a port
	reading  sync.Mutex                 // held while the sockets are read
	sockets  map[tcp.Cookie]*tcp.Socket // of the last reading
	read     time.Time                  // when that was
	counters procnet.Counters           // of the last reading
}

// newHost makes a namespace, and a thread in it that ends with the host.
func newHost(side Side) (*host, error) {
	h := &host{side: side, jobs: make(chan func()), over: make(chan struct{})}
	made := make(chan error)
	go h.live(made)
	if err := <-made; err != nil {
		return nil, err
	}
	h.proc = &procnet.Proc{FS: &within{host: h}, NetDir: "thread-self/net", Dir: "/proc"}
	return h, nil
}

// live runs the jobs of a host in a thread that has left for a new namespace. It
// never unlocks the thread, so the runtime ends it too. The first thread of the
// process cannot be used: /proc/self and commands show its namespace.
func (h *host) live(made chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		go h.live(made)
		<-h.over // keep the first thread, so that the other goroutine gets another one
		runtime.UnlockOSThread()
		return
	}
	if err := leave(); err != nil {
		made <- err
		return
	}
	h.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", unix.Getpid(), unix.Gettid())
	made <- nil
	for job := range h.jobs {
		job()
	}
}

// leave moves the calling thread into a new namespace with a table of connections of
// its own. Usually all namespaces share one table with a bucket for each few
// kilobytes of memory, and each reading walks through all of it. How large the table
// of a new namespace is, is a setting of the one in which it is made, from Linux 6.1
// on. So there is one in between.
func leave() error {
	const setting = "/proc/sys/net/ipv4/tcp_child_ehash_entries"
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := os.WriteFile(setting, []byte("256"), 0); err != nil {
		return nil // an older kernel
	}
	return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET))
}

// end ends the thread of the host. Its namespace ends with the last socket in it.
func (h *host) end() {
	close(h.over)
	close(h.jobs)
}

// do runs f in the namespace of the host, and waits for it. Sockets that f opens
// stay in the namespace, and so do commands that it starts.
func (h *host) do(f func() error) error {
	done := make(chan error)
	h.jobs <- func() { done <- f() }
	return <-done
}

// begin makes the first reading, with which the later ones are compared.
func (h *host) begin() (err error) {
	if h.sockets, err = h.list(); err != nil {
		return err
	}
	h.read = time.Now()
	h.counters, err = h.proc.Counters()
	return err
}

// set sets a parameter of the namespace, such as "net.ipv4.tcp_fin_timeout".
func (h *host) set(name, value string) error {
	return h.do(func() error { return os.WriteFile(sysctl(name), []byte(value), 0) })
}

// get returns a parameter of the namespace.
func (h *host) get(name string) (value string, err error) {
	err = h.do(func() error {
		text, err := os.ReadFile(sysctl(name))
		value = strings.TrimSpace(string(text))
		return err
	})
	return value, err
}

// within is /proc as the thread of a host sees it. A file of /proc/sys/net and of
// /proc/thread-self/net belongs to the namespace in which it was opened. So a file
// with counters is opened once, and read again from its beginning.
type within struct {
	host *host
	mu   sync.Mutex
	open map[string]*os.File
}

func (w *within) Open(name string) (fs.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	file := w.open[name]
	if file == nil {
		err := w.host.do(func() (err error) {
			file, err = os.Open("/proc/" + name)
			return err
		})
		if err != nil {
			return nil, err
		}
		if w.open == nil {
			w.open = make(map[string]*os.File)
		}
		w.open[name] = file
	}
	return fromStart{io.NewSectionReader(file, 0, 1<<30), file}, nil
}

// ReadFile reads a whole file with one call, as files of /proc/sys need it.
func (w *within) ReadFile(name string) (text []byte, err error) {
	err = w.host.do(func() error {
		text, err = os.ReadFile("/proc/" + name)
		return err
	})
	return text, err
}

// fromStart is a file that stays open and is read from its beginning.
type fromStart struct {
	*io.SectionReader
	file *os.File
}

func (f fromStart) Stat() (fs.FileInfo, error) { return f.file.Stat() }
func (f fromStart) Close() error               { return nil }

// set sets a parameter of both hosts and logs it.
func (s *stage) set(name string, value int) error {
	for _, h := range s.hosts[Here:] {
		if err := h.set(name, strconv.Itoa(value)); err != nil {
			return err
		}
	}
	s.log(Step{Kind: Setting, Name: name, Value: strconv.Itoa(value)})
	return nil
}
