package wording

import (
	"errors"
)

// Error is an error whose text is not yet in a language. It can have a cause and a
// hint. The method Error returns the text in English.
type Error struct {
	message Message
	hint    Message
	cause   error

	given string   // an unknown word
	known []string // the known words
}

// Fail returns an error with the text of a key. See Say for the values.
func Fail(key string, values ...any) *Error { return &Error{message: Say(key, values...)} }

// Wrap returns an error with a cause. The text has the place {cause} for it.
func Wrap(cause error, key string, values ...any) *Error {
	return &Error{message: Say(key, append(values, "cause", cause)...), cause: cause}
}

// WithHint returns the error with a hint: a text that may help the user.
func (e *Error) WithHint(key string, values ...any) *Error {
	with := *e
	with.hint = Say(key, values...)
	return &with
}

// WithChoices returns the error as one about a word that is not among the known words.
// Hint then suggests the most similar known word, or lists all of them.
func (e *Error) WithChoices(given string, known ...string) *Error {
	with := *e
	with.given, with.known = given, known
	return &with
}

// Error returns the text in English.
func (e *Error) Error() string { return e.message.String() }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Message returns the text.
func (e *Error) Message() Message { return e.message }

// Hint returns the hint, or the zero Message if there is none.
func (e *Error) Hint() Message { return e.hint }

// both is an error that consists of two errors.
type both struct{ first, second error }

// Both returns an error that consists of two errors.
func Both(first, second error) error { return both{first, second} }

func (b both) Error() string { return b.Message().String() }

// Message returns the texts of both errors in one.
func (b both) Message() Message {
	return Say("error.both", "first", b.first, "second", b.second)
}

// Unwrap returns the two errors.
func (b both) Unwrap() []error { return []error{b.first, b.second} }

// Spelling returns the unknown word and the known words, or nothing if the error is
// not about an unknown word.
func (e *Error) Spelling() (string, []string) { return e.given, e.known }

// worded is an error that has a text in every language.
type worded interface{ Message() Message }

// keyed is a worded error of a package of a later tier, which cannot import this
// package. It returns the key and the values of its text.
type keyed interface {
	Wording() (key string, values []any)
}

// hinted is an error that may have a hint.
type hinted interface{ Hint() Message }

// Error returns the text of an error in the language of the catalogue. If an error
// only marks another one and has the same text, the text of the marked error is
// used. An error from outside the program, such as an error of the system, keeps
// its text.
func (c *Catalogue) Error(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if inner.Error() != err.Error() {
			break
		}
		if w, ok := inner.(worded); ok {
			return w.Message().In(c)
		}
		if k, ok := inner.(keyed); ok {
			key, values := k.Wording()
			return Say(key, values...).In(c)
		}
	}
	return err.Error()
}

// Hint returns the hint for an error: the known word that was probably meant, or
// the hint of the error itself, or the list of known words. If there is no hint, it
// returns the zero Message.
func Hint(err error) Message {
	for ; err != nil; err = errors.Unwrap(err) {
		if b, ok := err.(both); ok {
			if m := Hint(b.first); !m.IsZero() {
				return m
			}
			err = b.second
		}
		if m := spellingHint(err); !m.IsZero() {
			return m
		}
		if h, ok := err.(hinted); ok && !h.Hint().IsZero() {
			return h.Hint()
		}
		if m := choices(err); !m.IsZero() {
			return m
		}
	}
	return Message{}
}
