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

// examination is what doctor --json says, in the parts that tests look at.
type examination struct {
	Kind     string    `json:"kind"`
	Sockets  int       `json:"sockets_total"`
	Interval int       `json:"interval_ms"`
	Findings []finding `json:"findings"`
	Checked  []string  `json:"checked"`
	Warnings []string  `json:"warnings"`

	Unchecked []struct{ Netns, Code, Reason string } `json:"unchecked"`
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
	Advice  []string `json:"advice"`
	Related []string `json:"related"`
}

// ticking gives a world the real clock. Of doctor it is known when it looks at
// the clock: when it begins, and for the second time when it has read the
// counters. Then during runs, so that what it does lies between the readings.
func ticking(during func()) func(*world) {
	looks := 0
	return func(w *world) {
		w.now = func() time.Time {
			if looks++; looks == 2 && during != nil {
				during()
			}
			return time.Now()
		}
	}
}

// patient are thresholds that no socket of a test passes just because the host is
// loaded and the test slow. A test that is about one of them sets it again.
var patient = set("accept-queue-full.wait=1h", "syn-sent-stuck.age=1h", "close-wait-leak.age=1h", "peer-not-reading.age=1h",
	"app-not-reading.age=1h", "closing-stuck.resends=100", "dead-path.resends=100")

// examine runs doctor --json with patient thresholds, and during between its
// readings of the counters. It must say nothing on stderr, and each command that
// it advises must be one that can be run here.
func examine(t *testing.T, during func(), args ...string) examination {
	t.Helper()
	args = slices.Concat([]string{"doctor", "--json", "--interval", "10ms"}, patient, args)
	got := runIn(t, t.Context(), ticking(during), args...)
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

// codes returns what was found, each as "warning close-wait-leak".
func (e *examination) codes() []string {
	codes := []string{}
	for _, f := range e.Findings {
		codes = append(codes, f.Severity+" "+f.Code)
	}
	return codes
}

// finds runs examine and wants just these findings, each as "warning
// close-wait-leak", the most severe first. It returns the first of them.
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

// soonFinds is finds, when time has passed that must pass.
func soonFinds(t *testing.T, args []string, want ...string) finding {
	t.Helper()
	return soonFindsSo(t, args, "", 0, want...)
}

// soonFindsSo is soonFinds, until a fact of the first finding has a value.
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

// wants checks facts of the evidence, given as name and value in turn.
func (f *finding) wants(t *testing.T, facts ...any) {
	t.Helper()
	for i := 0; i < len(facts); i += 2 {
		got := f.Evidence[facts[i].(string)]
		if fmt.Sprint(got) != fmt.Sprint(facts[i+1]) {
			t.Errorf("%s: the evidence %s is %v, want %v, in %v", f.Code, facts[i], got, facts[i+1], f.Evidence)
		}
	}
}

// says checks that the first line a person reads has these words.
func (f *finding) says(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(f.Title, word) {
			t.Errorf("%s is titled %q, without %q", f.Code, f.Title, word)
		}
	}
}

// names checks that the finding is about one process, by its id and name.
func (f *finding) names(t *testing.T, pid int, name string) {
	t.Helper()
	if len(f.Processes) != 1 || f.Processes[0].PID != pid || f.Processes[0].Name != name {
		t.Errorf("%s is about the processes %v, want %s (pid %d)", f.Code, f.Processes, name, pid)
	}
}

// isAbout checks that the finding is about one listener.
func (f *finding) isAbout(t *testing.T, at netip.AddrPort) {
	t.Helper()
	if len(f.Listeners) != 1 || f.Listeners[0].Address != at.Addr().String() || f.Listeners[0].Port != int(at.Port()) {
		t.Errorf("%s is about the listeners %v, want %v", f.Code, f.Listeners, at)
	}
}

// check looks at what each finding must have.
func (f *finding) check(t *testing.T) {
	t.Helper()
	if f.Title == "" || f.Confidence == "" || len(f.Evidence) == 0 {
		t.Errorf("%s lacks its title, its proof or how sure it is: %+v", f.Code, f)
	}
	if len(f.Title) > 200 {
		t.Errorf("%s is titled %q", f.Code, f.Title)
	}
	if len(f.Advice) == 0 {
		t.Errorf("%s gives no advice", f.Code)
	}
	for _, advice := range f.Advice {
		if regexp.MustCompile(`\{[a-z_]+\}`).MatchString(advice) {
			t.Errorf("%s advises %q, unfinished", f.Code, advice)
		}
		if _, command, found := strings.Cut(advice, ": "); found {
			lists := strings.HasPrefix(advice, "List them") || strings.HasPrefix(advice, "See with whom") || strings.HasPrefix(advice, "See who")
			checkCommand(t, f.Code, command, lists)
		}
	}
}

var setsSysctl = regexp.MustCompile(`^sysctl -w ([a-z0-9_.]+)=`)

// checkCommand checks a command of the advice: a setting must be there, and what
// tcpstate is told to do must be what it can do; where it is to list what is
// wrong, it must list something. Others are run where they only look.
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
		args = slices.DeleteFunc(args, func(arg string) bool { return arg == "-c" }) // for ever
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

// counter returns a counter of the kernel as nstat(8) tells it.
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

// ssCount returns how many sockets ss(8) lists.
func ssCount(t *testing.T, args ...string) int {
	t.Helper()
	text, err := exec.Command("ss", append([]string{"-tanH"}, args...)...).Output()
	must(t, err)
	return strings.Count(string(text), "\n")
}

// ssListener returns the queues of a listener as ss(8) tells them.
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

// listenWith returns a listener of a backlog.
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
	t.Fatalf("a socket address of type %T", name)
	return 0, at
}

// peerNumber returns the address of the n-th peer of a test.
func peerNumber(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 5000)
}

// dialIn connects n peers, from the first on, to a listener, and returns them
// and, where accept is the listener's descriptor, the accepted sockets.
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

// closeAll closes descriptors, which an actor may hold as well.
func closeAll(t *testing.T, fds ...int) {
	t.Helper()
	for _, fd := range fds {
		must(t, unix.Close(fd))
	}
}

// documentedKeys reads a section of docs/json.md: which keys a document has, by
// their flattened names, and their types.
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

// checkDocumented checks each key of a document against a section of
// docs/json.md, which names no keys within an object that may have any.
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
