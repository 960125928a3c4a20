package lab

import (
	"strings"
	"testing"
)

func TestDiffJSON(t *testing.T) {
	const a = `{"state":"LISTEN","local":{"port":80}}` + "\n"
	for _, test := range []struct {
		want, got string
		has       string // a part of the difference
	}{
		{a, strings.Replace(a, "80", "81", 1), `"80"`},
		{a + a, a, "-want"},
		{a, strings.Replace(a, ":{", ": {", 1), "other bytes"},
		{a, "{", "not JSON"},
	} {
		diff := DiffJSON([]byte(test.want), []byte(test.got))
		if !strings.Contains(diff, test.has) {
			t.Errorf("%q and %q differ by\n%s", test.want, test.got, diff)
		}
	}
	if diff := DiffJSON([]byte(a), []byte(a)); diff != "" {
		t.Errorf("equal texts differ by %s", diff)
	}
}

// TestSample checks that a sample covers the whole range evenly, and that the
// full sample has every number.
func TestSample(t *testing.T) {
	t.Setenv("TCPSTATE_FULL", "")
	numbers := Sample(1024, 64)
	if len(numbers) != 64 {
		t.Fatalf("%d numbers", len(numbers))
	}
	for i, n := range numbers {
		if n < 16*i || n >= 16*(i+1) {
			t.Errorf("number %d is %d", i, n)
		}
	}
	// Any two of the ten bits of these numbers must have all four pairs of values.
	for a := range 10 {
		for b := range a {
			pairs := map[[2]int]bool{}
			for _, n := range numbers {
				pairs[[2]int{n >> a & 1, n >> b & 1}] = true
			}
			if len(pairs) != 4 {
				t.Errorf("bits %d and %d have only %v", a, b, pairs)
			}
		}
	}
	t.Setenv("TCPSTATE_FULL", "1")
	for i, n := range Sample(1024, 64) {
		if n != i {
			t.Fatalf("in full, number %d is %d", i, n)
		}
	}
}
