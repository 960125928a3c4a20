package wording

import (
	"errors"
)

// Error is an error whose sentence is in no language yet, with its cause and what
// may help. Its Error method is in English.
type Error struct {
	message Message
	hint    Message
	cause   error

	given string   // a word that is not known
	known []string // those that are
}

// Fail returns an error with a sentence. See Say for the values.
func Fail(key string, values ...any) *Error { return &Error{message: Say(key, values...)} }

// Wrap returns an error with a cause, which the text names by the place {cause}.
func Wrap(cause error, key string, values ...any) *Error {
	return &Error{message: Say(key, append(values, "cause", cause)...), cause: cause}
}

// WithHint returns the error with a sentence that may help.
func (e *Error) WithHint(key string, values ...any) *Error {
	with := *e
	with.hint = Say(key, values...)
	return &with
}

// Unlike returns the error as one about a word that is none of those that are
// known: Hint then offers the nearest, or all of them.
func (e *Error) Unlike(given string, known ...string) *Error {
	with := *e
	with.given, with.known = given, known
	return &with
}

// Error returns the sentence in English.
func (e *Error) Error() string { return e.message.String() }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Message returns the sentence.
func (e *Error) Message() Message { return e.message }

// Hint returns what may help, or no text.
func (e *Error) Hint() Message { return e.hint }

// both is two errors, one after the other.
type both struct{ first, second error }

// Both returns the error that two errors are together.
func Both(first, second error) error { return both{first, second} }

func (b both) Error() string { return b.Message().String() }

// Message returns the sentence.
func (b both) Message() Message {
	return Say("error.both", "first", b.first, "second", b.second)
}

// Unwrap returns both.
func (b both) Unwrap() []error { return []error{b.first, b.second} }

// Spelling returns the word that is not known, and those that are.
func (e *Error) Spelling() (string, []string) { return e.given, e.known }

// worded is an error that has a sentence in every language.
type worded interface{ Message() Message }

// keyed is a worded error of a package that this one may import, so that it cannot
// import this one.
type keyed interface {
	Wording() (key string, values []any)
}

// hinted is an error that knows what may help.
type hinted interface{ Hint() Message }

// Error returns what an error says, in the language of the catalogue. An error
// that only marks another one, and says the same, is passed over. What comes from
// outside, such as an error of the system, stays as it is.
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

// Hint returns what may help against an error: the word that was probably meant,
// else what the error itself offers, else the words that are known; no text where
// nothing helps.
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
