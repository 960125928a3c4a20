package tty

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpstate/text"
)

// modes are the modes of a terminal, termios(3).
type modes = unix.Termios

// Open returns the terminal that in and out are, and begins to receive its
// events. If this process is not in the foreground, Open first waits until it
// is. A process that was started with SIGTSTP ignored continues to ignore it.
func Open(ctx context.Context, in, out *os.File) (*Terminal, error) {
	t := &Terminal{File: out, in: in, events: make(chan Event, 8), answered: make(chan struct{}, 1)}
	signals := make(chan os.Signal, 8)
	caught := []os.Signal{unix.SIGCONT}
	if !signal.Ignored(unix.SIGTSTP) {
		caught = append(caught, unix.SIGTSTP)
	}
	signal.Notify(signals, caught...)
	done := make(chan struct{})
	t.ended = func() { signal.Stop(signals); close(done) }
	go t.receive(signals, done)
	if err := t.await(ctx); err != nil {
		t.Close()
		return nil, err
	}
	if m, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err == nil {
		t.modes = *m
	}
	return t, nil
}

// Close ends the receiving of events. It leaves the terminal as it is.
func (t *Terminal) Close() error { t.ended(); return nil }

// receive turns signals into events.
func (t *Terminal) receive(signals <-chan os.Signal, done <-chan struct{}) {
	for {
		var e Event
		select {
		case <-done:
			return
		case s := <-signals:
			if s == unix.SIGCONT {
				if t.expected.CompareAndSwap(true, false) {
					t.answered <- struct{}{}
					continue
				}
				e = Continued
			}
		}
		select {
		case t.events <- e:
		default: // enough of them wait
		}
	}
}

// Foreground reports whether this process has the terminal. It is true also
// where no shell shares the terminal out: if the terminal does not control this
// process, or if it is gone.
func (t *Terminal) Foreground() bool {
	group, err := unix.IoctlGetInt(int(t.in.Fd()), unix.TIOCGPGRP)
	return err != nil || group <= 0 || group == unix.Getpgrp()
}

// patience is how long a process that continues in the background waits for a
// signal that ends it: a shell that ends a stopped job sends that signal and
// then SIGCONT.
const patience = 100 * time.Millisecond

func (t *Terminal) await(ctx context.Context) error {
	for !t.Foreground() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(patience):
		}
		if !t.Foreground() {
			t.stop(unix.SIGTTOU, false)
		}
	}
	return nil
}

// StopNow stops this process until it is continued in the foreground. If group
// is set, it stops all processes of the job, as the key Ctrl-Z does. The caller
// has restored the terminal. StopNow returns at once if the kernel does not stop
// a process by SIGTSTP: no shell would continue a process whose group is
// orphaned (setpgid(2)). It returns the cause of ctx if that ends.
func (t *Terminal) StopNow(ctx context.Context, group bool) error {
	t.stop(unix.SIGTSTP, group)
	return t.await(ctx)
}

// stop stops this process by a signal. It returns when the process continues,
// or at once if the kernel ignores the signal.
func (t *Terminal) stop(by syscall.Signal, group bool) {
	t.stopping.Lock()
	defer t.stopping.Unlock()
	runtime.LockOSThread() // the signal goes to this thread, which then cannot go on
	defer runtime.UnlockOSThread()
	before := act(by, action{handler: ignore})
	if group {
		unix.Kill(0, by)
	}
	t.expected.Store(true)
	act(by, action{})
	unix.Tgkill(unix.Getpid(), unix.Gettid(), by)
	act(by, before)
	select {
	case <-t.answered:
	case <-time.After(patience): // the process was not stopped
		if !t.expected.CompareAndSwap(true, false) {
			<-t.answered
		}
	}
}

// Mute discards what is written from now on. It first notes the modes that the
// terminal has now: if they are not those of a full screen, they are those to
// which Restore and Unmute return.
func (t *Terminal) Mute() {
	t.muted.Store(true)
	if m, err := unix.IoctlGetTermios(int(t.in.Fd()), unix.TCGETS); err == nil && m.Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.modes = *m
	}
}

// Unmute accepts output again. The terminal gets the modes that Mute noted, and
// shows the screen that is for programs that fill it, whatever it showed before.
func (t *Terminal) Unmute() {
	unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, &t.modes)
	t.muted.Store(false)
	t.Write([]byte(text.EnterScreen))
}

// Restore leaves the screen without the help of the program that drew it. It
// does not change the modes of a terminal that another job has.
func (t *Terminal) Restore() {
	t.File.Write([]byte(text.LeaveScreen))
	if t.Foreground() {
		unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, &t.modes)
	}
}

// Die ends this process by a signal, as if the process did not handle it. So
// the parent process sees the reason, and SIGQUIT and SIGABRT write a core where
// the limits allow one. The runtime would report all goroutines instead.
func Die(by os.Signal) {
	runtime.LockOSThread()
	if s, ok := by.(syscall.Signal); ok {
		act(s, action{})
		unix.Tgkill(unix.Getpid(), unix.Gettid(), s)
	}
}

// action is struct kernel_sigaction of the kernel, rt_sigaction(2). The zero
// action is that of a process that does not handle the signal.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const ignore = 1 // SIG_IGN

// act sets the action for a signal and returns the one before. Package signal
// cannot: once it has caught a signal it never returns to the action of the
// kernel.
func act(s syscall.Signal, a action) (before action) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&a)), uintptr(unsafe.Pointer(&before)), unsafe.Sizeof(a.mask), 0, 0)
	return before
}
