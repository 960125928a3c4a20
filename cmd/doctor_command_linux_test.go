package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/doctor"
	"tcpstate/internal/lab"
)

// leakCloseWait makes a CLOSE_WAIT of the n-th peer. An actor with the given name
// holds it.
func leakCloseWait(t *testing.T, l *lab.Lab, name string, n int) (pid int) {
	t.Helper()
	fd, at := listenWith(t, lab.Host4, 16)
	defer unix.Close(fd)
	fds, peers := dialIn(t, l, at, fd, n, 1)
	must(t, peers[0].Send(lab.FIN|lab.ACK, nil))
	_, err := peers[0].Expect(lab.ACK)
	must(t, err)
	return given(t, name, fds...)
}

// anyCloseWait makes the doctor report each CLOSE_WAIT, even a new one.
var anyCloseWait = set("close-wait-leak.old=1ms")

// TestDoctorOfHealthyHosts checks that the doctor finds nothing above info, on an
// idle and on a busy host.
func TestDoctorOfHealthyHosts(t *testing.T) {
	tests := []struct {
		name  string
		fill  []string
		least int // sockets
	}{
		{"idle", nil, 0},
		{"busy", []string{"est=10000", "timewait=20000"}, 30000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				must(t, l.Fill(test.fill...))
				fd, at := listenWith(t, lab.Host4, 64)
				churn := func() { // connections are opened and closed during the interval
					fds, _ := dialIn(t, l, at, fd, 0, 3)
					closeAll(t, fds...)
					client, server := connectTo(t, loopback4, func(int) {})
					closeAll(t, client, server)
				}
				e := examine(t, churn, "--interval", "1s")
				for _, f := range e.Findings {
					if f.Severity != "info" {
						t.Errorf("finds %s %s: %s", f.Severity, f.Code, f.Title)
					}
				}
				// Limits of the whole host are not visible in this network namespace.
				unchecked := []string{}
				for _, u := range e.Unchecked {
					unchecked = append(unchecked, u.Code+": "+u.Reason)
				}
				want := []string{"orphans-high: net.ipv4.tcp_max_orphans is not known here", "tcp-memory-pressure: net.ipv4.tcp_mem is not known here"}
				if e.Sockets < test.least || len(e.Checked) != len(doctor.Rules())-1-len(want) || !slices.Equal(unchecked, want) {
					t.Errorf("the doctor read %d sockets, checked %v, did not check %v", e.Sockets, e.Checked, e.Unchecked)
				}
				got := runIn(t, t.Context(), ticking(nil), "doctor", "--interval", "10ms", "--fail-on", "warning")
				if got.code != exitDone || got.stderr != "" {
					t.Errorf("--fail-on warning: %+v", got)
				}
				if test.fill == nil && !strings.HasPrefix(got.stdout, "Nothing is wrong, as far as could be seen. ") {
					t.Errorf("doctor prints %q", got.stdout)
				}
			})
		})
	}
}

