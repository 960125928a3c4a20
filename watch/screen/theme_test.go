package screen

import (
	"image/color"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"tcpstate/text"
)

func TestThemes(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Color = true }, someSockets()...)
	d.refresh(laterSockets()...)
	red := func() bool { return strings.Contains(d.screen(), string(text.Red)) }
	if !red() {
		t.Error("before the terminal answers, the colours are not the basic ones")
	}
	light, dark := text.ThemeNamed("light", 0).Apply(string(text.Red)), text.ThemeNamed("dark", 0).Apply(string(text.Red))
	for _, step := range []struct {
		key  string
		msg  tea.Msg
		want string
	}{
		{"", tea.BackgroundColorMsg{Color: color.White}, light},
		{"", tea.BackgroundColorMsg{Color: color.Black}, dark},
		{"t", nil, dark},
		{"t", nil, light},
		{"", tea.BackgroundColorMsg{Color: color.Black}, light}, // the user chose it
		{"t", nil, text.ThemeNamed("safe", text.Dark).Apply(string(text.Red))},
	} {
		if step.msg != nil {
			d.send(step.msg)
		} else {
			d.press(step.key)
		}
		if red() || !strings.Contains(d.screen(), step.want) {
			t.Errorf("after %v%s no %q in theme %s", step.msg, step.key, step.want, d.m.themeName)
		}
	}
	d.press("t")
	if drawn := d.screen(); d.m.themeName != "none" || strings.Contains(drawn, "[3") || !strings.Contains(drawn, string(text.Bold)) {
		t.Errorf("theme %s draws %q", d.m.themeName, drawn)
	}
	plain := drive(t, func(s *Screen) { s.theme = "light" }, someSockets()...)
	plain.send(tea.BackgroundColorMsg{Color: color.White})
	plain.press("t")
	plain.wants("there are no colours")
	if strings.Contains(plain.screen(), "\x1b") {
		t.Error("a theme draws colours that were not requested")
	}
	if err := new(Screen).UseTheme("ligth"); err == nil {
		t.Error("an unknown theme is accepted")
	}
}
