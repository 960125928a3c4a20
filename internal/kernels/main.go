// Kernels writes docs/kernels.md from the answers that run.sh got on each kernel:
//
//	go run ./internal/kernels FOLDER
//
// It exits with status 1 if an answer is wrong: 0 or nothing with success for
// sockets that exist or cannot be known, or another failure.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kernels FOLDER")
		os.Exit(2)
	}
	page, wrong, err := write(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
	fmt.Print(page)
	for _, w := range wrong {
		fmt.Fprintln(os.Stderr, "wrong:", w)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}

// names are the kernels of run.sh, in order.
var names = []string{"5.10", "6.1", "6.12", "newest"}

// states are those that run.sh asks about.
var states = []string{"LISTEN", "ESTABLISHED", "CLOSE_WAIT", "CLOSE", "BOUND_INACTIVE"}

// answer is what one command did.
type answer struct{ mode, command, code, out, err string }

// state and source return what the command asked, and of which source.
func (a answer) state() string  { return after(a.command, "--state ") }
func (a answer) source() string { return after(a.command, "--source ") }

func after(text, word string) string {
	_, rest, _ := strings.Cut(text, word)
	rest, _, _ = strings.Cut(rest, " ")
	return rest
}

// kernel is what a kernel's file of answers has.
type kernel struct {
	release, ss, ls string
	taken           time.Time
	notRun          string // the reason
	answers         []answer
}

func read(path string) (kernel, error) {
	var k kernel
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		k.notRun = "not asked for"
		return k, nil
	}
	if err != nil {
		return k, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return k, err
	}
	k.taken = info.ModTime()
	ended := false
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r", "")) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "kernel "); ok {
			k.release = rest
		}
		if rest, ok := strings.CutPrefix(line, "not run: "); ok {
			k.notRun = rest
			return k, nil
		}
		ended = ended || line == "lab exit 0"
		switch f := strings.Split(line, "\t"); {
		case f[0] == "ss" && len(f) == 2:
			k.ss = f[1]
		case f[0] == "ls" && len(f) == 2:
			k.ls = f[1]
		case f[0] == "ask" && len(f) == 6:
			k.answers = append(k.answers, answer{f[1], f[2], f[3], f[4], f[5]})
		}
	}
	if !ended {
		k.notRun = "it did not come to the end"
	}
	return k, nil
}

// judge returns the cell of one state: what the three commands answered.
func judge(answers []answer) (cell string, wrong []answer) {
	cell = "listed"
	for _, a := range answers {
		refused := a.code == "1" && a.out == "" && a.err != ""
		command, _, _ := strings.Cut(a.command, " ")
		good := a.code == "0" && a.out != "" && a.out != "0|"
		if command == "watch" { // waits for no socket: fails where there are some
			good = a.code == "1" && a.out != "" && a.out != "0|"
		}
		switch {
		case refused && strings.Contains(a.err, "not known") && (a.state() == "CLOSE" || a.state() == "BOUND_INACTIVE"):
			cell = "unknown, says so"
		case refused && a.mode == "without" && a.source() == "sock_diag":
			cell = "error"
		case !good:
			wrong = append(wrong, a)
		}
	}
	if len(answers) == 0 {
		return "not asked", nil
	}
	if len(wrong) > 0 {
		cell = "WRONG"
	}
	return cell, wrong
}

func write(folder string) (page string, wrong []string, err error) {
	var b strings.Builder
	b.WriteString(`# What the program sees on other kernels

<!-- Written by internal/kernels/run.sh (make kernels) from a real run. Do not edit. -->

Debian's kernels run in qemu. On each kernel the lab makes sockets in every state,
and then ` + "`count -q`, `ls -q -H` and `watch --until '==0'`" + ` are asked about each state
below, with each source, first with the module tcp_diag and then without it.

- *listed*: all three commands show the sockets.
- *unknown, says so*: the kernel does not list such sockets to this source; all three
  commands fail with exit status 1 and say that the number is not known.
- *error*: the source cannot be used, and the commands fail with the reason.
- *WRONG*: a command gave 0 or nothing with success, or failed for another reason.

`)
	for _, name := range names {
		k, err := read(filepath.Join(folder, name+".txt"))
		if err != nil {
			return "", nil, err
		}
		if k.notRun != "" {
			fmt.Fprintf(&b, "## %s\n\nNot run: %s.\n\n", name, k.notRun)
			continue
		}
		fmt.Fprintf(&b, "## %s\n\nLinux %s, %s. `ss -tan` shows %s sockets; `ls --state all` shows %s, with CLOSE and BOUND_INACTIVE where the kernel lists them.\n\n",
			name, k.release, k.taken.UTC().Format(time.DateOnly), k.ss, k.ls)
		fmt.Fprintf(&b, "| tcp_diag | source | %s |\n|---|---|%s\n", strings.Join(states, " | "), strings.Repeat("---|", len(states)))
		for _, mode := range []string{"with", "without"} {
			for _, source := range []string{"auto", "sock_diag", "procfs"} {
				fmt.Fprintf(&b, "| %s | %s |", mode, source)
				for _, state := range states {
					var of []answer
					for _, a := range k.answers {
						if a.mode == mode && a.source() == source && a.state() == state {
							of = append(of, a)
						}
					}
					cell, bad := judge(of)
					fmt.Fprintf(&b, " %s |", cell)
					for _, a := range bad {
						wrong = append(wrong, fmt.Sprintf("%s %s tcp_diag: %s: exit %s, %q, %q", name, mode, a.command, a.code, a.out, a.err))
					}
				}
				b.WriteString("\n")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("Not tried here: tests of the packages, other commands, and ss field by field.\n")
	return b.String(), wrong, nil
}
