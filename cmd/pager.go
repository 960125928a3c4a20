package cmd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// show writes a page to stdout, through a pager where that is a terminal on which
// it does not fit, as git does: $PAGER, else less or more. A PAGER that is empty,
// or cat, is none.
func show(page []byte, w *world) error {
	if pager := pagerFor(page, w); pager != "" {
		if done, err := runPager(pager, page, w); done {
			return err
		}
	}
	_, err := w.stdout.Write(page)
	return err
}

// pagerFor returns the command of the pager that a page needs, or "".
func pagerFor(page []byte, w *world) string {
	if !w.stdoutTTY || w.getenv("TERM") == "dumb" {
		return ""
	}
	if _, height := w.size(); bytes.Count(page, []byte("\n")) < height {
		return ""
	}
	if pager, set := w.lookupenv("PAGER"); set {
		if pager = strings.TrimSpace(pager); pager == "cat" {
			return ""
		}
		return pager
	}
	for _, pager := range []string{"less", "more"} {
		if _, err := exec.LookPath(pager); err == nil {
			return pager
		}
	}
	return ""
}

// runPager shows a page in a pager and waits until the reader has left it. It
// reports whether the pager was run at all. A Ctrl-C is for the pager alone, which
// may take it for a command, or end by it.
func runPager(pager string, page []byte, w *world) (done bool, err error) {
	c := exec.Command("/bin/sh", "-c", pager)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(page), os.Stdout, os.Stderr
	if w.getenv("LESS") == "" {
		c.Env = append(os.Environ(), "LESS=FRX") // end if it fits after all; take colours; leave the screen as it is
	}
	if err := c.Start(); err != nil {
		return false, nil
	}
	signal.Ignore(os.Interrupt)
	err = c.Wait()
	heedInterrupts()
	if errors.Is(err, syscall.EPIPE) {
		return true, nil // the reader has seen enough
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		// 126 and 127: the shell could not run it, or found none. Otherwise the
		// reader has left, by a Ctrl-C perhaps: a shell dies of one that its pager
		// took for a command, so it tells no more.
		return exit.ExitCode() != 126 && exit.ExitCode() != 127, nil
	}
	return true, err
}

// heedInterrupts undoes signal.Ignore for Ctrl-C: neither signal.Reset nor
// signal.Stop goes back behind it.
func heedInterrupts() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		<-interrupts
		os.Exit(exitInterrupted)
	}()
}
