package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

// chain has a leak that uses up the descriptors of a listener's process.
func chain(leaked, open int) *patient {
	p := healthy()
	p.listen(129, 128)
	p.add(leaked, tcp.CloseWait, time.Minute)
	p.Limits = []Limit{{nginx, open, 1024}}
	return p
}

func codesOf(findings []Finding) (codes []string) {
	for _, f := range findings {
		codes = append(codes, f.Severity.String()+" "+f.Code)
	}
	return codes
}

// TestCausesComeFirst wants each finding after what causes it, and to name it.
func TestCausesComeFirst(t *testing.T) {
	findings := chain(900, 1024).examine(t)
	want := []string{"critical close-wait-leak", "critical fd-limit-near", "critical accept-queue-full"}
	if !slices.Equal(codesOf(findings), want) {
		t.Fatalf("want %v:%s", want, describe(findings))
	}
	full := findings[2]
	if got := full.Inference.String(); !strings.Contains(got, "nginx (pid 812) has 1024 of 1024 descriptors open") {
		t.Errorf("the full queue is explained by %q", got)
	}
	if got := full.Advice[0].String(); got != "Find first what uses up the descriptors of nginx (pid 812)" {
		t.Errorf("the first advice is %q", got)
	}
	if got := findings[1].Inference.String(); !strings.HasPrefix(got, "900 of the 1,024 open descriptors are CLOSE_WAITs") {
		t.Errorf("the limit is explained by %q", got)
	}
	for i, related := range []string{"fd-limit-near", "accept-queue-full", "fd-limit-near"} {
		if !slices.Contains(findings[i].Related, related) {
			t.Errorf("%s is related to %v", findings[i].Code, findings[i].Related)
		}
	}
}

// TestNotEveryNeighbourIsACause has the same findings without the numbers that link
// them.
func TestNotEveryNeighbourIsACause(t *testing.T) {
	few := chain(500, 1024).examine(t) // not half of the descriptors
	if want := []string{"critical fd-limit-near", "critical accept-queue-full", "warning close-wait-leak"}; !slices.Equal(codesOf(few), want) || !few[0].Inference.IsZero() {
		t.Errorf("want %v:%s", want, describe(few))
	}
	near := chain(20, 900).examine(t) // descriptors are left
	if f := find(near, "accept-queue-full"); f == nil || !f.Inference.IsZero() || slices.Contains(f.Related, "fd-limit-near") {
		t.Errorf("it blames the descriptors:%s", describe(near))
	}
	other := chain(20, 20)
	other.Limits = []Limit{{Process{9, "cron"}, 1024, 1024}}
	if f := find(other.examine(t), "accept-queue-full"); f == nil || !f.Inference.IsZero() {
		t.Errorf("it blames another process")
	}
}
