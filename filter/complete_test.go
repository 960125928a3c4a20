package filter

import (
	"slices"
	"testing"
)

func TestPlaceAfter(t *testing.T) {
	for _, test := range []struct{ beginning, operand, has, hasNot string }{
		{"", "", "exclude", "and"},
		{"state", "state", "", "and"},
		{"state =", "state", "", "eq"},
		{"exclude", "state", "", "and"},
		{"state established", "", "and", "exclude"},
		{"state established and", "", "sport", "and"},
		{"state established and not (", "", "process", "or"},
		{"(process", "process", "", "sport"},
		{"not pid !=", "pid", "", "sport"},
		{"recvq", "recvq", "gt", "and"},
		{"recvq gt", "recvq", "", "gt"},
		{"sport eq 80", "", "or", "eq"},
		{"autobound", "", "and", "eq"},
		{"eq", "", "", "eq"},
	} {
		got := PlaceAfter(test.beginning)
		if got.Operand != test.operand || test.has != "" && !slices.Contains(got.Words, test.has) || slices.Contains(got.Words, test.hasNot) {
			t.Errorf("after %q: %+v, want the operand of %q, %q among the words and not %q", test.beginning, got, test.operand, test.has, test.hasNot)
		}
	}
}
