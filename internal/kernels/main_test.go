package main

import "testing"

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name string
		a    answer
		want string
	}{
		{"a number", answer{"with", "count -q --source auto --state LISTEN", "0", "6|", ""}, "listed"},
		{"0 with success", answer{"with", "count -q --source procfs --state CLOSE", "0", "0|", ""}, "WRONG"},
		{"an empty list with success", answer{"with", "ls -q -H --source procfs --state CLOSE", "0", "", ""}, "WRONG"},
		{"an end of watch that nothing proves", answer{"with", "watch --source procfs --until ==0 --for 1ms --state CLOSE", "0", "0|", ""}, "WRONG"},
		{"watch finds sockets", answer{"with", "watch --source auto --until ==0 --for 1ms --state LISTEN", "1", "6|", "waiting"}, "listed"},
		{"unknown", answer{"with", "count -q --source procfs --state CLOSE", "1", "", "the number is not known"}, "unknown, says so"},
		{"unknown where it is known", answer{"with", "count -q --source procfs --state LISTEN", "1", "", "the number is not known"}, "WRONG"},
		{"no module", answer{"without", "count -q --source sock_diag --state LISTEN", "1", "", "no such file"}, "error"},
		{"an error with the module", answer{"with", "count -q --source sock_diag --state LISTEN", "1", "", "no such file"}, "WRONG"},
		{"silent", answer{"with", "count -q --source auto --state CLOSE", "1", "", ""}, "WRONG"},
	} {
		if cell, _ := judge([]answer{test.a}); cell != test.want {
			t.Errorf("%s: %s, want %s", test.name, cell, test.want)
		}
	}
}
