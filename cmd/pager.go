package cmd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// show writes a page to stdout, through a pager where that is a terminal on which
// it does not fit, as git does: $PAGER, else less or more.
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
	_, height := w.size()
	if !w.stdoutTTY || w.getenv("TERM") == "dumb" || bytes.Count(page, []byte("\n")) < height {
		return ""
	}
	switch pager := w.getenv("PAGER"); pager {
	case "cat":
		return ""
	case "":
	default:
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
// reports whether the pager was run at all. A Ctrl-C is for the pager alone.
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
	if errors.Is(err, syscall.EPIPE) {
		return true, nil // the reader has seen enough
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode() != 127, nil // 127: there is no such pager
	}
	return true, err
}
