package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tcpstate/internal/pane"
)

// shells start each shell with the script that "tcpstate completion" writes for it,
// without the files of this user. The place is the directory of the program.
var shells = []struct{ name, files, start string }{
	{"bash", "/usr/share/bash-completion/bash_completion", `cat > %[1]s/rc <<'END'
PS1='ready> '; . /usr/share/bash-completion/bash_completion; . <(tcpstate completion bash)
END
exec bash --noprofile --rcfile %[1]s/rc -i`},
	{"zsh", "", `cat > %[1]s/.zshrc <<'END'
PS1='ready> '; autoload -U compinit; compinit -u -D; . <(tcpstate completion zsh); compdef _tcpstate tcpstate
END
ZDOTDIR=%[1]s exec zsh -d -i`},
	{"fish", "", `export HOME=%[1]s XDG_CONFIG_HOME=%[1]s XDG_DATA_HOME=%[1]s
exec fish -i -C 'function fish_prompt; echo "ready> "; end; function fish_greeting; end; tcpstate completion fish | source'`},
}

// TestShellsComplete types commands and a tab in each shell that is installed.
func TestShellsComplete(t *testing.T) {
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			_, err := exec.LookPath(shell.name)
			if err == nil && shell.files != "" {
				_, err = os.Stat(shell.files)
			}
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatalf("%v, and CI wants all tests", err)
				}
				t.Logf("%s is not tried: %v", shell.name, err)
				return
			}
			dir := filepath.Dir(program(t))
			p := pane.Start(t, 120, 30, "PATH="+dir+":$PATH LANG=C.UTF-8; export PATH LANG\n"+fmt.Sprintf(shell.start, dir)+" 2>/dev/tty")
			p.Wait("ready>")
			for _, test := range []struct{ typed, want string }{
				{"tcpstate ls --columns state,local,congestio", "tcpstate ls --columns state,local,congestion"},
				{"tcpstate ls --columns=state,local.ho", "tcpstate ls --columns=state,local.host"},
				{"tcpstate ls --sort state,-congestio", "tcpstate ls --sort state,-congestion"},
				{"tcpstate ls --state SYN_RECV,CLOSE_W", "tcpstate ls --state SYN_RECV,CLOSE_WAIT"},
				{"tcpstate count --by peer,listen", "tcpstate count --by peer,listener"},
				{"tcpstate doctor --only close-wait-leak,conntr", "tcpstate doctor --only close-wait-leak,conntrack-full"},
				{"tcpstate explain port-ex", "tcpstate explain port-exhaustion"},
				{"tcpstate ls state established,close-w", "tcpstate ls state established,close-wait"},
				{"tcpstate ls state established and sp", "tcpstate ls state established and sport"},
				{"tcpstate ls process " + shell.name[:3], "tcpstate ls process " + shell.name},
				{"tcpstate ls -N al", "tcpstate ls -N all"},
			} {
				p.Press("C-l")
				p.Write(test.typed)
				p.Wait("ready> " + test.typed)
				p.Press("Tab")
				p.Wait("ready> " + test.want)
				p.Press("C-u")
			}
			p.Write("tcpstate ls --source ")
			p.Press("Tab", "Tab")
			p.Wait("sock_diag", "procfs") // several are listed
		})
	}
}
