package cmd

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// hostileNames are unusual names of processes: most try to harm a terminal, a format
// or its reader. The kernel keeps at most 15 bytes of a name.
var hostileNames = []string{
	"\x1b[31mred\x1b[0m",    // colour
	"\x1b]0;owned\a",        // sets a window's title
	"\x1b[2J\x1b[H",         // clears the screen
	"a\r\nb\nc",             // several lines
	"tab\tbed\v\f",          //
	"back\b\b\b\bspace",     //
	"\x9b31m8bit\x9d",       // control characters of one byte
	"\u009b31mutf8",         // the same in UTF-8
	"\xff\xfe\xc3(",         // invalid UTF-8
	"cut in two \xe4\xbd",   // truncated in a character, as the kernel does
	"\u202egnp.exe",         // right to left
	"\u200bno width",        //
	"a,b\"c\";d",            // CSV
	"=cmd|'/c'!A1",          // a formula
	"|a|b| \\| <b>",         // Markdown
	"{\"a\":1}\\u0041",      // JSON
	" ",                     //
	"",                      //
	"12/34 (5/x) +1",        // looks like several processes
	"日本語プロ",                 // wide, but harmless
	"\x7f del",              //
	"\u2028\u2029 lines",    //
	"\U000e0041\U000e0042z", // invisible tags
}

// harmful returns the first part of a text that could control a terminal or deceive
// its reader: any character that is neither printable nor a line break.
func harmful(text string) string {
	for i := 0; i < len(text); {
		r, width := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && width == 1 || r != '\n' && r != utf8.RuneError && !unicode.IsPrint(r) {
			return fmt.Sprintf("%q in %q", text[i:i+width], text[max(0, i-40):min(len(text), i+40)])
		}
		i += width
	}
	return ""
}

// asJSON returns a text after a round trip through JSON, which replaces invalid
// UTF-8.
func asJSON(text string) string {
	encoded, _ := json.Marshal(text)
	var decoded string
	_ = json.Unmarshal(encoded, &decoded)
	return decoded
}

