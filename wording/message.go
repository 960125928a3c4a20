// Package wording holds the texts that people read, in text files: a folder for
// each language, a file for each subject. Code names a text by its key and gives
// the values. The code that prints the text chooses the language.
//
//	m := wording.Say("doctor.limits.open", "process", p, "open", n)
//	m.In(catalogue)  // in the language of the catalogue
//	m.String()       // in English
//
// A line of a file is "key = text". The first word of a key is the name of its
// file, so only files that are needed are read:
//
//	doctor.limits.open = {process} has {open} {open|descriptor|descriptors} open
//
// A text can contain these places for values:
//
//	{name}           the value with that name
//	{name:q}         the value in double quotes, with control characters escaped
//	{name:,}         a whole number with a comma between groups of three digits
//	{name|one|many}  the first word if the number is 1, otherwise the second; a
//	                 language without plural forms has one word
//
// A text can continue in indented lines, which are joined by spaces. If nothing
// follows the "=", the indented lines remain separate lines. A text that begins or
// ends with a space is in double quotes. A line that begins with # is a comment.
//
// A test reads every Go file of the program. It fails if a key has no text, if a
// text is not used, or if a value is missing or not used.
package wording

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tcpstate/text"
)

// Message is a sentence, or a part of one, that is not yet in a language. The zero
// Message is no text. A Message can be a value of another Message.
type Message struct {
	Key    string
	values []value
}

// value is the value for a place in a text.
type value struct {
	name string
	is   any
}

// Say returns the message of a key with its values, each after the name of its
// place: Say("doctor.more", "n", 3). A value is a Message, an error, a []string or
// []Message, which are joined by commas, or anything that fmt.Sprint formats.
func Say(key string, values ...any) Message {
	m := Message{Key: key}
	for i := 0; i+1 < len(values); i += 2 {
		name, _ := values[i].(string)
		m.values = append(m.values, value{name, values[i+1]})
	}
	return m
}

// IsZero reports whether the message is no text.
func (m Message) IsZero() bool { return m.Key == "" }

// Without returns the message without the parts of these names: a Message that
// stands for such a place becomes no text, here and in the messages within. Other
// values stay.
func (m Message) Without(names ...string) Message {
	shorter := Message{Key: m.Key}
	for _, v := range m.values {
		if part, ok := v.is.(Message); ok {
			if v.is = part.Without(names...); slices.Contains(names, v.name) {
				v.is = Message{}
			}
		}
		shorter.values = append(shorter.values, v)
	}
	return shorter
}

// String returns the message in English.
func (m Message) String() string { return m.In(english) }

// MarshalText returns the message in English. Documents for programs are always in
// English.
func (m Message) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// In returns the message in the language of a catalogue, or in English if c is nil.
func (m Message) In(c *Catalogue) string {
	if m.IsZero() {
		return ""
	}
	if c == nil {
		c = english
	}
	return fill(c.text(m.Key), func(p Place) (string, bool) {
		i := slices.IndexFunc(m.values, func(v value) bool { return v.name == p.Name })
		if i < 0 {
			return "", false
		}
		return c.format(m.values[i].is, p), true
	})
}

// format returns a value in the format of a place.
func (c *Catalogue) format(v any, p Place) string {
	if p.Forms != nil {
		return text.Plural(number(v), p.Forms[0], p.Forms[len(p.Forms)-1])
	}
	switch p.Format {
	case "q":
		return strconv.Quote(c.plain(v))
	case ",":
		return text.Grouped(number(v))
	}
	return c.plain(v)
}

// number returns a value as a whole number, or 0 if it is not one.
func number(v any) int64 {
	n, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return n
}

// plain returns a value as text.
func (c *Catalogue) plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Message:
		return v.In(c)
	case worded:
		return v.Message().In(c)
	case error:
		return c.Error(v)
	case []string:
		return c.List(v)
	case []Message:
		var texts []string
		for _, m := range v {
			texts = append(texts, m.In(c))
		}
		return c.List(texts)
	}
	return fmt.Sprint(v)
}

// List returns texts as a list in a sentence: "a, b, c".
func (c *Catalogue) List(texts []string) string {
	if c == nil {
		c = english
	}
	return strings.Join(texts, c.text("parts.comma"))
}

// Joined returns messages as one message, with nothing between them. Messages that
// are no text are left out.
func Joined(parts ...Message) Message {
	parts = slices.DeleteFunc(parts, Message.IsZero)
	switch len(parts) {
	case 0:
		return Message{}
	case 1:
		return parts[0]
	}
	joined := parts[0]
	for _, next := range parts[1:] {
		joined = Say("parts.joined", "first", joined, "next", next)
	}
	return joined
}
