package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpstate/netns"
)

func TestNamespaceLabel(t *testing.T) {
	id := strings.Repeat("3f2a91b0c4d5e6f7", 4)
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("1/comm", "systemd\n")
	put("2/comm", "pause\n")
	put("2/cgroup", "12:pids:/\n0::/kubepods.slice/cri-containerd-"+id+".scope\n")
	put("3/comm", "init\n")
	put("3/cgroup", "0::/lxc.payload.web\n")
	put("4/comm", "bash\n")
	put("4/cgroup", "0::/user.slice/session-1.scope\n")
	for pid, want := range map[int]string{0: "", 1: "1/systemd", 2: "2/pause@3f2a91b0c4d5", 3: "3/init@web", 4: "4/bash", 5: ""} {
		if got := namespaceLabel(dir, &netns.Namespace{PID: pid}); got != want {
			t.Errorf("process %d: %q, want %q", pid, got, want)
		}
	}
	if got := namespaceLabel(dir, nil); got != "" {
		t.Errorf("the namespace of the process itself: %q", got)
	}
}
