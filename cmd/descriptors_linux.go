package cmd

import (
	"errors"
	"os"
	"syscall"

	"tcpstate/wording"
)

// descriptorsNeeded is how many descriptors must be free when the program starts:
// two for the poller of the Go runtime (an epoll and an eventfd), and one to read
// from.
const descriptorsNeeded = 3

// reserveDescriptors makes the Go runtime open its poller now. The runtime opens it
// with the first file, and if it then finds no free descriptor it ends the program
// with the state of all goroutines. After this call a lack of descriptors is an
// error like others. It returns an error if too few are free from the start.
func reserveDescriptors() error {
	var free []int
	defer func() {
		for _, fd := range free {
			syscall.Close(fd)
		}
	}()
	for len(free) < descriptorsNeeded {
		fd, err := syscall.Dup(syscall.Stderr)
		if errors.Is(err, syscall.EMFILE) {
			return tooFewDescriptors(len(free))
		}
		if err != nil {
			return nil // whatever it is, it is no lack of descriptors
		}
		free = append(free, fd)
	}
	for _, fd := range free {
		syscall.Close(fd)
	}
	free = nil
	if file, err := os.Open(os.DevNull); err == nil {
		file.Close()
	}
	return nil
}

func tooFewDescriptors(free int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	return wording.Fail("cmd.descriptors", "needed", descriptorsNeeded, "free", free, "limit", limit.Cur).WithHint("cmd.descriptors.hint")
}
