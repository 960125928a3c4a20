package doctor

import (
	"fmt"
	"slices"
	"testing"
)

// TestHaltedProcessesGetTheirAdvice wants the step for what a process is halted by,
// and no other.
func TestHaltedProcessesGetTheirAdvice(t *testing.T) {
	tests := []struct {
		state ProcessState
		step  string // "": none of them
	}{
		{ProcessState{State: 'T'}, "kill -CONT 812"},
		{ProcessState{State: 't', Tracer: 4711}, "ps -o pid,user,args -p 4711"},
		{ProcessState{State: 'D'}, "cat /proc/812/stack"},
		{ProcessState{State: 'S'}, ""},
		{ProcessState{}, ""},
	}
	for _, test := range tests {
		p := healthy()
		p.listen(129, 128)
		p.States = map[int]ProcessState{nginx.PID: test.state}
		f := find(p.examine(t), "accept-queue-full")
		var runs []string
		for _, a := range f.Advice {
			runs = append(runs, a.Run)
		}
		for _, other := range tests {
			if other.step != "" && slices.Contains(runs, other.step) != (other.step == test.step) {
				t.Errorf("a process in state %s is given the steps %q", fmt.Sprintf("%c", test.state.State), runs)
			}
		}
	}
}
