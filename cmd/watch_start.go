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
	columns, sort, by, mouse, theme, config string
}

// onlyScreen are those of the flags that have no meaning for lines of output.
var onlyScreen = []string{"sort", "by", "mouse", "theme", "config"}

func (f *startFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.columns, "columns", "", "")
	flags.StringVar(&f.sort, "sort", "", "")
	flags.StringVar(&f.by, "by", "none", "")
	flags.StringVar(&f.mouse, "mouse", "on", "")
	flags.StringVar(&f.theme, "theme", "auto", "")
	flags.StringVar(&f.config, "config", "", "")
	complete(c, "columns", listOf(func() []candidate { return named(screen.ColumnNames()...) }))
	complete(c, "sort", listOf(func() []candidate { return named(screen.SortNames()...) }))
	complete(c, "by", oneWord(func() []candidate { return named(screen.GroupNames()...) }))
	complete(c, "mouse", oneWord(func() []candidate { return named("on", "off") }))
	complete(c, "theme", oneWord(func() []candidate { return named(text.ThemeNames()...) }))
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

// apply sets how a screen begins: by the flags, else by the configuration of the
// user. Its errors are mistakes in either, or a file that cannot be read.
func (f *startFlags) apply(s *screen.Screen, flags *pflag.FlagSet, env *environment) error {
	if flags.Changed("config") && f.config == "" {
		return misused(wording.Fail("cmd.config.empty"))
	}
	c, err := readConfiguration(f.config, env)
	if err != nil {
		return err
	}
	if d, err := c.interval(); err != nil {
		return misused(err)
	} else if d > 0 && !flags.Changed("interval") {
		s.Interval = d
	}
	for _, setting := range []struct {
		name     string
		flag     string
		file     *string
		required bool // the flag has a default, which the file can only replace
		set      func(string) error
	}{
		{"columns", f.columns, joined(c.Watch.Columns), false, s.ShowColumns},
		{"by", f.by, c.Watch.By, true, s.GroupBy},
		{"sort", f.sort, c.Watch.Sort, false, s.SortBy},
		{"theme", f.theme, c.Watch.Theme, true, s.UseTheme},
	} {
		switch {
		case flags.Changed(setting.name):
			err = setting.set(setting.flag)
		case setting.name == "sort" && (flags.Changed("by") || s.Listeners):
			// The order in the file is for the list that the file requests.
		case setting.file != nil:
			if err = setting.set(*setting.file); err != nil {
				err = c.wrong(setting.name, err)
			}
		case setting.required:
			err = setting.set(setting.flag)
		}
		if err != nil {
			return misused(err)
		}
	}
	on, err := parseSwitch("--mouse", f.mouse)
	if c.Watch.Mouse != nil && !flags.Changed("mouse") {
		on = *c.Watch.Mouse
	}
	s.NoMouse = !on
	return misused(err)
}

// joined returns a list as a flag takes it, or nil if there is none.
func joined(list []string) *string {
	if list == nil {
		return nil
	}
	text := strings.Join(list, ",")
	return &text
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
