package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpstate/fields"
	"tcpstate/wording"
)

// running are the names of the processes that run.
var running = []string{"nginx", "sshd", "fifteen-bytes-a", "close", "a,b"}

// testNames knows a few names of each kind.
var testNames = Names{
	Service: func(name string) (uint16, bool) {
		port, ok := map[string]uint16{"ssh": 22, "https": 443, "http-alt": 8080, "or": 9}[name]
		return port, ok
	},
	Host: func(name string) ([]netip.Addr, error) {
		switch name {
		case "two.example":
			return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
		case "empty.example":
			return nil, nil
		}
		return nil, errors.New("no such host")
	},
	Interface: func(name string) (uint32, bool) {
		index, ok := map[string]uint32{"lo": 1, "eth0": 2, "or": 3, "a(b": 4}[name]
		return index, ok
	},
	User: func(name string) (uint32, bool) {
		uid, ok := map[string]uint32{"root": 0, "www-data": 33, "not": 5}[name]
		return uid, ok
	},
	Cgroup: func(path string) (uint64, bool) {
		id, ok := map[string]uint64{"/a.slice": 7, "/a b": 8, `/x\x2d(y)`: 9, "/k=v|w": 10}[path]
		return id, ok
	},
	Process: func(name string) bool {
		return slices.Contains(running, name)
	},
	Running: func() []string { return running },
}

// inline writes a tree on one line, with braces in place of indentation.
func inline(n node) string {
	switch n := n.(type) {
	case *leaf:
		return n.String()
	case *negation:
		return "not{" + inline(n.kid) + "}"
	case *junction:
		var kids []string
		for _, kid := range n.kids {
			kids = append(kids, inline(kid))
		}
		return connective(n.or) + "{" + strings.Join(kids, "; ") + "}"
	}
	return ""
}

