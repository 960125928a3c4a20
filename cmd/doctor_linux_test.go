package cmd

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// examination has the parts of the output of doctor --json that the tests check.
type examination struct {
	Kind     string    `json:"kind"`
	Sockets  int       `json:"sockets_total"`
	Interval int       `json:"interval_ms"`
	Findings []finding `json:"findings"`
	Checked  []string  `json:"checked"`
	Warnings []string  `json:"warnings"`

	Unchecked []struct{ Netns, Code, Reason string } `json:"unchecked"`
	Compared  struct{ Gone []string }                `json:"baseline"`
}

type finding struct {
	Code       string           `json:"code"`
	Severity   string           `json:"severity"`
	Title      string           `json:"title"`
	Netns      string           `json:"netns"`
	Evidence   map[string]any   `json:"evidence"`
	Confidence string           `json:"confidence"`
	Inference  string           `json:"inference"`
	Sockets    []map[string]any `json:"sockets"`
	Listeners  []struct {
		Address   string
		Port      int
		Processes []struct{ PID int }
	} `json:"listeners"`
	Processes []struct {
		PID  int
		Name string
	} `json:"processes"`
	Steps []struct {
		Text    string
		Command string
	} `json:"steps"`
	Thresholds map[string]string `json:"thresholds"`
	Baseline   string            `json:"baseline"`

	Advice  []string `json:"advice"`
	Related []string `json:"related"`
}

// ticking makes the clock of an environment show that the doctor took the default
// interval of these tests: see tickingFor.
func ticking(during func()) func(*environment) { return tickingFor(usualInterval, during) }

// usualInterval is long enough to compare readings, and short enough to wait for.
const usualInterval = 10 * time.Millisecond

// tickingFor makes the clock of an environment show that the readings of the doctor are
// one interval apart, however long they and during take: rates of a busy machine are the
// same as those of a quiet one. The doctor reads the clock for the first time when it
// begins, and for the second time when it has read the counters. At that moment during
// runs, so its effects lie between the two readings of the counters.
func tickingFor(interval time.Duration, during func()) func(*environment) {
	reads, began := 0, time.Now()
	return func(env *environment) {
		env.now = func() time.Time {
			if reads++; reads == 2 && during != nil {
				during()
			}
			if reads == 1 {
				return began
			}
			return began.Add(interval)
		}
	}
}

// intervalOf returns the interval that the last --interval of the arguments sets.
func intervalOf(t *testing.T, args []string) time.Duration {
	t.Helper()
	for i := len(args) - 2; i >= 0; i-- {
		if args[i] == "--interval" {
			interval, err := time.ParseDuration(args[i+1])
			must(t, err)
			return interval
		}
	}
	return usualInterval
}

// patient has thresholds that no socket of a test exceeds only because the host is
// loaded and the test is slow. A test of one of these rules sets its threshold again.
var patient = set("accept-queue-full.wait=1h", "syn-sent-stuck.age=1h", "close-wait-leak.age=1h", "peer-not-reading.age=1h",
	"app-not-reading.age=1h", "closing-stuck.resends=100", "dead-path.resends=100")

// examine runs doctor --json with patient thresholds, and runs during between its
// readings of the counters. The doctor must write nothing to stderr, and each command
// in its advice must be one that can be run here.
func examine(t *testing.T, during func(), args ...string) examination {
	t.Helper()
	args = slices.Concat([]string{"doctor", "--json", "--interval", "10ms"}, patient, args)
	got := runIn(t, t.Context(), tickingFor(intervalOf(t, args), during), args...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("%q: exit %d, stderr %q", args, got.code, got.stderr)
	}
	e := readExamination(t, got.stdout)
	for _, f := range e.Findings {
		f.check(t)
	}
	return e
}

func readExamination(t *testing.T, text string) examination {
	t.Helper()
	checkDocumented(t, "Findings", text)
	var e examination
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
	return e
}

// codes returns the findings, each in the form "warning close-wait-leak".
func (e *examination) codes() []string {
	codes := []string{}
	for _, f := range e.Findings {
		codes = append(codes, f.Severity+" "+f.Code)
	}
	return codes
}

// finds runs examine and expects exactly these findings, each in the form "warning
// close-wait-leak", the most severe first. It returns the first finding.
func finds(t *testing.T, during func(), args []string, want ...string) finding {
	t.Helper()
	e := examine(t, during, args...)
	if got := e.codes(); !slices.Equal(got, want) {
		t.Fatalf("doctor %q finds %q, want %q: %+v", args, got, want, e.Findings)
	}
	if len(want) == 0 {
		return finding{}
	}
	return e.Findings[0]
}

// set returns arguments that set thresholds.
func set(thresholds ...string) (args []string) {
	for _, threshold := range thresholds {
		args = append(args, "--set", threshold)
	}
	return args
}

// soonFinds is like finds, but waits until the doctor has these findings.
func soonFinds(t *testing.T, args []string, want ...string) finding {
	t.Helper()
	return soonFindsSo(t, args, "", 0, want...)
}

