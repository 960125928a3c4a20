// Package cmd is the command line. It turns flags into options and options
// into calls of the packages below, and it alone owns the exit codes, the
// environment, the terminal, the clock, and what goes to stdout and stderr.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tcpstate/filter"
	"tcpstate/text"
	"tcpstate/wording"
)

// The exit codes. They are promises to scripts.
const (
	exitDone        = 0
	exitFailed      = 1   // could not do it
	exitUsage       = 2   // was asked the wrong way
	exitFound       = 3   // doctor --fail-on: found what was asked for
	exitInterrupted = 130 // Ctrl-C
)

// world is what the commands know of the outside.
type world struct {
	stdout, stderr    io.Writer
	stdoutTTY, errTTY bool
	size              func() (width, height int) // of the terminal that stdout is
	terminal          *terminal                  // nil: nobody sits at one
	getenv            func(string) string
	lookupenv         func(string) (value string, set bool)
	now               func() time.Time
	hostname          func() (string, error)
	words             *wording.Catalogue // of what people read; nil: English
}

// Main runs the program with the arguments of the process and returns its exit
// code.
func Main() int {
	ctx, stop := untilInterrupted()
	defer stop()
	w := &world{
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		errTTY:    term.IsTerminal(int(os.Stderr.Fd())),
		size:      screenSize,
		getenv:    os.Getenv,
		lookupenv: os.LookupEnv,
		now:       time.Now,
		hostname:  os.Hostname,
	}
	if w.stdoutTTY && term.IsTerminal(int(os.Stdin.Fd())) {
		w.terminal = &terminal{os.Stdin, os.Stdout, os.Environ()}
	}
	return run(ctx, arguments(os.Args), w)
}

// screenSize returns the size of the terminal that stdout is, or else that which
// every terminal has had.
func screenSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// run is Main in a given world.
func run(ctx context.Context, args []string, w *world) int {
	inner := *w
	stdout := &output{ctx: ctx, w: w.stdout}
	inner.stdout = stdout
	root := newRootCommand(&inner)
	root.SetArgs(args)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd { // completion shows the texts too
		describe(root, w.words)
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = stdout.err
	}
	return report(err, w.stderr, w.words)
}

// untilInterrupted returns a context that ends with the first Ctrl-C. A command
// that has not ended soon after it, because nobody reads what it writes, is
// ended; so is one on a second Ctrl-C. A process that was started to ignore
// Ctrl-C, as by nohup(1) or in the background of a script, goes on ignoring it.
func untilInterrupted() (context.Context, func()) {
	const grace = 200 * time.Millisecond
	if signal.Ignored(os.Interrupt) {
		return context.Background(), func() {}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	forget := context.AfterFunc(ctx, func() {
		stop()
		time.AfterFunc(grace, func() { os.Exit(exitInterrupted) })
	})
	return ctx, func() { forget(); stop() }
}

// usageError marks an error as the caller's: the command was asked for wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// misused returns err marked as the caller's, or nil.
func misused(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// hintWidth is how many columns of a terminal a hint takes.
const hintWidth = 78

// report prints an error and its hint, and returns the exit code for it.
func report(err error, stderr io.Writer, words *wording.Catalogue) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return exitDone // the reader has seen enough
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errFindings):
		return exitFound
	}
	fmt.Fprintf(stderr, "tcpstate: %s\n", text.EscapeLines(words.Error(err)))
	var expression *filter.Error
	if errors.As(err, &expression) {
		for line := range strings.Lines(expression.Caret()) {
			fmt.Fprintf(stderr, "  %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	if hint := wording.Hint(err); !hint.IsZero() {
		line := "tcpstate: " + text.EscapeLines(wording.Say("cmd.hint", "hint", hint).In(words))
		stderr.Write(append(text.AppendWrapped(nil, line, hintWidth, 0, 2), '\n'))
	}
	if errors.As(err, &usageError{}) {
		return exitUsage
	}
	return exitFailed
}

func newRootCommand(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:               "tcpstate",
		Args:              knownCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	addOverview(root, w)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(flagError)
	// As cobra has it, but folded to the columns that every terminal has.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	root.AddCommand(newLsCommand(w), newCountCommand(w), newDoctorCommand(w), newWatchCommand(w), newExplainCommand(w), newNetstatCommand(w), newVersionCommand(w))
	root.SetHelpCommand(newHelpCommand())
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		describe(root, w.words) // who asks for no help does not pay for it
		show(c, args)
	})
	return root
}

// knownCommand refuses an argument of the program that names no command.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	slices.Sort(names)
	return misused(wording.Fail("cmd.unknown.command", "name", args[0]).Unlike(args[0], names...))
}

// noArguments refuses arguments of a command that takes none.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused(wording.Fail("cmd.unexpected", "argument", args[0]))
	}
	return nil
}