func TestParse(t *testing.T) {
	check := func(expr, want string) {
		t.Helper()
		f, err := Parse([]string{expr}, testNames)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			return
		}
		if got := inline(f.root); got != want {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
		again, err := Parse([]string{f.String()}, testNames)
		if err != nil {
			t.Errorf("%s is printed as %s: %v", expr, f, err)
		} else if got := inline(again.root); got != want {
			t.Errorf("%s is printed as %s, and then read as %s", expr, f, got)
		}
		if split, err := Parse(strings.Split(expr, " "), testNames); err != nil || inline(split.root) != want {
			t.Errorf("%s: split into arguments it is parsed differently: %v", expr, err)
		}
	}

	check("", "")
	check("  \t", "")

	// Leading states, combined as ss does it.
	check("state established", "state established")
	check("state estab state listening", "state listen,established")
	check("exclude listening exclude close", "state != listen,close")
	check("excl listening state listening", "state all")
	check("state connected exclude established", "state != listen,established,close,bound-inactive")
	check("exclude all state time-wait", "state time-wait")
	check("state bucket dport 80 or sport 22", "and{state syn-recv,time-wait; or{dport = 80; sport = 22}}")
	check("state bucket and dport 80 or sport 22", "or{and{state syn-recv,time-wait; dport = 80}; sport = 22}")
	check("state listen or dport 80", "or{state listen; dport = 80}")
	check("exclude listen and dport 80", "and{state != listen; dport = 80}")

	// States in other places.
	check("( state listen )", "state listen")
	check("state = SYN_RECV,TimeWait", "state syn-recv,time-wait")
	check("dport 80 state listen state established", "and{dport = 80; state listen; state established}")
	check("not state != all", "not{state != all}")
	check("not state all", "not{state all}")

	// Operators have no precedence: they are evaluated from left to right.
	check("sport 1 or sport 2 and sport 3", "and{or{sport = 1; sport = 2}; sport = 3}")
	check("sport 1 and sport 2 or sport 3", "or{and{sport = 1; sport = 2}; sport = 3}")
	check("sport 1 | sport 2 sport 3", "and{or{sport = 1; sport = 2}; sport = 3}")
	check("sport 1 || ( sport 2 && sport 3 )", "or{sport = 1; and{sport = 2; sport = 3}}")
	check("sport 1 & ( sport 2 and sport 3 ) sport 4", "and{sport = 1; sport = 2; sport = 3; sport = 4}")
	check("not sport 1 sport 2", "and{not{sport = 1}; sport = 2}")
	check("! ! ( sport 1 or sport 2 )", "not{not{or{sport = 1; sport = 2}}}")
	check("((sport=1)or!dport>=2)", "or{sport = 1; not{dport >= 2}}")
	check("sport 1||dport<2&&src *", "and{or{sport = 1; dport < 2}; src = *}")

	// Ports.
	for _, op := range []string{"=", "==", "eq", ""} {
		check("sport "+op+" :22", "sport = 22")
	}
	for want, ops := range map[string]string{"!=": "!= ne neq", "<": "< lt", "<=": "<= le leq", ">": "> gt", ">=": ">= ge geq"} {
		for op := range strings.FieldsSeq(ops) {
			check("dport "+op+" ssh", "dport "+want+" 22")
		}
	}
	check("dport http-alt", "dport = 8080")
	check("dport 8000-8100,https,:0", "dport = 8000-8100,443,0")
	check("dport :8000-8100", "dport = 8000-8100")
	check("sport *", "sport = *")
	check("sport = :*", "sport = *")
	check("sport != inet:22", "not{and{family ipv4; sport = 22}}")
	check(`dport = \or`, "dport = 9")

	// Hosts.
	check("src 10.0.0.1", "src = 10.0.0.1")
	check("dst = 10.0.0.1:ssh", "dst = 10.0.0.1:22")
	check("dst 10.1.2.3/8:80", "dst = 10.0.0.0/8:80")
	check("src 10/8", "src = 10.0.0.0/8")
	check("src 192.168/255.255.0.0", "src = 192.168.0.0/16")
	check("src 1.2.3.4/0.0.0.0", "src = 0.0.0.0/0")
	check("src *", "src = *")
	check("src *:*", "src = *")
	check("src any", "src = *")
	check("dst :https", "dst = *:443")
	check("dst 10.0.0.1:", "dst = 10.0.0.1")
	check("src [fe80::1]:22", "src = [fe80::1]:22")
	check("src [fe80::1/64]:22", "src = [fe80::/64]:22")
	check("src [fe80::1]/64:22", "src = [fe80::/64]:22")
	check("src fe80::/64:22", "src = [fe80::/64]:22")
	check("src ::1", "src = [::1]")
	check("src ::", "src = [::]")
	check("src :::80", "src = [::]:80")
	check("src 2001:db8::1:ssh", "src = [2001:db8::1]:22")
	check("src 1:2:3:4:5:6:7:8", "src = [1:2:3:4:5:6:7:8]")
	check("src ::ffff:10.0.0.1", "src = [::ffff:10.0.0.1]")
	check("src [::ffff:10.0.0.0/104]", "src = [::ffff:10.0.0.0/104]")
	check("src two.example:80", "src = 192.0.2.1:80,[2001:db8::1]:80")
	check("src 10.0.0.1,*:22,[::1]", "src = 10.0.0.1,*:22,[::1]")
	check("src != 10.0.0.1,10.0.0.2", "src != 10.0.0.1,10.0.0.2")
	check("src inet:10.0.0.1", "and{family ipv4; src = 10.0.0.1}")
	check("src inet6:*:80", "and{family ipv6; src = *:80}")
	check("src inet:*,inet6:[::1],10.0.0.1", "or{src = 10.0.0.1; and{family ipv4; src = *}; and{family ipv6; src = [::1]}}")

	// Interface, mark, cgroup, and the binding of the port.
	check("dev eth0", "dev = eth0")
	check("dev != 7", "dev != 7")
	check(`dev \or`, `dev = \or`)
	check(`dev a(b`, `dev = a\(b`)
	check("fwmark 5", "fwmark = 0x5")
	check("fwmark != 0x10/0xff", "fwmark != 0x10/0xff")
	check("cgroup /a.slice", "cgroup = /a.slice")
	check(`cgroup != /a\ b`, `cgroup != /a\ b`)
	check(`(cgroup /x\\x2d(y\))`, `cgroup = /x\\x2d\(y\)`)
	check("cgroup /k=v|w", `cgroup = /k=v\|w`)
	check("autobound", "autobound")
	check("autobound and not autobound", "and{autobound; not{autobound}}")

	// Terms that ss does not have.
	check("family ipv4", "family ipv4")
	check("family != inet6", "family ipv4")
	check("user www-data,0", "user = www-data,0")
	check("process nginx,80", "process = nginx,80")
	check(`process != tmux:\ server`, `process != tmux:\ server`)
	check("pid 1,02", "pid = 1,2")
	check("not pid 7", "not{pid = 7}")
	check(`user != \not`, `user != \not`)
	check("timer on,persist", "timer = on,persist")
	check("timer != off", "timer != off")
	check("recvq > 0", "recvq > 0")
	check("sendq>=65536", "sendq >= 64K")
	check("sendq lt 1g", "sendq < 1G")
	check("acceptq = 1024", "acceptq = 1024")
	check("retrans ge 3", "retrans >= 3")
	check("age > 1m30s", "age > 1m30s")
	check("idle < 250ms", "idle < 250ms")
	check("rtt != 1500us", "rtt != 1.5ms")
}

