package lab

import (
	"strings"
	"testing"
)

func TestDiffJSON(t *testing.T) {
	const a = `{"state":"LISTEN","local":{"port":80}}` + "\n"
	for _, test := range []struct {
		want, got string
		has       string // what the difference has
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
