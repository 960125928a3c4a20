package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newHelpCommand returns a help command that refuses a command it does not know.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Print the help of a command",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(c.Root(), args)
			}
			return about.Help()
		},
	}
}

// flagError returns the error of a flag in the words of this program.
func flagError(c *cobra.Command, err error) error {
	hint := fmt.Sprintf("%s --help lists the flags", c.CommandPath())
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		wanted := map[string]string{"int": "a whole number", "bool": "true or false", "count": "a whole number",
			"duration": "a time such as 250ms, 5s or 1m"}
		if what, ok := wanted[invalid.GetFlag().Value.Type()]; ok {
			err = fmt.Errorf("--%s %q is not %s", invalid.GetFlag().Name, invalid.GetValue(), what)
		}
	}
	return misused(&hintedError{err, hint})
}
