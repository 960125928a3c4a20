package cmd

import (
	"fmt"
	"strings"

	"tcpstate/collect"
	"tcpstate/tcp"
)

// netstatOptions are what the options of netstat ask for.
type netstatOptions struct {
	all, listening                           bool
	extended, programs, timers, wide         bool
	continuous                               bool
	numericHosts, numericPorts, numericUsers bool
	ipv4, ipv6                               bool
	help, version                            bool
	source, proc                             string
}

// netstatOption is an option of netstat. Those of what is not TCP say what to
// use instead.
type netstatOption struct {
	letter  byte   // 0: it has none
	long    string // "": it has none
	help    string
	value   string // the name of its argument; "": it has none
	set     func(o *netstatOptions, value string) error
	instead string
}

// netstatTable returns the options of net-tools 2.10's netstat (main and usage
// in its netstat.c), and two of this program's own, which have no letter.
func netstatTable() []netstatOption {
	return []netstatOption{
		flag('a', "all", "all sockets, listeners too (else: those with a peer)", func(o *netstatOptions) { o.all = true }),
		flag('l', "listening", "only listening sockets", func(o *netstatOptions) { o.listening = true }),
		flag('t', "tcp", "TCP, which is all there is here", nil),
		flag('4', "", "only IPv4", func(o *netstatOptions) { o.ipv4 = true }),
		flag('6', "", "only IPv6", func(o *netstatOptions) { o.ipv6 = true }),
		{letter: 'A', long: "protocol", value: "FAMILY", help: "inet, inet6 or both (inet,inet6); also --inet, --inet6",
			set: (*netstatOptions).addFamilies},
		flag('n', "numeric", "numbers for hosts, ports and users", func(o *netstatOptions) {
			o.numericHosts, o.numericPorts, o.numericUsers = true, true, true
		}),
		flag(0, "numeric-hosts", "numbers for hosts", func(o *netstatOptions) { o.numericHosts = true }),
		flag(0, "numeric-ports", "numbers for ports", func(o *netstatOptions) { o.numericPorts = true }),
		flag(0, "numeric-users", "numbers for users", func(o *netstatOptions) { o.numericUsers = true }),
		flag('e', "extend", "add user and inode", func(o *netstatOptions) { o.extended = true }),
		flag('p', "programs", "add PID/Program name", func(o *netstatOptions) { o.programs = true }),
		flag('o', "timers", "add the timer", func(o *netstatOptions) { o.timers = true }),
		flag('W', "wide", "do not cut addresses", func(o *netstatOptions) { o.wide = true }),
		flag('c', "continuous", "again every second", func(o *netstatOptions) { o.continuous = true }),
		flag('v', "verbose", "accepted", nil),
		flag('N', "symbolic", "accepted", nil),
		flag('C', "cache", "accepted", nil),
		flag('F', "fib", "accepted", nil),
		flag('d', "", "accepted", nil),
		flag('h', "help", "this text", func(o *netstatOptions) { o.help = true }),
		flag('V', "version", "the version of the program", func(o *netstatOptions) { o.version = true }),
		{long: "source", value: "SOURCE", help: "where to read: procfs (the default), sock_diag or auto", set: func(o *netstatOptions, value string) error {
			o.source = value
			return nil
		}},
		{long: "proc", value: "DIR", help: "read another /proc, as a host's mounted in a container", set: func(o *netstatOptions, value string) error {
			o.proc = value
			return nil
		}},

		family("inet"), family("inet6"), family("ip"), family("tcpip"),

		other('r', "route", "the routing table: use ip route"),
		other('i', "interfaces", "the interfaces: use ip -s link"),
		other('g', "groups", "multicast groups: use ip maddress"),
		other('s', "statistics", "the counters of protocols: use nstat -a"),
		other('M', "masquerade", "masqueraded connections: use conntrack -L"),
		other('u', "udp", "UDP sockets: use ss -u"),
		other('U', "udplite", "UDP-Lite sockets: read /proc/net/udplite"),
		other('w', "raw", "raw sockets: use ss -w"),
		other('S', "sctp", "SCTP sockets: use ss -S"),
		other('x', "unix", "Unix domain sockets: use ss -x"),
		other('2', "l2cap", "Bluetooth: use bluetoothctl"),
		other('f', "rfcomm", "Bluetooth: use bluetoothctl"),
		other(0, "bluetooth", "Bluetooth: use bluetoothctl"),
		other('Z', "context", "SELinux contexts: use ss -tZ"),
		other(0, "ax25", "AX.25: read /proc/net/ax25"),
		other(0, "netrom", "NET/ROM: read /proc/net/nr"),
		other(0, "rose", "ROSE: read /proc/net/rose"),
		other(0, "x25", "X.25: read /proc/net/x25"),
		other(0, "ipx", "IPX, which Linux has no more: use a kernel before 4.18"),
		other(0, "ddp", "AppleTalk: read /proc/net/atalk"),
		other(0, "appletalk", "AppleTalk: read /proc/net/atalk"),
	}
}

// flag returns an option without argument; one that sets nothing is accepted.
func flag(letter byte, long, help string, set func(*netstatOptions)) netstatOption {
	return netstatOption{letter: letter, long: long, help: help, set: func(o *netstatOptions, _ string) error {
		if set != nil {
			set(o)
		}
		return nil
	}}
}

// family returns a long option that is the name of an address family.
func family(name string) netstatOption {
	return netstatOption{long: name, set: func(o *netstatOptions, _ string) error { return o.addFamilies(name) }}
}

// other returns an option of what is not TCP.
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
			return &hintedError{fmt.Errorf("unknown address family %q", name), "the families are inet and inet6"}
		}
	}
	return nil
}

// families returns the address families that are wanted; none named is both.
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

// parseNetstat reads arguments as getopt_long(3) reads netstat's: letters join,
// long names may be cut short, and what is no option is passed over, wherever
// it stands. Of help and version, which end the program there, nothing after
// them is read.
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

// long sets the long option arg and returns what is left of the arguments.
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
		return nil, fmt.Errorf("option --%s takes no argument", option.long)
	case option.value != "" && !given:
		if len(rest) == 0 {
			return nil, fmt.Errorf("option --%s needs an argument", option.long)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, option.set(o, value)
}

// letters sets joined options and returns what is left of the arguments.
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
			return nil, fmt.Errorf("option -%s needs an argument", letters[i:i+1])
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

// findLong returns the option with the name, or the only one whose name begins
// so. The program's own options are not cut short: what netstat reads is read
// as netstat reads it.
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
	return netstatOption{}, &hintedError{fmt.Errorf("option --%s is ambiguous", name), "it may be " + joinWords(found)}
}

// refuse says what to use in place of an option of what is not TCP.
func (option netstatOption) refuse(as string) error {
	return fmt.Errorf("netstat %s is not about TCP sockets but about %s", as, option.instead)
}

func unknownOption(name string) error {
	return &hintedError{fmt.Errorf("unknown option %q", name), "netstat --help lists the options"}
}

// netstatHelp lists the options that do something here.
func netstatHelp() string {
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
		fmt.Fprintf(&b, "  %-23s %s\n", names, option.help)
	}
	return b.String()
}
