package render

import (
	"bytes"
	"encoding/json"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// schema is the name of the JSON schema. Fields may be added to it, but never
// renamed, and their types never change.
const schema = "tcpstate/v1"

// headJSON is the part of a document before the sockets, and tailJSON is the
// part after them. Warnings come last, because some are known only after all
// sockets have been read.
type headJSON struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	TakenAt time.Time `json:"taken_at"`
	Host    label     `json:"host"`
	Source  string    `json:"source"`
	Missing []string  `json:"missing"`

	NotRequested []OptionJSON `json:"not_requested,omitzero"` // sockets only
}

// OptionJSON is an option of ls that was not given, with the fields and objects that
// are absent because of it.
type OptionJSON struct {
	Option string   `json:"option"`
	Fields []string `json:"fields"`
}

type tailJSON struct {
	Warnings []label `json:"warnings"`
}

// head returns the beginning of a document of the given kind.
func (m *Meta) head(kind string) headJSON {
	return headJSON{Schema: schema, Kind: kind, TakenAt: m.TakenAt.UTC(), Host: label(m.Host), Source: m.Source,
		Missing: append([]string{}, m.Missing...), NotRequested: m.NotRequested}
}

// tailOf returns the end of a document.
func tailOf(warnings []string) tailJSON {
	tail := tailJSON{Warnings: []label{}}
	for _, warning := range warnings {
		tail.Warnings = append(tail.Warnings, label(warning))
	}
	return tail
}

// label is text that may come from outside. It escapes not only what JSON
// requires, but everything that is not printable, because people also read JSON
// on terminals.
type label string

// MarshalJSON writes the text as encoding/json does, without escapes for HTML.
func (l label) MarshalJSON() ([]byte, error) {
	return text.AppendJSON(nil, string(l)), nil
}

// marshal is json.Marshal without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// AppendSocket appends the socket as a line of NDJSON without its newline. It
// allocates nothing.
func AppendSocket(b []byte, s *tcp.Socket) []byte { return appendSocket(b, s) }
