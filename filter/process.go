package filter

import (
	"slices"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// longestName is the number of bytes that the kernel keeps of a process name
// (TASK_COMM_LEN in include/linux/sched.h, without the final zero byte).
const longestName = 15

// StoredName returns a process name as the kernel stores it.
func StoredName(name string) string { return name[:min(len(name), longestName)] }

// ofProcesses has the common methods of the terms that test the processes of a
// socket. TIME_WAIT has no process. Another socket may have none, or none that
// this user may see. The term is then neither true nor false.
type ofProcesses struct{ plain }

func (ofProcesses) field() string        { return fields.ForFilter("process").Name }
func (ofProcesses) states() tcp.StateSet { return fields.ForFilter("process").CanBeKnownIn() }

func (ofProcesses) needs(states tcp.StateSet) tcp.Detail {
	return fields.ForFilter("process").NeedsIn(states)
}

// processTerm tests the name of a process that holds the socket.
type processTerm struct {
	ofProcesses
	names []string // as the user wrote them
	kept  []string // as the kernel stores them
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
		t.kept = append(t.kept, StoredName(v.text))
	}
	return p.leaf(t), nil
}

func (t processTerm) String() string {
	names := make([]string, len(t.names))
	for i, name := range t.names {
		names[i] = Literal(name)
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

// pidTerm tests the ID of a process that holds the socket.
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
			return nil, p.refuse(k, v, "filter.no-pid")
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
