package render

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/doctor"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// leak returns a finding with a long title, whose cause stands at its end.
func leak(name string, severity doctor.Severity) doctor.Finding {
	return doctor.Finding{
		Code: "close-wait-leak", Severity: severity, Confidence: doctor.Measured,
		Title: wording.Say("doctor.close-wait-leak.title", "n", 3188, "holder", doctor.Process{PID: 4194304, Name: name},
			"peer", wording.Say("doctor.longest-with", "peer", "[2001:db8::4:17]:50123"), "age", wording.Say("doctor.for", "time", "3m8s"),
			"cause", wording.Say("doctor.cause.end-read")),
		Evidence: doctor.Evidence{{Name: "close_wait", Value: int64(3188)}, {Name: "oldest_at_least_ms", Value: int64(188000)},
			{Name: "unread_bytes", Value: int64(1500000)}, {Name: "taken_percent", Value: int64(91)}, {Name: "value", Value: "15"}},
		Advice: []doctor.Advice{{Say: wording.Say("doctor.do.list"), Run: "tcpstate ls -p"}, {Say: wording.Say("doctor.do.close-wait.restart")}},
	}
}

func textOfFindings(t *testing.T, f Findings, checkups ...Checkup) string {
	t.Helper()
	var b strings.Builder
	if err := f.Write(&b, checkups, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestIndexOfFindings looks for a line for each finding before all details, the most
// severe first over all network namespaces. The cause is in the line.
func TestIndexOfFindings(t *testing.T) {
	red := Checkup{Netns: "red", Findings: []doctor.Finding{leak("first", doctor.Info)}}
	blue := Checkup{Netns: "blue", Findings: []doctor.Finding{leak("second", doctor.Critical), leak("third", doctor.Warning)}}
	const cause = "the program has read the end of file and does not close"
	want := []string{
		"critical  1. blue: 3,188 CLOSE_WAITs of second (pid 4194304): " + cause,
		"warning   2. blue: 3,188 CLOSE_WAITs of third (pid 4194304): " + cause,
		"info      3. red: 3,188 CLOSE_WAITs of first (pid 4194304): " + cause,
		"",
	}
	lines := strings.Split(textOfFindings(t, Findings{Width: 120}, red, blue), "\n")
	if !slices.Equal(lines[:4], want) {
		t.Errorf("it begins with\n%s", strings.Join(lines[:5], "\n"))
	}
	if !strings.HasPrefix(lines[4], "critical  1. blue: 3,188 CLOSE_WAITs of second (pid 4194304), the longest with [2001:db8::4:17]:50123, for at least") {
		t.Errorf("the details begin with %q", lines[4])
	}
	if whole := textOfFindings(t, Findings{Width: 300}, red, blue); !strings.Contains(whole, "1. blue: 3,188 CLOSE_WAITs of second (pid 4194304), the longest with") {
		t.Errorf("a title that fits is shortened: %s", whole)
	}
	if one := textOfFindings(t, Findings{}, red); !strings.HasPrefix(one, "info      red: 3,188 CLOSE_WAITs") {
		t.Errorf("a single finding begins with %.120q", one)
	}
	report := textOfFindings(t, Findings{Format: Markdown}, red, blue)
	if !strings.HasPrefix(report, "1. critical: blue: ") || strings.Index(report, "\n3. info: red: ") > strings.Index(report, "## ") {
		t.Errorf("the report begins with %.300s", report)
	}
}

// TestUnitsForPeople wants the numbers of the proof with the units that people write.
func TestUnitsForPeople(t *testing.T) {
	words := strings.Join(strings.Fields(textOfFindings(t, Findings{}, Checkup{Findings: []doctor.Finding{leak("one", doctor.Info)}})), " ")
	if want := "proof close_wait 3,188, oldest_at_least 3m8s, unread 1.5MB, taken 91%, value 15 "; !strings.Contains(words, want) {
		t.Errorf("without %q: %s", want, words)
	}
}

// TestQuietFindings says nothing with Quiet where nothing was found.
func TestQuietFindings(t *testing.T) {
	for _, format := range []Format{Table, Markdown} {
		f := Findings{Format: format, Quiet: true}
		if got := textOfFindings(t, f, Checkup{Checked: []string{"syn-flood"}}, Checkup{}); got != "" {
			t.Errorf("%v: %q", format, got)
		}
		if got := textOfFindings(t, f, Checkup{}, Checkup{Findings: []doctor.Finding{leak("one", doctor.Info)}}); got == "" {
			t.Errorf("%v: silent with a finding", format)
		}
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(textOfFindings(t, Findings{Format: JSON, Quiet: true}, Checkup{})), &document); err != nil {
		t.Error(err)
	}
}

// TestWhatIsUnknownIsSaidOnce has two network namespaces in which the same things
// are unknown, and one in which nothing is.
func TestWhatIsUnknownIsSaidOnce(t *testing.T) {
	setting := func(name string) doctor.Lack {
		return doctor.Lack{Key: "doctor.lacks.setting", Settings: []string{name}}
	}
	processes := func(n int) doctor.Lack { return doctor.Lack{Key: "doctor.lacks.processes", N: n} }
	some := func(n int) []doctor.Unchecked {
		return []doctor.Unchecked{
			{Code: "orphans-high", Lacks: []doctor.Lack{setting("a")}},
			{Code: "close-wait-leak", Lacks: []doctor.Lack{processes(n)}},
			{Code: "app-not-reading", Lacks: []doctor.Lack{processes(n), setting("b")}},
		}
	}
	f := Findings{}
	got := f.notChecked([]Checkup{{Netns: "red", Unchecked: some(3)}, {Netns: "blue", Unchecked: some(4)}})
	want := []string{
		"Not or not fully checked, because a, b are not known here: orphans-high, app-not-reading.",
		"Not or not fully checked, because the processes of 7 sockets could not be seen: close-wait-leak, app-not-reading.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	got = f.notChecked([]Checkup{{Netns: "red", Unchecked: some(3)[:1]}, {Netns: "blue"}})
	if want := []string{"red: Not or not fully checked, because a is not known here: orphans-high."}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestStepsHaveCommandsApart reads a step of the advice in JSON.
func TestStepsHaveCommandsApart(t *testing.T) {
	var document struct {
		Findings []struct {
			Advice []string
			Steps  []struct{ Text, Command string }
		}
	}
	got := textOfFindings(t, Findings{Format: JSON}, Checkup{Findings: []doctor.Finding{leak("one", doctor.Info)}})
	if err := json.Unmarshal([]byte(got), &document); err != nil {
		t.Fatal(err)
	}
	one := document.Findings[0]
	if len(one.Steps) != 2 || one.Steps[0].Text != "List them" || one.Steps[0].Command != "tcpstate ls -p" || one.Steps[1].Command != "" ||
		one.Advice[0] != "List them: tcpstate ls -p" {
		t.Errorf("%+v", one)
	}
}

// TestOverviewCutsAfterTheCause has findings whose titles are longer than the screen
// is wide, few of them and more than the screen has room for.
func TestOverviewCutsAfterTheCause(t *testing.T) {
	screen := func(findings int) []string {
		c := &Checkup{}
		for range findings {
			c.Findings = append(c.Findings, leak("leaky", doctor.Warning))
		}
		var b strings.Builder
		o := Overview{Meta: Meta{TakenAt: time.Unix(0, 0)}}
		if err := o.Write(&b, tcp.Counts{}, nil, c, nil); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) > 23 {
			t.Errorf("%d lines with %d findings", len(lines), findings)
		}
		for _, line := range lines {
			if len(line) > 80 {
				t.Errorf("too wide: %q", line)
			}
		}
		return lines
	}
	const told = "warning   3,188 CLOSE_WAITs of leaky (pid 4194304): the program has read the end\n          of file and does not close\n"
	if lines := strings.Join(screen(1), "\n"); !strings.Contains(lines, told) {
		t.Errorf("without %q: %s", told, lines)
	}
	if lines := strings.Join(screen(40), "\n"); strings.Count(lines, told) != 4 || !strings.Contains(lines, "\nand 36 more: tcpstate doctor\n") {
		t.Errorf("with 40 findings: %s", lines)
	}
}

// TestLabelsOfFindingsAreInOneColumn reads a finding in each language. A Chinese
// character takes two columns, so the number of bytes of a label is not its width.
func TestLabelsOfFindingsAreInOneColumn(t *testing.T) {
	for _, language := range wording.Languages() {
		words := wording.For(language)
		f := Findings{Format: Table, Words: words}
		got := textOfFindings(t, f, Checkup{Findings: []doctor.Finding{leak("one", doctor.Warning)}})
		for _, key := range []string{"findings.proof", "findings.do", "findings.rule"} {
			label := "  " + wording.Say(key).In(words)
			want := "\n" + text.PadRight(label, margin+2)
			at := strings.Index(got, want)
			if at < 0 || strings.HasPrefix(got[at+len(want):], " ") {
				t.Errorf("in %s the text after %q does not begin at column %d: %s", language, label, margin+2, got)
			}
		}
	}
}
