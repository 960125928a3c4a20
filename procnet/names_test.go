package procnet

import (
	"testing"
	"testing/fstest"
)

func TestRuns(t *testing.T) {
	p := &Proc{FS: fstest.MapFS{
		"812/comm":  {Data: []byte("nginx\n")},
		"813/comm":  {Data: []byte("tmux: server\n")},
		"814/fd/0":  {Data: nil}, // has ended meanwhile: no name
		"self/comm": {Data: []byte("tcpstate\n")},
	}}
	for name, want := range map[string]bool{"nginx": true, "tmux: server": true, "ngin": false, "nginx\n": false, "tcpstate": false, "": false} {
		if got := p.Runs(name); got != want {
			t.Errorf("%q runs: %v", name, got)
		}
	}
	if (&Proc{FS: fstest.MapFS{}}).Runs("nginx") {
		t.Error("nginx runs in an empty directory")
	}
}