// TestDoctorExitStatus checks the exit status with --fail-on, and the effect of
// flags that select rules, thresholds and sockets.
func TestDoctorExitStatus(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		leakCloseWait(t, l, "leaky", 0)
		f := soonFinds(t, anyCloseWait, "warning close-wait-leak")
		if f.Thresholds["close-wait-leak.old"] != "1ms" || f.Thresholds["close-wait-leak.count"] != "10" {
			t.Errorf("it says that the thresholds are %v", f.Thresholds)
		}
		must(t, l.SetSysctl("net.ipv4.tcp_sack", 0)) // info
		tests := []struct {
			args string
			code int
		}{
			{"", exitDone},
			{"--fail-on critical", exitDone},
			{"--fail-on warning", exitFound},
			{"--fail-on info", exitFound},
			{"--fail-on warning --only close-wait-leak", exitFound},
			{"--fail-on info --only syn-flood,dead-path", exitDone},
			{"--fail-on warning --skip close-wait-leak", exitDone},
			{"--fail-on info --skip close-wait-leak", exitFound},
			{"--fail-on info --skip close-wait-leak --skip sysctl-risky", exitDone},
			{"--fail-on info --skip close-wait-leak,sysctl-risky", exitDone},
			{"--fail-on warning --set close-wait-leak.old=1h", exitDone},
			{"--fail-on critical --set close-wait-leak.age=1ms --set close-wait-leak.many=1", exitFound},
			{"--fail-on warning -6", exitDone},
			{"--fail-on warning -4", exitFound},
			{"--fail-on warning --state ESTABLISHED", exitDone},
			{"--fail-on warning process leaky", exitFound},
			{"--fail-on warning process other", exitDone},
			{"--fail-on warning --source procfs", exitDone}, // from /proc the CLOSE_WAIT has no age
		}
		for _, test := range tests {
			for _, format := range []string{"table", "json", "ndjson", "markdown"} {
				args := slices.Concat([]string{"doctor", "--interval", "1ms", "-q", "--format", format}, anyCloseWait, strings.Fields(test.args))
				if got := runIn(t, t.Context(), ticking(nil), args...); got.code != test.code || got.stderr != "" {
					t.Errorf("%q: %+v, want status %d and an empty stderr", args, got, test.code)
				}
			}
		}
		got := runIn(t, t.Context(), ticking(nil), append([]string{"doctor", "--interval", "1ms", "--only", "sysctl-risky,close-wait-leak"}, anyCloseWait...)...)
		if at := strings.Index(got.stdout, "net.ipv4.tcp_sack"); at < strings.Index(got.stdout, "CLOSE_WAIT") || !strings.HasPrefix(got.stdout, "warning") {
			t.Errorf("the most severe finding does not come first: %s", got.stdout)
		}
	})
}

// TestDoctorOfOtherNamespaces checks that each finding names its network namespace.
func TestDoctorOfOtherNamespaces(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		const evil = "\x1b[31m\u202e|,\"\n"
		for _, name := range []string{"red", "blue", evil} {
			space, err := l.Namespace(name)
			must(t, err)
			must(t, space.Do(func() error {
				for _, setting := range []string{"tcp_sack", "tcp_window_scaling"} {
					setSetting(t, "net.ipv4."+setting, "0")
				}
				client, server := connectTo(t, loopback4, func(int) {})
				must(t, unix.Close(client))
				given(t, "of-"+name, server)
				return nil
			}))
		}
		args := append([]string{"doctor", "--json", "--interval", "10ms"}, set("close-wait-leak.old=0")...)
		for _, name := range []string{"red", "blue", evil} {
			got := runIn(t, t.Context(), ticking(nil), append(args, "-N", name)...)
			e := readExamination(t, got.stdout)
			if want := []string{"warning close-wait-leak", "info sysctl-risky", "info sysctl-risky"}; !slices.Equal(e.codes(), want) || got.code != exitDone {
				t.Fatalf("-N %q finds %q: %+v", name, e.codes(), got)
			}
			for _, f := range e.Findings {
				if f.check(t); f.Netns != name {
					t.Errorf("-N %q: %s has the namespace %q", name, f.Code, f.Netns)
				}
			}
			e.Findings[0].says(t, asJSON(("of-" + name)[:min(15, len("of-"+name))]))
		}
		// One of the namespaces ends between the readings. The doctor goes on with the
		// others.
		ephemeral := exec.Command("sleep", "600")
		ephemeral.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
		must(t, ephemeral.Start())
		got := runIn(t, t.Context(), ticking(func() { ephemeral.Process.Kill(); ephemeral.Wait() }), append(args, "-N", "all")...)
		if got.code != exitDone {
			t.Fatalf("-N all: %+v", got)
		}
		if strings.Contains(got.stderr, fmt.Sprint(ephemeral.Process.Pid)) {
			t.Errorf("stderr mentions a namespace that has ended: %s", got.stderr)
		}
		found := map[string]int{}
		for _, f := range readExamination(t, got.stdout).Findings {
			found[f.Netns]++
		}
		if found["red"] != 3 || found["blue"] != 3 || found[evil] != 3 {
			t.Errorf("-N all finds %v: %.300s", found, got.stderr)
		}
		for _, format := range []string{"table", "markdown", "json", "ndjson"} {
			args := append(set("close-wait-leak.old=0"), "-N", "all", "--interval", "1ms", "--format", format)
			got := runIn(t, t.Context(), ticking(nil), append([]string{"doctor"}, args...)...)
			if bad := harmful(got.stdout + got.stderr); bad != "" {
				t.Errorf("%q writes %s", args, bad)
			}
			checkForm(t, args, got.stdout)
			if format == "table" && !strings.Contains(got.stdout, "red: 1 CLOSE_WAIT of of-red") {
				t.Errorf("no line starts with the namespace: %s", got.stdout)
			}
		}
	})
}

