package lab

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/go-cmp/cmp"
)

// DiffJSON returns how two texts of one JSON document a line differ, for a failure
// that a person reads: key by key, and "" where they are equal to the byte. Where
// the documents say the same in other bytes, or a line is not JSON, the lines
// themselves are compared.
func DiffJSON(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	if diff := cmp.Diff(documents(want), documents(got)); diff != "" {
		return "(-want +got):\n" + diff
	}
	return "the same values in other bytes (-want +got):\n" + cmp.Diff(bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n")))
}

// documents decodes each line. Numbers keep their digits.
func documents(text []byte) (list []any) {
	for line := range bytes.Lines(text) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		var document any
		if err := decoder.Decode(&document); err != nil {
			document = fmt.Sprintf("not JSON (%v): %s", err, line)
		}
		list = append(list, document)
	}
	return list
}
