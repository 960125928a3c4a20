package text

import (
	"math"
	"strings"
	"testing"
)

func TestThemes(t *testing.T) {
	drawn := Red.Paint("a") + (Bold + Green).Paint("b") + Dim.Paint("c") + Reverse.Paint("d")
	for _, row := range []struct {
		name       string
		background Background
		want       string
	}{
		{"auto", UnknownBackground, drawn},
		{"auto", Light, "\x1b[38;5;160ma\x1b[0m\x1b[1m\x1b[38;5;28mb\x1b[0m\x1b[38;5;242mc\x1b[0m\x1b[7md\x1b[0m"},
		{"light", Dark, "\x1b[38;5;160ma\x1b[0m\x1b[1m\x1b[38;5;28mb\x1b[0m\x1b[38;5;242mc\x1b[0m\x1b[7md\x1b[0m"},
		{"auto", Dark, "\x1b[38;5;203ma\x1b[0m\x1b[1m\x1b[38;5;114mb\x1b[0m\x1b[38;5;245mc\x1b[0m\x1b[7md\x1b[0m"},
		{"safe", UnknownBackground, "\x1b[38;5;202ma\x1b[0m\x1b[1m\x1b[38;5;36mb\x1b[0m\x1b[38;5;245mc\x1b[0m\x1b[7md\x1b[0m"},
		{"safe", Light, "\x1b[38;5;88ma\x1b[0m\x1b[1m\x1b[38;5;29mb\x1b[0m\x1b[38;5;242mc\x1b[0m\x1b[7md\x1b[0m"},
		{"none", Dark, "a\x1b[0m\x1b[1mb\x1b[0m\x1b[2mc\x1b[0m\x1b[7md\x1b[0m"},
	} {
		if got := ThemeNamed(row.name, row.background).Apply(drawn); got != row.want {
			t.Errorf("%s on %d: %q, want %q", row.name, row.background, got, row.want)
		}
	}
	for _, name := range ThemeNames() {
		if got := ThemeNamed(name, Light).Apply("plain"); got != "plain" {
			t.Errorf("%s changes plain text to %q", name, got)
		}
	}
}

// TestPalettes computes the contrast of each colour with the background for which
// its palette is made (WCAG 2: 4.5 is the least for text). For the safe palettes it
// also computes how far apart two colours are, as people see them who lack one kind
// of cone (CIE 1976; 2.3 is the least that is noticed).
func TestPalettes(t *testing.T) {
	for _, p := range palettes {
		background := 1.0
		if p.onDark {
			background = 0
		}
		colors := []int{p.red, p.green, p.yellow, p.blue, p.magenta, p.cyan}
		for _, c := range append(colors, p.grey) {
			l := luminance(linear(c))
			if contrast := (max(l, background) + 0.05) / (min(l, background) + 0.05); contrast < 4.5 {
				t.Errorf("colour %d of %s has a contrast of %.1f", c, p.name, contrast)
			}
		}
		if !strings.HasPrefix(p.name, "safe") {
			continue
		}
		for i, a := range colors {
			for _, b := range colors[:i] {
				for name, eyes := range cones {
					if d := distance(eyes, a, b); d < 15 {
						t.Errorf("with %s the colours %d and %d of safe are only %.1f apart", name, a, b, d)
					}
				}
			}
		}
	}
}

// cones are the matrices of Machado, Oliveira and Fernandes (2009) for a severity
// of 1, on linear RGB.
var cones = map[string][3][3]float64{
	"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

func distance(eyes [3][3]float64, a, b int) float64 {
	x, y := lab(seen(eyes, linear(a))), lab(seen(eyes, linear(b)))
	return math.Sqrt(math.Pow(x[0]-y[0], 2) + math.Pow(x[1]-y[1], 2) + math.Pow(x[2]-y[2], 2))
}

func seen(eyes [3][3]float64, c [3]float64) (s [3]float64) {
	for i, row := range eyes {
		s[i] = max(0, min(1, row[0]*c[0]+row[1]*c[1]+row[2]*c[2]))
	}
	return s
}

// linear returns the linear RGB of a colour in the table of 256.
func linear(color int) (c [3]float64) {
	levels := [...]float64{0, 95, 135, 175, 215, 255}
	n := color - 16
	rgb := [3]float64{levels[max(0, min(n/36, 5))], levels[n/6%6], levels[n%6]}
	if color >= 232 {
		grey := float64(8 + 10*(color-232))
		rgb = [3]float64{grey, grey, grey}
	}
	for i, v := range rgb {
		if v /= 255; v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func luminance(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

// lab returns a colour in CIELAB, for the white point D65.
func lab(c [3]float64) [3]float64 {
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	x := f((0.4124*c[0] + 0.3576*c[1] + 0.1805*c[2]) / 0.9505)
	y := f(luminance(c))
	z := f((0.0193*c[0] + 0.1192*c[1] + 0.9505*c[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}
