package explain

import (
	"io"
)

// WriteText writes a story for a terminal, as Page.WriteText writes a page.
func (t *Told) WriteText(w io.Writer, o Terminal) error {
	l := newLayout(w, o)
	for i, g := range t.Groups {
		if i > 0 {
			l.blank()
		}
		l.heading(g.Heading)
		for n, b := range g.Blocks {
			if n > 0 {
				l.blank()
			}
			l.block(b, t.words, g.State)
		}
	}
	return l.end()
}
