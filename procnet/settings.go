package procnet

import (
	"errors"
	"io/fs"
	"strings"

	"tcpstate/lifecycle"
)

// Settings returns the TCP sysctls of this network namespace. Those that the
// kernel does not have, or does not show outside the initial namespace, stay
// unknown. lifecycle.Settings.Effective fills them in.
//
// Below sys/net the kernel shows the namespace of the process that reads, even
// in the /proc of another host (net_ctl_root, net/sysctl_net.c). If there are
// no settings at all, as in a recorded /proc, Settings returns an error and
// does not assume defaults. The error is a *ReadError. Any user may read the
// settings.
func (p *Proc) Settings() (lifecycle.Settings, error) {
	return p.settings(func(*lifecycle.Setting) bool { return true })
}

// settings returns the settings for which wanted is true. Each setting is a
// separate file, which takes about ten microseconds to read.
func (p *Proc) settings(wanted func(*lifecycle.Setting) bool) (lifecycle.Settings, error) {
	const directory = "sys/net/ipv4"
	if _, err := fs.Stat(p.FS, directory); err != nil {
		return lifecycle.Settings{}, &ReadError{File: p.path(directory), Err: cause(err)}
	}
	var settings lifecycle.Settings
	for i := range lifecycle.SettingTable {
		setting := &lifecycle.SettingTable[i]
		if !wanted(setting) {
			continue
		}
		if err := p.readSetting(&settings, setting); err != nil {
			return lifecycle.Settings{}, err
		}
	}
	return settings, nil
}

// readSetting reads one setting, or leaves it unknown if it has no file.
func (p *Proc) readSetting(settings *lifecycle.Settings, setting *lifecycle.Setting) error {
	name := "sys/" + strings.ReplaceAll(setting.Name, ".", "/")
	text, err := fs.ReadFile(p.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &ReadError{File: p.path(name), Err: cause(err)}
	}
	if err := parseSetting(settings, setting, string(text)); err != nil {
		return &ReadError{File: p.path(name), Err: err}
	}
	return nil
}

// parseSetting sets a setting from the text of its file, with or without the
// newline.
func parseSetting(settings *lifecycle.Settings, setting *lifecycle.Setting, text string) error {
	text = strings.TrimSuffix(text, "\n")
	if err := setting.Set(settings, text); err != nil {
		return &ValueError{What: "value", Text: text, Problem: err.Error()}
	}
	return nil
}

// Clocks returns the settings from which ages are computed, and reads only
// these. In all other respects it is like Settings.
func (p *Proc) Clocks() (lifecycle.Clocks, error) {
	settings, err := p.settings((*lifecycle.Setting).IsClock)
	if err != nil {
		return lifecycle.Clocks{}, err
	}
	return settings.Clocks(), nil
}
