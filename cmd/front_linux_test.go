package cmd

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/internal/lab"
)

// makeFrontDoor makes what people look for: a program named nginx that listens on
// port 443, with a connection from 127.0.0.9 that it holds.
func makeFrontDoor(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:443")
	must(t, err)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 50000}}
	client, err := dialer.Dial("tcp4", "127.0.0.1:443")
	must(t, err)
	server, err := listener.Accept()
	must(t, err)
	var fds []int
	for _, c := range []interface{ File() (*os.File, error) }{listener.(*net.TCPListener), server.(*net.TCPConn)} {
		file, err := c.File()
		must(t, err)
		defer file.Close()
		fds = append(fds, int(file.Fd()))
	}
	lab.Actor{Name: "nginx"}.Start(t, fds...)
	must(t, listener.Close())
	must(t, server.Close())
	t.Cleanup(func() { client.Close() })
}

// TestWhatPeopleType types what people type who come from netstat, ss and lsof. Each
// works at the first try, or is a mistake that says what was meant.
func TestWhatPeopleType(t *testing.T) {
	lab.Run(t, func(t *testing.T, _ *lab.Lab) {
		makeFrontDoor(t)
		const (
			listens   = `(?m)^LISTEN +0 +\d+ +127\.0\.0\.1:443 +0\.0\.0\.0:\*`
			connected = `(?m)^ESTABLISHED +0 +0 +127\.0\.0\.1:443 +127\.0\.0\.9:50000`
			client    = `(?m)^ESTABLISHED +0 +0 +127\.0\.0\.9:50000 +127\.0\.0\.1:443`
			held      = `(?m)127\.0\.0\.9:50000 +\d+/nginx$`
			udp       = "tcpstate: note: UDP is not listed: its sockets have no states; ss -u lists them\n"
		)
		for _, test := range []struct {
			typed  string
			code   int
			lines  int      // of stdout; 0: not counted
			stdout []string // patterns
			stderr string   // all of it, or its beginning up to "..."
		}{
			{"-tlnp", 0, 2, []string{listens + ` +\d+/nginx$`}, ""},
			{"-ltn", 0, 2, []string{listens + "$"}, ""},
			{"-ant", 0, 4, []string{listens, connected, client}, ""},
			{"-tan", 0, 4, []string{listens, connected, client}, ""},
			{"-tulpn", 0, 2, []string{listens + ` +\d+/nginx$`}, udp},
			{"-plunt", 0, 2, []string{listens + ` +\d+/nginx$`}, udp},
			{"-antop", 0, 4, []string{`(?m)^STATE .* PROCESS +TIMER +AGE$`}, ""},
			{"-4 -tn -q -u", 0, 4, []string{listens}, ""},
			{":443", 0, 4, []string{listens, connected, client}, ""},
			{":50000", 0, 3, []string{connected, client}, ""},
			{"127.0.0.9", 0, 3, []string{connected, client}, ""},
			{"127.0.0.9:50000", 0, 3, []string{connected, client}, ""},
			{"127.0.0.9:443", 0, 1, nil, ""},
			{"127.0.0.0/8", 0, 4, []string{listens, connected, client}, ""},
			{"nginx", 0, 3, []string{listens, connected}, ""},
			{"-p nginx", 0, 3, []string{held}, ""},
			{"nginx -p", 0, 3, []string{held}, ""},
			{"-l nginx", 0, 2, []string{listens}, ""},
			{"state established :443", 0, 3, []string{connected, client}, ""},
			{"not nginx", 0, 2, []string{client}, ""},
			{"ls :443", 0, 4, []string{listens, connected, client}, ""},
			{"ls -tulpn nginx", 0, 2, []string{listens}, udp},
			{"--json -u :50000", 0, 4, []string{`"warnings":\["UDP is not listed: `}, udp},
			{"count :443", 0, 14, []string{`(?m)^ESTABLISHED +2 `, `(?m)^TOTAL +3$`}, ""},
			{"count -l", 0, 14, []string{`(?m)^TOTAL +1$`}, ""},
			{"count -q nginx", 0, 1, []string{`\A2\n`}, ""},
			{"count --by port", 0, 3, []string{`(?m)^LPORT `, `(?m)^ +443 +2 `}, ""},
			{"count --by ip,cc", 0, 4, []string{`(?m)^PEER +CONGESTION `}, ""},
			{"watch -l --count 1", 0, 1, []string{`= 1:  LISTEN 1`}, ""},
			{"watch nginx --count 1", 0, 1, []string{`= 2:  LISTEN 1  ESTABLISHED 1`}, ""},
			{"doctor :443 --interval 10ms", 0, 0, []string{`\S`}, ""},
			{"doctor nginx --interval 10ms", 0, 0, []string{`\S`}, ""},
			{"explain nginx", 0, 0, []string{`(?m)Held by nginx\[`, `(?m)^ESTABLISHED \(1\)`}, ""},
			{"explain process nginx", 0, 0, []string{`(?m)Held by nginx\[`}, ""},
			{"explain 127.0.0.0/8", 0, 0, []string{`(?m)Held by nginx\[`, `(?m)^ESTABLISHED \(`}, ""},
			{"ls --sort recvq --columns state,cwnd,port --limit 1", 0, 2, []string{`\ASTATE +CWND +LOCAL-PORT\n`}, ""},
			{"ls cwnd >= 1 local.port 443", 0, 3, []string{listens, connected}, ""},
			{"ls -i :443", 0, 9, []string{`(?m)^    cc [a-z]+  rtt \d`, `(?m)^    .*  rate .*  idle `}, ""},
			{"-tiW :443", 0, 4, []string{`\ASTATE .* PEER +CC +RTT .* IDLE\n`}, ""},
			{"--version", 0, 1, []string{`\Atcpstate .* linux/`}, ""},
			{"-V", 0, 1, []string{`\Atcpstate .* linux/`}, ""},

			{"wtach", 2, 0, nil, "tcpstate: unknown command \"wtach\"\ntcpstate: hint: did you mean watch?\n"},
			{"wtach :443", 2, 0, nil, "tcpstate: unknown command \"wtach\"\ntcpstate: hint: did you mean watch?\n"},
			{"cuont --by peer", 2, 0, nil, "tcpstate: unknown command \"cuont\"\ntcpstate: hint: did you mean count?\n"},
			{"haproxy", 2, 0, nil, "tcpstate: \"haproxy\" is no command and no word of filters, and no visible process has that name\n..."},
			{"ls haproxy", 2, 0, nil, "tcpstate: filter: column 1: unknown word \"haproxy\", and no visible process has that name\n..."},
			{"explain haproxy", 2, 0, nil, "tcpstate: no topic \"haproxy\"\n..."},
			{"explain --no-live nginx", 2, 0, nil, "tcpstate: no topic \"nginx\"\n..."},
			{"explain process", 2, 0, nil, "tcpstate: process needs the name of a process\n..."},
			{"443", 2, 0, nil, "tcpstate: filter: column 1: \"443\" alone can be a port or a process\n..."},
			{":http-nope", 2, 0, nil, "tcpstate: filter: column 1: \"http-nope\" is neither a port nor the name of a service\n..."},
			{"sprot 22", 2, 0, nil, "tcpstate: filter: column 1: unknown word \"sprot\"\n  sprot 22\n  ^\ntcpstate: hint: did you mean sport?\n"},
			{"ls --processs", 2, 0, nil, "tcpstate: unknown flag: --processs\ntcpstate: hint: did you mean --processes?\n"},
			{"ls -state LISTEN", 2, 0, nil, "tcpstate: unknown shorthand flag: 's' in -state\ntcpstate: hint: did you mean --state?\n"},
			{"--by port", 2, 0, nil, "tcpstate: unknown flag: --by\ntcpstate: hint: --by is a flag of tcpstate count, tcpstate watch\n"},
			{"doctor --only foo", 2, 0, nil, "tcpstate: no rule \"foo\"\ntcpstate: hint: the nearest rules are ..."},
			{"count --by age", 2, 0, nil, "tcpstate: cannot count by \"age\"\ntcpstate: hint: age has a meaning in filters, --columns and --sort, not here\n"},
			{"ls --columns cwdn", 2, 0, nil, "tcpstate: unknown column \"cwdn\"\ntcpstate: hint: did you mean cwnd?\n"},
			{"help ls extra", 2, 0, nil, "tcpstate: unexpected argument \"extra\"\n"},
			{"help wtach", 2, 0, nil, "tcpstate: unknown command \"wtach\"\ntcpstate: hint: did you mean watch?\n"},
		} {
			got := runArgs(t, strings.Fields(test.typed)...)
			if got.code != test.code {
				t.Errorf("%s: exit status %d, want %d; stderr %s", test.typed, got.code, test.code, got.stderr)
			}
			if n := strings.Count(got.stdout, "\n"); test.lines > 0 && n != test.lines || test.code != 0 && n != 0 {
				t.Errorf("%s: %d lines, want %d:\n%s", test.typed, n, test.lines, got.stdout)
			}
			for _, pattern := range test.stdout {
				if !regexp.MustCompile(pattern).MatchString(got.stdout) {
					t.Errorf("%s: no %s in\n%s", test.typed, pattern, got.stdout)
				}
			}
			if begin, cut := strings.CutSuffix(test.stderr, "..."); got.stderr != test.stderr && !(cut && strings.HasPrefix(got.stderr, begin)) {
				t.Errorf("%s: stderr\n%s\nwant\n%s", test.typed, got.stderr, test.stderr)
			}
		}
	})
}

// TestHelpOfTheProgram checks that flags of ls, which tcpstate without a command
// takes too, are not in its help.
func TestHelpOfTheProgram(t *testing.T) {
	got := runArgs(t, "--help")
	for _, want := range []string{"tcpstate [flags] [FILTER]", "tcpstate [command]", "-V, --version", "tcpstate :443"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
	for _, wrong := range []string{"--udp", "--columns", "--processes"} {
		if strings.Contains(got.stdout, wrong) {
			t.Errorf("%s in\n%s", wrong, got.stdout)
		}
	}
}

// TestFlagsOfLsList checks that each flag that ls has, and that the overview does not
// need, lists the sockets without a command.
func TestFlagsOfLsList(t *testing.T) {
	var shared sharedFlags
	overview := &cobra.Command{Use: "overview"}
	shared.register(overview)
	newLsCommand(&environment{}).Flags().VisitAll(func(f *pflag.Flag) {
		if overview.Flags().Lookup(f.Name) == nil && !slices.Contains(onlyOfLs, f.Name) {
			t.Errorf("tcpstate --%s does not list: add it to onlyOfLs in overview.go", f.Name)
		}
	})
}
