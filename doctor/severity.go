package doctor

import (
	"slices"

	"tcpstate/wording"
)

// Severity says how urgent a finding is. The zero Severity is none.
type Severity uint8

// The severities, in ascending order.
const (
	Info     Severity = iota + 1 // worth knowing; nothing is failing
	Warning                      // something fails for some clients, or will soon fail
	Critical                     // connections are being lost now, or are about to be
)

var severityNames = [...]string{"", "info", "warning", "critical"}

// String returns info, warning or critical.
func (s Severity) String() string { return severityNames[s] }

// MarshalText returns what String returns.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity returns the severity with that name.
func ParseSeverity(name string) (Severity, error) {
	for s := Info; s <= Critical; s++ {
		if severityNames[s] == name {
			return s, nil
		}
	}
	return 0, &UnknownSeverityError{Name: name}
}

// UnknownSeverityError is the error for a name that no severity has.
type UnknownSeverityError struct {
	Name string // as the user wrote it
}

func (e *UnknownSeverityError) Error() string { return e.Message().String() }

// Message returns the text of the error.
func (e *UnknownSeverityError) Message() wording.Message {
	return wording.Say("doctor.error.severity", "name", e.Name)
}

// Spelling returns the unknown name and the names of the severities.
func (e *UnknownSeverityError) Spelling() (string, []string) {
	return e.Name, slices.Clone(severityNames[Info:])
}

// Confidence says how sure a finding is: whether it was measured or inferred.
type Confidence uint8

// The confidences, in ascending order.
const (
	Possible Confidence = iota + 1 // it fits the numbers, but other causes fit too
	Likely                         // the other known causes fit less well
	Measured                       // the numbers prove it without an inference
)

var confidenceNames = [...]string{"", "possible", "likely", "measured"}

// String returns possible, likely or measured.
func (c Confidence) String() string { return confidenceNames[c] }

// MarshalText returns what String returns.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
