package doctor

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// Unit is the unit of a Threshold's number.
type Unit uint8

// The units.
const (
	UnitCount    Unit = iota // a number of things
	UnitPercent              // percent of a limit or of a total
	UnitDuration             // nanoseconds, like time.Duration
	UnitBytes
)

var unitNames = [...]string{"number", "percent", "duration", "bytes"}

// String returns number, percent, duration or bytes.
func (u Unit) String() string { return unitNames[u] }

// example returns a valid value in the unit, for error messages.
func (u Unit) example() string { return [...]string{"10", "75%", "5m", "64KiB"}[u] }

// Threshold is a limit at which a rule reports a finding.
type Threshold struct {
	Name    string // the rule's code, a dot, and what it limits: close-wait-leak.age
	Default int64  // in Unit
	Unit    Unit
	Doc     string // what it limits
	Reason  string // the reason for the default
	Source  string // the source for the reason
}

// Thresholds holds a value for each Threshold. It is an array, so a change to a
// copy does not affect the original. DefaultThresholds returns one.
type Thresholds [numThresholds]int64

// DefaultThresholds returns the defaults of the table.
func DefaultThresholds() Thresholds {
	var t Thresholds
	for i := range thresholdTable {
		t[i] = thresholdTable[i].Default
	}
	return t
}

// ThresholdTable returns the table, in the order of the rules.
func ThresholdTable() []Threshold { return append([]Threshold(nil), thresholdTable[:]...) }

// Text returns the value of the threshold with the index i in the table, in the
// format that Set reads.
func (t *Thresholds) Text(i int) string { return thresholdTable[i].Unit.format(t[i]) }

// Set reads a setting such as close-wait-leak.age=5m and changes the threshold
// that it names. Durations have the format of time.ParseDuration, percentages
// may end with %, and bytes may end with KiB, MiB or GiB. The error quotes the
// text that it could not read. If the name is unknown, the error is an
// *UnknownThresholdError.
func (t *Thresholds) Set(setting string) error {
	name, text, found := strings.Cut(setting, "=")
	if !found {
		return fmt.Errorf("setting %q has no value: it is written NAME=VALUE, as in close-wait-leak.age=5m", setting)
	}
	for i := range thresholdTable {
		if thresholdTable[i].Name != name {
			continue
		}
		value, err := thresholdTable[i].Unit.parse(text)
		if err != nil {
			return fmt.Errorf("%s: %q %w", name, text, err)
		}
		t[i] = value
		return nil
	}
	return &UnknownThresholdError{Name: name}
}

// UnknownThresholdError is the error for a name that is not the name of a
// threshold.
type UnknownThresholdError struct {
	Name string // as the user wrote it
}

func (e *UnknownThresholdError) Error() string { return fmt.Sprintf("no threshold %q", e.Name) }

// Hint suggests the threshold whose name is nearest to Name, or lists those of
// the rule with which Name begins.
func (e *UnknownThresholdError) Hint() string {
	var names, ofRule []string
	code, _, _ := strings.Cut(e.Name, ".")
	for _, d := range thresholdTable {
		names = append(names, d.Name)
		if strings.HasPrefix(d.Name, code+".") {
			ofRule = append(ofRule, d.Name)
		}
	}
	if near, ok := tcp.Nearest(e.Name, names); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(ofRule) > 0 {
		return fmt.Sprintf("%s has %s", code, strings.Join(ofRule, ", "))
	}
	return "tcpstate doctor --list shows the thresholds"
}

// format returns the value in the format that parse reads.
func (u Unit) format(value int64) string {
	switch u {
	case UnitPercent:
		return strconv.FormatInt(value, 10) + "%"
	case UnitDuration:
		return formatDuration(time.Duration(value))
	case UnitBytes:
		for _, s := range sizes {
			if value != 0 && value%s.bytes == 0 {
				return strconv.FormatInt(value/s.bytes, 10) + s.suffix
			}
		}
	}
	return strconv.FormatInt(value, 10)
}

// sizes are the multiples of a byte, the largest first.
var sizes = [...]struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// parse reads a value. Its error is the end of a sentence: the caller puts the
// quoted text before it.
func (u Unit) parse(text string) (int64, error) {
	factor := int64(1)
	switch u {
	case UnitDuration:
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return 0, u.wrong()
		case d < 0:
			return 0, errors.New("is negative")
		}
		return int64(d), nil
	case UnitPercent:
		text = strings.TrimSuffix(text, "%")
	case UnitBytes:
		for _, s := range sizes {
			if number, found := strings.CutSuffix(text, s.suffix); found {
				text, factor = number, s.bytes
				break
			}
		}
	}
	value, err := strconv.ParseUint(text, 10, 63)
	if errors.Is(err, strconv.ErrRange) || err == nil && value > uint64(math.MaxInt64/factor) {
		return 0, errors.New("is too large")
	}
	if err != nil {
		return 0, u.wrong()
	}
	return int64(value) * factor, nil
}

func (u Unit) wrong() error {
	return fmt.Errorf("is no %s such as %s", [...]string{"whole number", "whole percentage", "duration", "number of bytes"}[u], u.example())
}

// formatDuration leaves out the parts of a duration that are zero: 2h11m, not
// 2h11m0s.
func formatDuration(d time.Duration) string {
	return text.Duration(d)
}

// number and span return a threshold in its unit.
func (t *Thresholds) number(id thresholdID) int64       { return t[id] }
func (t *Thresholds) span(id thresholdID) time.Duration { return time.Duration(t[id]) }

// reaches reports whether part is at least the threshold's percentage of whole.
// It returns false if whole is 0.
func (t *Thresholds) reaches(id thresholdID, part, whole int64) bool {
	return whole > 0 && float64(part)*100 >= float64(t[id])*float64(whole)
}

// percent returns part in percent of whole, rounded down. It returns 0 if whole
// is 0.
func percent(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return int64(float64(part) * 100 / float64(whole))
}