// soonFindsSo is like soonFinds, but also waits until a fact of the first finding has
// the given value.
func soonFindsSo(t *testing.T, args []string, fact string, value int, want ...string) (first finding) {
	t.Helper()
	lab.Await(t, func() error {
		e := examine(t, nil, args...)
		first = append(e.Findings, finding{})[0]
		if got := e.codes(); !slices.Equal(got, want) {
			return fmt.Errorf("doctor %q still finds %q, want %q: %+v", args, got, want, e.Findings)
		}
		if fact != "" && fmt.Sprint(first.Evidence[fact]) != fmt.Sprint(value) {
			return fmt.Errorf("doctor %q still finds %s %v, want %d: %+v", args, fact, first.Evidence[fact], value, first)
		}
		return nil
	})
	return first
}

// wants checks facts of the evidence. The arguments are names and values in turn.
func (f *finding) wants(t *testing.T, facts ...any) {
	t.Helper()
	for i := 0; i < len(facts); i += 2 {
		got := f.Evidence[facts[i].(string)]
		if fmt.Sprint(got) != fmt.Sprint(facts[i+1]) {
			t.Errorf("%s: the evidence %s is %v, want %v, in %v", f.Code, facts[i], got, facts[i+1], f.Evidence)
		}
	}
}

// says checks that the title has these words.
func (f *finding) says(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(f.Title, word) {
			t.Errorf("%s has the title %q, without %q", f.Code, f.Title, word)
		}
	}
}

// names checks that the finding is about one process only, with this id and name.
func (f *finding) names(t *testing.T, pid int, name string) {
	t.Helper()
	if len(f.Processes) != 1 || f.Processes[0].PID != pid || f.Processes[0].Name != name {
		t.Errorf("%s is about the processes %v, want %s (pid %d)", f.Code, f.Processes, name, pid)
	}
}

// isAbout checks that the finding is about one listener only.
func (f *finding) isAbout(t *testing.T, at netip.AddrPort) {
	t.Helper()
	if len(f.Listeners) != 1 || f.Listeners[0].Address != at.Addr().String() || f.Listeners[0].Port != int(at.Port()) {
		t.Errorf("%s is about the listeners %v, want %v", f.Code, f.Listeners, at)
	}
}

// check checks what each finding must have.
func (f *finding) check(t *testing.T) {
	t.Helper()
	if f.Title == "" || f.Confidence == "" || len(f.Evidence) == 0 {
		t.Errorf("%s has no title, no evidence or no confidence: %+v", f.Code, f)
	}
	if len(f.Title) > 200 {
		t.Errorf("%s has a title of more than 200 bytes: %q", f.Code, f.Title)
	}
	if len(f.Advice) == 0 {
		t.Errorf("%s gives no advice", f.Code)
	}
	if len(f.Steps) != len(f.Advice) {
		t.Errorf("%s has %d steps, and advice of %d", f.Code, len(f.Steps), len(f.Advice))
	}
	for i, advice := range f.Advice {
		if step := f.Steps[min(i, len(f.Steps)-1)]; advice != step.Text && advice != step.Text+": "+step.Command {
			t.Errorf("%s advises %q in the step %+v", f.Code, advice, step)
		}
		if regexp.MustCompile(`\{[a-z_]+\}`).MatchString(advice) {
			t.Errorf("%s advises %q, with a placeholder", f.Code, advice)
		}
		if _, command, found := strings.Cut(advice, ": "); found {
			lists := strings.HasPrefix(advice, "List them") || strings.HasPrefix(advice, "See which peers") || strings.HasPrefix(advice, "See who") || strings.HasPrefix(advice, "See which programs") ||
				strings.HasPrefix(advice, "See how many")
			checkCommand(t, f.Code, command, lists)
		}
	}
}

var setsSysctl = regexp.MustCompile(`^sysctl -w ([a-z0-9_.]+)=`)

// checkCommand checks a command of the advice. A setting must exist. A command of
// tcpstate must succeed and, if lists is true, must list something. Of the other
// commands, it runs those that change nothing.
func checkCommand(t *testing.T, code, command string, lists bool) {
	t.Helper()
	if entered, found := strings.CutPrefix(command, "nsenter "); found {
		_, command, _ = strings.Cut(entered, " ")
	}
	if m := setsSysctl.FindStringSubmatch(command); m != nil {
		if _, err := os.Stat("/proc/sys/" + strings.ReplaceAll(m[1], ".", "/")); err != nil {
			t.Errorf("%s advises %q: %v", code, command, err)
		}
		return
	}
	program, rest, _ := strings.Cut(command, " ")
	switch program {
	case "tcpstate":
		words, err := exec.Command("sh", "-c", `printf '%s\0' `+rest).Output()
		must(t, err)
		args := strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
		args = slices.DeleteFunc(args, func(arg string) bool { return arg == "-c" }) // -c would never end
		if got := runIn(t, t.Context(), ticking(nil), args...); got.code != exitDone {
			t.Errorf("%s advises %q: exit %d, stderr %q", code, command, got.code, got.stderr)
		} else if lists && strings.Count(got.stdout, "\n") < 2 {
			t.Errorf("%s advises %q, which lists nothing", code, command)
		}
	case "ps", "nstat", "ip":
		if output, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Errorf("%s advises %q: %v, %s", code, command, err, output)
		}
	}
}

