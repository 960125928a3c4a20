package text

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestAppendJSONMatchesLibrary compares with the document of encoding/json,
// which is then escaped.
func TestAppendJSONMatchesLibrary(t *testing.T) {
	for _, value := range hostile {
		checkJSON(t, value)
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(checkJSON)
}

func checkJSON(t *testing.T, value string) {
	t.Helper()
	var encoded bytes.Buffer
	e := json.NewEncoder(&encoded)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	got := AppendJSON(nil, value)
	if want := AppendJSONDocument(nil, bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))); !bytes.Equal(got, want) {
		t.Errorf("%q is encoded as %s, want %s", value, got, want)
	}
	for _, r := range string(got) {
		if escaped := Escape(string(r)); r != '\\' && escaped != string(r) {
			t.Errorf("%q is encoded as %q, which has %U", value, got, r)
		}
	}
	var back, want string
	if err := json.Unmarshal(got, &back); err != nil {
		t.Errorf("%q is encoded as %s: %v", value, got, err)
	}
	if err := json.Unmarshal(encoded.Bytes(), &want); err != nil || back != want {
		t.Errorf("%s reads as %q, want %q", got, back, want)
	}
}

func TestAppendJSONDocument(t *testing.T) {
	document := []byte("{\"a\\u202e\":[\"\u202e\x7f中\U000e0001\\n\",1]}")
	const want = `{"a\u202e":["\u202e\u007f中\udb40\udc01\n",1]}`
	if got := string(AppendJSONDocument(nil, document)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
