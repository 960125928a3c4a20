package screen

import (
	"slices"
	"strings"

	"tcpstate/fields"
	"tcpstate/render"
	"tcpstate/text"
	"tcpstate/wording"
)

// ShowColumns sets the columns of sockets at the start, by a list as ParseColumns
// takes it.
func (s *Screen) ShowColumns(list string) (err error) {
	s.chosen, err = ParseColumns(list)
	return err
}

// GroupBy sets how the sockets are grouped at the start: by process, peer, prefix,
// listener or none, or another word for one of these (package fields).
func (s *Screen) GroupBy(word string) error {
	name := word
	if meaning, ok := fields.Meaning(word, fields.InGroups); ok {
		name = meaning
	}
	for g := range groupings {
		if strings.EqualFold(name, g.String()) {
			s.group = g
			return nil
		}
	}
	return wording.Fail("screen.error.group", "name", word).WithChoices(word, groupingNames[:]...)
}

// SortBy sets the order at the start: a column, or last_change, for sockets; total,
// change or name for groups; a heading for listeners. A '-' before the word means descending order. Call it
// after GroupBy.
func (s *Screen) SortBy(word string) error {
	bare, descending := strings.CutPrefix(strings.TrimSpace(word), "-")
	by, err := sortByNamed(bare, s.firstGroup())
	s.sort = &sorting{by, descending}
	return err
}

// UseTheme sets the theme: one of the names of text.ThemeNames. It has no effect
// without Color.
func (s *Screen) UseTheme(name string) error {
	if !slices.Contains(text.ThemeNames(), name) {
		return wording.Fail("screen.error.theme", "name", name).WithChoices(name, text.ThemeNames()...)
	}
	s.theme = name
	return nil
}

// sortByNamed returns the value that a word for sorting stands for.
func sortByNamed(word string, group grouping) (sortBy, error) {
	var known []string
	if group != ungrouped {
		for _, o := range group.sortings() {
			name := strings.ReplaceAll(o.by.String(), "-", "_")
			if known = append(known, name); strings.EqualFold(strings.ReplaceAll(word, "-", "_"), name) {
				return o.by, nil
			}
		}
		return 0, wording.Fail("screen.error.sort", "name", word).WithChoices(word, known...)
	}
	if strings.EqualFold(strings.ReplaceAll(word, "-", "_"), lastChange) {
		return byLastChange, nil
	}
	if columns, err := render.ParseColumns(word); err == nil && len(columns) == 1 {
		if c, ok := choiceOf(columns[0].Name()); ok {
			return c.sorts, nil
		}
	}
	return 0, wording.Fail("screen.error.sort", "name", word).WithChoices(word, SortNames()...)
}

// lastChange is the word for the time since a socket last changed its state. There is
// no column of it.
const lastChange = "last_change"

// SortNames returns the words that SortBy takes for sockets.
func SortNames() []string { return append(choiceNames(), lastChange) }

// ColumnNames returns the columns that a list on the screen can have.
func ColumnNames() []string { return choiceNames() }

// GroupNames returns the words that GroupBy takes.
func GroupNames() []string { return slices.Clone(groupingNames[:]) }
