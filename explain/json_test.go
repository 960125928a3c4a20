package explain

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// TestDocsNameEveryKey checks that docs/json.md names every key of the
// documents.
func TestDocsNameEveryKey(t *testing.T) {
	page, err := os.ReadFile("../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Explanations\n")
	if !found {
		t.Fatal("docs/json.md has no section on explanations")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, doc := range []any{explanation{}, machine{}, topicList{}, socketsDocument{}} {
		for _, key := range keysOf(reflect.TypeOf(doc)) {
			if !strings.Contains(section, "`"+key+"`") && key != "schema" && key != "kind" {
				t.Errorf("docs/json.md does not name %q of %T", key, doc)
			}
		}
	}
}

// keysOf returns the keys of a document and of the objects in it.
func keysOf(t reflect.Type) []string {
	var keys []string
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key != "" {
				keys = append(keys, key)
			}
			if key != "" || f.Anonymous {
				keys = append(keys, keysOf(f.Type)...)
			}
		}
	}
	return keys
}

// TestJSON decodes the documents, as a script would.
func TestJSON(t *testing.T) {
	host := busyHost()
	host.Settings.SynackRetries = tcp.Known(2)
	at := Envelope{TakenAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Host: "web1"}
	b := open(t, wording.English)
	topic, _ := Find("tw")
	p, err := b.Page(topic, host)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.WriteJSON(&out, at); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Schema, Kind, Host, Language, Topic string
		TakenAt                             time.Time `json:"taken_at"`
		Transitions                         []struct{ From, To, Event, By, RFC string }
		Clocks                              []struct {
			Name, Constant string
			TotalMS        int64 `json:"total_ms"`
		}
		Settings []struct{ Name, Value, Default string }
		Live     struct {
			Sockets, Total int
			States         map[string]int
			Oldest         struct {
				AgeMS int64 `json:"age_ms"`
			}
		}
		Related []string
	}
	if err := json.Unmarshal(out.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if page.Schema != "tcpstate/v1" || page.Kind != "explanation" || page.Host != "web1" || page.Language != "en" || page.Topic != "TIME_WAIT" || !page.TakenAt.Equal(at.TakenAt) {
		t.Errorf("the envelope is %+v", page)
	}
	if n := int(tcp.TimeWait); page.Live.Sockets != n || page.Live.States["TIME_WAIT"] != n || page.Live.Oldest.AgeMS != 10_805_000 {
		t.Errorf("live is %+v", page.Live)
	}
	if len(page.Clocks) != 1 || page.Clocks[0].TotalMS != 60_000 || page.Clocks[0].Constant != "TCP_TIMEWAIT_LEN" {
		t.Errorf("the clocks are %+v", page.Clocks)
	}
	if len(page.Settings) == 0 || len(page.Related) == 0 {
		t.Errorf("settings %v, related %v", page.Settings, page.Related)
	}
	ways := len(lifecycle.Entered(tcp.TimeWait)) + len(lifecycle.Left(tcp.TimeWait)) + len(lifecycle.Within(tcp.TimeWait))
	if len(page.Transitions) != ways || page.Transitions[0].To != "TIME_WAIT" {
		t.Errorf("%d transitions, want %d", len(page.Transitions), ways)
	}
	out.Reset()
	if err := b.WriteChartJSON(&out, nil, at); err != nil {
		t.Fatal(err)
	}
	var all struct {
		Kind        string
		TakenAt     string `json:"taken_at"`
		Transitions []struct{ Key string }
		States      map[string]int
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if all.Kind != "machine" || len(all.Transitions) != len(lifecycle.Transitions()) || all.States != nil || all.TakenAt != "" {
		t.Errorf("the machine is %.200s", out.String())
	}
}