func TestParseErrors(t *testing.T) {
	checkErr := func(expr, msg string, offset int, hint string) {
		t.Helper()
		_, err := Parse([]string{expr}, testNames)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got error %v, want an *Error", expr, err)
			return
		}
		if e.What.String() != msg || e.Offset != offset || !strings.Contains(wording.Hint(e).String(), hint) || hint == "" != wording.Hint(e).IsZero() {
			t.Errorf("%.80s:\n got %d %s (%s)\nwant %d %s (%s)", expr, e.Offset, e.What, wording.Hint(e), offset, msg, hint)
		}
	}

	checkErr("dport = = 3", `dport needs a value before "="`, 8, "dport takes a port")
	checkErr("dport = 3 4", `"4" alone can be a port or a process`, 10, "write :4 for the port, pid 4 for the process")
	checkErr("dport", "dport needs a value", 5, "dport takes a port")
	checkErr("dport =", "dport needs a value", 7, "dport takes a port")
	checkErr("dport = and sport 3", `dport needs a value before "and"`, 8, "dport takes a port")
	checkErr("( dport )", `dport needs a value before ")"`, 8, "dport takes a port")
	checkErr("dport 70000", `"70000" is not a port: the highest is 65535`, 6, "dport takes a port")
	checkErr("dport 080", `"080" is not a port: a decimal number does not begin with 0`, 6, "dport takes a port")
	checkErr("dport 80,,81", "an element of the list is missing", 9, "commas")
	checkErr("dport 80, 81", "an element of the list is missing", 9, "commas")
	checkErr("dport 80,x", `"x" is neither a port nor the name of a service`, 9, "dport takes a port")
	checkErr("dport :", `":" contains no port`, 6, "dport takes a port")
	checkErr("dport 9-8", `"9-8" is an empty range`, 6, "dport takes a port")
	checkErr("dport < 8-9", "< needs a single port", 8, "only = and != take")
	checkErr("dport >= 8,9", ">= needs a single port", 9, "only = and != take")
	checkErr("dport > *", "> needs a single port", 8, "only = and != take")
	checkErr("dprot = 3", `unknown word "dprot"`, 0, "did you mean dport?")
	checkErr("dport 3 adn sport 4", `unknown word "adn"`, 8, "did you mean and?")
	checkErr("dport 3 exclude listen", "exclude is allowed only before the expression", 8, `write "not state`)

	checkErr("src 10.0.0.0/40", `"40" is not the length of a prefix`, 13, "from 0 to 32")
	checkErr("src [::]/129", `"129" is not the length of a prefix`, 8, "from 0 to 128")
	checkErr("src 10.0.0.0/255.0.255.0", `"255.0.255.0" is not the length of a prefix`, 13, "from 0 to 32")
	checkErr("src 10.0.0.256", `"10.0.0.256" is not an address`, 4, "src takes an address")
	checkErr("src 10", `"10" is not an address`, 4, "src takes an address")
	checkErr("src x.example", `looking up "x.example": no such host`, 4, "src takes an address")
	checkErr("src empty.example", `"empty.example" has no address`, 4, "src takes an address")
	checkErr("src [::1", `"[::1" has no closing bracket`, 4, "src takes an address")
	checkErr("src [10.0.0.1]", `"[10.0.0.1]" has no IPv6 address in its brackets`, 4, "src takes an address")
	checkErr("src [::1]80", `"[::1]80" has text after its closing bracket`, 4, "src takes an address")
	checkErr("src 2001:db8::1:80", `"2001:db8::1:80" is ambiguous`, 4, "write [2001:db8::1]:80 for")
	checkErr("src fe80::1%eth0", `"fe80::1%eth0" has a zone, but addresses are compared without their zones`, 4, "dev eth0")
	checkErr("src > 10.0.0.1", "src does not support >", 4, "src takes = or !=")
	checkErr("src 10.0.0.1:70000", `"70000" is not a port: the highest is 65535`, 13, "src takes")
	checkErr("src unix:/run/x", `"unix:/run/x" does not begin with an address`, 4, "src takes")

	checkErr("( state foo )", `unknown state "foo"`, 8, "it can be LISTEN")
	checkErr("state established,tme-wait", `unknown state "tme-wait"`, 18, "did you mean TIME_WAIT?")
	checkErr("exclude all", "no state is left", 0, "exclude removes them")
	checkErr("state listen exclude listen dport 3", "no state is left", 0, "exclude removes them")
	checkErr("state listen state close or dport 3", `several states before an expression cannot be joined to it by "or"`, 25, "write state A,B or")
	checkErr("state", "state needs a value", 5, "state takes a state")

	checkErr("( dport 3", `this "(" is not closed`, 0, "")
	checkErr("dport 3 and ( sport 4 or ( sport 5 )", `this "(" is not closed`, 12, "")
	checkErr("dport 3 )", `this ")" closes nothing`, 8, "")
	checkErr("( )", `a term is expected before ")"`, 2, "a term begins with one of state")
	checkErr("and dport 3", `a term is expected before "and"`, 0, "a term begins with one of state")
	checkErr("dport 3 or", "the expression ends where a term is expected", 10, "a term begins with one of state")
	checkErr("dport 3 or or sport 4", `a term is expected before "or"`, 11, "a term begins with one of state")
	checkErr("not", "the expression ends where a term is expected", 3, "a term begins with one of state")
	checkErr(strings.Repeat("(", 10000), "the expression is nested too deep", 201, "200 levels")
	checkErr(strings.Repeat("not ", 10000)+"dport 3", "the expression is nested too deep", 804, "200 levels")

	checkErr(strings.Repeat("dport 3 or dport 4 and ", 10000)+"dport 5", "the expression is nested too deep", 2308, "200 levels")

	alternating := strings.Repeat("dport 3 or dport 4 and ", 75) + "dport 5"
	checkErr("sport 1 or ( "+alternating+" )"+strings.Repeat(" and dport 3 or dport 4", 75), "the expression is nested too deep", 2312, "200 levels")

	checkErr("dev nosuch", `"nosuch" is not an interface here`, 4, "dev takes the name")
	checkErr("fwmark 0x1ffffffff", `"0x1ffffffff" is not a mark of 32 bits`, 7, "fwmark takes a mark")
	checkErr("fwmark 1/x", `"1/x" is not a mark of 32 bits`, 7, "fwmark takes a mark")
	checkErr("cgroup /nosuch", `"/nosuch" is not the path of a cgroup v2 here`, 7, "cgroup takes the path")
	checkErr("user nobody", `"nobody" is not a user here`, 5, "user takes the name")
	checkErr("user 4294967296", `"4294967296" is not a user id`, 5, "user takes the name")
	checkErr("timer soon", `"soon" is not a timer`, 6, "timer takes off")
	checkErr("family 5", `"5" is not an address family`, 7, "family takes ipv4")
	checkErr("rtt 5ms", "rtt needs an operator", 4, "then a duration")
	checkErr("rtt > 5", `"5" is not a duration`, 6, "250ms")
	checkErr("age > -1s", `"-1s" is not a duration`, 6, "250ms")
	checkErr("recvq > 5T", `"5T" is not a number of bytes`, 8, "64K")
	checkErr("recvq > K", `"K" is not a number of bytes`, 8, "64K")
	checkErr("recvq > 99999999999999G", `"99999999999999G" is not a number of bytes`, 8, "64K")
	checkErr("retrans > x", `"x" is not a number`, 10, "retrans takes")
	checkErr("tid 3", `unknown word "tid"`, 0, "did you mean pid?")
	checkErr("thread 3", `unknown word "thread", and no visible process has that name`, 0, "a word alone is a port (:443)")
	checkErr("pid nginx", `"nginx" is not a process id`, 4, "pid takes the id")
	checkErr("pid 0", `"0" is not a process id`, 4, "pid takes the id")
	checkErr("pid = 1,-1", `"-1" is not a process id`, 8, "pid takes the id")
	checkErr("process", "process needs a value", 7, "process takes the name")
}

