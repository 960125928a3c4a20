package doctor

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/explain"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// checkFinding checks the conditions that every finding must meet.
func checkFinding(t *testing.T, f *Finding) {
	t.Helper()
	rule := rules[slices.IndexFunc(rules, func(r Rule) bool { return r.Code == f.Code })]
	if !slices.Contains(rule.Severities, f.Severity) && len(f.Related) == 0 {
		t.Errorf("%s is %v, its rule says %v", f.Code, f.Severity, rule.Severities)
	}
	if f.Title.IsZero() || f.Meaning.IsZero() || f.Topic == "" || f.Confidence == 0 || len(f.Evidence) == 0 || len(f.Advice) == 0 {
		t.Errorf("%s is not complete: %+v", f.Code, f)
	}
	if f.Confidence < Measured && f.Inference.IsZero() {
		t.Errorf("%s is %v, but does not say why", f.Code, f.Confidence)
	}
	for _, a := range f.Advice {
		if strings.ContainsAny(a.Say.String(), "{}") || word.MatchString(a.Run) {
			t.Errorf("%s: advice %q has an unfilled placeholder", f.Code, a)
		}
		if strings.Contains(a.Run, "nginx") {
			t.Errorf("%s: the command %q contains the name of a process, which may contain anything", f.Code, a.Run)
		}
	}
	for _, fact := range f.Evidence {
		switch fact.Value.(type) {
		case int64, string, bool:
		default:
			t.Errorf("%s: evidence %s is a %T", f.Code, fact.Name, fact.Value)
		}
		if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(fact.Name) {
			t.Errorf("%s: evidence has the name %q, want only a-z, 0-9 and _", f.Code, fact.Name)
		}
	}
}

func TestHealthyHostsHaveNoFindings(t *testing.T) {
	if findings := healthy().examine(t); len(findings) > 0 {
		t.Errorf("an idle namespace:%s", describe(findings))
	}

	busy := healthy()
	busy.listen(3, 4096)
	busy.add(10_000, tcp.Established, 200*time.Millisecond)
	busy.halfOpen(400, 0)
	busy.add(20_000, tcp.TimeWait, 0, unaccepted, noClocks)
	busy.add(1, tcp.CloseWait, 50*time.Millisecond)
	busy.SockStat["TCP.tw"] = 20_000
	busy.SockStat["TCP.orphan"] = 300
	busy.rose("Tcp.PassiveOpens", 3000)
	busy.rose("TcpExt.TCPAbortOnClose", 9)
	if findings := busy.examine(t); len(findings) > 0 {
		t.Errorf("a busy healthy host:%s", describe(findings))
	}
}

func TestExamineIsDeterministic(t *testing.T) {
	make := func() []Finding {
		p := healthy()
		for i := range 20 {
			p.listenOn(fmt.Sprintf("192.0.2.1:%d", 1000+i), 200, 128)
		}
		p.listen(0, 64)
		p.halfOpen(65, 2)
		p.add(20, tcp.CloseWait, 2*time.Hour)
		for i := range 40 {
			p.add(3+i%3, tcp.SynSent, 10*time.Second, outgoing("192.0.2.1", fmt.Sprintf("198.51.100.%d:5432", i), 40000))
		}
		p.rose("TcpExt.ListenOverflows", 10)
		return p.examine(t)
	}
	first := make()
	for range 20 {
		if again := make(); !reflect.DeepEqual(again, first) {
			t.Fatalf("got %s\nthen %s", describe(first), describe(again))
		}
	}
}

func TestFindingsOfARuleAreLimited(t *testing.T) {
	p := healthy()
	for i := range 12 {
		p.listenOf(fmt.Sprintf("192.0.2.1:%d", 1000+i), 200, 128) // of different programs, for all that is seen
	}
	findings := p.examine(t)
	if len(findings) != maxFindings || !strings.HasSuffix(findings[maxFindings-1].Title.String(), "; and 7 more like this") ||
		findings[maxFindings-1].Evidence.Get("more") != int64(7) {
		t.Errorf("12 full queues:%s", describe(findings))
	}
}

