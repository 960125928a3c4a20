package cmd

import (
	"fmt"
	"strings"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// netstatOptions are the options of one run of netstat.
type netstatOptions struct {
	all, listening                           bool
	extended, programs, timers, wide         bool
	continuous                               bool
	numericHosts, numericPorts, numericUsers bool
	ipv4, ipv6                               bool
	help, version                            bool
	source, proc                             string
}

// netstatOption is an option of netstat. An option that is not about TCP names the
// program to use instead.
type netstatOption struct {
	letter  byte   // 0: it has no letter
	long    string // the long name; "": it has none
	help    string // the key of its text; "": it is not in the help
	value   string // the name of its argument; "": it has no argument
	set     func(o *netstatOptions, value string) error
	instead string // the key of the text that says what to use instead; "": it is about TCP
}

// netstatTable returns the options of the netstat of net-tools 2.10 (main and usage
// in its netstat.c), and two options that only this program has, --source and
// --proc.
func netstatTable() []netstatOption {
	return []netstatOption{
		flag('a', "all", "help.netstat.option.all", func(o *netstatOptions) { o.all = true }),
		flag('l', "listening", "help.netstat.option.listening", func(o *netstatOptions) { o.listening = true }),
		flag('t', "tcp", "help.netstat.option.tcp", nil),
		flag('4', "", "help.netstat.option.ipv4", func(o *netstatOptions) { o.ipv4 = true }),
		flag('6', "", "help.netstat.option.ipv6", func(o *netstatOptions) { o.ipv6 = true }),
		{letter: 'A', long: "protocol", value: "FAMILY", help: "help.netstat.option.protocol",
			set: (*netstatOptions).addFamilies},
		flag('n', "numeric", "help.netstat.option.numeric", func(o *netstatOptions) {
			o.numericHosts, o.numericPorts, o.numericUsers = true, true, true
		}),
		flag(0, "numeric-hosts", "help.netstat.option.numeric-hosts", func(o *netstatOptions) { o.numericHosts = true }),
		flag(0, "numeric-ports", "help.netstat.option.numeric-ports", func(o *netstatOptions) { o.numericPorts = true }),
		flag(0, "numeric-users", "help.netstat.option.numeric-users", func(o *netstatOptions) { o.numericUsers = true }),
		flag('e', "extend", "help.netstat.option.extend", func(o *netstatOptions) { o.extended = true }),
		flag('p', "programs", "help.netstat.option.programs", func(o *netstatOptions) { o.programs = true }),
		flag('o', "timers", "help.netstat.option.timers", func(o *netstatOptions) { o.timers = true }),
		flag('W', "wide", "help.netstat.option.wide", func(o *netstatOptions) { o.wide = true }),
		flag('c', "continuous", "help.netstat.option.continuous", func(o *netstatOptions) { o.continuous = true }),
		flag('v', "verbose", "help.netstat.option.accepted", nil),
		flag('N', "symbolic", "help.netstat.option.accepted", nil),
		flag('C', "cache", "help.netstat.option.accepted", nil),
		flag('F', "fib", "help.netstat.option.accepted", nil),
		flag('d', "", "help.netstat.option.accepted", nil),
		flag('h', "help", "help.netstat.option.help", func(o *netstatOptions) { o.help = true }),
		flag('V', "version", "help.netstat.option.version", func(o *netstatOptions) { o.version = true }),
		{long: "source", value: "SOURCE", help: "help.netstat.option.source", set: func(o *netstatOptions, value string) error {
			o.source = value
			return nil
		}},
		{long: "proc", value: "DIR", help: "help.netstat.option.proc", set: func(o *netstatOptions, value string) error {
			o.proc = value
			return nil
		}},

		family("inet"), family("inet6"), family("ip"), family("tcpip"),

		other('r', "route", "help.netstat.instead.route"),
		other('i', "interfaces", "help.netstat.instead.interfaces"),
		other('g', "groups", "help.netstat.instead.groups"),
		other('s', "statistics", "help.netstat.instead.statistics"),
		other('M', "masquerade", "help.netstat.instead.masquerade"),
		other('u', "udp", "help.netstat.instead.udp"),
		other('U', "udplite", "help.netstat.instead.udplite"),
		other('w', "raw", "help.netstat.instead.raw"),
		other('S', "sctp", "help.netstat.instead.sctp"),
		other('x', "unix", "help.netstat.instead.unix"),
		other('2', "l2cap", "help.netstat.instead.bluetooth"),
		other('f', "rfcomm", "help.netstat.instead.bluetooth"),
		other(0, "bluetooth", "help.netstat.instead.bluetooth"),
		other('Z', "context", "help.netstat.instead.context"),
		other(0, "ax25", "help.netstat.instead.ax25"),
		other(0, "netrom", "help.netstat.instead.netrom"),
		other(0, "rose", "help.netstat.instead.rose"),
		other(0, "x25", "help.netstat.instead.x25"),
		other(0, "ipx", "help.netstat.instead.ipx"),
		other(0, "ddp", "help.netstat.instead.appletalk"),
		other(0, "appletalk", "help.netstat.instead.appletalk"),
	}
}

// flag returns an option without an argument. If set is nil, the option is
// accepted and has no effect.
func flag(letter byte, long, help string, set func(*netstatOptions)) netstatOption {
	return netstatOption{letter: letter, long: long, help: help, set: func(o *netstatOptions, _ string) error {
		if set != nil {
			set(o)
		}
		return nil
	}}
}

// family returns a long option with the name of an address family.
func family(name string) netstatOption {
	return netstatOption{long: name, set: func(o *netstatOptions, _ string) error { return o.addFamilies(name) }}
}

// other returns an option that is not about TCP.
func other(letter byte, long, instead string) netstatOption {
	return netstatOption{letter: letter, long: long, instead: instead}
}

// addFamilies adds address families as -A names them (aftrans, lib/af.c).
func (o *netstatOptions) addFamilies(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		switch name {
		case "inet", "ip", "tcpip":
			o.ipv4 = true
		case "inet6", "ip6":
			o.ipv6 = true
		default:
			if option, ok := optionNamed(name); ok && option.instead != "" {
				return option.refuse("-A " + name)
			}
			return wording.Fail("cmd.unknown.family", "name", name).WithChoices(name, "inet", "inet6")
		}
	}
	return nil
}