// TestDeepest parses expressions with the maximum nesting, prints them with
// parentheses, and parses the result again.
func TestDeepest(t *testing.T) {
	for _, expr := range []string{
		strings.Repeat("(", maxDepth) + "dport 3" + strings.Repeat(")", maxDepth),
		strings.Repeat("not ", maxDepth) + "dport 3",
		strings.Repeat("dport 3 or dport 4 and ", maxDepth/2) + "dport 5",
		strings.Repeat("not ( dport 3 or ", maxDepth/2) + "dport 4" + strings.Repeat(" )", maxDepth/2),
	} {
		f := mustParse(t, expr)
		if again := mustParse(t, f.String()); again.Tree() != f.Tree() {
			t.Errorf("%.40s...: the printed form is parsed differently", expr)
		}
	}
}

func TestWithoutNameFunctions(t *testing.T) {
	for expr, msg := range map[string]string{
		"dport ssh":     `"ssh" is not a port, and names of services are not known here`,
		"src a.example": `"a.example" is not an address, and names of hosts are not looked up here`,
		"dev lo":        `"lo" is not an index, and names of interfaces are not known here`,
		"user root":     `"root" is not a user id, and names of users are not known here`,
		"cgroup /a":     `"/a" cannot be looked up: cgroups are not known here`,
	} {
		_, err := Parse([]string{expr}, Names{})
		if e, ok := err.(*Error); !ok || e.What.String() != msg {
			t.Errorf("%s: %v, want %s", expr, err, msg)
		}
	}
	if _, err := Parse([]string{"dport 22 src 10.0.0.1 dev 1 user 0"}, Names{}); err != nil {
		t.Errorf("numbers must not need names: %v", err)
	}
}

