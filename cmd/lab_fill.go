package cmd

import (
	"context"
	"fmt"

	"tcpstate/lab"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// runFill checks the flags of --fill and runs the program again, which makes the
// sockets.
func (f *labFlags) runFill(argument string, env *environment) error {
	if argument != "" {
		return misused(wording.Fail("cmd.lab.fill-scene", "argument", argument))
	}
	for flag, set := range map[string]bool{"--list": f.list, "--json": f.json, "--fast": f.fast, "--step": f.step, "--ask": f.ask, "--pcap": f.pcap != ""} {
		if set {
			return misused(wording.Fail("cmd.flag.exclude", "one", "--fill", "other", flag))
		}
	}
	if _, err := lab.ParseFill(f.fill); err != nil {
		return misused(err)
	}
	return enterLab(env)
}

// fillInside makes the sockets in the namespace of this process, and prints how many
// there are in each state.
func (f *labFlags) fillInside(ctx context.Context, env *environment) error {
	wants, err := lab.ParseFill(f.fill)
	if err != nil {
		return misused(err)
	}
	return lab.Fill(wants, func(filled lab.Filled) error {
		for state := range tcp.All.States() {
			four, six := filled.IPv4[state], filled.IPv6[state]
			if four+six == 0 {
				continue
			}
			if _, err := fmt.Fprintln(env.stdout, wording.Say("cmd.lab.filled", "n", four+six, "state", state, "six", six).In(env.words)); err != nil {
				return err
			}
		}
		if !f.shell {
			return nil
		}
		return runShellOf(ctx, wording.Say("cmd.lab.fill-shell"), nil, func(start func() error) error { return start() }, env)
	})
}
