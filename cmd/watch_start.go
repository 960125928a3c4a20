package cmd

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/text"
	"tcpstate/watch/screen"
	"tcpstate/wording"
)

// startFlags are the flags that say how the screen begins. Keys change all of it
// later.
type startFlags struct {
	columns, sort, by, mouse, theme string
}

// onlyScreen are those of the flags that have no meaning for lines of output.
var onlyScreen = []string{"sort", "by", "mouse", "theme"}

func (f *startFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.columns, "columns", "", "")
	flags.StringVar(&f.sort, "sort", "", "")
	flags.StringVar(&f.by, "by", "none", "")
	flags.StringVar(&f.mouse, "mouse", "on", "")
	flags.StringVar(&f.theme, "theme", "auto", "")
	for flag, words := range map[string][]string{"columns": screen.ColumnNames(), "sort": screen.ColumnNames(),
		"by": screen.GroupNames(), "mouse": {"on", "off"}, "theme": text.ThemeNames()} {
		// The only error is that of a flag that does not exist.
		if err := c.RegisterFlagCompletionFunc(flag, completeLast(words)); err != nil {
			panic(err)
		}
	}
}

// completeLast completes the last word in a list that is separated by commas. A
// word to sort by may have a '-' before it.
func completeLast(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, list string) ([]string, cobra.ShellCompDirective) {
		last := strings.LastIndexByte(list, ',') + 1
		before := list[:last]
		if strings.HasPrefix(list[last:], "-") {
			before += "-"
		}
		var offers []string
		for _, word := range words {
			offers = append(offers, before+word)
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// check rejects the flags that only the screen has, where there is no screen.
func (f *startFlags) check(flags *pflag.FlagSet) error {
	for _, name := range onlyScreen {
		if flags.Changed(name) {
			return wording.Fail("cmd.watch.no-screen", "flag", "--"+name).WithHint("cmd.watch.no-screen.hint")
		}
	}
	return nil
}

// apply sets how a screen begins. Its errors are mistakes in the flags.
func (f *startFlags) apply(s *screen.Screen, flags *pflag.FlagSet) error {
	if flags.Changed("columns") {
		if err := s.ShowColumns(f.columns); err != nil {
			return err
		}
	}
	if err := s.GroupBy(f.by); err != nil {
		return err
	}
	if flags.Changed("sort") {
		if err := s.SortBy(f.sort); err != nil {
			return err
		}
	}
	if err := s.UseTheme(f.theme); err != nil {
		return err
	}
	on, err := parseSwitch("--mouse", f.mouse)
	s.NoMouse = !on
	return err
}

// parseSwitch returns whether a word is on or off.
func parseSwitch(name, word string) (bool, error) {
	switch word {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, wording.Fail("cmd.unknown.switch", "name", word, "of", name).WithChoices(word, "on", "off")
}
