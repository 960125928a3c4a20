package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/wording"
)

// This file is about a program that has more rights than its user: see
// docs/security.md. The user then must not choose which files it reads, nor which
// programs it runs.

// keptVariables are the environment variables that such a program obeys. They choose
// words and colours, and no files.
var keptVariables = []string{"LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TERM", "COLORTERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"}

// safePath is where such a program looks for others.
const safePath = "/usr/sbin:/usr/bin:/sbin:/bin"

// safeEnvironment returns the part of an environment that such a program obeys. A value
// with a slash could be the path of a file, for example of a terminal's description.
func safeEnvironment(environ []string) []string {
	kept := []string{"PATH=" + safePath}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if slices.Contains(keptVariables, name) && !strings.Contains(value, "/") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// forgetEnvironment leaves only the safe part of the environment of the process.
func forgetEnvironment() {
	kept := safeEnvironment(os.Environ())
	os.Clearenv()
	for _, variable := range kept {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			continue // it stays unset
		}
	}
}

// refuseFiles makes a command, and those below it, refuse the flags that choose files.
func refuseFiles(c *cobra.Command) {
	for _, name := range []string{"proc", "config", "baseline", "netns"} {
		if f := c.Flags().Lookup(name); f != nil {
			f.Value = guarded{f.Value, name}
		}
	}
	if c.Name() == "lab" {
		c.RunE = func(*cobra.Command, []string) error {
			return wording.Fail("cmd.privileged", "what", "lab").WithHint("cmd.privileged.hint")
		}
	}
	for _, below := range c.Commands() {
		refuseFiles(below)
	}
}

// guarded is the value of a flag that refuses the paths of files.
type guarded struct {
	pflag.Value
	flag string
}

func (g guarded) Set(value string) error {
	if err := guard(g.flag, value); err != nil {
		return err
	}
	return g.Value.Set(value)
}

// guard returns the error for a flag that chooses a file. The names and processes of
// network namespaces are none, and /proc is what is read anyway.
func guard(flag, value string) error {
	switch {
	case flag == "netns" && !strings.Contains(value, "/"):
		return nil
	case flag == "proc" && filepath.Clean(value) == collect.DefaultProc:
		return nil
	}
	return wording.Fail("cmd.privileged", "what", "--"+flag+" "+value).WithHint("cmd.privileged.hint")
}
