// Package cmd is the command line. It turns flags into options, and options
// into calls of the packages below it. Only this package uses the exit codes,
// the environment variables, the terminal and the clock, and only it decides
// what goes to stdout and stderr.
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

// The exit codes. Scripts depend on them, so they do not change.
const (
	exitDone        = 0
	exitFailed      = 1   // the command could not do its work
	exitUsage       = 2   // the flags or arguments are wrong
	exitFound       = 3   // doctor --fail-on: a finding has the severity or a higher one
	exitInterrupted = 130 // Ctrl-C
)

// environment is everything outside the program that the commands use. Tests
// replace parts of it.
type environment struct {
	stdout, stderr       io.Writer
	stdoutTTY, stderrTTY bool                       // whether each is a terminal
	size                 func() (width, height int) // of the terminal that stdout is
	terminal             *terminal                  // nil: stdin or stdout is not a terminal
	getenv               func(string) string
	lookupEnv            func(string) (value string, set bool)
	now                  func() time.Time
	hostname             func() (string, error)
	arguments            []string           // of the process, for a command that runs the program again
	words                *wording.Catalogue // the language of texts for people; nil: that of the locale

	// patience ends the grace period in which a command must end after Ctrl-C. Nil:
	// there is none.
	patience func() bool

	privileged bool // the program has more rights than its user
}

// takeTime allows the command to end after Ctrl-C as late as it needs to, because
// it must restore the terminal. No further Ctrl-C ends the program at once.
func (env *environment) takeTime() {
	if env.patience != nil {
		env.patience()
	}
}

// Main runs the program with the arguments of the process and returns its exit
// code.
func Main() int {
	privileged := hasMoreRights()
	if privileged {
		forgetEnvironment()
	}
	if err := reserveDescriptors(); err != nil {
		return report(err, os.Stderr, nil)
	}
	ctx, patience, stop := untilInterrupted()
	defer stop()
	env := &environment{
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		stderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		size:      screenSize,
		getenv:    os.Getenv,
		lookupEnv: os.LookupEnv,
		now:       time.Now,
		hostname:  os.Hostname,
		arguments: os.Args[1:],
		patience:  patience,

		privileged: privileged,
	}
	if env.stdoutTTY && term.IsTerminal(int(os.Stdin.Fd())) {
		env.terminal = &terminal{os.Stdin, os.Stdout, os.Environ()}
	}
	return run(ctx, arguments(os.Args), env)
}

// screenSize returns the size of the terminal that stdout is. If it is not known,
// it is 80 columns and 24 lines, the classic size of a terminal.
func screenSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// run runs a command in an environment and returns its exit code.
func run(ctx context.Context, args []string, env *environment) int {
	inner := env.inLanguage()
	stdout := &output{ctx: ctx, w: env.stdout}
	inner.stdout = stdout
	root := newRootCommand(inner)
	if env.privileged {
		refuseFiles(root)
	}
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if c == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			if _, slip := wording.Nearest(args[0], commandNames(root)); slip {
				return unknownCommand(root, args[0]) // the flag is one of the command that was meant
			}
		}
		return flagError(c, err)
	})
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd { // shells show the texts of commands and flags
		describeForShell(root, inner.words)
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = stdout.err
	}
	return report(err, env.stderr, inner.words)
}

// output is the stdout of a command. After an interrupt it accepts no more output,
// so that an unfinished table is not drawn as if it were complete. It stores the
// first error, because not every writer checks for errors.
type output struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := 0, o.ctx.Err()
	if err == nil {
		n, err = o.w.Write(b)
	}
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// untilInterrupted returns a context that ends with the first Ctrl-C. The program
// ends at a second Ctrl-C, or after a grace period if the command has not ended by
// itself: it may be blocked because nobody reads its output. A process that was
// started with Ctrl-C ignored, by nohup(1) or in the background of a script,
// continues to ignore it. The first function that it returns takes the grace period
// and the end at a second Ctrl-C back.
func untilInterrupted() (ctx context.Context, patience func() bool, end func()) {
	const grace = 200 * time.Millisecond
	if signal.Ignored(os.Interrupt) {
		return context.Background(), nil, func() {}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	cancelExit := context.AfterFunc(ctx, func() {
		stop()
		time.AfterFunc(grace, func() { os.Exit(exitInterrupted) })
	})
	return ctx, cancelExit, func() { cancelExit(); stop() }
}

// usageError marks an error as a mistake in the flags or arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// misused returns err marked as a mistake in the flags or arguments, or nil.
func misused(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// hintWidth is the maximum width of the lines of a hint, in columns.
const hintWidth = 78

// report prints an error and its hint, and returns the exit code for it.
func report(err error, stderr io.Writer, words *wording.Catalogue) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return exitDone // the reader of a pipe, such as head(1), has ended
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errFindings):
		return exitFound
	}
	if again, ok := errors.AsType[ranAgain](err); ok {
		return int(again)
	}
	fmt.Fprintf(stderr, "tcpstate: %s\n", text.EscapeLine(words.Error(err)))
	var expression *filter.Error
	if errors.As(err, &expression) {
		for line := range strings.Lines(expression.Caret()) {
			fmt.Fprintf(stderr, "  %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	hint := wording.Hint(err)
	if hint.IsZero() && errors.Is(err, syscall.EMFILE) {
		hint = wording.Say("cmd.descriptors.hint")
	}
	if !hint.IsZero() {
		line := "tcpstate: " + text.EscapeLine(wording.Say("cmd.hint", "hint", hint).In(words))
		stderr.Write(append(text.AppendWrapped(nil, line, hintWidth, 0, 2), '\n'))
	}
	if errors.As(err, &usageError{}) {
		return exitUsage
	}
	return exitFailed
}

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:               "tcpstate [flags] [FILTER]",
		Args:              cobra.ArbitraryArgs, // they are what ls takes
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	addOverview(root, env)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(func(c *cobra.Command) error { return writeUsage(c, env) })
	root.AddCommand(newLsCommand(env), newCountCommand(env), newDoctorCommand(env), newWatchCommand(env), newExplainCommand(env), newNetstatCommand(env), newLabCommand(env), newVersionCommand(env))
	root.SetHelpCommand(newHelpCommand())
	addCompletion(root, env)
	addLanguageFlag(root, env)
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		describe(root, env.words) // only now: reading the texts takes time
		show(c, args)
	})
	return root
}

// commandNames returns the names of the commands below c.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	slices.Sort(names)
	return names
}

// unknownCommand returns the error for a name that is not that of a command.
func unknownCommand(c *cobra.Command, name string) error {
	return misused(wording.Fail("cmd.unknown.command", "name", name).WithChoices(name, commandNames(c)...))
}

// noArguments rejects all arguments, for a command that takes none.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused(wording.Fail("cmd.unexpected", "argument", args[0]))
	}
	return nil
}
