package netns

import (
	"fmt"
	"io/fs"
	"testing"
)

func TestNotFoundHint(t *testing.T) {
	var many []string
	for i := range 23 {
		many = append(many, fmt.Sprintf("n%02d", i))
	}
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, "no network namespace has a name in /run/netns; give the path of a namespace or the id of a process in it"},
		{[]string{"blue", "red"}, "the names are blue, red; the path of a namespace or the id of a process in it is accepted too"},
		{[]string{"a b", "c,d", "\x1b[31m", `"`}, `the names are "a b", "c,d", "\x1b[31m", "\""; the path of a namespace or the id of a process in it is accepted too`},
		{many, "the names are n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, n10, n11, n12, n13, n14, n15, n16, n17, n18, n19 and 3 more; the path of a namespace or the id of a process in it is accepted too"},
	} {
		if got := (&NotFoundError{Spec: "x", Names: test.names}).Hint().String(); got != test.want {
			t.Errorf("%q:\ngot  %s\nwant %s", test.names, got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	if got, want := (&NotFoundError{Spec: "no\x1bsuch"}).Error(), `no network namespace "no\x1bsuch"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	denied := &OpError{"netns.entering", "blue\n", fs.ErrPermission}
	if got, want := denied.Error(), `entering network namespace "blue\n": permission denied`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if denied.Hint().IsZero() {
		t.Error("an error of missing privilege has no hint")
	}
	if hint := (&OpError{"netns.opening", "/x", ErrNotNetwork}).Hint().String(); hint != "" {
		t.Errorf("an error that is not about privilege has the hint %q", hint)
	}
}
