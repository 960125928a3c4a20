package render

import (
	"encoding/json"
	"fmt"
	"strconv"

	"tcpstate/tcp"
)

// countsJSON is a document of counts; docs/json.md describes it.
type countsJSON struct {
	headJSON
	groupJSON
	Groups *[]groupJSON `json:"groups,omitempty"`
	tailJSON
}

// groupJSON is one group of a document of counts. Without By it is all the
// sockets.
type groupJSON struct {
	By     byJSON     `json:"by,omitzero"`
	Total  int        `json:"total"`
	States statesJSON `json:"states"`
}

// statesJSON has a key for every state of which the number is known, in the order
// of a connection's life.
type statesJSON struct {
	counts   tcp.Counts
	unlisted tcp.StateSet
}

func (s statesJSON) MarshalJSON() ([]byte, error) {
	return AppendStates(nil, &s.counts, s.unlisted), nil
}

// byJSON has a key for each value that defines a group, if the group has that
// value.
type byJSON struct {
	keys   []CountKey
	values []string
}

func (by byJSON) IsZero() bool { return len(by.keys) == 0 }

func (by byJSON) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, key := range by.keys {
		value := by.values[i]
		if value == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, key.Name), ':')
		if key.Numeric {
			b = append(b, value...)
			continue
		}
		text, err := json.Marshal(label(value))
		if err != nil {
			return nil, err
		}
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

func (c *Counting) groupJSON(group CountGroup) groupJSON {
	return groupJSON{
		By:     byJSON{c.By, group.Values},
		Total:  group.Counts.Total(),
		States: statesJSON{group.Counts, c.Meta.Unlisted},
	}
}

// appendJSON appends the document. It is one line, except that each group has
// its own line.
func (c *Counting) appendJSON(out *output, counts tcp.Counts, groups []CountGroup, warnings []string) error {
	document := countsJSON{
		headJSON:  c.Meta.head("counts"),
		groupJSON: groupJSON{Total: counts.Total(), States: statesJSON{counts, c.Meta.Unlisted}},
		tailJSON:  tailOf(warnings),
	}
	if len(c.By) > 0 {
		list := make([]groupJSON, 0, len(groups))
		for _, group := range groups {
			list = append(list, c.groupJSON(group))
		}
		document.Groups = &list
	}
	return appendLineOf(out, document)
}

// appendNDJSON appends one line for each group, or one line for all the
// sockets.
func (c *Counting) appendNDJSON(out *output, counts tcp.Counts, groups []CountGroup) error {
	if len(c.By) == 0 {
		return appendLineOf(out, c.groupJSON(CountGroup{Counts: counts}))
	}
	for _, group := range groups {
		if err := appendLineOf(out, c.groupJSON(group)); err != nil {
			return err
		}
	}
	return nil
}

func appendLineOf(out *output, v any) error {
	line, err := marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the document: %w", err)
	}
	out.buf = append(append(out.buf, line...), '\n')
	return nil
}

// AppendStates appends the object "states" of a document of counts. It has a key
// for every state of which the number is known, in the order of a connection's
// life. unlisted are the states whose sockets the source does not list.
func AppendStates(b []byte, counts *tcp.Counts, unlisted tcp.StateSet) []byte {
	b = append(b, '{')
	separator := ""
	for state := range tcp.All.States() {
		if !numberKnown(counts, state, unlisted) {
			continue
		}
		b = append(append(append(append(b, separator...), '"'), state.String()...), `":`...)
		b = strconv.AppendInt(b, int64(counts.Of(state)), 10)
		separator = ","
	}
	return append(b, '}')
}

// numberKnown reports whether the number of sockets in a state is known. If the
// source does not list these sockets, 0 is no number.
func numberKnown(counts *tcp.Counts, state tcp.State, unlisted tcp.StateSet) bool {
	return counts.Of(state) > 0 || !unlisted.Has(state)
}
