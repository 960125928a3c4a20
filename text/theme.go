package text

import (
	"strconv"
	"strings"
)

// Theme replaces the colours of drawn text by others. Everything is drawn in the
// basic colours of Style first. What they look like is then up to the terminal, and
// some are hard to read: blue on black, or yellow on white. The zero Theme keeps
// them.
type Theme struct {
	name    string
	replace *strings.Replacer // nil: nothing is replaced
}

// palette has a colour of the table of 256 (xterm, SGR 38;5) for each basic colour,
// and a grey for dim text.
type palette struct{ red, green, yellow, blue, magenta, cyan, grey int }

// palettes are the colours of the themes. A test computes their contrast. For the
// safe ones it also computes how far apart the colours are for people who do not
// see red, green or blue (Machado, Oliveira and Fernandes, 2009).
var palettes = []struct {
	name   string
	onDark bool // the background for which it is made
	palette
}{
	{"dark", true, palette{red: 203, green: 114, yellow: 221, blue: 75, magenta: 176, cyan: 80, grey: 245}},
	{"light", false, palette{red: 160, green: 28, yellow: 94, blue: 26, magenta: 127, cyan: 23, grey: 242}},
	{safe, true, palette{red: 202, green: 36, yellow: 220, blue: 63, magenta: 133, cyan: 159, grey: 245}},
	{safe, false, palette{red: 88, green: 29, yellow: 94, blue: 62, magenta: 54, cyan: 23, grey: 242}},
}

const (
	auto      = "auto"
	safe      = "safe"
	colorless = "none"
)

// ThemeNames returns the names of the themes. The theme auto is dark or light, as
// the terminal's background is. The theme safe is for people who do not tell all
// colours apart. The theme none has no colours, but bold and reverse text.
func ThemeNames() []string { return []string{auto, "dark", "light", safe, colorless} }

// ThemeNamed returns the theme of a name for a terminal whose background is dark or
// light. If the background is not known, auto keeps the basic colours and safe
// takes the colours for a dark one.
func ThemeNamed(name string, background Background) Theme {
	switch {
	case name == colorless:
		return Theme{name, replacing(func(string) string { return "" }, "")}
	case name == auto && background == Dark:
		name = "dark"
	case name == auto && background == Light:
		name = "light"
	}
	for _, p := range palettes {
		if p.name == name && (name != safe || p.onDark == (background != Light)) {
			colors := map[Style]int{Red: p.red, Green: p.green, Yellow: p.yellow, Blue: p.blue, Magenta: p.magenta, Cyan: p.cyan}
			return Theme{name, replacing(func(basic string) string { return indexed(colors[Style(basic)]) }, indexed(p.grey))}
		}
	}
	return Theme{name: name}
}

// Background says whether the background of a terminal is dark or light.
type Background uint8

// The backgrounds.
const (
	UnknownBackground Background = iota
	Dark
	Light
)

// replacing returns a replacer of the basic colours. Dim text gets a colour, or
// stays dim if that is "".
func replacing(by func(basic string) string, dim string) *strings.Replacer {
	var pairs []string
	for _, basic := range []Style{Red, Green, Yellow, Blue, Magenta, Cyan} {
		pairs = append(pairs, string(basic), by(string(basic)))
	}
	if dim != "" {
		pairs = append(pairs, string(Dim), dim)
	}
	return strings.NewReplacer(pairs...)
}

// indexed returns the sequence of a colour in the table of 256.
func indexed(color int) string { return sgr + "38;5;" + strconv.Itoa(color) + "m" }

// Apply returns drawn text in the colours of the theme.
func (t Theme) Apply(drawn string) string {
	if t.replace == nil {
		return drawn
	}
	return t.replace.Replace(drawn)
}