// families returns the requested address families, or both if none is requested.
func (o *netstatOptions) families() []tcp.Family {
	var families []tcp.Family
	if o.ipv4 || !o.ipv6 {
		families = append(families, tcp.IPv4)
	}
	if o.ipv6 || !o.ipv4 {
		families = append(families, tcp.IPv6)
	}
	return families
}

// parseNetstat reads arguments as getopt_long(3) does for netstat: letters can be
// joined, long names can be shortened, and an argument that is not an option is
// skipped. Nothing is read after the options for help and version, because they
// end the program.
func parseNetstat(args []string) (netstatOptions, error) {
	o := netstatOptions{source: collect.ProcFS.String(), proc: collect.DefaultProc}
	for len(args) > 0 && !o.help && !o.version {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			return o, nil
		case strings.HasPrefix(arg, "--"):
			args, err = o.long(arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = o.letters(arg[1:], args)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// long sets the long option arg and returns the arguments that are left.
func (o *netstatOptions) long(arg string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(arg[2:], "=")
	option, err := findLong(name)
	if err != nil {
		return nil, err
	}
	switch {
	case option.instead != "":
		return nil, option.refuse("--" + option.long)
	case option.value == "" && given:
		return nil, wording.Fail("cmd.netstat.no-argument", "option", "--"+option.long)
	case option.value != "" && !given:
		if len(rest) == 0 {
			return nil, wording.Fail("cmd.netstat.needs-argument", "option", "--"+option.long)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, option.set(o, value)
}

// letters sets joined options and returns the arguments that are left.
func (o *netstatOptions) letters(letters string, rest []string) ([]string, error) {
	for i := range len(letters) {
		option, ok := optionOfLetter(letters[i])
		value := ""
		switch {
		case !ok:
			return nil, unknownOption("-" + letters[i:i+1])
		case option.instead != "":
			return nil, option.refuse("-" + letters[i:i+1])
		case option.value != "" && i+1 < len(letters):
			return rest, option.set(o, letters[i+1:])
		case option.value != "" && len(rest) == 0:
			return nil, wording.Fail("cmd.netstat.needs-argument", "option", "-"+letters[i:i+1])
		case option.value != "":
			value, rest = rest[0], rest[1:]
		}
		if err := option.set(o, value); err != nil || o.help || o.version {
			return rest, err
		}
	}
	return rest, nil
}

func optionOfLetter(letter byte) (netstatOption, bool) {
	for _, option := range netstatTable() {
		if option.letter == letter {
			return option, true
		}
	}
	return netstatOption{}, false
}

func optionNamed(name string) (netstatOption, bool) {
	for _, option := range netstatTable() {
		if option.long == name && name != "" {
			return option, true
		}
	}
	return netstatOption{}, false
}

// findLong returns the option with the name, or the only option whose name begins
// with it. The options that only this program has cannot be shortened, so that
// every short form means the same as in netstat.
func findLong(name string) (netstatOption, error) {
	if option, ok := optionNamed(name); ok {
		return option, nil
	}
	var found []string
	for _, option := range netstatTable() {
		if name != "" && strings.HasPrefix(option.long, name) && option.long != "source" && option.long != "proc" {
			found = append(found, "--"+option.long)
		}
	}
	switch len(found) {
	case 0:
		return netstatOption{}, unknownOption("--" + name)
	case 1:
		option, _ := optionNamed(found[0][2:])
		return option, nil
	}
	return netstatOption{}, wording.Fail("cmd.netstat.ambiguous", "option", "--"+name).WithHint("cmd.netstat.ambiguous.hint", "options", found)
}

// refuse returns an error that says what to use instead of an option that is not
// about TCP.
func (option netstatOption) refuse(as string) error {
	return wording.Fail("cmd.netstat.not-tcp", "option", as, "instead", wording.Say(option.instead))
}

func unknownOption(name string) error {
	return wording.Fail("cmd.unknown.option", "name", name).WithHint("cmd.unknown.option.hint")
}

// netstatHelp lists the options that this program accepts.
func netstatHelp(words *wording.Catalogue) string {
	var b strings.Builder
	for _, option := range netstatTable() {
		if option.help == "" {
			continue
		}
		names := "    --" + option.long
		switch {
		case option.letter != 0 && option.long != "":
			names = fmt.Sprintf("-%c, --%s", option.letter, option.long)
		case option.letter != 0:
			names = fmt.Sprintf("-%c", option.letter)
		}
		if option.value != "" {
			names += " " + option.value
		}
		fmt.Fprintf(&b, "  %-23s %s\n", names, wording.Say(option.help).In(words))
	}
	return b.String()
}
