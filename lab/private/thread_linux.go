package private

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// InThread runs f in a thread that ends when f ends. The goroutine does not
// unlock its thread, so the runtime ends the thread too. The process's first
// thread cannot be used: it does not end, and /proc/self shows its namespace.
// If the goroutine runs on the first thread, it keeps that thread locked while
// another thread does the work. runtime.Goexit, and so t.Fatal, continues in
// the caller.
func InThread(f func() error) error {
	var err error
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			err = InThread(f)
		} else {
			err = f()
		}
		returned = true
	}()
	<-done
	if !returned {
		runtime.Goexit()
	}
	return err
}