// TestDoctorOfHostileNames checks findings about processes with hostile names.
func TestDoctorOfHostileNames(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for i, name := range hostileNames {
			leakCloseWait(t, l, name, i)
		}
		// Each leak in a run of its own: a rule reports only its five worst findings.
		for i, name := range hostileNames {
			only := "dst = " + peerNumber(i).String()
			e := examine(t, nil, append(set("close-wait-leak.old=0"), only)...)
			if len(e.Findings) != 1 || len(e.Findings[0].Processes) != 1 || e.Findings[0].Processes[0].Name != asJSON(name[:min(len(name), 15)]) {
				t.Errorf("the leak of %q gives the findings %+v", name, e.Findings)
			}
			for _, format := range []string{"table", "markdown", "json", "ndjson"} {
				args := []string{"doctor", "--set", "close-wait-leak.old=0", "--interval", "1ms", only, "--format", format}
				got := runIn(t, t.Context(), ticking(nil), args...)
				if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitDone {
					t.Errorf("%q in %s: exit %d, %s", name, format, got.code, bad)
				}
				checkForm(t, args, got.stdout)
			}
		}
	})
}

// TestDoctorWithoutPrivilege checks that the doctor finds what is visible, and
// reports what is not.
func TestDoctorWithoutPrivilege(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		leakCloseWait(t, l, "strangers", 0)
		must(t, l.SetSysctl("net.ipv4.tcp_sack", 0))
		soonFinds(t, anyCloseWait, "warning close-wait-leak", "info sysctl-risky")
		got := capless(t, append([]string{"doctor", "--json", "--interval", "1ms"}, anyCloseWait...)...)
		e := readExamination(t, got.stdout)
		if want := []string{"warning close-wait-leak", "info sysctl-risky"}; got.code != exitDone || !slices.Equal(e.codes(), want) {
			t.Fatalf("%+v", got)
		}
		f := e.Findings[0]
		f.says(t, "1 CLOSE_WAIT of user ", "process not seen", peerNumber(0).String())
		if len(f.Processes) != 0 {
			t.Errorf("the finding names the processes %v", f.Processes)
		}
		for _, advice := range f.Advice {
			if strings.Contains(advice, "{") {
				t.Errorf("the advice %q has a placeholder", advice)
			}
		}
		if len(e.Warnings) != 1 || got.stderr != "tcpstate: note: "+e.Warnings[0]+"\n" || !strings.Contains(got.stderr, "may not be read by this user") {
			t.Errorf("stderr is %q, the warnings in the document are %q", got.stderr, e.Warnings)
		}
		if strings.Contains(got.stderr, "opened after") { // the sockets were read before the search
			t.Errorf("stderr is %q", got.stderr)
		}
		reasons := map[string]string{}
		for _, u := range e.Unchecked {
			reasons[u.Code] = u.Reason
		}
		if !strings.Contains(reasons["close-wait-leak"], "the processes of 1 socket could not be seen") || reasons["fd-limit-near"] != "the limits of no process could be read" {
			t.Errorf("the reasons of the rules that were not checked are %q", reasons)
		}
		if slices.Contains(e.Checked, "close-wait-leak") || !slices.Contains(e.Checked, "syn-flood") {
			t.Errorf("the rules that were checked are %q", e.Checked)
		}
		text := capless(t, append([]string{"doctor", "--interval", "1ms"}, anyCloseWait...)...).stdout
		if !strings.Contains(strings.Join(strings.Fields(text), " "), "Not or not fully checked, because the limits of no process could be read: ended-not-closed, fd-limit-near.") {
			t.Errorf("doctor prints %s", text)
		}
	})
}

