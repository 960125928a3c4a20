package lab

import (
	"strings"

	"tcpstate/lab/ground"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Filled is what a namespace holds.
type Filled struct{ IPv4, IPv6 tcp.Counts }

// ParseFill reads what to fill a namespace with: words such as "est=1000" and
// "timewait6=50", joined by commas.
func ParseFill(list string) ([]ground.Want, error) {
	plan, err := ground.ParsePlan(strings.Split(list, ",")...)
	if word, ok := err.(*ground.WordError); ok {
		return nil, fillError(word.Word)
	}
	if err == nil && (plan.States || plan.Churn > 0 || plan.Netns != nil || plan.DenyDiag != 0) {
		return nil, fillError(list)
	}
	return plan.Fill, err
}

// fillError returns the error for a wrong word.
func fillError(word string) error {
	var kinds []string
	for _, kind := range ground.Kinds() {
		kinds = append(kinds, kind.Name+"=N")
	}
	return wording.Fail("lab.fill-word", "word", word).WithHint("lab.fill-words", "kinds", kinds)
}
