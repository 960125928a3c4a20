package ground

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tcpstate/tcp"
)

// Patience is how long the lab, and a test, waits for an event. On an idle host
// the event comes at once, or when a timer of the kernel ends; on a loaded host
// it may take a hundred times as long. The limit exists only to end a test that
// waits in vain, with a message. Tests make no assertion about the time that
// has passed.
const Patience = 2 * time.Minute

// Plan says which sockets to make in a lab, and how to run the command.
type Plan struct {
	States   bool          // make at least one socket of each state, see Lab.States
	Fill     []Want        // in the order in which to make them: the short-lived ones last
	Churn    int           // connections opened and closed a second
	Netns    []string      // names of additional network namespaces, each with a listener
	DenyDiag syscall.Errno // the error when the command opens a NETLINK_SOCK_DIAG socket; 0: no error
}

// Want is a number of sockets of one kind and one family.
type Want struct {
	Kind   string // one of Kinds
	Family tcp.Family
	N      int
}

// Kind is a kind of sockets that Fill makes.
type Kind struct {
	Name  string
	State tcp.State
	Held  bool // each needs a file descriptor
	Doc   string
}

// kinds are the kinds of sockets that Fill makes. Fill makes them in this
// order, so those that end by a timer of the kernel come last.
var kinds = [...]Kind{
	{"est", tcp.Established, true, "connections over the loopback; both ends count"},
	{"listen", tcp.Listen, true, "listeners with empty queues"},
	{"closewait", tcp.CloseWait, true, "the peer's FIN unread"},
	{"bound", tcp.BoundInactive, true, "bound, neither listening nor connected"},
	{"synsent", tcp.SynSent, true, "to silent peers; lasts 127 s and more"},
	{"finwait1", tcp.FinWait1, false, "orphans with silent peers; lasts 100 s, fewer than half of the host's tcp_max_orphans"},
	{"closing", tcp.Closing, false, "orphans with silent peers; lasts 100 s, fewer than half of the host's tcp_max_orphans"},
	{"lastack", tcp.LastAck, false, "orphans with silent peers; lasts 100 s, fewer than half of the host's tcp_max_orphans"},
	{"synrecv", tcp.SynRecv, false, "from as many peers; one listener a family comes with them"},
	{"finwait2", tcp.FinWait2, false, "orphans, kept by the kernel as small sockets for 60 s"},
	{"timewait", tcp.TimeWait, false, "lasts 60 s"},
}

// Kinds returns the kinds of sockets that Fill makes.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

func kindOf(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds[:], func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// maxWant is the maximum number in one word. The numbers of Fill's peers have
// 24 bits.
const maxWant = 8_000_000

// maxChurn is the maximum for churn, whose pace is set each millisecond.
const maxChurn = 100_000

// WordError reports a wrong word of a plan and the reason.
type WordError struct{ Word, Reason string }

func (e *WordError) Error() string { return fmt.Sprintf("word %q: %s", e.Word, e.Reason) }

// Hint lists the valid words.
func (e *WordError) Hint() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name+"=N")
	}
	return "the words are states, " + strings.Join(names, ", ") +
		" (half of N in each family; est4=N or est6=N for one), churn=N, netns=NAME,NAME..., nodiag=EPERM and nodiag=EPROTONOSUPPORT"
}

// ParsePlan reads the words of a plan: states, KIND=N, KIND4=N, KIND6=N,
// churn=N, netns=NAME,NAME..., nodiag=EPERM and nodiag=EPROTONOSUPPORT. The
// error is a *WordError.
func ParsePlan(words ...string) (Plan, error) {
	var plan Plan
	for _, word := range words {
		name, value, assigned := strings.Cut(word, "=")
		switch {
		case word == "states":
			plan.States = true
		case !assigned:
			return Plan{}, &WordError{word, "not a word of the lab"}
		case name == "nodiag":
			denied := map[string]syscall.Errno{"EPERM": syscall.EPERM, "EPROTONOSUPPORT": syscall.EPROTONOSUPPORT}[value]
			if denied == 0 {
				return Plan{}, &WordError{word, "not an error of a kernel without sock_diag"}
			}
			plan.DenyDiag = denied
		case name == "netns":
			for name := range strings.SplitSeq(value, ",") {
				if !isFileName(name) || slices.Contains(plan.Netns, name) {
					return Plan{}, &WordError{word, fmt.Sprintf("%q cannot be the name of one more namespace", name)}
				}
				plan.Netns = append(plan.Netns, name)
			}
		case name == "churn":
			n, err := parseCount(word, value, maxChurn)
			if err != nil {
				return Plan{}, err
			}
			plan.Churn = n
		default:
			wants, err := parseWants(word, name, value)
			if err != nil {
				return Plan{}, err
			}
			plan.Fill = append(plan.Fill, wants...)
		}
	}
	slices.SortStableFunc(plan.Fill, func(a, b Want) int { return order(a) - order(b) })
	return plan, nil
}

// isFileName reports whether a file can have this name.
func isFileName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") && len(name) <= 255
}

func order(w Want) int {
	return slices.IndexFunc(kinds[:], func(k Kind) bool { return k.Name == w.Kind })
}

// parseWants reads KIND=N, where each family gets half of N, KIND4=N or
// KIND6=N.
func parseWants(word, name, value string) ([]Want, error) {
	families := []tcp.Family{tcp.IPv4, tcp.IPv6}
	if base, ok := strings.CutSuffix(name, "4"); ok {
		name, families = base, families[:1]
	} else if base, ok := strings.CutSuffix(name, "6"); ok {
		name, families = base, families[1:]
	}
	if _, ok := kindOf(name); !ok {
		return nil, &WordError{word, "not a word of the lab"}
	}
	n, err := parseCount(word, value, maxWant)
	if err != nil {
		return nil, err
	}
	unit := 1
	if name == "est" {
		unit = 2 // a connection over the loopback is two sockets
	}
	if n%unit != 0 {
		return nil, &WordError{word, "a connection has two ends, so the number must be even"}
	}
	var wants []Want
	for i, family := range families {
		left := len(families) - i
		share := (n/unit + left - 1) / left * unit
		n -= share
		if share > 0 {
			wants = append(wants, Want{Kind: name, Family: family, N: share})
		}
	}
	return wants, nil
}

func parseCount(word, value string, most int) (int, error) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n == 0 || int(n) > most {
		return 0, &WordError{word, fmt.Sprintf("%q is not a number from 1 to %d", value, most)}
	}
	return int(n), nil
}
