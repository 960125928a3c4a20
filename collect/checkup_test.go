package collect

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpstate/doctor"
	"tcpstate/tcp"
)

// TestCheckupReadsTheProcessesOfFindings examines a recorded /proc. The links of
// one process, which is of another network namespace, cannot be read: an attempt
// makes the checkup fail.
func TestCheckupReadsTheProcessesOfFindings(t *testing.T) {
	holds := map[string]string{"50/fd/3": "socket:[413]", "50/fd/4": "socket:[999]", "thread-self/ns/net": "net:[1]", "50/ns/net": "net:[1]", "60/ns/net": "net:[2]"}
	for _, test := range []struct {
		name   string
		tcp    string
		change map[string]string // of the links
		want   string            // in the titles of the findings, or of the error
	}{
		{"nothing is wrong", header4 + listening4 + timeWait4, nil, ""},
		{"the holder is in the namespace", header4 + listening4 + synSent4, nil, "by client (pid 50)"},
		{"no process in the namespace holds it", header4 + listening4 + synSent4, map[string]string{"50/fd/3": "socket:[414]"}, "60/fd/3"},
		{"the namespaces are not known", header4 + listening4 + synSent4, map[string]string{"thread-self/ns/net": "", "50/ns/net": "", "60/ns/net": ""}, "60/fd/3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"net/tcp": test.tcp, "net/tcp6": header6, "50/comm": "client\n", "60/comm": "stranger\n", "60/fd/3": "no link"}
			maps.Copy(files, settings)
			dir := fakeProc(t, files)
			links := maps.Clone(holds)
			maps.Copy(links, test.change)
			for name, target := range links {
				if target == "" {
					continue
				}
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			thresholds := doctor.DefaultThresholds()
			if err := thresholds.Set("syn-sent-stuck.age=1s"); err != nil {
				t.Fatal(err)
			}
			checkups, _, err := BeginCheckups(t.Context(), Query{Source: ProcFS, Proc: dir, States: tcp.All, Families: both}, thresholds, Twice)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := checkups[0].End(1); err != nil {
				got = append(got, err.Error())
			}
			for _, f := range doctor.Examine(checkups[0].Observation, doctor.Rules()) {
				got = append(got, f.Title.String())
			}
			if all := strings.Join(got, "; "); !strings.Contains(all, test.want) || test.want == "" && all != "" {
				t.Errorf("got %q, want %q", all, test.want)
			}
		})
	}
}
