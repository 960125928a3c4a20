package filter

import (
	"fmt"
	"strings"
	"testing"
)

// checkProgram compiles a filter for a random kernel and compares the program
// with the slow evaluation. The program must accept every socket that matches.
// If it is exact, it must accept no other. Together with Match the result must
// always be the same.
func checkProgram(t *testing.T, r *random, f *Filter) (Program, bool) {
	t.Helper()
	c := r.capabilities()
	program, err := f.Compile(c)
	if err != nil {
		if !strings.Contains(f.String(), "autobound") {
			t.Fatalf("%s: %v", f, err)
		}
		return program, false
	}
	if !program.Empty() {
		if err := program.Audit(); err != nil {
			t.Fatalf("%s: the kernel would reject the program: %v\n%s", f, err, program)
		}
	}
	for range 40 {
		s := r.socket()
		if !f.States().Has(s.State) {
			continue
		}
		want, passes := evaluate(f.root, s) == yes, program.Run(s.entry)
		switch {
		case want && !passes:
			t.Fatalf("%s (%b): the program rejects a socket that matches: %v\n%s", f, c, s, program)
		case program.Exact && passes != want:
			t.Fatalf("%s (%b): the program is not exact: %v\n%s", f, c, s, program)
		case want != (passes && f.Match(s.Socket)):
			t.Fatalf("%s (%b): program and Match together are wrong: %v\n%s", f, c, s, program)
		}
	}
	if !program.Exact && len(program.Left) == 0 {
		t.Fatalf("%s: the program is not exact, but Left is empty", f)
	}
	return program, true
}

func TestProgramsAgreeWithEvaluate(t *testing.T) {
	exact, empty, refused := 0, 0, 0
	const all = 6000
	for seed := range uint64(all) {
		r := newRandom(seed)
		f := r.filter(t, true)
		program, ok := checkProgram(t, r, f)
		switch {
		case !ok:
			refused++
		case program.Empty():
			empty++
		case program.Exact:
			exact++
		}
	}
	if exact < all/10 || empty > all/2 || refused > all/4 {
		t.Errorf("of %d programs %d are exact, %d empty, %d refused: the generated filters test too little", all, exact, empty, refused)
	}
	t.Logf("of %d programs %d are exact, %d empty, %d refused", all, exact, empty, refused)
}

func TestProgram(t *testing.T) {
	check := func(expr string, c Capabilities, exact bool, left string, want string) {
		t.Helper()
		program, err := mustParse(t, expr).Compile(c)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			return
		}
		var lines []string
		for line := range strings.Lines(program.String()) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		if got := strings.Join(lines, "; "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
		if program.Exact != exact || strings.Join(program.Left, "; ") != left {
			t.Errorf("%s: exact %v, left %q", expr, program.Exact, program.Left)
		}
	}

	check("", AllCapabilities, true, "", "accept")
	check("state established", AllCapabilities, true, "", "accept")
	check("src *", AllCapabilities, true, "", "accept")
	check("dport 443", AllCapabilities, true, "", "dport = 443 else reject; accept")
	check("dport 443", Bytecode, true, "", "dport >= 443 else reject; dport <= 443 else reject; accept")
	check("dport 443", 0, false, "dport = 443", "accept")
	check("dport != 443", AllCapabilities, true, "", "dport = 443 else L12; never else reject; L12: accept")
	check("dport != 443", Bytecode, true, "", "dport <= 442 else L12; never else L20; L12: dport >= 444 else reject; L20: accept")
	check("not dport < 443", Bytecode, true, "", "dport >= 443 else reject; accept")
	check("dport > 65535", Bytecode, true, "", "never else reject; accept")
	check("dport >= 0", Bytecode, true, "", "accept")
	check("not ( dport 1 or sport > 2 )", AllCapabilities, true, "", "dport = 1 else L12; never else reject; L12: sport <= 2 else reject; accept")
	check("dport 1 or sport 2", AllCapabilities, true, "", "dport = 1 else L12; never else L20; L12: sport = 2 else reject; L20: accept")
	check("src 10.0.0.0/8:80", AllCapabilities, true, "", "src = 10.0.0.0/8:80 else reject; accept")
	check("family ipv4", Bytecode, true, "", "src = [::/0] else L32; never else reject; L32: accept")
	check("dev lo", AllCapabilities, true, "", "dev = 1 else reject; accept")
	check("dev lo", Bytecode, false, "dev = lo", "accept")
	check("fwmark 3/0xff", AllCapabilities, true, "", "fwmark = 0x3/0xff else reject; accept")
	check("fwmark 0", AllCapabilities, false, "fwmark = 0x0", "fwmark = 0x0/0xffffffff else reject; accept")
	check("state listen fwmark 0", AllCapabilities, true, "", "fwmark = 0x0/0xffffffff else reject; accept")
	check("cgroup /a.slice", AllCapabilities, true, "", "cgroup = 7 else reject; accept")
	check("cgroup != /a.slice", AllCapabilities, false, "cgroup != /a.slice", "cgroup = 7 else L16; never else reject; L16: accept")

	// A term that the kernel cannot evaluate is replaced by true.
	check("rtt > 5ms dport 1", AllCapabilities, false, "rtt > 5ms", "dport = 1 else reject; accept")
	check("rtt > 5ms or dport 1", AllCapabilities, false, "rtt > 5ms or dport = 1", "accept")
	check("not ( rtt > 5ms or dport 1 )", AllCapabilities, false, "rtt <= 5ms", "dport = 1 else L12; never else reject; L12: accept")
	check("( state listen sport 1 ) or ( state close sport 2 )", AllCapabilities, false,
		"( state listen and sport = 1 ) or ( state close and sport = 2 )", "sport = 1 else L12; never else L20; L12: sport = 2 else reject; L20: accept")
	// A term that cannot match in the requested states is replaced by false.
	check("state established ( acceptq > 3 or dport 1 )", AllCapabilities, true, "", "dport = 1 else reject; accept")

	// An or with a term that is always true is true, whatever its other terms are.
	check("state established ( rtt > 5ms or state established )", AllCapabilities, true, "", "accept")
	check("state established ( autobound or rtt > 5ms or state established )", AllCapabilities, true, "", "accept")

	check("autobound", Bytecode, true, "", "autobound else reject; accept")
	check("rtt > 5ms not autobound", Bytecode, false, "rtt > 5ms", "autobound else L8; never else reject; L8: accept")
}

