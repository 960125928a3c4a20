package cmd

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/text"
	"tcpstate/watch/screen"
	"tcpstate/wording"
)

// describe sets the texts of a command, of its flags and of the commands below it.
// The texts are in help.txt of package wording; their keys have the names of the
// commands and flags.
func describe(c *cobra.Command, words *wording.Catalogue) {
	of := "help." + c.Name()
	values := []any{"dimensions", dimensionNames(), "sources", collect.SourceNames(),
		"columns", screen.ColumnNames(), "groups", screen.GroupNames(), "themes", text.ThemeNames()}
	if c.Name() == "netstat" {
		values = append(values, "options", netstatHelp(words))
	}
	if words.Has(of + ".short") { // the help command of cobra, before it is replaced, has none
		c.Short = wording.Say(of + ".short").In(words)
	}
	if words.Has(of + ".long") {
		c.Long = wording.Say(of+".long", values...).In(words)
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		key := of + ".flag." + f.Name
		if !words.Has(key) {
			key = "help.flag." + f.Name
		}
		if !words.Has(key) && !c.HasParent() {
			key = "help.ls.flag." + f.Name // without a command the flags of ls are taken too
		}
		switch {
		case f.Name == "help":
			f.Usage = wording.Say("cmd.usage.help", "command", c.Name()).In(words)
		case words.Has(key):
			f.Usage = wording.Say(key, values...).In(words)
		}
	})
	for _, below := range c.Commands() {
		describe(below, words)
	}
}

// describeForShell sets the same texts for the completion of a shell. It removes the
// quotes around the names of values, which only the help of cobra understands.
func describeForShell(c *cobra.Command, words *wording.Catalogue) {
	describe(c, words)
	unquote := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	c.Flags().VisitAll(unquote)
	for _, below := range c.Commands() {
		below.Flags().VisitAll(unquote)
	}
}

// newHelpCommand returns the help command. It rejects an unknown command, which
// the help command of cobra accepts.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
			if about, rest, err := c.Root().Find(args); err == nil && len(rest) == 0 {
				for _, below := range about.Commands() {
					if below.IsAvailableCommand() {
						words = append(words, cobra.CompletionWithDesc(below.Name(), below.Short))
					}
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			switch {
			case err != nil || about == c.Root() && len(rest) > 0:
				return unknownCommand(c.Root(), args[0])
			case len(rest) > 0:
				return noArguments(about, rest)
			}
			return about.Help()
		},
	}
}

// flagError turns an error of pflag into an error with a text of this program, if
// there is one, and adds a hint: the flag that was probably meant, the commands that
// have it, or how to list the flags.
func flagError(c *cobra.Command, err error) error {
	if language, ok := errors.AsType[*wording.UnknownLanguageError](err); ok {
		return misused(language)
	}
	worded := pflagError(err)
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		if refused, ok := errors.AsType[*wording.Error](err); ok {
			if _, ok := invalid.GetFlag().Value.(guarded); ok {
				return misused(refused) // it says which flag, and its hint what helps
			}
		}
		wanted := map[string]string{"int": "cmd.flag.number", "bool": "cmd.flag.bool", "count": "cmd.flag.number",
			"duration": "cmd.flag.duration"}
		if what, ok := wanted[invalid.GetFlag().Value.Type()]; ok {
			worded = wording.Fail("cmd.flag.value", "flag", invalid.GetFlag().Name, "value", invalid.GetValue(), "wanted", wording.Say(what))
		}
	}
	worded = worded.WithHint("cmd.flag.hint", "command", c.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		worded = suggestFlag(worded, c, unknown)
	}
	return misused(worded)
}

// pflagError returns an error of pflag with a text of this program. pflag has no
// texts in other languages.
func pflagError(err error) *wording.Error {
	var (
		unknown *pflag.NotExistError
		needs   *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return wording.Fail("cmd.flag.unknown-letter", "letter", unknown.GetSpecifiedName(), "letters", unknown.GetSpecifiedShortnames())
	case errors.As(err, &unknown):
		return wording.Fail("cmd.flag.unknown", "flag", unknown.GetSpecifiedName())
	case errors.As(err, &needs) && needs.GetSpecifiedShortnames() != "":
		return wording.Fail("cmd.flag.needs-letter", "letter", needs.GetSpecifiedName(), "letters", needs.GetSpecifiedShortnames())
	case errors.As(err, &needs):
		return wording.Fail("cmd.flag.needs", "flag", needs.GetSpecifiedName())
	case errors.As(err, &invalid):
		return wording.Wrap(invalid.Unwrap(), "cmd.flag.invalid", "flag", invalid.GetFlag().Name, "value", invalid.GetValue())
	case errors.As(err, &syntax):
		return wording.Fail("cmd.flag.syntax", "flag", syntax.GetSpecifiedFlag())
	}
	return wording.Wrap(err, "cmd.flag.cause")
}

// suggestFlag adds to the error for an unknown flag the flag that was probably
// meant, or the commands that have the flag.
func suggestFlag(err *wording.Error, c *cobra.Command, unknown *pflag.NotExistError) *wording.Error {
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		name, _, _ := strings.Cut(letters, "=")
		if c.Flags().Lookup(name) == nil {
			return err
		}
		return err.WithHint("cmd.flag.dashes", "flag", name) // -state for --state
	}
	var flags, commands []string
	c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
	for _, other := range c.Root().Commands() {
		if other.Flags().Lookup(unknown.GetSpecifiedName()) != nil {
			commands = append(commands, other.CommandPath())
		}
	}
	if commands != nil {
		return err.WithHint("cmd.flag.elsewhere", "flag", unknown.GetSpecifiedName(), "commands", commands)
	}
	return err.WithChoices("--"+unknown.GetSpecifiedName(), flags...)
}

func newVersionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:  "version",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return writeVersion(env) },
	}
}

// writeVersion prints the version of the program and what it was built with.
func writeVersion(env *environment) error {
	_, err := fmt.Fprintf(env.stdout, "tcpstate %s, %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version returns the version of the module. If the program was built from a
// repository, it contains the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
