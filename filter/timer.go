package filter

import (
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// timerTerm tests which timer of the socket fires next.
type timerTerm struct {
	plain
	kinds []tcp.TimerKind
	not   bool
}

func parseTimers(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := timerTerm{not: not}
	for _, v := range list {
		timer, ok := timerNamed(v.text)
		if !ok {
			return nil, p.refuse(k, v, "filter.no-timer")
		}
		t.kinds = append(t.kinds, timer)
	}
	return p.leaf(t), nil
}

func timerNamed(name string) (tcp.TimerKind, bool) {
	for timer := tcp.TimerOff; timer <= tcp.TimerDelayedAck; timer++ {
		if timer.String() == strings.ToLower(name) {
			return timer, true
		}
	}
	return 0, false
}

func (t timerTerm) String() string {
	return "timer " + equality(t.not).String() + " " + listed(t.kinds)
}

func (t timerTerm) negated() term { t.not = !t.not; return t }
func (t timerTerm) field() string { return fields.ForFilter("timer").Name }

func (t timerTerm) match() matcher {
	return func(s *tcp.Socket) bool {
		for _, kind := range t.kinds {
			if s.Timer.Kind == kind {
				return !t.not
			}
		}
		return t.not
	}
}
