package cmd

import (
	"reflect"
	"strings"
	"testing"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/wording"
)

func TestParseNetstat(t *testing.T) {
	with := func(change func(*netstatOptions)) netstatOptions {
		o := netstatOptions{source: collect.ProcFS.String(), proc: collect.DefaultProc}
		change(&o)
		return o
	}
	numeric := func(o *netstatOptions) { o.numericHosts, o.numericPorts, o.numericUsers = true, true, true }
	tests := []struct {
		args string
		want netstatOptions
	}{
		{"", with(func(o *netstatOptions) {})},
		{"-antp", with(func(o *netstatOptions) { numeric(o); o.all, o.programs = true, true })},
		{"-a -n -t -p", with(func(o *netstatOptions) { numeric(o); o.all, o.programs = true, true })},
		{"-tee -e", with(func(o *netstatOptions) { o.extended = true })},
		{"-loWcvN46CFd", with(func(o *netstatOptions) {
			o.listening, o.timers, o.wide, o.continuous, o.ipv4, o.ipv6 = true, true, true, true, true, true
		})},
		{"--all --listening --tcp --extend --programs --timers --wide --continuous --verbose --symbolic --fib --cache", with(func(o *netstatOptions) {
			o.all, o.listening, o.extended, o.programs, o.timers, o.wide, o.continuous = true, true, true, true, true, true, true
		})},
		{"--numeric", with(numeric)},
		{"--numeric-hosts --numeric-po", with(func(o *netstatOptions) { o.numericHosts, o.numericPorts = true, true })},
		{"--numeric-u", with(func(o *netstatOptions) { o.numericUsers = true })},
		{"--prog --li --ext", with(func(o *netstatOptions) { o.programs, o.listening, o.extended = true, true, true })},
		{"-A inet -t", with(func(o *netstatOptions) { o.ipv4 = true })},
		{"-tAinet6", with(func(o *netstatOptions) { o.ipv6 = true })},
		{"-A inet,ip6", with(func(o *netstatOptions) { o.ipv4, o.ipv6 = true, true })},
		{"--protocol=inet6 --ip", with(func(o *netstatOptions) { o.ipv4, o.ipv6 = true, true })},
		{"--protocol inet", with(func(o *netstatOptions) { o.ipv4 = true })},
		{"--inet --inet6 --tcpip", with(func(o *netstatOptions) { o.ipv4, o.ipv6 = true, true })},
		{"-n -p TCP", with(func(o *netstatOptions) { numeric(o); o.programs = true })},
		{"5 -c 2 - -a", with(func(o *netstatOptions) { o.continuous, o.all = true, true })},
		{"-a -- -l -u", with(func(o *netstatOptions) { o.all = true })},
		{"--source sock_diag --proc=/host/proc", with(func(o *netstatOptions) { o.source, o.proc = "sock_diag", "/host/proc" })},
		{"-ahu --nonsense", with(func(o *netstatOptions) { o.all, o.help = true, true })},
		{"--version -r", with(func(o *netstatOptions) { o.version = true })},
	}
	for _, test := range tests {
		if got, err := parseNetstat(strings.Fields(test.args)); got != test.want || err != nil {
			t.Errorf("%q: got %+v, %v, want %+v", test.args, got, err, test.want)
		}
	}
}

func TestParseNetstatErrors(t *testing.T) {
	tests := []struct{ args, want string }{
		{"-tk", `unknown option "-k"`},
		{"-c5", `unknown option "-5"`},
		{"--nosuch", `unknown option "--nosuch"`},
		{"--=x", `unknown option "--"`},
		{"--notrim", `unknown option "--notrim"`},
		{"--num", "option --num is ambiguous"},
		{"--so", `unknown option "--so"`},
		{"--all=yes", "option --all takes no argument"},
		{"-A", "option -A needs an argument"},
		{"--source", "option --source needs an argument"},
		{"-A bogus", `unknown address family "bogus"`},
		{"-A inet,unix", "netstat -A unix is not about TCP sockets but about Unix domain sockets: use ss -x"},
		{"-r", "netstat -r is not about TCP sockets but about the routing table: use ip route"},
		{"-tulpn", "netstat -u is not about TCP sockets but about UDP sockets: use ss -u"},
		{"--stat", "netstat --statistics is not about TCP sockets but about the counters of protocols: use nstat -a"},
		{"-in", "netstat -i is not about TCP sockets but about the interfaces: use ip -s link"},
	}
	for _, test := range tests {
		if o, err := parseNetstat(strings.Fields(test.args)); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %+v, error %v, want %s", test.args, o, err, test.want)
		}
	}
}

// TestNetstatRefusesWhatIsNotTCP checks that each option that is not about TCP
// gives one line on stderr and exit status 2.
func TestNetstatRefusesWhatIsNotTCP(t *testing.T) {
	for _, option := range netstatTable() {
		if option.instead == "" {
			continue
		}
		for _, arg := range []string{"-" + string(option.letter), "--" + option.long} {
			if arg == "-\x00" {
				continue
			}
			got := runArgs(t, "netstat", "-n", arg, "-t")
			if got.code != exitUsage || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, wording.Say(option.instead).String()) {
				t.Errorf("%s: exit %d, stdout %q, stderr %q", arg, got.code, got.stdout, got.stderr)
			}
		}
	}
}

func TestNetstatOptionsHaveOneMeaning(t *testing.T) {
	letters, names := map[byte]bool{}, map[string]bool{}
	for _, option := range netstatTable() {
		if option.letter != 0 && letters[option.letter] || option.long != "" && names[option.long] {
			t.Errorf("-%c, --%s occurs twice", option.letter, option.long)
		}
		letters[option.letter], names[option.long] = true, true
		if (option.set == nil) == (option.instead == "") {
			t.Errorf("-%c, --%s must either set something or be refused, and does both or neither", option.letter, option.long)
		}
	}
}

func TestNetstatFamilies(t *testing.T) {
	tests := []struct {
		ipv4, ipv6 bool
		want       []tcp.Family
	}{
		{false, false, []tcp.Family{tcp.IPv4, tcp.IPv6}},
		{true, false, []tcp.Family{tcp.IPv4}},
		{false, true, []tcp.Family{tcp.IPv6}},
		{true, true, []tcp.Family{tcp.IPv4, tcp.IPv6}},
	}
	for _, test := range tests {
		o := netstatOptions{ipv4: test.ipv4, ipv6: test.ipv6}
		if got := o.families(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("-4 %v -6 %v: %v", test.ipv4, test.ipv6, got)
		}
	}
}

func TestArgumentsOfTheNameNetstat(t *testing.T) {
	tests := []struct{ argv, want []string }{
		{[]string{"tcpstate", "ls"}, []string{"ls"}},
		{[]string{"/usr/bin/netstat", "-tan"}, []string{"netstat", "-tan"}},
		{[]string{"netstat"}, []string{"netstat"}},
		{[]string{"mynetstat", "ls"}, []string{"ls"}},
	}
	for _, test := range tests {
		if got := arguments(test.argv); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %q", test.argv, got)
		}
	}
}

func TestParseServices(t *testing.T) {
	text := "# names\nssh 22/tcp\nssh 22/udp\nalpha\t82/tcp\tomega # last\nbeta 82/tcp\ndomain 53/udp\n" +
		"broken\nbroken 8x/tcp\nbroken 65536/tcp\nbroken tcp\n#x 83/tcp\n  lead 95/tcp"
	want := map[uint16]string{22: "ssh", 82: "beta", 95: "lead"}
	if got := parseServices(strings.NewReader(text)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
