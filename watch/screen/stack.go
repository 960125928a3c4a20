package screen

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// covered is a page under another one, to which q and Esc go back. Under the
// first page is the list.
type covered struct {
	showing view
	page    page
}

// cover puts a new page on the one that is shown.
func (m *model) cover(v view, p page) {
	if m.showing != theList {
		m.under = append(slices.Clip(m.under), covered{m.showing, m.page})
	}
	m.showing, m.page = v, p
}

// back goes back to the page under the one that is shown, or to the list. A page
// that was written for another width of the screen is written again.
func (m *model) back() tea.Cmd {
	if len(m.under) == 0 {
		m.showing, m.page, m.want.detail = theList, page{}, 0
		return nil
	}
	last := m.under[len(m.under)-1]
	m.under = m.under[:len(m.under)-1]
	m.showing, m.page = last.showing, last.page
	switch {
	case m.showing == theSocket:
		m.layOutSocket()
	case m.page.width != m.width:
		return m.writePage()
	}
	m.scroll(0)
	return nil
}

// takePage stores a finished page, unless the user has closed it.
func (m *model) takePage(p page) {
	if m.showing == thePage && p.serial == m.page.serial {
		m.page.lines, m.page.err = p.lines, p.err
		return
	}
	for i := range m.under {
		if u := &m.under[i]; u.showing == thePage && u.page.serial == p.serial {
			m.under = slices.Clone(m.under)
			m.under[i].page.lines, m.under[i].page.err = p.lines, p.err
			return
		}
	}
}
