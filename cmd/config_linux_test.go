package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"tcpstate/internal/pane"
)

// TestConfigurationInAClosedHome runs watch as a user that cannot enter its HOME, as
// after su without a login.
func TestConfigurationInAClosedHome(t *testing.T) {
	t.Parallel()
	home := openDir(t)
	must(t, os.MkdirAll(filepath.Join(home, ".config/tcpstate"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, ".config/tcpstate/config.toml"), []byte("[watch]\nby = 1\n"), 0))
	command := "LANG=C.UTF-8 HOME=" + home + " XDG_CONFIG_HOME= " + asNobody(t, openDir(t), "watch").Path + " watch"
	if os.Geteuid() == 0 {
		command = "exec setpriv --reuid 65534 --regid 65534 --clear-groups env " + command
	}
	p := pane.Start(t, 80, 24, command)
	if status := p.Ended(); status != 1 {
		t.Errorf("a file that exists was ignored: status %d: %s", status, p.Stderr())
	}
	must(t, os.Chmod(home, 0))
	t.Cleanup(func() { os.Chmod(home, 0o700) })
	p = pane.Start(t, 80, 24, command)
	p.Wait("? keys  q quit")
	p.Press("q")
	p.Ended()
}