func TestCaret(t *testing.T) {
	for _, test := range []struct{ expr, message, want string }{
		{"dport = = 3", `filter: column 9: dport needs a value before "="`, "dport = = 3\n        ^"},
		{"dport =", `filter: column 8: dport needs a value`, "dport =\n       ^"},
		{"dport\t=\x1b[1m", `filter: column 8: "\x1b[1m" is neither a port nor the name of a service`, `dport =\x1b[1m` + "\n       ^"},
		{"四次\x1b = 3", `filter: column 1: unknown word "四次\x1b"`, `四次\x1b = 3` + "\n^"},
		{"sport 3 or 四次\xff x", `filter: column 12: unknown word "四次\xff", and no visible process has that name`, `sport 3 or 四次\xff x` + "\n           ^"},
		{"process 四次 x", `filter: column 12: unknown word "x", and no visible process has that name`, "process 四次 x\n             ^"},
		{"ü dport", `filter: column 1: unknown word "ü", and no visible process has that name`, "ü dport\n^"},
		{strings.Repeat("ü", 40) + "xxüüüü", `filter: column 1: unknown word "` + strings.Repeat("ü", 20) + `"..., and no visible process has that name`,
			strings.Repeat("ü", 40) + "xxüüüü\n^"},
		{"x" + strings.Repeat("ü", 40), `filter: column 1: unknown word "x` + strings.Repeat("ü", 19) + `"..., and no visible process has that name`,
			"x" + strings.Repeat("ü", 40) + "\n^"},
		{strings.Repeat("(", 10000), "filter: column 202: the expression is nested too deep",
			"..." + strings.Repeat("(", 72) + "...\n" + strings.Repeat(" ", 51) + "^"},
		{strings.Repeat("dport 3 or ", 20) + "x", `filter: column 221: unknown word "x", and no visible process has that name`,
			"... or dport 3 or dport 3 or dport 3 or dport 3 or x\n" + strings.Repeat(" ", 51) + "^"},
	} {
		_, err := Parse([]string{test.expr}, testNames)
		e, ok := err.(*Error)
		if !ok {
			t.Errorf("%q: %v", test.expr, err)
			continue
		}
		if e.Error() != test.message {
			t.Errorf("%q: message %s", test.expr, e.Error())
		}
		if e.Caret() != test.want {
			t.Errorf("%q: caret\n%s\nwant\n%s", test.expr, e.Caret(), test.want)
		}
	}
}

