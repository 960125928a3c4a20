package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/wording"
)

// TestHelpIsComplete checks that every command and flag has its text, and that
// help.txt has no text for a command or flag that does not exist.
func TestHelpIsComplete(t *testing.T) {
	root := newRootCommand(&environment{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	describe(root, nil)
	used := map[string]bool{}
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		of := "help." + c.Name()
		used[of+".short"], used[of+".long"] = true, true
		if c.Short == "" || strings.Contains(c.Short+c.Long, of+".") {
			t.Errorf("%s has no text: %q, %q", of, c.Short, c.Long)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			used[of+".flag."+f.Name], used["help.flag."+f.Name] = true, true
			if f.Usage == "" || strings.HasPrefix(f.Usage, "help.") {
				t.Errorf("the flag --%s of %s has no text", f.Name, c.Name())
			}
		})
		for _, below := range c.Commands() {
			check(below)
		}
	}
	check(root)
	for _, key := range wording.For(wording.English).Keys("help") {
		if !used[key] && !strings.HasPrefix(key, "help.netstat.") { // netstat's options are in a table
			t.Errorf("no command or flag has the text %s", key)
		}
	}
}

// TestCompletionDescribes checks that the shell's completion shows the texts.
func TestCompletionDescribes(t *testing.T) {
	for _, args := range [][]string{{"__complete", "l"}, {"__complete", "ls", "--lim"}} {
		got := runArgs(t, args...)
		want := map[string]string{"l": "ls\tList the TCP sockets", "--lim": "--limit\tlist at most N sockets"}[args[len(args)-1]]
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q: %q does not have %q", args, got.stdout, want)
		}
	}
}
