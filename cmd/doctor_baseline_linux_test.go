package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// baselineFrom writes what a command prints to a file, and returns its name.
func baselineFrom(t *testing.T, args ...string) string {
	t.Helper()
	got := runIn(t, t.Context(), ticking(nil), args...)
	if got.code != exitDone {
		t.Fatalf("%q: %+v", args, got)
	}
	file := filepath.Join(t.TempDir(), "baseline.json")
	must(t, os.WriteFile(file, []byte(got.stdout), 0o644))
	return file
}

// TestDoctorComparesWithABaseline has a leak and a risky setting in the baseline: they
// are info after it. A leak that has grown, and one that is new, are not.
func TestDoctorComparesWithABaseline(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		leakCloseWait(t, l, "leaky", 0)
		must(t, l.SetSysctl("net.ipv4.tcp_sack", 0))
		must(t, l.SetSysctl("net.ipv4.tcp_abort_on_overflow", 1))
		found := []string{"warning close-wait-leak", "warning sysctl-risky", "info sysctl-risky"}
		soonFinds(t, anyCloseWait, found...)
		args := slices.Concat([]string{"--interval", "10ms"}, patient, anyCloseWait)
		file := baselineFrom(t, slices.Concat([]string{"doctor", "--json"}, args)...)
		with := append(slices.Clone(anyCloseWait), "--baseline", file)

		f := finds(t, nil, with, "info close-wait-leak", "info sysctl-risky", "info sysctl-risky")
		f.wants(t, "severity_without_baseline", "warning")
		if f.Baseline != "same" {
			t.Errorf("a leak that was there is %q", f.Baseline)
		}
		failing := slices.Concat([]string{"doctor", "--fail-on", "warning"}, args)
		if got := runIn(t, t.Context(), ticking(nil), failing...); got.code != exitFound {
			t.Errorf("without the baseline: %+v", got)
		}
		got := runIn(t, t.Context(), ticking(nil), append(failing, "--baseline", file)...)
		if got.code != exitDone || !strings.Contains(got.stdout, "  baseline  it was the same at 20") {
			t.Errorf("with the baseline: %+v", got)
		}

		pid := leakCloseWait(t, l, "another", 1)
		f = soonFinds(t, with, "warning close-wait-leak", "info close-wait-leak", "info sysctl-risky", "info sysctl-risky")
		f.names(t, pid, "another")
		if f.Baseline != "new" {
			t.Errorf("a leak of another program is %q", f.Baseline)
		}
		must(t, l.SetSysctl("net.ipv4.tcp_sack", 1))
		e := examine(t, nil, with...)
		if len(e.Compared.Gone) != 1 || !strings.HasPrefix(e.Compared.Gone[0], "net.ipv4.tcp_sack is 0") {
			t.Errorf("it says that these are gone: %q", e.Compared.Gone)
		}
		text := strings.Join(strings.Fields(runIn(t, t.Context(), ticking(nil), append(failing, "--baseline", file)...).stdout), " ")
		if !strings.Contains(text, "No longer found: net.ipv4.tcp_sack is 0") {
			t.Errorf("the text does not name what is gone: %s", text)
		}
	})
}

// TestDoctorSeesWorseThanTheBaseline has a program leak a few more.
func TestDoctorSeesWorseThanTheBaseline(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 16)
		leak := func(first, n int) {
			fds, peers := dialIn(t, l, at, fd, first, n)
			for _, p := range peers {
				must(t, p.Send(lab.FIN|lab.ACK, nil))
				_, err := p.Expect(lab.ACK)
				must(t, err)
			}
			given(t, "leaky", fds...)
		}
		leak(0, 2)
		soonFindsSo(t, anyCloseWait, "close_wait", 2, "warning close-wait-leak")
		file := baselineFrom(t, slices.Concat([]string{"doctor", "--json", "--interval", "10ms"}, patient, anyCloseWait)...)
		with := append(slices.Clone(anyCloseWait), "--baseline", file)
		leak(10, 3)
		soonFindsSo(t, with, "close_wait", 5, "info close-wait-leak")
		leak(20, 1)
		f := soonFindsSo(t, with, "close_wait", 6, "warning close-wait-leak")
		if f.Baseline != "worse" {
			t.Errorf("three times as many are %q", f.Baseline)
		}
	})
}

// TestDoctorSeesMoreSocketsThanTheBaseline compares with counts, of count --json and of
// doctor --json.
func TestDoctorSeesMoreSocketsThanTheBaseline(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		must(t, l.Fill("est=60"))
		files := []string{baselineFrom(t, "count", "--json"), baselineFrom(t, "doctor", "--json", "--interval", "10ms"), baselineFrom(t, "--json")}
		for _, file := range files {
			finds(t, nil, []string{"--baseline", file})
		}
		must(t, l.Fill("est=500"))
		finds(t, nil, nil)
		for _, file := range files {
			f := finds(t, nil, []string{"--baseline", file}, "warning unlike-baseline")
			f.says(t, "unlike the baseline: ", " ESTABLISHED, ")
			f.wants(t, "established", ssCount(t, "state", "established"))
			finds(t, nil, append([]string{"--baseline", file}, set("unlike-baseline.factor=100")...))
		}
	})
}

// TestDoctorRefusesBaselines has files that are no baseline.
func TestDoctorRefusesBaselines(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		empty := filepath.Join(t.TempDir(), "empty")
		must(t, os.WriteFile(empty, nil, 0o644))
		for file, want := range map[string]string{
			"/nosuch":                        `reading the baseline "/nosuch": `,
			empty:                            "not a document of this program",
			baselineFrom(t, "ls", "--json"):  `a document of the kind "sockets" is no baseline`,
			baselineFrom(t, "count"):         "not a document of this program",
			baselineFrom(t, "doctor", "-q"):  "not a document of this program",
			baselineFrom(t, "explain", "-q"): "not a document of this program",
		} {
			got := runIn(t, t.Context(), ticking(nil), "doctor", "--interval", "1ms", "--baseline", file)
			if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, want) {
				t.Errorf("%s: %+v, want %q", file, got, want)
			}
		}
	})
}
