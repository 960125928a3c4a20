package ground

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tcpstate/tcp"
)

func TestParsePlan(t *testing.T) {
	v4, v6 := tcp.IPv4, tcp.IPv6
	for _, test := range []struct {
		words string
		want  Plan
	}{
		{"", Plan{}},
		{"states churn=500 nodiag=EPERM", Plan{States: true, Churn: 500, DenyDiag: syscall.EPERM}},
		{"netns=blue,red netns=green", Plan{Netns: []string{"blue", "red", "green"}}},
		{"timewait=7", Plan{Fill: []Want{{"timewait", v4, 4}, {"timewait", v6, 3}}}},
		{"timewait=1", Plan{Fill: []Want{{"timewait", v4, 1}}}},
		{"est=6", Plan{Fill: []Want{{"est", v4, 4}, {"est", v6, 2}}}},
		{"est4=6 synrecv6=5", Plan{Fill: []Want{{"est", v4, 6}, {"synrecv", v6, 5}}}},
		{"timewait4=1 est4=2", Plan{Fill: []Want{{"est", v4, 2}, {"timewait", v4, 1}}}}, // kinds that end by themselves come last
	} {
		plan, err := ParsePlan(strings.Fields(test.words)...)
		if err != nil {
			t.Errorf("%q: %v", test.words, err)
			continue
		}
		if !slices.Equal(plan.Fill, test.want.Fill) || plan.States != test.want.States ||
			!slices.Equal(plan.Netns, test.want.Netns) || plan.Churn != test.want.Churn || plan.DenyDiag != test.want.DenyDiag {
			t.Errorf("%q: %+v, want %+v", test.words, plan, test.want)
		}
	}
}

func TestParsePlanErrors(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{"stats", `word "stats": not a word of the lab`},
		{"estab=5", `word "estab=5": not a word of the lab`},
		{"est5=5", `word "est5=5": not a word of the lab`},
		{"est=5", `word "est=5": a connection has two ends, so the number must be even`},
		{"est=", `word "est=": "" is not a number from 1 to 8000000`},
		{"est=-2", `word "est=-2": "-2" is not a number from 1 to 8000000`},
		{"est=0", `word "est=0": "0" is not a number from 1 to 8000000`},
		{"synrecv=9000000", `word "synrecv=9000000": "9000000" is not a number from 1 to 8000000`},
		{"churn=1000000", `word "churn=1000000": "1000000" is not a number from 1 to 100000`},
		{"netns=", `word "netns=": "" cannot be the name of one more namespace`},
		{"netns=blue,../red", `word "netns=blue,../red": "../red" cannot be the name of one more namespace`},
		{"netns=blue,blue", `word "netns=blue,blue": "blue" cannot be the name of one more namespace`},
		{"nodiag=EIO", `word "nodiag=EIO": not an error of a kernel without sock_diag`},
	} {
		_, err := ParsePlan("states", test.word)
		var word *WordError
		if !errors.As(err, &word) || err.Error() != test.want {
			t.Errorf("%q: %v, want %s", test.word, err, test.want)
			continue
		}
		for _, k := range Kinds() {
			if !strings.Contains(word.Hint(), k.Name+"=N") {
				t.Errorf("the hint does not offer %s: %s", k.Name, word.Hint())
			}
		}
	}
}
