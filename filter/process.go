package filter

import (
	"slices"
	"strconv"
	"strings"

	"tcpstate/tcp"
)

// longestName is how much of its name the kernel keeps of a process
// (TASK_COMM_LEN in include/linux/sched.h, less the byte that ends it).
const longestName = 15

// ofProcesses is what the terms on the processes of a socket have in common.
// TIME_WAIT has no process, and of other sockets there may be none, or none that
// this user may see: then the term is neither true nor false.
type ofProcesses struct{ plain }

func (ofProcesses) needs(tcp.StateSet) tcp.Detail { return tcp.DetailProcesses }
func (ofProcesses) field() string                 { return "processes" }
func (ofProcesses) states() tcp.StateSet          { return tcp.All &^ (1 << tcp.TimeWait) }

// processTerm asks for the name of a process that holds the socket.
type processTerm struct {
	ofProcesses
	names []string // as they were given
	kept  []string // as the kernel keeps them
	not   bool
}

func parseProcesses(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := processTerm{not: not}
	for _, v := range list {
		t.names = append(t.names, v.text)
		t.kept = append(t.kept, v.text[:min(len(v.text), longestName)])
	}
	return p.leaf(t), nil
}

func (t processTerm) String() string {
	names := make([]string, len(t.names))
	for i, name := range t.names {
		names[i] = literal(name)
	}
	return "process " + equality(t.not).String() + " " + strings.Join(names, ",")
}

func (t processTerm) negated() term { t.not = !t.not; return t }

func (t processTerm) match() matcher {
	named := func(p tcp.Process) bool { return slices.Contains(t.kept, p.Name) }
	return func(s *tcp.Socket) bool {
		return len(s.Processes) > 0 && slices.ContainsFunc(s.Processes, named) != t.not
	}
}

// pidTerm asks for the id of a process that holds the socket.
type pidTerm struct {
	ofProcesses
	pids []int
	not  bool
}

func parsePIDs(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := pidTerm{not: not}
	for _, v := range list {
		pid, err := strconv.ParseUint(v.text, 10, 31)
		if err != nil || pid == 0 {
			return nil, p.wrong(k, v, "is no process id")
		}
		t.pids = append(t.pids, int(pid))
	}
	return p.leaf(t), nil
}

func (t pidTerm) String() string {
	pids := make([]string, len(t.pids))
	for i, pid := range t.pids {
		pids[i] = strconv.Itoa(pid)
	}
	return "pid " + equality(t.not).String() + " " + strings.Join(pids, ",")
}

func (t pidTerm) negated() term { t.not = !t.not; return t }

func (t pidTerm) match() matcher {
	numbered := func(p tcp.Process) bool { return slices.Contains(t.pids, p.PID) }
	return func(s *tcp.Socket) bool {
		return len(s.Processes) > 0 && slices.ContainsFunc(s.Processes, numbered) != t.not
	}
}
