package watch

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"tcpstate/wording"
)

// Condition is a condition on a number of sockets, such as >100. The zero
// Condition is empty, and never holds.
type Condition struct {
	comparison string
	number     int
}

// comparisons are the operators. An operator comes before those that are its
// beginning.
var comparisons = []string{">=", "<=", "==", "!=", ">", "<", "="}

// ParseCondition reads a comparison and a number, with or without spaces.
func ParseCondition(text string) (Condition, error) {
	trimmed := strings.TrimSpace(text)
	for _, comparison := range comparisons {
		rest, ok := strings.CutPrefix(trimmed, comparison)
		if !ok {
			continue
		}
		digits := strings.TrimSpace(rest)
		n, err := strconv.Atoi(digits)
		switch {
		case err != nil || digits[0] == '+' || digits[0] == '-':
			return Condition{}, refused(wording.Fail("watch.until.number", "condition", text, "number", digits))
		case n == 0 && (comparison == "<" || comparison == ">="):
			return Condition{}, refused(wording.Fail("watch.until.zero", "condition", text))
		}
		return Condition{comparison, n}, nil
	}
	return Condition{}, refused(wording.Fail("watch.until.comparison", "condition", text))
}

// refused adds a hint that shows what a condition can be.
func refused(err *wording.Error) error { return err.WithHint("watch.until.hint") }

// Holds reports whether the condition is true for n sockets.
func (c Condition) Holds(n int) bool {
	order := cmp.Compare(n, c.number)
	switch c.comparison {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "=", "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	}
	return false
}

// IsSet reports whether this is not the zero Condition.
func (c Condition) IsSet() bool { return c.comparison != "" }

// String returns the condition in the form that ParseCondition reads, such as
// >100.
func (c Condition) String() string {
	if !c.IsSet() {
		return ""
	}
	return c.comparison + strconv.Itoa(c.number)
}

// held remembers the time since which a condition has held at every tick.
type held struct {
	since time.Time
	holds bool
}

// note records a tick, and reports whether the condition has held for the
// requested time: in a first tick, in this one, and in all ticks between them.
func (h *held) note(holds bool, at time.Time, lasting time.Duration) bool {
	if holds && !h.holds {
		h.since = at
	}
	h.holds = holds
	return holds && at.Sub(h.since) >= lasting
}
