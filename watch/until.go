package watch

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"tcpstate/wording"
)

// Condition is what is asked of a number of sockets, such as >100. The zero
// Condition asks for nothing, and never holds.
type Condition struct {
	comparison string
	number     int
}

// comparisons are the ways to compare, the longer before what they begin with.
var comparisons = []string{">=", "<=", "==", "!=", ">", "<", "="}

// ParseCondition reads a comparison and a number, with spaces or without.
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

// refused adds what a condition looks like.
func refused(err *wording.Error) error { return err.WithHint("watch.until.hint") }

// Holds reports whether the condition is true of n sockets.
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

// IsSet reports whether the condition asks for anything.
func (c Condition) IsSet() bool { return c.comparison != "" }

// String returns what ParseCondition reads, such as >100.
func (c Condition) String() string {
	if !c.IsSet() {
		return ""
	}
	return c.comparison + strconv.Itoa(c.number)
}

// held remembers since when a condition has held at every tick.
type held struct {
	since time.Time
	holds bool
}

// look takes note of a tick, and reports whether the condition has held for the
// time that is asked for: from a tick that saw it hold to this one, at none of
// which it did not.
func (h *held) look(holds bool, at time.Time, lasting time.Duration) bool {
	if holds && !h.holds {
		h.since = at
	}
	h.holds = holds
	return holds && at.Sub(h.since) >= lasting
}
