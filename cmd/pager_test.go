//go:build unix

package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPager shows a page that is taller than the terminal, or not, under what PAGER
// may be. What the pager gets, it writes to a file.
func TestPager(t *testing.T) {
	const got, bare = "pager", "terminal"
	tall, short := strings.Repeat("line\n", 40_000), strings.Repeat("line\n", 23)
	tests := []struct {
		pager, page string
		env         []string // besides PAGER, which "-" leaves out of it
		want        string   // who gets the page: the pager, the terminal, or ""
	}{
		{pager: "cat >$FILE", page: tall, want: got},
		{pager: "cat >$FILE", page: short, want: bare},
		{pager: "cat >$FILE", page: tall, env: []string{"TERM=dumb"}, want: bare},
		{pager: "-", page: tall, env: []string{"PATH=/nonexistent"}, want: bare},

		// None, as git has it.
		{pager: "", page: tall, want: bare},
		{pager: "  ", page: tall, want: bare},
		{pager: "cat", page: tall, want: bare},

		// One that cannot be run is none either.
		{pager: "nosuchpager 2>&-", page: tall, want: bare},
		{pager: "/dev/null 2>&-", page: tall, want: bare},

		// One that has been left, whatever it thinks of that, or by Ctrl-C.
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
			w := quietWorld(&stdout, &stderr)
			w.stdoutTTY, w.getenv = true, os.Getenv
			w.size = func() (int, int) { return 80, 24 }
			w.lookupenv = func(string) (string, bool) { return test.pager, test.pager != "-" }
			code := report(show([]byte(test.page), w), &stderr, nil)
			paged, _ := os.ReadFile(file) // there is none where nothing was paged
			want := map[string]string{test.want: test.page}
			if code != exitDone || stderr.Len() > 0 || string(paged) != want[got] || stdout.String() != want[bare] {
				t.Errorf("exit %d, stderr %q; the pager got %d bytes, the terminal %d", code, stderr.String(), len(paged), stdout.Len())
			}
		})
	}
}
