package cmd

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/wording"
)

// describe gives a command, its flags and the commands below it their texts: those of
// help.txt of package wording, under their names.
func describe(c *cobra.Command, words *wording.Catalogue) {
	of := "help." + c.Name()
	values := []any{"dimensions", dimensionNames(), "sources", collect.SourceNames()}
	if c.Name() == "netstat" {
		values = append(values, "options", netstatHelp(words))
	}
	if words.Has(of + ".short") { // cobra describes the shells of completion
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
		if words.Has(key) { // cobra describes its flag help
			f.Usage = wording.Say(key, values...).In(words)
		}
	})
	for _, below := range c.Commands() {
		describe(below, words)
	}
}

// newHelpCommand returns a help command that refuses a command it does not know.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(c.Root(), args)
			}
			return about.Help()
		},
	}
}

// flagError returns the error of a flag, worded as this program words errors.
func flagError(c *cobra.Command, err error) error {
	said := wording.Wrap(err, "cmd.flag.cause")
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		wanted := map[string]string{"int": "cmd.flag.number", "bool": "cmd.flag.bool", "count": "cmd.flag.number",
			"duration": "cmd.flag.duration"}
		if what, ok := wanted[invalid.GetFlag().Value.Type()]; ok {
			said = wording.Fail("cmd.flag.value", "flag", invalid.GetFlag().Name, "value", invalid.GetValue(), "wanted", wording.Say(what))
		}
	}
	return misused(said.WithHint("cmd.flag.hint", "command", c.CommandPath()))
}