// TestHostileNames lists sockets of processes with hostile names, arguments and
// executables, by all commands and in all formats.
func TestHostileNames(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		names := map[int]string{} // by process id
		for i, name := range hostileNames {
			fd := listenAt(t, place{host: "0.0.0.0"}, uint16(3000+i))
			pid := lab.Actor{Name: name, Args: []string{name, "--" + name + name, name, "end"}}.Start(t, fd).PID
			must(t, unix.Close(fd))
			names[pid] = name
		}
		p, err := l.Peer(netip.MustParseAddrPort("10.9.4.1:5000")) // a connection to the first listener
		must(t, err)
		p.Host = netip.AddrPortFrom(lab.Host4, 3000)
		must(t, p.Send(lab.SYN, nil))
		_, err = p.Expect(lab.SYN | lab.ACK)
		must(t, err)

		self, err := os.Executable()
		must(t, err)
		file := filepath.Join(t.TempDir(), "\x1b[31m\r\n\xff,\"|")
		copyFile(t, self, file)
		fd := listenAt(t, place{host: "0.0.0.0"}, 3999)
		filed := lab.Actor{Name: "filed", Path: file}.Start(t, fd).PID
		must(t, unix.Close(fd))

		commands := []string{"ls -p", "ls -pe", "ls -paoeim", "ls -pe --sort process", "ls -pe --columns processes,command,process,listener.processes",
			"count -p", "count --by process,pid", "count --by pid,process,state", "ls -pe --state SYN_RECV"}
		for _, command := range commands {
			for _, format := range []string{"table", "csv", "json", "ndjson", "markdown"} {
				args := append(strings.Fields(command), "--format", format)
				if strings.Contains(format, "json") && strings.Contains(command, "--columns") || strings.HasPrefix(command, "count") && format == "ndjson" {
					continue
				}
				got := runArgs(t, args...)
				if got.code != exitDone {
					t.Errorf("%q: %+v", args, got)
				}
				if bad := harmful(got.stdout + got.stderr); bad != "" {
					t.Errorf("%q writes %s", args, bad)
				}
				checkForm(t, args, got.stdout)
			}
		}
		colored := runArgs(t, "ls", "-pe", "--color", "always").stdout
		for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[35m", "\x1b[36m", "\x1b[1;31m"} {
			colored = strings.ReplaceAll(colored, code, "")
		}
		if bad := harmful(colored); bad != "" {
			t.Errorf("with colours ls writes %s", bad)
		}

		// JSON has the same names and, with -e, the same arguments and executables.
		seen := 0
		for _, s := range list(t, "-pe").Sockets {
			for _, p := range append(processesIn(t, s["processes"]), processesIn(t, s["listener.processes"])...) {
				if p.pid == filed && p.exe != asJSON(file) {
					t.Errorf("the file is %q, want %q", p.exe, asJSON(file))
				}
				name, ours := names[p.pid]
				if !ours {
					continue
				}
				seen++
				cut := name[:min(len(name), 15)]
				if want := asJSON(cut); p.name != want {
					t.Errorf("the name is %q, want %q", p.name, want)
				}
				want := []string{asJSON(name), "--" + asJSON(name+name), asJSON(name), "end"}
				if !slices.Equal(p.cmdline, want) {
					t.Errorf("the arguments are %q, want %q", p.cmdline, want)
				}
			}
		}
		if seen != len(hostileNames)+1 {
			t.Errorf("%d of %d processes were seen", seen, len(hostileNames)+1)
		}

		// CSV has printable names unchanged. It escapes the other names.
		got := runArgs(t, "count", "--by", "pid,process", "--format", "csv", "-H")
		records, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
		must(t, err)
		seen = 0
		for _, record := range records {
			pid, _ := strconv.Atoi(record[0])
			name, ours := names[pid]
			if !ours {
				continue
			}
			seen++
			name = name[:min(len(name), 15)]
			if harmful(name) == "" && !strings.Contains(name, "\n") && record[1] != name {
				t.Errorf("CSV has the name %q as %q", name, record[1])
			}
		}
		if seen != len(hostileNames) {
			t.Errorf("CSV has %d of %d processes", seen, len(hostileNames))
		}
	})
}

// copyFile copies a program.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	must(t, err)
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	must(t, err)
	_, err = io.Copy(target, source)
	must(t, err)
	must(t, target.Close())
}

// checkForm checks that a document is valid in its format, and that all its rows
// have the same number of cells.
func checkForm(t *testing.T, args []string, text string) {
	t.Helper()
	switch args[len(args)-1] {
	case "json":
		if !json.Valid([]byte(text)) {
			t.Errorf("%q writes invalid JSON: %.300q", args, text)
		}
	case "ndjson":
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q writes invalid JSON: %q", args, line)
			}
		}
	case "csv":
		records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(records) != strings.Count(text, "\n") {
			t.Errorf("%q writes CSV of %d records in %d lines: %v", args, len(records), strings.Count(text, "\n"), err)
		}
	case "markdown":
		cells := -1
		for line := range strings.Lines(text) {
			n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
			if cells < 0 {
				cells = n
			}
			if n != cells && strings.HasPrefix(line, "|") {
				t.Errorf("%q has a row of %d cells, but the heading has %d: %q", args, n-1, cells-1, line)
			}
		}
	}
}

