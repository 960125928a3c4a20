package doctor

import "fmt"

// Severity says how soon somebody has to look. The zero Severity is none.
type Severity uint8

// The severities, in rising order.
const (
	Info     Severity = iota + 1 // worth knowing; nothing is failing
	Warning                      // something fails for some, or will soon
	Critical                     // connections are being lost now, or are about to be
)

var severityNames = [...]string{"", "info", "warning", "critical"}

// String returns info, warning or critical.
func (s Severity) String() string { return severityNames[s] }

// MarshalText returns what String returns.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity returns the severity of that name.
func ParseSeverity(name string) (Severity, error) {
	for s := Info; s <= Critical; s++ {
		if severityNames[s] == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("unknown severity %q: it can be info, warning, critical", name)
}

// Confidence says how much of a finding was measured and how much concluded.
type Confidence uint8

// The confidences, in rising order.
const (
	Possible Confidence = iota + 1 // fits what is seen; so do other causes
	Likely                         // the other causes that are known fit less well
	Measured                       // the numbers say it by themselves
)

var confidenceNames = [...]string{"", "possible", "likely", "measured"}

// String returns possible, likely or measured.
func (c Confidence) String() string { return confidenceNames[c] }

// MarshalText returns what String returns.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
