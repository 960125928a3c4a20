package doctor

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"tcpstate/text"
	"tcpstate/wording"
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

// Threshold is a limit past which a rule speaks.
type Threshold struct {
	Name    string // the rule's code, a dot, and what it limits: close-wait-leak.age
	Default int64  // in Unit
	Unit    Unit
	source  string // of the reason; "": there is none
}

// Of reports whether the threshold is one of a rule's.
func (t *Threshold) Of(r *Rule) bool { return strings.HasPrefix(t.Name, r.Code+".") }

// Limits returns what the threshold limits.
func (t *Threshold) Limits() wording.Message { return wording.Say("doctor." + t.Name + ".limits") }

// Reason returns why the default is what it is.
func (t *Threshold) Reason() wording.Message { return wording.Say("doctor." + t.Name + ".reason") }

// Source returns what the reason rests on.
func (t *Threshold) Source() wording.Message {
	if t.source == "" {
		return wording.Say("doctor.chosen")
	}
	return wording.Say("doctor.source", "source", t.source)
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
		return wording.Fail("doctor.error.no-value", "setting", setting)
	}
	for i := range thresholdTable {
		if thresholdTable[i].Name != name {
			continue
		}
		value, err := thresholdTable[i].Unit.parse(text)
		if err != nil {
			return wording.Wrap(err, "doctor.error.value", "name", name, "value", text)
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

func (e *UnknownThresholdError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownThresholdError) Message() wording.Message {
	return wording.Say("doctor.error.threshold", "name", e.Name)
}

// Spelling returns what was given, and the names.
func (e *UnknownThresholdError) Spelling() (string, []string) {
	return e.Name, thresholdNames("")
}

// Hint names the thresholds of the rule that the name begins with, or the list of
// all.
func (e *UnknownThresholdError) Hint() wording.Message {
	code, _, _ := strings.Cut(e.Name, ".")
	if names := thresholdNames(code + "."); len(names) > 0 {
		return wording.Say("doctor.error.threshold.of-rule", "code", code, "names", names)
	}
	return wording.Say("doctor.error.threshold.hint")
}

// thresholdNames returns the names that begin with prefix.
func thresholdNames(prefix string) []string {
	var names []string
	for _, d := range thresholdTable {
		if strings.HasPrefix(d.Name, prefix) {
			names = append(names, d.Name)
		}
	}
	return names
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
			return 0, wording.Fail("doctor.error.negative")
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
		return 0, wording.Fail("doctor.error.too-large")
	}
	if err != nil {
		return 0, u.wrong()
	}
	return int64(value) * factor, nil
}

func (u Unit) wrong() error {
	return wording.Fail([...]string{UnitCount: "doctor.error.number", UnitPercent: "doctor.error.percentage",
		UnitDuration: "doctor.error.duration", UnitBytes: "doctor.error.bytes"}[u])
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
