package cmd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"tcpstate/tty"
	"tcpstate/wording"
)

// show writes a page to stdout. Like git, it uses a pager if stdout is a terminal
// and the page does not fit on it: $PAGER, or less, or more. If PAGER is set to
// nothing or to cat, no pager is used.
func show(page []byte, env *environment) error {
	if pager := pagerFor(page, env); pager != "" {
		if done, err := runPager(pager, page, env); done {
			return err
		}
	}
	_, err := env.stdout.Write(page)
	if env.privileged && env.stdoutTTY && !fits(page, env) {
		(&notes{env: env}).print(wording.Say("cmd.privileged.pager").In(env.words))
	}
	return err
}

// fits reports whether a page fits on the terminal.
func fits(page []byte, env *environment) bool {
	_, height := env.size()
	return bytes.Count(page, []byte("\n")) < height
}

// pagerFor returns the command of the pager that a page needs, or "".
func pagerFor(page []byte, env *environment) string {
	if env.privileged { // pagers run commands, which would have the same rights
		return ""
	}
	if !env.stdoutTTY || env.getenv("TERM") == "dumb" {
		return ""
	}
	if fits(page, env) {
		return ""
	}
	if pager, set := env.lookupEnv("PAGER"); set {
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

// runPager shows a page in a pager and waits until the pager ends. It reports
// whether the pager could be run. While the pager runs, this program ignores
// Ctrl-C: the pager may use it as a command, or end.
func runPager(pager string, page []byte, env *environment) (done bool, err error) {
	c := exec.Command("/bin/sh", "-c", pager)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(page), os.Stdout, os.Stderr
	c.Env = pagerEnvironment(env, os.Environ())
	if err := c.Start(); err != nil {
		return false, nil
	}
	signal.Ignore(os.Interrupt)
	end := postponeEnd()
	err = c.Wait()
	end()
	restoreInterrupt()
	if errors.Is(err, syscall.EPIPE) {
		return true, nil // the reader left before the end of the page
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		// 126 and 127: the shell could not run the pager, or did not find it. Any
		// other code means that the pager was run. It does not mean an error: a
		// Ctrl-C ends the shell even if the pager used it as a command.
		return exit.ExitCode() != 126 && exit.ExitCode() != 127, nil
	}
	return true, err
}

// pagerEnvironment returns the environment of a pager: the given one, with what
// less(1) needs and the user has not set.
func pagerEnvironment(env *environment, environ []string) []string {
	if env.getenv("LESS") == "" {
		environ = append(environ, "LESS=FRX") // F: end if the page fits; R: show colours; X: do not clear the screen
	}
	// A page is in UTF-8. Where the locale is not installed, as is usual over ssh,
	// less would show the bytes of a Chinese page as hex.
	if env.getenv("LESSCHARSET") == "" && env.getenv("LESSCHARDEF") == "" {
		environ = append(environ, "LESSCHARSET=utf-8")
	}
	return environ
}

// postponeEnd lets this program live until its pager has ended, as git does, if a
// signal ends it before. Otherwise the pager would read keys from the terminal
// beside the shell, and leave its modes. The pager may be a child of a shell, so it
// cannot be ended from here. The function that postponeEnd returns ends the program
// by the signal, if there was one.
func postponeEnd() func() {
	signals := make(chan os.Signal, 1)
	for _, s := range ending {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	return func() {
		signal.Stop(signals)
		select {
		case by := <-signals:
			tty.Die(by)
		default:
		}
	}
}

// restoreInterrupt makes Ctrl-C end the program again after signal.Ignore, which
// neither signal.Reset nor signal.Stop undoes.
func restoreInterrupt() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		<-interrupts
		os.Exit(exitInterrupted)
	}()
}