// TestHostileArguments passes arguments that the program must quote in its error
// messages.
func TestHostileArguments(t *testing.T) {
	const bad = "\x1b[31mx\r\n\t\x9b\u202e\xff"
	tests := [][]string{
		{bad}, {"ls", bad}, {"ls", "--" + bad}, {"ls", "-" + bad}, {"help", bad},
		{"ls", "--state", bad}, {"ls", "--format", bad}, {"ls", "--source", bad}, {"ls", "--color", bad}, {"ls", "--columns", bad},
		{"ls", "--sort", bad}, {"ls", "--limit", bad}, {"ls", "--interval", bad}, {"ls", "--proc", bad}, {"ls", "--proc", "/" + bad}, {"ls", "-N", bad}, {"ls", "-N", "/" + bad},
		{"count", "--by", bad}, {"ls", "process", bad, "and"}, {"ls", "pid = " + bad}, {"ls", "process = \x1b[31mx", "and", "pid", "\x1b[32m"}, {"ls", "user = " + bad},
		{"ls", "dev = \x1b[31m"}, {"ls", "cgroup \x1b[31m"}, {"ls", "dst \x1b[31m"}, {"ls", "dport \x1b[31m"},
		{"ls", "--explain-filter", "process \x1b[31m"}, {"ls", "-v", "--state", "CLOSING", "process \x1b[31m\u202e\xff"},
		{"ls", "--proc", bad, "--json"}, {"netstat", "--" + bad}, {"netstat", bad}, {"version", bad},
	}
	for _, args := range tests {
		got := runArgs(t, args...)
		if problem := harmful(got.stdout + got.stderr); problem != "" {
			t.Errorf("%q writes %s", args, problem)
		}
		// A line break in an argument must not begin a line that looks like one of ours.
		for line := range strings.Lines(got.stderr) {
			if !slices.Contains(args, "-v") && !strings.HasPrefix(line, "tcpstate: ") && !strings.HasPrefix(line, "  ") {
				t.Errorf("%q writes the line %q", args, line)
			}
		}
	}
}

// TestHostileNamesOfTheHost checks names of network namespaces and interfaces. Only
// root can choose these, but they are data too.
func TestHostileNamesOfTheHost(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		const evil = "\x1b[31m\u202e|,\"\n\xff"
		space, err := l.Namespace(evil)
		must(t, err)
		_, err = l.Namespace("tame")
		must(t, err)
		must(t, os.WriteFile(filepath.Join(filepath.Dir(space.Path), "broken\x1b[31m"), nil, 0o444))
		const linkName = "e\x1b[31m|\",\xff"
		must(t, space.Do(func() error {
			attrs := netlink.NewLinkAttrs()
			attrs.Name = linkName
			must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer"}))
			link, err := netlink.LinkByName(linkName)
			must(t, err)
			fd := newSocket(t, &unix.SockaddrInet6{})
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1))
			must(t, unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.MustParseAddr("fe80::77").As16(), ZoneId: uint32(link.Attrs().Index)}))
			must(t, unix.Listen(fd, 1))
			return nil
		}))
		for _, command := range []string{"ls -p -e -N all", "count -N all --by netns,local,listener,peer", "ls -N all --sort netns,local"} {
			for _, format := range []string{"table", "csv", "json", "ndjson", "markdown"} {
				if strings.HasPrefix(command, "count") && format == "ndjson" {
					continue
				}
				args := append(strings.Fields(command), "--format", format)
				got := runArgs(t, args...)
				if bad := harmful(got.stdout + got.stderr); bad != "" {
					t.Errorf("%q writes %s", args, bad)
				}
				checkForm(t, args, got.stdout)
				if got.code == exitDone && !strings.Contains(got.stdout, "31m") {
					t.Errorf("%q does not name the namespace: %+v", args, got)
				}
			}
		}
		if got := runArgs(t, "ls", "-N", "nosuch"); harmful(got.stderr) != "" || !strings.Contains(got.stderr, "tame") {
			t.Errorf("-N nosuch: %+v, %s", got, harmful(got.stderr))
		}
		for _, spec := range []string{evil, space.Path} {
			for _, format := range []string{"table", "csv", "json", "ndjson", "markdown"} {
				args := []string{"ls", "-eN", spec, "--format", format}
				got := runArgs(t, args...)
				if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitDone || !strings.Contains(got.stdout, "fe80::77") {
					t.Errorf("%q: %+v, %s", args, got, bad)
				}
				checkForm(t, args, got.stdout)
			}
			got := capless(t, "ls", "-N", spec)
			if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitFailed {
				t.Errorf("-N %q: %+v, %s", spec, got, bad)
			}
		}
		got := capless(t, "ls", "-N", "all")
		if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitDone {
			t.Errorf("-N all: %+v, %s", got, bad)
		}
	})
}
