package wording

import "tcpstate/fields"

// Elsewhere returns a hint for a word that has no meaning in the place where it was
// written: the places in which it has one. If there are none, it returns the zero
// Message.
func Elsewhere(word string) Message {
	var places []Message
	for _, p := range fields.Meanings(word) {
		switch p {
		case fields.InFilters:
			places = append(places, Say("hint.in-filters"))
		case fields.InColumns:
			places = append(places, Say("hint.in-columns"))
		case fields.InGroups:
			places = append(places, Say("hint.in-groups"))
		}
	}
	if places == nil {
		return Message{}
	}
	return Say("hint.elsewhere", "word", word, "places", places)
}

// KnownIn returns the words of a place that a word may be a slip of. They are none
// if the word has a meaning in another place, because it is then no slip.
func KnownIn(place fields.Place, word string) []string {
	if len(fields.Meanings(word)) > 0 {
		return nil
	}
	return fields.Spellings(place)
}