// counter returns a counter of the kernel from nstat(8).
func counter(t *testing.T, name string) int {
	t.Helper()
	text, err := exec.Command("nstat", "-asz", name).Output()
	must(t, err)
	m := regexp.MustCompile(`(?m)^` + name + ` +(\d+) `).FindSubmatch(text)
	if m == nil {
		t.Fatalf("nstat does not know %s: %s", name, text)
	}
	n, err := strconv.Atoi(string(m[1]))
	must(t, err)
	return n
}

// ssCount returns the number of sockets that ss(8) lists.
func ssCount(t *testing.T, args ...string) int {
	t.Helper()
	text, err := exec.Command("ss", append([]string{"-tanH"}, args...)...).Output()
	must(t, err)
	return strings.Count(string(text), "\n")
}

// ssListener returns the length and the maximum of the accept queue of a listener
// from ss(8).
func ssListener(t *testing.T, at netip.AddrPort) (queue, most string) {
	t.Helper()
	text, err := exec.Command("ss", "-tlnH", "src", at.String()).Output()
	must(t, err)
	fields := strings.Fields(string(text))
	if len(fields) < 4 {
		t.Fatalf("ss lists no listener at %v: %s", at, text)
	}
	return fields[1], fields[2]
}

// listenWith returns a listener with the given backlog.
func listenWith(t *testing.T, host netip.Addr, backlog int) (fd int, at netip.AddrPort) {
	t.Helper()
	fd = newSocket(t, sockaddrOf(host, 0))
	must(t, unix.Bind(fd, sockaddrOf(host, 0)))
	must(t, unix.Listen(fd, backlog))
	name, err := unix.Getsockname(fd)
	must(t, err)
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return fd, netip.AddrPortFrom(host, uint16(name.Port))
	case *unix.SockaddrInet6:
		return fd, netip.AddrPortFrom(host, uint16(name.Port))
	}
	t.Fatalf("the socket address has the type %T", name)
	return 0, at
}

// peerNumber returns the address of the n-th peer of a test.
func peerNumber(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 5000)
}

// dialIn connects n peers to a listener, starting with peer number first. It returns
// the peers and, if accept is the descriptor of the listener and not -1, the accepted
// sockets.
func dialIn(t *testing.T, l *lab.Lab, at netip.AddrPort, accept, first, n int) (fds []int, peers []*lab.Peer) {
	t.Helper()
	for i := range n {
		p, err := l.Dial(peerNumber(first+i), at)
		must(t, err)
		peers = append(peers, p)
		if accept >= 0 {
			fd, _, err := unix.Accept4(accept, unix.SOCK_CLOEXEC)
			must(t, err)
			fds = append(fds, fd)
		}
	}
	return fds, peers
}

// closeAll closes descriptors of this process. An actor may still hold the sockets.
func closeAll(t *testing.T, fds ...int) {
	t.Helper()
	for _, fd := range fds {
		must(t, unix.Close(fd))
	}
}

// documentedKeys reads a section of docs/json.md. It returns the types of the keys
// of a document, by the flattened names of the keys.
func documentedKeys(t *testing.T, section string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/json.md")
	must(t, err)
	_, text, _ := strings.Cut(string(page), "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	types := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+`) \\| ([a-z ]+) \\|").FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			types[strings.Trim(name, "`")] = row[2]
		}
	}
	if len(types) == 0 {
		t.Fatalf("docs/json.md has no section %q as this test reads it", section)
	}
	return types
}

// checkDocumented compares each key of a document with a section of docs/json.md. If
// an object may have any keys, the section lists none of them.
func checkDocumented(t *testing.T, section, text string) {
	t.Helper()
	types := documentedKeys(t, section)
	inner := func(prefix string) bool {
		for name := range types {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
	var walk func(name string, value any)
	object := func(prefix string, fields map[string]any) {
		if !inner(prefix) {
			return
		}
		for key, value := range fields {
			walk(prefix+key, value)
		}
	}
	walk = func(name string, value any) {
		typ := types[name]
		is := ""
		switch value := value.(type) {
		case map[string]any:
			is = "object"
			object(name+".", value)
		case []any:
			is = "list of " + strings.TrimPrefix(typ, "list of ")
			for _, item := range value {
				switch item := item.(type) {
				case map[string]any:
					is = "list of objects"
					object(name+"[].", item)
				case string:
					is = "list of strings"
				}
			}
		case string:
			is = "string"
		case bool:
			is = "boolean"
		case json.Number:
			if is = "integer"; strings.ContainsAny(value.String(), ".eE") {
				is = "fraction"
			}
		}
		if is != typ {
			t.Errorf("%s is %s, documented as %q: %v", name, is, typ, value)
		}
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document map[string]any
	must(t, decoder.Decode(&document))
	object("", document)
}
