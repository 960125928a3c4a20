package cmd

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/text"
	"tcpstate/wording"
)

// usageWidth is the maximum width of the flags in a help text, in columns. A
// narrower terminal has narrower lines.
const usageWidth = 80

// usage is the part of a help text below the description: how a command is called,
// and its flags. It has the layout of cobra. cobra has no texts in other languages,
// and its lines are too long where a character takes two columns.
type usage struct {
	words *wording.Catalogue
	width int
	out   []byte
}

// writeUsage writes the usage of a command to its output.
func writeUsage(c *cobra.Command, env *environment) error {
	u := usage{words: env.words, width: usageWidth}
	if env.stdoutTTY {
		width, _ := env.size()
		u.width = min(width, usageWidth)
	}
	u.add(c)
	_, err := c.OutOrStderr().Write(u.out)
	return err
}

func (u *usage) add(c *cobra.Command) {
	u.out = append(u.out, wording.Say("cmd.usage.usage").In(u.words)...)
	if c.Runnable() {
		u.line("  " + c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		u.line("  " + c.CommandPath() + " [command]")
	}
	if c.HasExample() {
		u.head(wording.Say("cmd.usage.examples"))
		u.line(c.Example)
	}
	if c.HasAvailableSubCommands() {
		u.head(wording.Say("cmd.usage.commands"))
		rows := make([]helpRow, 0, len(c.Commands()))
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() || below.Name() == "help" {
				rows = append(rows, helpRow{"  " + below.Name(), below.Short})
			}
		}
		u.table(rows, max(c.Commands()[0].NamePadding()+3, 0))
	}
	if c.HasAvailableLocalFlags() {
		u.head(wording.Say("cmd.usage.flags"))
		rows := u.flags(c.LocalFlags())
		widest := 0
		for _, r := range rows {
			widest = max(widest, text.Width(r.name))
		}
		u.table(rows, widest+3)
	}
	if c.HasAvailableSubCommands() {
		u.out = text.AppendWrapped(append(u.out, "\n\n"...), wording.Say("cmd.usage.more", "command", c.CommandPath()).In(u.words), u.width, 0, 0)
	}
	u.line("")
}

// helpRow is a command or a flag, and what it does.
type helpRow struct{ name, does string }

// flags returns the flags that users shall see, as pflag writes them.
func (u *usage) flags(set *pflag.FlagSet) []helpRow {
	var rows []helpRow
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		value, does := pflag.UnquoteUsage(f)
		if value != "" {
			name += " " + value
		}
		if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
			given := f.DefValue
			if f.Value.Type() == "string" {
				given = `"` + given + `"`
			}
			does += wording.Say("cmd.usage.default", "value", given).In(u.words)
		}
		rows = append(rows, helpRow{name, does})
	})
	return rows
}

// table adds rows with their second column at the given column. In a narrow terminal
// the second column begins in a line of its own.
func (u *usage) table(rows []helpRow, column int) {
	const least, indent = 30, 10 // columns of the second column, and where it begins then
	for _, r := range rows {
		u.line(r.name)
		if u.width-column >= least {
			u.out = text.AppendSpaces(u.out, column-text.Width(r.name))
			u.out = text.AppendWrapped(u.out, r.does, u.width, column, column)
			continue
		}
		u.out = text.AppendSpaces(append(u.out, '\n'), indent)
		u.out = text.AppendWrapped(u.out, r.does, u.width, indent, indent)
	}
}

func (u *usage) head(m wording.Message) {
	u.line("")
	u.line(m.In(u.words))
}

// line begins a line.
func (u *usage) line(s string) { u.out = append(append(u.out, '\n'), s...) }
