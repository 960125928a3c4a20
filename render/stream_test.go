package render

import (
	"encoding/json"
	"testing"

	"tcpstate/tcp"
)

// TestAppendStatesIsTheSchema holds the states of a stream to those of a
// document of counts.
func TestAppendStatesIsTheSchema(t *testing.T) {
	var counts tcp.Counts
	for i := range counts {
		counts[i] = i * i
	}
	want, err := json.Marshal(statesJSON(counts))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(AppendStates(nil, &counts)); got != string(want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAppendStateColoursWhereAsked(t *testing.T) {
	if got := string(AppendState(nil, tcp.CloseWait, false)); got != "CLOSE_WAIT" {
		t.Errorf("%q", got)
	}
	if got := string(AppendState(nil, tcp.CloseWait, true)); got != red+"CLOSE_WAIT"+plain {
		t.Errorf("%q", got)
	}
}
