package doctor

import (
	"slices"

	"tcpstate/wording"
)

// This file says which findings are about one problem, and which of them causes
// which.

// folds lists findings that describe the same problem as another finding. Such
// a finding becomes evidence of the other one. If both name listeners, they
// must have one in common. With sameListener, both must name one.
var folds = []struct {
	code, into   string
	sameListener bool
}{
	{"accept-queue-overflows", "accept-queue-full", false},
	{"close-wait-leak", "accept-queue-full", true}, // the connections were not accepted
	{"syn-sent-stuck", "accept-queue-full", true},  // of a program on this host
	{"syn-queue-full", "syn-flood", false},
	{"syn-cookies-active", "syn-flood", false},
	{"syn-cookies-active", "syn-queue-full", false},
}

func fold(findings []Finding) []Finding {
	folded := make([]bool, len(findings))
	for _, fold := range folds {
		for i := range findings {
			if findings[i].Code != fold.code || folded[i] {
				continue
			}
			for j := range findings {
				if findings[j].Code == fold.into && !folded[j] && sharesListener(&findings[j], &findings[i], fold.sameListener) {
					findings[j].absorb(&findings[i])
					folded[i] = true
					break
				}
			}
		}
	}
	var kept []Finding
	for i := range findings {
		if !folded[i] {
			kept = append(kept, findings[i])
		}
	}
	return kept
}

// sharesListener reports whether two findings are about the same listener. If
// one of them names no listener, it returns true unless the result must be
// sure.
func sharesListener(a, b *Finding, sure bool) bool {
	if len(a.Listeners) == 0 || len(b.Listeners) == 0 {
		return !sure
	}
	return slices.ContainsFunc(a.Listeners, func(l *Listener) bool { return slices.Contains(b.Listeners, l) })
}

// absorb takes over the evidence of another finding on the same problem.
func (f *Finding) absorb(other *Finding) {
	for _, fact := range other.Evidence {
		f.Evidence.Add(fact.Name, fact.Value)
	}
	f.addRelated(other.Code)
	if f.Inference.IsZero() {
		f.Inference = other.Inference
	}
	f.Severity = max(f.Severity, other.Severity)
}

func (f *Finding) addRelated(code string) {
	if !slices.Contains(f.Related, code) {
		f.Related = append(f.Related, code)
	}
}

// relations lists pairs of findings of which the first can cause the second. Both
// are reported, and each names the other. With first, the cause also stands first
// among findings of one severity.
var relations = []struct {
	cause, effect string
	first         bool
}{
	{"close-wait-leak", "fd-limit-near", true},
	{"ended-not-closed", "fd-limit-near", true},
	{"close-wait-leak", "ended-not-closed", true},
	{"fd-limit-near", "accept-queue-full", true},
	{"fd-limit-near", "accept-queue-overflows", true},
	{"closing-stuck", "orphans-high", true},
	{"orphans-high", "tcp-memory-pressure", true},
	{"tcp-memory-pressure", "aborts-rising", true},
	{"orphans-high", "aborts-rising", true},
	{"app-not-reading", "tcp-memory-pressure", true},
	{"no-keepalive", "half-open-suspects", true},
	{"accept-queue-full", "close-wait-leak", false},
	{"dead-path", "closing-stuck", true},
	{"loss-high", "dead-path", true},
	{"conntrack-full", "dead-path", true},
	{"conntrack-full", "syn-sent-stuck", true},
	{"conntrack-full", "loss-high", true},
	{"dropped-early", "loss-high", true},
}

func relate(findings []Finding) {
	for _, pair := range relations {
		for i := range findings {
			for j := range findings {
				a, b := &findings[i], &findings[j]
				if a.Code != pair.cause || b.Code != pair.effect || !canBeOfOneProcess(a, b) {
					continue
				}
				if a.Code == "fd-limit-near" && !b.forWantOfDescriptors(a) {
					continue
				}
				a.addRelated(b.Code)
				b.addRelated(a.Code)
				if a.Code == "close-wait-leak" && b.Code == "fd-limit-near" {
					b.becauseOfLeak(a)
				}
			}
		}
	}
}

// forWantOfDescriptors says of a full accept queue that its process has used up
// its descriptors, and reports whether that is so. Without a free descriptor
// accept() fails with EMFILE, and the connections stay in the queue.
func (f *Finding) forWantOfDescriptors(limit *Finding) bool {
	if limit.Severity < Critical || !sharesProcess(f, limit) {
		return false
	}
	f.Inference = wording.Say("doctor.accept-queue-full.inferred.descriptors",
		"processes", nameProcesses(limit.Processes), "open", limit.Evidence.Get("open"), "most", limit.Evidence.Get("limit"))
	f.Advice = slices.Insert(f.Advice, 0, Advice{Say: wording.Say("doctor.do.accept.descriptors", "processes", nameProcesses(limit.Processes))})
	return true
}

// becauseOfLeak says of descriptors that run out that most of them are leaked
// connections, if that is so. The leak is then as severe as what it causes.
func (f *Finding) becauseOfLeak(leak *Finding) {
	leaked, _ := f.Evidence.Get("close_wait").(int64)
	open, _ := f.Evidence.Get("open").(int64)
	if 2*leaked < open || !sharesProcess(f, leak) {
		return
	}
	f.Inference = wording.Say("doctor.fd-limit-near.inferred.leak", "n", leaked, "open", open)
	leak.Severity = max(leak.Severity, f.Severity)
}

// causesFirst puts each cause before what it causes, among findings of the same
// severity.
func causesFirst(findings []Finding) []Finding {
	for range findings { // a chain of causes takes several rounds
		moved := false
		for i := range findings {
			for j := i + 1; j < len(findings); j++ {
				if findings[i].Severity == findings[j].Severity && causes(&findings[j], &findings[i]) {
					cause := findings[j]
					findings = slices.Insert(slices.Delete(findings, j, j+1), i, cause)
					moved = true
				}
			}
		}
		if !moved {
			break
		}
	}
	return findings
}

// causes reports whether two related findings are a cause and what it causes.
func causes(a, b *Finding) bool {
	if !slices.Contains(b.Related, a.Code) || !canBeOfOneProcess(a, b) {
		return false
	}
	for _, pair := range relations {
		if pair.first && pair.cause == a.Code && pair.effect == b.Code {
			return true
		}
	}
	return false
}

// canBeOfOneProcess reports whether two findings name the same process, or one
// of them names none.
func canBeOfOneProcess(a, b *Finding) bool {
	if len(a.Processes) == 0 || len(b.Processes) == 0 {
		return true
	}
	return sharesProcess(a, b)
}

// sharesProcess reports whether two findings name the same process.
func sharesProcess(a, b *Finding) bool {
	return slices.ContainsFunc(a.Processes, func(p Process) bool { return slices.Contains(b.Processes, p) })
}
