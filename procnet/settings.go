package procnet

import (
	"errors"
	"io/fs"
	"strings"

	"tcpstate/lifecycle"
)

// Settings returns what the sysctls of this network namespace say of TCP.
// Those that the kernel does not have, or does not show outside the initial
// namespace, stay unknown; lifecycle.Settings.Effective fills them in.
//
// The kernel answers below sys/net for the namespace of whoever reads, in
// another host's /proc too (net_ctl_root, net/sysctl_net.c). Where there are
// no settings at all, as in a recorded /proc, nothing is taken for granted:
// that is an error. All errors are *ReadError. Any user may read.
func (p *Proc) Settings() (lifecycle.Settings, error) {
	return p.settings(func(*lifecycle.Setting) bool { return true })
}

// settings returns those of the settings that are wanted. Each is a file of its
// own, and costs the kernel some ten microseconds.
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

// readSetting reads one setting, or leaves it unknown where there is no file.
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

// parseSetting sets a setting to what its file says, with or without the newline.
func parseSetting(settings *lifecycle.Settings, setting *lifecycle.Setting, text string) error {
	text = strings.TrimSuffix(text, "\n")
	if err := setting.Set(settings, text); err != nil {
		return &ValueError{What: "value", Text: text, Problem: err.Error()}
	}
	return nil
}
