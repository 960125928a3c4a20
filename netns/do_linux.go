package netns

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs f in the namespace and returns what it returns, or why the namespace
// could not be entered: an *OpError whose cause is ErrGone if it has ended, or
// EPERM without CAP_SYS_ADMIN in the user namespaces of both the namespace and
// the caller (setns(2)). In the caller's own namespace f is merely called, which
// needs no privilege.
//
// f runs in a thread of its own, which has entered the namespace and ends with
// f; no other goroutine ever runs in it. What f opens stays in the namespace, and
// so do the commands it starts; goroutines that it starts are outside. A panic
// of f, or its runtime.Goexit, goes on in the caller.
//
// Of /proc, f sees the namespace only in part. /proc/net is that of the
// process's first thread, which has not moved: /proc/thread-self/net is that of
// the namespace (proc_net(5)). Files below /proc/sys/net are those of the
// namespace, if f opens them: they belong to the thread that does so
// (net_ctl_header_lookup, net/sysctl_net.c).
func (n *Namespace) Do(f func() error) error {
	if own, err := Own(); err == nil && own.ID == n.ID {
		return f()
	}
	var (
		err      error
		panicked any
		returned bool
	)
	inThread(func() {
		defer func() { panicked = recover() }()
		if err = n.enter(); err == nil {
			err = f()
		}
		returned = true
	})
	switch {
	case panicked != nil:
		panic(panicked)
	case !returned:
		runtime.Goexit()
	}
	return err
}

// enter moves the calling thread into the namespace. Numbers of processes are
// given out again, so what a file stands for is compared with what was found.
func (n *Namespace) enter() error {
	failed := ErrGone
	for _, file := range n.files {
		f, id, err := open(file)
		switch {
		case isGone(err), errors.Is(err, ErrNotNetwork):
			continue
		case err != nil:
			failed = err
			continue
		case id == n.ID:
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
			if err == nil {
				return nil
			}
			return &OpError{"entering network namespace", n.Name, err}
		}
		f.Close()
	}
	return &OpError{"entering network namespace", n.Name, failed}
}

// inThread runs f in a thread that ends with it, and waits for that.
//
// The goroutine ends without unlocking its thread, and so the runtime ends the
// thread too. It does not clone a locked thread to make another one: no thread
// inherits what f does to its own (newm, runtime/proc.go).
//
// The first thread of the process will not do. It cannot end before the
// process, and /proc/self, with what others see of this process, shows its
// namespace. A goroutine that comes to run there keeps it busy while another
// does the work.
func inThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			inThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}
