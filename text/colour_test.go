package text

import "testing"

func TestPaint(t *testing.T) {
	for _, test := range []struct {
		style   Style
		colours bool
		s, want string
	}{
		{Red, true, "a", "\x1b[31ma\x1b[0m"}, {Bold + Cyan, true, "a", "\x1b[1m\x1b[36ma\x1b[0m"},
		{Red, true, "", ""}, {Red, false, "a", "a"}, {"", true, "a", "a"},
	} {
		style := test.style.If(test.colours)
		if got := style.Paint(test.s); got != test.want {
			t.Errorf("%q painted %q is %q, want %q", test.s, test.style, got, test.want)
		}
		if got := string(AppendPainted([]byte("x"), style, test.s)); got != "x"+test.want {
			t.Errorf("%q painted %q is appended as %q", test.s, test.style, got)
		}
	}
}
