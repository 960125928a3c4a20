package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// procWith writes the files of a /proc and returns its directory.
func procWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

const (
	tableHeader = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	noAddress   = "00000000000000000000000000000000"
	listenLine  = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 13199 3 000000000dcd7b9c 100 0 0 10 0\n"
)

// TestDamagedTables reads tables that were copied badly: each command shows what can
// be read, reports the rest in one short line, and fails.
func TestDamagedTables(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 5000)
	for name, files := range map[string]map[string]string{
		"blank line":      {"net/tcp": tableHeader + "\n" + listenLine},
		"NUL line":        {"net/tcp": tableHeader + listenLine + strings.Repeat("\x00", 4096) + "\n"},
		"second header":   {"net/tcp": tableHeader + tableHeader + listenLine},
		"long line":       {"net/tcp": tableHeader + long + "\n" + listenLine},
		"empty table":     {"net/tcp": tableHeader + listenLine, "net/tcp6": ""},
		"missing table":   {"net/tcp6": strings.Replace(tableHeader, "rem_", "remote_", 1) + strings.Replace(listenLine, "0100007F:1F90 00000000", noAddress+":1F90 "+noAddress, 1)},
		"several of each": {"net/tcp": tableHeader + "\n\n" + listenLine + long, "net/tcp6": "\n"},
	} {
		dir := procWith(t, files)
		for _, args := range [][]string{
			{"ls"}, {"ls", "--json"}, {"ls", "--format", "csv"}, {"ls", "-H", "--sort", "local"}, {"count"}, {"count", "-q"}, {"count", "--json"},
			{"count", "--by", "lport"}, {"watch", "--count", "2", "--interval", "1ms", "--json"}, {"--json"}, {}, {"doctor", "--json", "--interval", "1ms"},
		} {
			got := runArgs(t, append(args, "--proc", dir)...)
			if got.code != exitFailed || strings.Count(got.stderr, "tcpstate: reading "+dir+"/net/tcp") != 1 {
				t.Errorf("%s: %q: exit %d, stderr %.900q", name, args, got.code, got.stderr)
			}
			for line := range strings.Lines(got.stderr) {
				if len(line) > 1300 {
					t.Errorf("%s: %q: a line of %d bytes: %.99q", name, args, len(line), line)
				}
			}
			watches := len(args) > 0 && args[0] == "watch" // it ends: sockets that were not read would look closed
			if !watches && !strings.Contains(got.stdout, "8080") && !strings.Contains(got.stdout, "1") {
				t.Errorf("%s: %q does not show the listener: %q", name, args, got.stdout)
			}
			if strings.Contains(strings.Join(args, " "), "json") && !watches {
				var d struct{ Warnings []string }
				if err := json.Unmarshal([]byte(got.stdout), &d); err != nil || !strings.Contains(strings.Join(d.Warnings, "\n"), dir+"/net/tcp") {
					t.Errorf("%s: %q: %v, warnings %.300q", name, args, err, d.Warnings)
				}
			}
		}
		if got := runArgs(t, "ls", "--format", "csv", "-H", "--columns", "state,local.port", "--proc", dir); got.stdout != "LISTEN,8080\n" {
			t.Errorf("%s: ls: %q", name, got.stdout)
		}
	}
	for name, files := range map[string]map[string]string{
		"no table": {}, "two empty tables": {"net/tcp": "", "net/tcp6": ""}, "no header": {"net/tcp": listenLine},
	} {
		if got := runArgs(t, "ls", "--proc", procWith(t, files)); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "tcpstate: reading ") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestByteOrderOfProc reads tables of a big-endian host: they are recognised if an
// address proves it, and read by a flag.
func TestByteOrderOfProc(t *testing.T) {
	loopback := procWith(t, map[string]string{"net/tcp": tableHeader + strings.Replace(listenLine, "0100007F", "7F000001", 1)})
	proof := procWith(t, map[string]string{"net/tcp": tableHeader + strings.Replace(listenLine, "0100007F", "C0A801FA", 1)})
	for _, test := range []struct {
		args         []string
		local, notes string
	}{
		{[]string{"--proc", proof}, "192.168.1.250:8080", "tcpstate: note: the addresses are those of a host with the byte order big, and are read as such\n"},
		{[]string{"--proc", proof, "--proc-byte-order", "big"}, "192.168.1.250:8080", ""},
		{[]string{"--proc", proof, "--proc-byte-order", "little"}, "250.1.168.192:8080", ""},
		{[]string{"--proc", loopback}, "1.0.0.127:8080", "tcpstate: note: the address 1.0.0.127 is 127.0.0.1 in the other byte order; --proc-byte-order big reads it so\n"},
		{[]string{"--proc", loopback, "--proc-byte-order", "big"}, "127.0.0.1:8080", ""},
	} {
		got := runArgs(t, append([]string{"ls", "-H", "--format", "csv", "--columns", "local"}, test.args...)...)
		if got.code != exitDone || got.stdout != test.local+"\n" || got.stderr != test.notes {
			t.Errorf("%q: %+v, want %s and %q", test.args, got, test.local, test.notes)
		}
	}
	for _, args := range [][]string{{"--proc-byte-order", "big"}, {"--proc", proof, "--proc-byte-order", "middle"}} {
		if got := runArgs(t, append([]string{"ls"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, "--proc-byte-order") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestProcHasTheEndOfTheLine compares the timeout, the congestion window and the slow
// start threshold with those of sock_diag.
func TestProcHasTheEndOfTheLine(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, err := l.States()
		must(t, err)
		compared := 0
		for round := 0; compared < 10 && round < 50; round++ {
			before, proc, after := list(t, "-i"), list(t, "-i", "--source", "procfs"), list(t, "-i")
			was, ours, is := byEnds(t, before.Sockets), byEnds(t, proc.Sockets), byEnds(t, after.Sockets)
			for ends, s := range ours {
				switch {
				case s["state"] == "LISTEN" || s["tcp_info.rto_us"] == nil:
					if _, known := s["tcp_info.cwnd"]; known || was[ends]["tcp_info.rto_us"] != nil {
						t.Errorf("%s: %v, sock_diag %v", ends, s["tcp_info.cwnd"], was[ends]["tcp_info.rto_us"])
					}
					continue
				case s["tcp_info.rtt_us"] != nil || s["tcp_info.retransmits"] != nil:
					t.Errorf("%s has what /proc does not know: %v", ends, s)
				case is[ends] == nil || was[ends]["tcp_info.rto_us"] != is[ends]["tcp_info.rto_us"] || was[ends]["tcp_info.cwnd"] != is[ends]["tcp_info.cwnd"]:
					continue // it changed meanwhile
				}
				compared++
				for _, name := range []string{"tcp_info.cwnd", "tcp_info.snd_ssthresh"} {
					if s[name] != is[ends][name] {
						t.Errorf("%s: %s is %v, sock_diag gives %v", ends, name, s[name], is[ends][name])
					}
				}
				if got, want := s["tcp_info.rto_us"].(float64), is[ends]["tcp_info.rto_us"].(float64); got > want || got < want-10_000 {
					t.Errorf("%s: the timeout is %v, sock_diag gives %v", ends, got, want)
				}
			}
		}
		if compared < 10 {
			t.Errorf("only %d sockets were compared", compared)
		}
		if got := runArgs(t, "ls", "-iW", "--source", "procfs"); got.code != exitDone || !strings.Contains(got.stdout, "CWND") {
			t.Errorf("ls -i: %+v", got)
		}
	})
}
