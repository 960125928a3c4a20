package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/wording"
)

func TestThresholdTable(t *testing.T) {
	var seen []string
	for _, d := range ThresholdTable() {
		code, what, found := strings.Cut(d.Name, ".")
		if !found || what == "" || !slices.ContainsFunc(rules, func(r Rule) bool { return r.Code == code }) {
			t.Errorf("%q is not a threshold of any rule", d.Name)
		}
		if !english.Has(d.Limits().Key) || !english.Has(d.Reason().Key) || d.Default <= 0 {
			t.Errorf("%s is not complete: %+v", d.Name, d)
		}
		if slices.Contains(seen, d.Name) {
			t.Errorf("%s is in the table twice", d.Name)
		}
		seen = append(seen, d.Name)
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		setting string
		id      thresholdID
		want    int64
		text    string
	}{
		{"close-wait-leak.age=5m", closeWaitAge, int64(5 * time.Minute), "5m"},
		{"close-wait-leak.age=90s", closeWaitAge, int64(90 * time.Second), "1m30s"},
		{"close-wait-leak.old=24h", closeWaitOld, int64(24 * time.Hour), "24h"},
		{"close-wait-leak.age=0s", closeWaitAge, 0, "0s"},
		{"close-wait-leak.count=0", closeWaitCount, 0, "0"},
		{"close-wait-leak.count=250", closeWaitCount, 250, "250"},
		{"fd-limit-near.near=75", fdNear, 75, "75%"},
		{"fd-limit-near.near=75%", fdNear, 75, "75%"},
		{"app-not-reading.bytes=1000", appBytes, 1000, "1000"},
		{"app-not-reading.bytes=64KiB", appBytes, 65536, "64KiB"},
		{"app-not-reading.bytes=2MiB", appBytes, 2 << 20, "2MiB"},
		{"app-not-reading.bytes=1GiB", appBytes, 1 << 30, "1GiB"},
	} {
		thresholds := DefaultThresholds()
		if err := thresholds.Set(c.setting); err != nil {
			t.Errorf("%s: %v", c.setting, err)
			continue
		}
		if thresholds[c.id] != c.want || thresholds.Text(int(c.id)) != c.text {
			t.Errorf("%s: %d, %q; want %d, %q", c.setting, thresholds[c.id], thresholds.Text(int(c.id)), c.want, c.text)
		}
		thresholds[c.id] = thresholdTable[c.id].Default
		if thresholds != DefaultThresholds() {
			t.Errorf("%s changed another threshold", c.setting)
		}
	}
}

func TestSetErrors(t *testing.T) {
	for setting, want := range map[string]string{
		"close-wait-leak.age":                       `setting "close-wait-leak.age" has no value: write NAME=VALUE, as in close-wait-leak.age=5m`,
		"close-wait-leak.age=":                      `close-wait-leak.age: "" is no duration such as 5m`,
		"close-wait-leak.age=10":                    `close-wait-leak.age: "10" is no duration such as 5m`,
		"close-wait-leak.age=-1s":                   `close-wait-leak.age: "-1s" is negative`,
		"close-wait-leak.count=5m":                  `close-wait-leak.count: "5m" is no whole number such as 10`,
		"close-wait-leak.count=-1":                  `close-wait-leak.count: "-1" is no whole number such as 10`,
		"close-wait-leak.count=50%":                 `close-wait-leak.count: "50%" is no whole number such as 10`,
		"close-wait-leak.count=9223372036854775808": `close-wait-leak.count: "9223372036854775808" is too large`,
		"fd-limit-near.near=0.75":                   `fd-limit-near.near: "0.75" is no whole percentage such as 75%`,
		"app-not-reading.bytes=64kb":                `app-not-reading.bytes: "64kb" is no number of bytes such as 64KiB`,
		"app-not-reading.bytes=9000000000GiB":       `app-not-reading.bytes: "9000000000GiB" is too large`,
		"close-wait-leak.agee=5m":                   `no threshold "close-wait-leak.agee"`,
	} {
		thresholds := DefaultThresholds()
		err := thresholds.Set(setting)
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", setting, err, want)
		}
		if thresholds != DefaultThresholds() {
			t.Errorf("%s changed a threshold", setting)
		}
	}
	for name, want := range map[string]string{
		"close-wait-leak.agee":             "did you mean close-wait-leak.age?",
		"fd-limit-near.what-is-that-again": "fd-limit-near has fd-limit-near.near, fd-limit-near.full",
		"x":                                "tcpstate doctor --list shows the thresholds",
	} {
		if hint := wording.Hint(&UnknownThresholdError{name}).String(); hint != want {
			t.Errorf("hint on %s: %q, want %q", name, hint, want)
		}
	}
}

// FuzzSet checks that a value that was set is read back unchanged, and that
// nothing panics.
func FuzzSet(f *testing.F) {
	for i, d := range thresholdTable {
		defaults := DefaultThresholds()
		f.Add(d.Name + "=" + defaults.Text(i))
	}
	f.Add("close-wait-leak.age=1ns")
	f.Add("app-not-reading.bytes=08KiB")
	f.Add("=")
	f.Fuzz(func(t *testing.T, setting string) {
		thresholds := DefaultThresholds()
		err := thresholds.Set(setting)
		if err != nil {
			if thresholds != DefaultThresholds() || err.Error() == "" {
				t.Errorf("%q: error %v, but a threshold changed or the error has no text", setting, err)
			}
			return
		}
		name, _, _ := strings.Cut(setting, "=")
		i := slices.IndexFunc(thresholdTable[:], func(d Threshold) bool { return d.Name == name })
		again := DefaultThresholds()
		if err := again.Set(name + "=" + thresholds.Text(i)); err != nil || again != thresholds {
			t.Errorf("%q: %d is written %q, which reads as %d, error %v", setting, thresholds[i], thresholds.Text(i), again[i], err)
		}
		Examine(&Observation{Survey: newSurvey(healthy().Settings, thresholds), Thresholds: thresholds}, Rules())
	})
}

func TestDefaultsReadBack(t *testing.T) {
	defaults := DefaultThresholds()
	for i, d := range thresholdTable {
		thresholds := Thresholds{}
		if err := thresholds.Set(d.Name + "=" + defaults.Text(i)); err != nil || thresholds[i] != d.Default {
			t.Errorf("%s: %d is written %q, error %v", d.Name, d.Default, defaults.Text(i), err)
		}
	}
}

func TestSeverityNames(t *testing.T) {
	for s := Info; s <= Critical; s++ {
		if got, err := ParseSeverity(s.String()); err != nil || got != s {
			t.Errorf("%v reads as %v, error %v", s, got, err)
		}
	}
	if _, err := ParseSeverity(""); err == nil {
		t.Error("an empty name must not be a severity")
	}
	if _, err := ParseSeverity("fatal"); err == nil || err.Error() != `unknown severity "fatal"` || wording.Hint(err).String() != "it can be info, warning, critical" {
		t.Errorf("error %v", err)
	}
}