func TestAutoboundThatCannotBeEvaluated(t *testing.T) {
	for _, test := range []struct {
		expr   string
		c      Capabilities
		offset int
	}{
		{"autobound", 0, 0},
		{"dport 3 ( rtt > 5ms or autobound )", AllCapabilities, 23},
		{"state listen or not autobound", AllCapabilities, 20},
		{"autobound or dev lo", Bytecode, 0},
	} {
		_, err := mustParse(t, test.expr).Compile(test.c)
		if e, ok := err.(*Error); !ok || e.Offset != test.offset || e.Hint().IsZero() {
			t.Errorf("%s: %v", test.expr, err)
		}
	}
}

func TestLongPrograms(t *testing.T) {
	var ports, hosts []string
	for i := range 9000 {
		ports = append(ports, fmt.Sprint(2*i))
		hosts = append(hosts, fmt.Sprintf("[fe80::%x]", i+1))
	}
	long := "dport " + strings.Join(ports, ",")
	for _, test := range []struct {
		expr    string
		least   int
		exact   bool
		longest int
	}{
		{"dport " + strings.Join(ports[:5000], ","), 5000 * 8, true, maxProgram},
		{long, 0, false, 0},
		{"sport 3 " + long, 8, false, 8},
		{long + " sport 3", 8, false, 8},
		{"src != " + strings.Join(hosts[:2000], ","), 2000 * 28, true, maxProgram},
		{"src != " + strings.Join(hosts, ","), 0, false, maxProgram},
	} {
		f := mustParse(t, test.expr)
		program, err := f.Compile(AllCapabilities)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(program.Bytes()); n < test.least || n > test.longest || program.Exact != test.exact {
			t.Errorf("%.30s...: %d bytes, exact %v", test.expr, n, program.Exact)
		}
		if !program.Empty() {
			if err := program.Audit(); err != nil {
				t.Errorf("%.30s...: %v", test.expr, err)
			}
		}
		r := newRandom(1)
		for range 200 {
			if s := r.socket(); f.Match(s.Socket) && !program.Run(s.entry) {
				t.Errorf("%.30s...: the program rejects %v, which matches", test.expr, s)
			}
		}
	}
}

// TestAudit checks the rules of the kernel, one in each row.
func TestAudit(t *testing.T) {
	equal443 := string(append([]byte{byte(opPeerEqual), 8, 12, 0}, portData(443)...))
	for _, test := range []struct{ code, want string }{
		{equal443, ""},
		{"", "shorter than an instruction"},
		{equal443[:4], "cut short"},
		{equal443 + "\x01", "half an instruction"},
		{"\x01\x04\x10\x00", `"no" leads 16`},
		{"\x01\x04\x06\x00", `"no" leads 6`},
		{"\x01\x04\x00\x00", `"no" leads 0`},
		{"\x01\x00\x04\x00", `"yes" leads 0`},
		{"\x01\x08\x04\x00", "past the end"},
		{"\x01\x04\x08\x00" + equal443, `into an instruction`},
		{"\x63\x04\x04\x00", "not known"},
		{"\x07\x0c\x10\x00\x02\x00\x00\x00\x00\x00\x00\x00", "cut short"},
		{"\x07\x0c\x10\x00\x05\x00\x00\x00\x00\x00\x00\x00", "address family 5"},
		{"\x07\x0c\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00", "prefix of 1 bits"},
	} {
		err := Program{code: []byte(test.code)}.Audit()
		if test.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.code, err, test.want)
		}
	}
}