// TestDoctorFromProc checks that the doctor reports what /proc/net does not show:
// the age of a socket, and the maximum length of an accept queue.
func TestDoctorFromProc(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenWith(t, lab.Host4, 4)
		dialIn(t, l, at, -1, 1000, 5) // fills the accept queue
		fd, at := listenWith(t, lab.Host4, 16)
		fds, peers := dialIn(t, l, at, fd, 0, 100)
		for _, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
		}
		proc := []string{"--source", "procfs"}
		pid := given(t, "leaky", fds[:99]...)
		finds(t, nil, proc)
		given(t, "other", fds[99:]...)
		f := finds(t, nil, append(proc, set("close-wait-leak.unknown-age=99")...), "warning close-wait-leak")
		f.names(t, pid, "leaky")
		f.wants(t, "close_wait", 99, "age_unknown", 99)
		if f.Confidence != "likely" {
			t.Errorf("the confidence is %s", f.Confidence)
		}
		e := examine(t, nil, proc...)
		for _, code := range []string{"close-wait-leak", "accept-queue-full", "no-keepalive"} {
			if slices.Contains(e.Checked, code) {
				t.Errorf("%s counts as checked", code)
			}
		}
	})
}

// TestCtrlCEndsDoctor interrupts the program during the interval.
func TestCtrlCEndsDoctor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	got := runIn(t, ctx, ticking(cancel), "doctor", "--interval", "1m")
	if got != (outcome{code: exitInterrupted}) {
		t.Errorf("with a cancelled context: %+v", got)
	}
	// If the signal comes before the program handles it, it kills the process. Then
	// the test starts another one and waits longer.
	for start := 10 * time.Millisecond; ; start *= 2 {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program(t), "doctor", "--interval", "1m")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		must(t, cmd.Start())
		time.Sleep(start)
		must(t, cmd.Process.Signal(syscall.SIGINT))
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == -1 && start < 5*time.Second {
			continue
		}
		if exit == nil || exit.ExitCode() != exitInterrupted || stdout.String() != "" || stderr.String() != "" {
			t.Errorf("after Ctrl-C: %v, stdout %q, stderr %q, want exit status 130 and no output", err, stdout.String(), stderr.String())
		}
		return
	}
}

// TestRulesAreDocumented compares the document of the rules with docs/json.md, and
// sets each threshold that it lists.
func TestRulesAreDocumented(t *testing.T) {
	got := runArgs(t, "doctor", "--list", "--json", "--set", "close-wait-leak.age=5m")
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	checkDocumented(t, "Rules", got.stdout)
	var list struct {
		Rules []struct {
			Code       string
			Thresholds []struct{ Name, Value, Default string }
		}
	}
	must(t, json.Unmarshal([]byte(got.stdout), &list))
	if len(list.Rules) != len(doctor.Rules()) {
		t.Errorf("there are %d rules", len(list.Rules))
	}
	for _, rule := range list.Rules {
		for _, threshold := range rule.Thresholds {
			if !strings.HasPrefix(threshold.Name, rule.Code+".") {
				t.Errorf("%s has the threshold %s", rule.Code, threshold.Name)
			}
			// Each value that is listed can be set.
			if got := runArgs(t, "doctor", "--list", "--set", threshold.Name+"="+threshold.Default, "--set", threshold.Name+"="+threshold.Value); got.code != exitDone {
				t.Errorf("--set %s=%s: %+v", threshold.Name, threshold.Value, got)
			}
			if changed := threshold.Name == "close-wait-leak.age"; changed != (threshold.Value != threshold.Default) {
				t.Errorf("%s is %s, by default %s", threshold.Name, threshold.Value, threshold.Default)
			}
		}
	}
}
