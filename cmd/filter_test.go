package cmd

import (
	"strings"
	"testing"
)

// TestFiltersNestedTooDeep passes ten thousand parentheses and negations, closed
// or not, in one argument and split into one argument a word.
func TestFiltersNestedTooDeep(t *testing.T) {
	const n = 10_000
	for _, expr := range []string{
		strings.Repeat("(", n),
		strings.Repeat("( ", n) + "dport 3" + strings.Repeat(" )", n),
		strings.Repeat("not ", n) + "dport 3",
		strings.Repeat("! ( ", n),
	} {
		for _, args := range [][]string{{expr}, strings.Fields(expr)} {
			got := runArgs(t, append([]string{"ls"}, args...)...)
			lines := strings.Split(got.stderr, "\n")
			if got.code != exitUsage || got.stdout != "" || len(lines) != 5 ||
				!strings.HasSuffix(lines[0], "nested too deep") || !strings.HasSuffix(lines[2], "^") || lines[3] != "tcpstate: hint: 200 levels are allowed" {
				t.Errorf("%.20s... in %d arguments: exit %d, stderr\n%s", expr, len(args), got.code, got.stderr)
			}
		}
	}
	// Many terms that are not nested are allowed.
	wide := strings.TrimSuffix(strings.Repeat("( dport 3 ) or ", n), " or ")
	if got := runArgs(t, "ls", "--explain-filter", wide); got.code != exitDone {
		t.Errorf("%d terms that are not nested: exit %d, stderr\n%.300s", n, got.code, got.stderr)
	}
	if got := runArgs(t, "ls", "--explain-filter", strings.Repeat("(", 199)+"dport 3"+strings.Repeat(")", 199)); got.code != exitDone {
		t.Errorf("199 levels: exit %d, stderr\n%s", got.code, got.stderr)
	}
}
