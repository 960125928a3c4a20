//go:build unix

package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPager shows pages that do and do not fit the terminal, with different values
// of PAGER. The pager writes its input to a file.
func TestPager(t *testing.T) {
	const pager, terminal = "pager", "terminal"
	tall, short := strings.Repeat("line\n", 40_000), strings.Repeat("line\n", 23)
	tests := []struct {
		pager, page string
		env         []string // in addition to PAGER, which is not set if pager is "-"
		want        string   // the page goes to the pager, to the terminal, or nowhere ("")
	}{
		{pager: "cat >$FILE", page: tall, want: pager},
		{pager: "cat >$FILE", page: short, want: terminal},
		{pager: "cat >$FILE", page: tall, env: []string{"TERM=dumb"}, want: terminal},
		{pager: "-", page: tall, env: []string{"PATH=/nonexistent"}, want: terminal},

		// These values mean no pager, as in git.
		{pager: "", page: tall, want: terminal},
		{pager: "  ", page: tall, want: terminal},
		{pager: "cat", page: tall, want: terminal},

		// A pager that cannot be run counts as no pager.
		{pager: "nosuchpager 2>&-", page: tall, want: terminal},
		{pager: "/dev/null 2>&-", page: tall, want: terminal},

		// A pager that ends early, with any exit status or by Ctrl-C, is not an error.
		{pager: "exec true", page: tall},
		{pager: "exit 3", page: tall},
		{pager: "kill -INT $$", page: tall},
		{pager: "exit 130", page: tall},
	}
	for _, test := range tests {
		t.Run(test.pager, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "page")
			t.Setenv("FILE", file)
			for _, v := range test.env {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			var stdout, stderr bytes.Buffer
			w := quietEnvironment(&stdout, &stderr)
			w.stdoutTTY, w.getenv = true, os.Getenv
			w.size = func() (int, int) { return 80, 24 }
			w.lookupEnv = func(string) (string, bool) { return test.pager, test.pager != "-" }
			code := report(show([]byte(test.page), w), &stderr, nil)
			paged, _ := os.ReadFile(file) // the file does not exist if the pager got nothing
			want := map[string]string{test.want: test.page}
			if code != exitDone || stderr.Len() > 0 || string(paged) != want[pager] || stdout.String() != want[terminal] {
				t.Errorf("exit %d, stderr %q; the pager got %d bytes, the terminal %d", code, stderr.String(), len(paged), stdout.Len())
			}
		})
	}
}

// TestPagerEnvironment checks that less is told the encoding of a page, unless the
// user has told it already.
func TestPagerEnvironment(t *testing.T) {
	for _, test := range []struct{ set, want string }{
		{"", "LESS=FRX LESSCHARSET=utf-8"},
		{"LESS=S", "LESSCHARSET=utf-8"},
		{"LESSCHARSET=latin1", "LESS=FRX"},
		{"LESSCHARDEF=8bcccbcc18b95.", "LESS=FRX"},
	} {
		env := quietEnvironment(nil, nil)
		name, value, _ := strings.Cut(test.set, "=")
		env.getenv = func(of string) string {
			if of == name {
				return value
			}
			return ""
		}
		if got := strings.Join(pagerEnvironment(env, nil), " "); got != test.want {
			t.Errorf("with %q: %q, want %q", test.set, got, test.want)
		}
	}
}
