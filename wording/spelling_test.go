package wording

import (
	"strings"
	"testing"

	"tcpstate/tcp"
)

func TestNearestForgivesSlipsOfTheHand(t *testing.T) {
	candidates := []string{"table", "json", "ndjson", "csv"}
	tests := []struct{ word, want string }{
		{"table", "table"},
		{"tabel", "table"}, // two exchanged
		{"tabl", "table"},  // one missing
		{"tabble", "table"},
		{"tible", "table"},
		{"jsno", "json"},
		{"xml", ""},
		{"", ""},
		{"j", ""},
	}
	for _, test := range tests {
		got, ok := Nearest(test.word, candidates)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", test.word, got, ok, test.want)
		}
	}
	if got, _ := Nearest("aaac", []string{"aaab", "aaad"}); got != "aaab" {
		t.Errorf("of two that are equally near Nearest takes %q, not the first", got)
	}
}

func TestClosest(t *testing.T) {
	known := []string{"listen-full", "close-wait-leak", "syn-queue-full", "syn-flood"}
	for given, want := range map[string]string{
		"leak":        "close-wait-leak",
		"syn":         "syn-flood syn-queue-full", // all that contain it
		"listen-queu": "listen-full syn-queue-full",
		"LEAK":        "close-wait-leak",
		"fooling":     "syn-flood listen-full", // none contains a part: the nearest
		"":            "syn-flood listen-full",
	} {
		if got := strings.Join(Closest(given, known, 2), " "); got != want {
			t.Errorf("Closest(%q) = %s, want %s", given, got, want)
		}
	}
}

func TestHintsOnStates(t *testing.T) {
	for name, hint := range map[string]string{
		"TIMEWIAT":   "did you mean TIME_WAIT?",
		"time_wat":   "did you mean TIME_WAIT?",
		"SYNRECVD":   "did you mean SYN_RECV?",
		"estabished": "did you mean ESTABLISHED?",
		"CLOSWAIT":   "did you mean CLOSE_WAIT?",
		"lastakc":    "did you mean LAST_ACK?",
		"finwait3":   "did you mean FIN_WAIT1?",
		"conected":   "did you mean connected?",
		"xyzzy": "it can be LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSING, TIME_WAIT, " +
			"CLOSE_WAIT, LAST_ACK, CLOSE, BOUND_INACTIVE, all, big, bucket, connected, synchronized",
	} {
		_, err := tcp.ParseStateSet(name)
		if got := Hint(err).String(); got != hint {
			t.Errorf("%q: hint %q, want %q", name, got, hint)
		}
		if got := english.Error(err); got != err.Error() {
			t.Errorf("the error %q has the text %q", err, got)
		}
	}
}