func TestOneProblemIsReportedOnce(t *testing.T) {
	p := healthy()
	p.listen(9, 8)
	p.halfOpen(9, 1)
	p.rose("TcpExt.ListenOverflows", 40)
	p.rose("TcpExt.ListenDrops", 40)
	findings := p.examine(t)
	if len(findings) != 1 || findings[0].Code != "accept-queue-full" || !slices.Contains(findings[0].Related, "accept-queue-overflows") ||
		findings[0].Evidence.Get("listen_overflows") != int64(40) {
		t.Errorf("a full queue that overflows:%s", describe(findings))
	}
	only, err := Select([]string{"accept-queue-overflows"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if findings := Examine(p.Observation, only); len(findings) != 1 || findings[0].Listeners[0].Local.Port() != 443 || findings[0].Confidence != Likely {
		t.Errorf("with only its own rule:%s", describe(findings))
	}

	p = healthy()
	p.listen(0, 64)
	p.halfOpen(65, 2)
	p.rose("TcpExt.SyncookiesSent", 5000)
	findings = p.examine(t)
	if len(findings) != 1 || findings[0].Code != "syn-flood" || len(findings[0].Related) != 2 {
		t.Errorf("a flood answered with cookies:%s", describe(findings))
	}

	p = healthy()
	p.Limits = []Limit{{Process: nginx, Open: 1000, Soft: 1024}}
	p.add(900, tcp.CloseWait, 2*time.Hour)
	findings = p.examine(t)
	if len(findings) != 2 || findings[1].Code != "fd-limit-near" || findings[1].Related[0] != "close-wait-leak" || findings[0].Related[0] != "fd-limit-near" {
		t.Errorf("a leak that uses up the descriptors:%s", describe(findings))
	}
}

func TestSeparateProblemsAreReportedSeparately(t *testing.T) {
	p := healthy()
	p.listen(129, 128)
	p.add(20, tcp.CloseWait, time.Hour)
	p.Limits = []Limit{{Process: Process{PID: 5, Name: "other"}, Open: 1000, Soft: 1024}}
	findings := p.examine(t)
	leak, limit := find(findings, "close-wait-leak"), find(findings, "fd-limit-near")
	if len(findings) != 3 || leak == nil || limit == nil || slices.Contains(leak.Related, "fd-limit-near") {
		t.Errorf("a full queue, a leak, and descriptors of another program:%s", describe(findings))
	}

	p = healthy()
	p.listen(20, 128)
	p.add(20, tcp.CloseWait, time.Hour, unaccepted)
	findings = p.examine(t)
	if len(findings) != 1 || findings[0].Code != "accept-queue-full" || findings[0].Evidence.Get("close_wait") != int64(20) {
		t.Errorf("clients that left before they were accepted:%s", describe(findings))
	}
}

func TestAdviceNamesTheListener(t *testing.T) {
	p := healthy()
	p.listen(0, 64)
	p.listenOn("[2001:db8::1]:8443", 9, 8)
	if advice := fmt.Sprint(p.examine(t)[0].Advice); !strings.Contains(advice, "sport = :8443") || strings.Contains(advice, ":443") {
		t.Errorf("advice on port 8443: %s", advice)
	}
}

func TestSelect(t *testing.T) {
	all, err := Select(nil, nil)
	if err != nil || len(all) != len(rules) {
		t.Errorf("%d rules, error %v; want %d", len(all), err, len(rules))
	}
	some, err := Select([]string{"syn-flood", "dead-path"}, []string{"dead-path"})
	if err != nil || len(some) != 1 || some[0].Code != "syn-flood" {
		t.Errorf("got %v, error %v", some, err)
	}
	_, err = Select(nil, []string{"close-wait-leek"})
	if err.Error() != `no rule "close-wait-leek"` || wording.Hint(err).String() != "did you mean close-wait-leak?" {
		t.Errorf("error %v, hint %q", err, wording.Hint(err))
	}
	if hint := wording.Hint(&UnknownRuleError{"xyz"}).String(); !strings.Contains(hint, "--list") {
		t.Errorf("hint %q", hint)
	}
}

// needing returns the codes of the rules whose needs are of a kind.
func needing(is func(Need) bool) (codes []string) {
	for _, r := range rules {
		if is(r.Needs) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

func TestCheckReportsWhatWasNotChecked(t *testing.T) {
	checked, unchecked := Check(healthy().Observation, Rules())
	if len(checked) != len(rules)-1 || len(unchecked) != 0 {
		t.Errorf("with a full observation %v were not checked", unchecked)
	}

	p := &patient{Observation: Observe(lifecycle.Settings{}, DefaultThresholds())}
	p.add(2, tcp.Established, 0, noClocks, func(s *tcp.Socket) { s.Processes = nil })
	checked, unchecked = Check(p.Observation, Rules())
	if want := needing(func(n Need) bool { return n&^NeedConntrack == 0 }); !slices.Equal(checked, want) || !slices.Contains(want, "dead-path") {
		t.Errorf("with only sockets %v were checked, want %v", checked, want)
	}
	i := slices.IndexFunc(unchecked, func(u Unchecked) bool { return u.Code == "close-wait-leak" })
	if want := "the processes of 2 sockets could not be seen; the clocks of 2 connections are not known"; i < 0 || unchecked[i].Reason.String() != want {
		t.Errorf("unchecked rules are %v, want close-wait-leak with %q", unchecked, want)
	}
	p.examine(t)

	p = healthy()
	p.onlySinceBoot()
	_, unchecked = Check(p.Observation, Rules())
	if want := needing(func(n Need) bool { return n&NeedRates != 0 }); len(unchecked) != len(want) || unchecked[0].Reason.String() != "the counters were read once: it is not known which rise" {
		t.Errorf("with one reading, unchecked rules are %v", unchecked)
	}
}

func TestEvidence(t *testing.T) {
	var e Evidence
	e.Add("z", 3)
	e.Add("a_ms", 1500*time.Millisecond)
	e.Add("z", 4)
	e.Add("text", "\"<\n")
	got, err := json.Marshal(e)
	if want := `{"z":3,"a_ms":1500,"text":"\"\u003c\n"}`; err != nil || string(got) != want {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
	if got, err := json.Marshal(Evidence(nil)); err != nil || string(got) != "{}" {
		t.Errorf("without evidence got %s, error %v", got, err)
	}
	if e.Get("none") != nil {
		t.Error("Get returns evidence that was not added")
	}
	for counter, want := range map[string]string{
		"TcpExt.ListenOverflows": "listen_overflows", "TcpExt.TCPReqQFullDrop": "tcp_req_q_full_drop",
		"TcpExt.TCPReqQFullDoCookies": "tcp_req_q_full_do_cookies", "Tcp.PassiveOpens": "passive_opens", "TcpExt.TW": "tw",
	} {
		if got := counterFact(counter); got != want {
			t.Errorf("counterFact(%q) = %q, want %q", counter, got, want)
		}
	}
}

var english = wording.For(wording.English)

// TestRulesAreComplete checks that every rule has all its texts, and that they
// agree with each other.
func TestRulesAreComplete(t *testing.T) {
	codes := regexp.MustCompile("`([a-z0-9.-]+)`")
	for _, r := range rules {
		if r.Code == "" || len(r.Severities) == 0 || len(r.Advice) == 0 || len(r.Sources) == 0 {
			t.Errorf("%s is not complete", r.Code)
		}
		if !slices.IsSorted(r.Severities) {
			t.Errorf("%s: the severities are not in rising order", r.Code)
		}
		if _, err := explain.Find(r.Topic); err != nil {
			t.Errorf("%s: %v", r.Code, err)
		}
		for _, m := range []wording.Message{r.Name(), r.Meaning(), r.Condition()} {
			if !english.Has(m.Key) {
				t.Errorf("wording/en/doctor.txt has no %s", m.Key)
			}
		}
		if meaning := r.Meaning().String(); strings.Count(meaning, ". ") > 0 || !strings.HasSuffix(meaning, ".") {
			t.Errorf("%s: the meaning is not one sentence", r.Code)
		}
		var named []string
		for _, m := range codes.FindAllStringSubmatch(r.Condition().String(), -1) {
			named = append(named, m[1])
		}
		for _, d := range thresholdTable {
			if strings.HasPrefix(d.Name, r.Code+".") && !slices.Contains(named, d.Name) {
				t.Errorf("%s: its condition does not name %s", r.Code, d.Name)
			}
		}
		for _, name := range named {
			if !slices.ContainsFunc(thresholdTable[:], func(d Threshold) bool { return d.Name == name }) {
				t.Errorf("%s: its condition names %s, which is not a threshold", r.Code, name)
			}
		}
	}
}

// TestTextsAreOfRules checks that each text of a rule, a threshold or a risk
// belongs to one that exists.
func TestTextsAreOfRules(t *testing.T) {
	used := map[string]bool{}
	for _, r := range rules {
		used[r.Name().Key], used[r.Meaning().Key], used[r.Condition().Key] = true, true, true
	}
	for _, d := range thresholdTable {
		used[d.Limits().Key], used[d.Reason().Key] = true, true
	}
	for _, r := range risks {
		used[r.Value().Key], used[r.Harm().Key] = true, true
	}
	of := regexp.MustCompile(`\.(name|meaning|when|limits|reason|value|harm)$`)
	others := regexp.MustCompile(`^doctor\.(error|do|lacks)\.`)
	for _, key := range english.Keys("doctor") {
		if of.MatchString(key) && !used[key] && !others.MatchString(key) {
			t.Errorf("the text %s belongs to no rule, threshold or risk", key)
		}
	}
}

// TestAdviceNamesWhatThereIs checks that commands name settings of the kernel,
// that steps which change one say so, and that examples can be made of all.
func TestAdviceNamesWhatThereIs(t *testing.T) {
	sysctl := regexp.MustCompile(`net\.[a-z0-9_.]+`)
	for _, r := range rules {
		for _, s := range r.Advice {
			if places := wording.PlacesIn(wording.Say(s.Say).String()); !english.Has(s.Say) || strings.Join(places, " ") != s.About {
				t.Errorf("%s: %s has the places %q, the step %q", r.Code, s.Say, places, s.About)
			}
			if s.When != "" && !english.Has(s.When) {
				t.Errorf("%s: the cause %s has no text", r.Code, s.When)
			}
			for _, w := range word.FindAllString(s.Run, -1) {
				if exampleWords[strings.Trim(w, "{}")] == "" {
					t.Errorf("%s: there is no example value for %s", r.Code, w)
				}
				if strings.HasPrefix(w, "{process") {
					t.Errorf("%s: a command must not contain %s, which may contain anything", r.Code, w)
				}
			}
			for _, name := range sysctl.FindAllString(s.Run, -1) {
				setting, ok := lifecycle.SettingOf(name)
				if !ok || setting.Gone != "" {
					t.Errorf("%s: %q names %s, which is not a setting of current kernels", r.Code, s.Run, name)
				}
				if s.Setting != name {
					t.Errorf("%s: %q does not declare that it needs %s", r.Code, s.Run, name)
				}
			}
		}
	}
	for _, r := range risks {
		if _, ok := lifecycle.SettingOf(r.Setting); !ok || !english.Has(r.Value().Key) || !english.Has(r.Harm().Key) || r.Source == "" {
			t.Errorf("sysctl-risky: %s is no setting, or not complete", r.Setting)
		}
	}
	if n := len(ExampleCommands()); n < 21 {
		t.Errorf("%d commands", n)
	}
	for _, c := range ExampleCommands() {
		if word.MatchString(c) {
			t.Errorf("the example %q has an unfilled placeholder", c)
		}
	}
}

func TestAdviceFitsTheHost(t *testing.T) {
	flood := func(o *patient) string {
		o.listen(0, 128)
		o.halfOpen(129, 1)
		return fmt.Sprint(find(o.examine(t), "syn-flood").Advice)
	}
	if advice := flood(healthy()); !strings.Contains(advice, "net.ipv4.tcp_synack_retries") || strings.Contains(advice, "tcp_syncookies=1") {
		t.Errorf("with cookies on: %s", advice)
	}
	if advice := flood(healthy(func(s *lifecycle.Settings, _ *Thresholds) { s.SynackRetries = tcp.Optional[int]{} })); strings.Contains(advice, "net.ipv4.tcp_synack_retries") {
		t.Errorf("the advice names a setting that the host does not have: %s", advice)
	}
	if advice := flood(healthy(func(s *lifecycle.Settings, _ *Thresholds) { s.SynCookies = tcp.Known(0) })); !strings.Contains(advice, "tcp_syncookies=1") {
		t.Errorf("with cookies off: %s", advice)
	}
	for release, want := range map[string]bool{"4.1.9": false, "4.2": true, "4.2-rc1": true, "6.18.5-x": true, "": false, "x.y": false} {
		o := &Observation{Release: release}
		if got := o.has(Step{Since: "4.2"}); got != want {
			t.Errorf("a kernel %q has what Linux 4.2 introduced: %v", release, got)
		}
	}
}

func TestEnter(t *testing.T) {
	tests := []struct{ command, netns, want string }{
		{"tcpstate ls -p state listening", "", "tcpstate ls -p state listening"},
		{"tcpstate ls -p state listening", "red", "tcpstate ls -N red -p state listening"},
		{"tcpstate count --by peer", "/proc/7/ns/net", "tcpstate count -N /proc/7/ns/net --by peer"},
		{"tcpstate ls -p", "it's; rm", `tcpstate ls -N 'it'\''s; rm' -p`},
		{"sysctl -w net.ipv4.tcp_sack=1", "red", "nsenter --net=/run/netns/red sysctl -w net.ipv4.tcp_sack=1"},
		{"ip route get 192.0.2.7", "/proc/7/ns/net", "nsenter --net=/proc/7/ns/net ip route get 192.0.2.7"},
		{"ps -p 7", "red", "ps -p 7"},
	}
	for _, test := range tests {
		if got := enter(test.command, test.netns); got != test.want {
			t.Errorf("enter(%q, %q) = %q, want %q", test.command, test.netns, got, test.want)
		}
	}
}

// TestOtherToolsAreComparedWithRules checks that the rules that docs/doctor.md names
// beside those of other tools exist.
func TestOtherToolsAreComparedWithRules(t *testing.T) {
	page, err := os.ReadFile("../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Rules of other tools\n")
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.HasPrefix(cells[1], " rule of") {
			continue
		}
		rows++
		if strings.TrimSpace(cells[2]) == "none" && len(cells[3]) > 20 {
			continue
		}
		for code := range strings.SplitSeq(cells[2], ",") {
			if _, err := Select([]string{strings.Trim(code, " `")}, nil); err != nil {
				t.Errorf("%v, in %s", err, line)
			}
		}
	}
	if rows < 10 {
		t.Errorf("the table has %d rows", rows)
	}
}