// TestWords checks that the table of terms, the reserved words, the help and
// the table of fields agree.
func TestWords(t *testing.T) {
	for _, k := range kinds {
		if !isReserved(k.word, kinds) {
			t.Errorf("%s is not reserved", k.word)
		}
		_, err := Parse([]string{k.word}, testNames)
		if k.operand == "" != (err == nil) {
			t.Errorf("%s alone: %v", k.word, err)
		}
	}
	// These have no field: only the kernel knows autobound, pid uses the field of process, and port those of sport and dport.
	for i := range fields.All {
		f := &fields.All[i]
		if f.Filter != "" && !slices.ContainsFunc(kinds, func(k kind) bool { return k.word == f.Filter }) {
			t.Errorf("fields/table.go gives the field %s the word %s, which filter/term.go does not have", f.Name, f.Filter)
		}
	}
	for _, k := range kinds {
		if k.word != "autobound" && k.word != "pid" && k.word != "port" &&
			!slices.ContainsFunc(fields.All, func(f fields.Field) bool { return f.Filter == k.word }) {
			t.Errorf("no field has the word %s: add it to a field in fields/table.go", k.word)
		}
	}
}

// TestEveryWordIsATerm checks the words of package fields for filters, and that each
// kind of term has one.
func TestEveryWordIsATerm(t *testing.T) {
	p := parser{kinds: kinds}
	for _, w := range fields.Words(fields.InFilters) {
		for _, name := range append(w.Names, strings.ToUpper(w.Names[0])) {
			if k, ok := p.kind(name); !ok || k.word != w.Filter {
				t.Errorf("the word %s: a term %q, want %s", name, k.word, w.Filter)
			}
		}
	}
	for _, k := range kinds {
		if name, ok := fields.Meaning(k.word, fields.InFilters); !ok || name != k.word {
			t.Errorf("%s stands for %q: add it to byHand in fields/words.go", k.word, name)
		}
	}
}

