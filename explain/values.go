package explain

import (
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"

	"tcpstate/lifecycle"
)

// values computes the values of a page's placeholders: from the host, or
// without a host from the kernel's defaults. The text then says that they are
// defaults.
type values struct {
	words words
	host  *Host
}

// functions returns the placeholders that a page may use. The package comment
// describes them for authors.
func (v values) functions() template.FuncMap {
	return template.FuncMap{
		"live":     func() bool { return v.host != nil },
		"sysctl":   v.sysctl,
		"value":    v.value,
		"number":   v.number,
		"time":     v.time,
		"default":  v.defaultOf,
		"constant": v.constant,
		"total":    v.total,
		"count":    v.count,
		"resends":  v.resends,
		"last":     v.last,
		"duration": v.duration,
	}
}

// settings returns the host's settings, or the kernel's defaults.
func (v values) settings() lifecycle.Settings {
	if v.host == nil {
		return lifecycle.DefaultSettings()
	}
	return v.host.Settings
}

func settingOf(name string) (*lifecycle.Setting, error) {
	d, ok := lifecycle.SettingOf(name)
	if !ok {
		return nil, fmt.Errorf("no setting %q", name)
	}
	return d, nil
}

// sysctl returns the value of a setting, and says whether it is the default.
func (v values) sysctl(name string) (string, error) {
	d, err := settingOf(name)
	if err != nil {
		return "", err
	}
	settings := v.settings()
	value, known := d.Text(&settings)
	value, usual := oneLine(value), oneLine(d.Default)
	code := "`" + name + "`"
	switch {
	case d.Gone != "" && (!known || v.host == nil):
		return v.words.say("setting.gone", "name", code), nil
	case !known && d.Absent != "":
		return v.words.say("setting.absent", "name", code, "value", d.Absent), nil
	case !known && d.Empty:
		return v.words.say("setting.empty", "name", code), nil
	case !known:
		return v.words.say("setting.varies", "name", code), nil
	case v.host == nil:
		return v.words.say("setting.default", "name", code, "value", value), nil
	case usual != "" && usual != value:
		return v.words.say("setting.changed", "name", code, "value", value, "default", usual), nil
	}
	return v.words.say("setting.live", "name", code, "value", value), nil
}

// oneLine returns a setting as sysctl(8) prints it, but with spaces for tabs,
// which would break a table.
func oneLine(value string) string { return strings.ReplaceAll(value, "\t", " ") }

// value returns the bare value of a setting. If the setting does not exist, it
// is the value that the kernel uses instead.
func (v values) value(name string) (string, error) {
	d, err := settingOf(name)
	if err != nil {
		return "", err
	}
	effective := v.settings().Effective()
	value, known := d.Text(&effective)
	if !known {
		return v.words.say("setting.varies", "name", "`"+name+"`"), nil
	}
	return oneLine(value), nil
}

// number returns the value of a setting for comparisons. Without a host, a
// setting that depends on the machine is 0.
func (v values) number(name string) (int, error) {
	d, err := settingOf(name)
	if err != nil {
		return 0, err
	}
	effective := v.settings().Effective()
	value, known := d.Text(&effective)
	if !known {
		return 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Errorf("%s is not one number", name)
	}
	return n, nil
}

// time returns the value of a setting that is a time, with its unit.
func (v values) time(name string) (string, error) {
	d, err := settingOf(name)
	if err != nil {
		return "", err
	}
	unit, ok := map[lifecycle.Unit]time.Duration{
		lifecycle.UnitSeconds: time.Second, lifecycle.UnitMilliseconds: time.Millisecond, lifecycle.UnitMicroseconds: time.Microsecond,
	}[d.Unit]
	if !ok {
		return "", fmt.Errorf("%s is not a time", name)
	}
	n, err := v.number(name)
	return v.words.duration(time.Duration(n) * unit), err
}

// defaultOf returns the default of a setting.
func (v values) defaultOf(name string) (string, error) {
	d, err := settingOf(name)
	if err == nil && d.Default == "" {
		err = fmt.Errorf("%s has no default that is the same everywhere", name)
	}
	if err != nil {
		return "", err
	}
	return oneLine(d.Default), nil
}

// constants are times that no setting changes (include/net/tcp.h).
var constants = map[string]time.Duration{
	"TCP_TIMEWAIT_LEN": lifecycle.TimeWaitLength,
	"TCP_TIMEOUT_INIT": time.Second,
	"TCP_RTO_MIN":      200 * time.Millisecond,
}

func (v values) constant(name string) (string, error) {
	d, ok := constants[name]
	if !ok {
		return "", fmt.Errorf("no constant %q", name)
	}
	return v.words.duration(d), nil
}

func (v values) schedule(clock string) (lifecycle.Schedule, error) {
	c, ok := clocks[clock]
	if !ok {
		return lifecycle.Schedule{}, fmt.Errorf("no clock %q", clock)
	}
	return c.schedule(v.settings()), nil
}

// total returns the time after which a clock ends the state.
func (v values) total(clock string) (string, error) {
	s, err := v.schedule(clock)
	return v.words.duration(s.GivenUp), err
}

// count returns how often the kernel resends before that.
func (v values) count(clock string) (int, error) {
	s, err := v.schedule(clock)
	return len(s.Resends), err
}

// resends returns the times of the resends.
func (v values) resends(clock string) (string, error) {
	s, err := v.schedule(clock)
	if err != nil || len(s.Resends) == 0 {
		return "-", err
	}
	var times []string
	for _, at := range s.Resends {
		times = append(times, strconv.FormatInt(int64(at.Round(time.Second)/time.Second), 10))
	}
	return v.words.say("unit.s", "n", strings.Join(times, v.words.say("list.join"))), nil
}

// last returns the time of the last resend.
func (v values) last(clock string) (string, error) {
	s, err := v.schedule(clock)
	if err != nil || len(s.Resends) == 0 {
		return "-", err
	}
	return v.words.duration(s.Resends[len(s.Resends)-1]), nil
}

// duration returns a fixed time, which is given in the format of
// time.ParseDuration.
func (v values) duration(text string) (string, error) {
	d, err := time.ParseDuration(text)
	return v.words.duration(d), err
}

// duration writes a time: in milliseconds below one second, in seconds below a
// thousand seconds, and otherwise in hours, minutes and seconds.
func (w words) duration(d time.Duration) string {
	unit := func(key string, n int64) string { return w.say(key, "n", strconv.FormatInt(n, 10)) }
	if d > 0 && d < time.Second {
		return unit("unit.ms", int64(d/time.Millisecond))
	}
	if d < 1000*time.Second {
		return unit("unit.s", int64(d/time.Second))
	}
	d = d.Truncate(time.Second)
	var parts []string
	for _, p := range []struct {
		key  string
		unit time.Duration
	}{{"unit.h", time.Hour}, {"unit.min", time.Minute}, {"unit.s", time.Second}} {
		if n := d / p.unit; n > 0 {
			parts = append(parts, unit(p.key, int64(n)))
			d -= n * p.unit
		}
	}
	return strings.Join(parts, w.say("unit.join"))
}
