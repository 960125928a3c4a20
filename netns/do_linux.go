package netns

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs f in the namespace and returns the error of f. If the caller cannot
// enter the namespace, the error is an *OpError. Its cause is ErrGone if the
// namespace has ended, or EPERM without CAP_SYS_ADMIN in the user namespaces of
// both the namespace and the caller (setns(2)). For the caller's own namespace
// Do only calls f, which needs no privilege.
//
// f runs in its own thread, which enters the namespace and ends when f ends. No
// other goroutine runs in that thread. Files and sockets that f opens stay in
// the namespace, and so do commands that it starts. Goroutines that f starts
// run outside it. A panic or a runtime.Goexit of f continues in the caller.
//
// Only a part of /proc shows the namespace to f. /proc/net shows the namespace
// of the process's first thread, which does not move; /proc/thread-self/net
// shows the entered namespace (proc_net(5)). Files below /proc/sys/net show the
// namespace of the thread that opens them, so f sees the entered one
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

// enter moves the calling thread into the namespace. The kernel reuses process
// IDs, so a file may by now refer to another namespace: enter compares its ID
// with the one that was found.
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
			return &OpError{"netns.entering", n.Name, err}
		}
		f.Close()
	}
	return &OpError{"netns.entering", n.Name, failed}
}

// inThread runs f in a thread that ends when f ends, and waits for f.
//
// The goroutine ends without unlocking its thread, so the runtime ends the
// thread too. The runtime does not start a new thread from a locked one, so no
// other thread inherits the namespace that f has entered (newm,
// runtime/proc.go).
//
// The first thread of the process cannot be used. It lives as long as the
// process, and /proc/self shows its namespace to this process and to others. If
// the goroutine happens to run on the first thread, it keeps that thread locked
// and calls inThread again, which then gets another thread.
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