func TestBareWords(t *testing.T) {
	for expr, want := range map[string]string{
		":443":                     "sport = 443 or dport = 443",
		"*:443":                    "sport = 443 or dport = 443",
		":https":                   "sport = 443 or dport = 443",
		":80,:8000-8100":           "sport = 80,8000-8100 or dport = 80,8000-8100",
		"not :443":                 "not ( sport = 443 or dport = 443 )",
		"10.0.0.9":                 "src = 10.0.0.9 or dst = 10.0.0.9",
		"10.0.0.9:443":             "src = 10.0.0.9:443 or dst = 10.0.0.9:443",
		"10/8":                     "src = 10.0.0.0/8 or dst = 10.0.0.0/8",
		"10.0.0.0/8,[::1]:22":      "src = 10.0.0.0/8,[::1]:22 or dst = 10.0.0.0/8,[::1]:22",
		"2001:db8::/32":            "src = [2001:db8::/32] or dst = [2001:db8::/32]",
		"::1":                      "src = [::1] or dst = [::1]",
		"[fe80::1]:22":             "src = [fe80::1]:22 or dst = [fe80::1]:22",
		"inet:*":                   "( family ipv4 and src = * ) or ( family ipv4 and dst = * )",
		"two.example:22":           "src = 192.0.2.1:22,[2001:db8::1]:22 or dst = 192.0.2.1:22,[2001:db8::1]:22",
		"0.0.0.0":                  "src = 0.0.0.0", // the peer of every listener
		"[::]:22":                  "src = [::]:22",
		"0.0.0.0,10.0.0.9":         "src = 0.0.0.0,10.0.0.9 or dst = 10.0.0.9",
		"nginx":                    "process = nginx",
		"nginx,sshd":               "process = nginx,sshd",
		"!nginx":                   "not process = nginx",
		"nginx :443":               "process = nginx and ( sport = 443 or dport = 443 )",
		"state listen :443":        "state listen and ( sport = 443 or dport = 443 )",
		":443 or nginx":            "sport = 443 or dport = 443 or process = nginx",
		"( :443 ) rtt > 5ms":       "( sport = 443 or dport = 443 ) and rtt > 5ms",
		"port 443":                 "sport = 443 or dport = 443",
		"port != 443":              "not ( sport = 443 or dport = 443 )",
		"port > 1024":              "sport > 1024 or dport > 1024",
		"fifteen-bytes-a-and-more": "process = fifteen-bytes-a-and-more",
		`process \state`:           `process = \state`,
		`process a\,b,nginx`:       `process = a\,b,nginx`,
		`not a\,b`:                 `not process = a\,b`,
		"process close":            "process = close",

		"local 10/8 peer.port 443":   "src = 10.0.0.0/8 and dport = 443",
		"LPORT = 22 recv-q > 0":      "sport = 22 and recvq > 0",
		"cwnd < 10":                  "tcp_info.cwnd < 10",
		"tcp_info.rtt_us > 5ms":      "rtt > 5ms",
		"min_rtt > 1ms rcvbuf >= 1M": "tcp_info.min_rtt_us > 1ms and memory.recv_buffer_bytes >= 1M",
		"congestion bbr,cubic":       "congestion = bbr,cubic",
		"cookie = 0x24a7":            "cookie = 0x24a7",
		"uid 33 iface eth0":          "user = 33 and dev = eth0",
	} {
		f := mustParse(t, expr)
		if f.String() != want {
			t.Errorf("%s is %s, want %s", expr, f, want)
		}
		if again := mustParse(t, f.String()); again.Tree() != f.Tree() {
			t.Errorf("%s: the printed form %s is parsed differently", expr, f)
		}
	}
	for expr, want := range map[string]string{
		"443":              `"443" alone can be a port or a process: write :443 for the port, pid 443 for the process`,
		"ngnix":            `unknown word "ngnix", and no visible process has that name: did you mean nginx?`,
		"haproxy":          `unknown word "haproxy", and no visible process has that name: a word alone is a port (:443), an address, a prefix, or the name of a running process`,
		"nginx,haproxy":    `unknown word "haproxy", and no visible process has that name: a word alone is a port (:443), an address, a prefix, or the name of a running process`,
		"established":      `unknown word "established", and no visible process has that name: write state established`,
		"close":            `"close" alone can be a state or a process: write state close for the state, process close for the process`,
		"nginx,close":      `"close" alone can be a state or a process: write state close`,
		"www.example.org":  `unknown word "www.example.org", and no visible process has that name: write dst www.example.org for the sockets whose peer is this host`,
		"localhost":        `unknown word "localhost", and no visible process has that name: write dst localhost for the sockets whose peer is this host`,
		"container":        `unknown word "container", and no visible process has that name: container has a meaning in --columns and --sort, --by, not here`,
		"container = web1": `unknown word "container": container has a meaning in --columns and --sort, --by, not here`,
		"nginx = 3":        `unknown word "nginx": a word alone is a port (:443), an address, a prefix, or the name of a running process`,
		"sprot 22":         `unknown word "sprot": did you mean sport?`,
		"cwdn > 3":         `unknown word "cwdn": did you mean cwnd?`,
		"10.0.0.300":       `"10.0.0.300" is not an address: a word alone is a port (:443), an address, a prefix, or the name of a running process`,
		":70000":           `"70000" is not a port: the highest is 65535: a word alone`,
		":0":               `":0" is not a port: a word alone`,
		":":                `":" contains no port: a word alone`,
		"::1:80":           `"::1:80" is ambiguous: write [::1]:80 for the address and the port`,
		"nginx,:443":       `":443" cannot be in this list: it has either ports and addresses, or names of processes: a word alone`,
		"fe80::1%eth0":     `"fe80::1%eth0" has a zone, but addresses are compared without their zones: write src fe80::1 dev eth0`,
	} {
		_, err := Parse([]string{expr}, testNames)
		e, ok := err.(*Error)
		if !ok {
			t.Errorf("%s: %v", expr, err)
		} else if got := e.What.String() + ": " + wording.Hint(e).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
	}
}

func ExampleFilter_Tree() {
	f, _ := Parse([]string{"state established ( dport = :443 or not src 10.0.0.0/8 )"}, Names{})
	fmt.Print(f.Tree())
	// Output:
	// and
	//   state established
	//   or
	//     dport = 443
	//     not
	//       src = 10.0.0.0/8
}
