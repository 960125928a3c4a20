package screen

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"tcpstate/text"
)

func (m *model) useTheme(name string) {
	m.themeName = name
	m.theme = text.Theme{}
	if m.color {
		m.theme = text.ThemeNamed(name, m.background)
	}
}

// takeBackground stores the background that the terminal reports. Terminals that do
// not know the request do not answer.
func (m *model) takeBackground(msg tea.BackgroundColorMsg) {
	m.background = text.Light
	if msg.IsDark() {
		m.background = text.Dark
	}
	m.useTheme(m.themeName)
}

// nextTheme uses the next theme.
func (m *model) nextTheme() tea.Cmd {
	if !m.color {
		m.note = m.say("screen.done.no-color")
		return nil
	}
	names := text.ThemeNames()
	m.useTheme(names[(slices.Index(names, m.themeName)+1)%len(names)])
	m.note = m.say("screen.done.theme", "name", m.themeName)
	return nil
}
