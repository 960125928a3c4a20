package wording

import (
	"strings"
)

// Language is a language that texts are written in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages returns the languages that an option accepts.
func Languages() []Language { return []Language{English, Chinese} }

// String returns the name of the language, which is that of its folder.
func (l Language) String() string { return string(l) }

// ParseLanguage reads the value of an option: "en" or "zh", or the name of a
// locale that begins so, such as zh_CN. The error is an *UnknownLanguageError.
func ParseLanguage(text string) (Language, error) {
	name, _, _ := strings.Cut(strings.ToLower(text), ".")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(strings.ReplaceAll(name, "-", "_"), "_")
	switch name {
	case "en", "english":
		return English, nil
	case "zh", "chinese", "cn", "中文":
		return Chinese, nil
	}
	return "", &UnknownLanguageError{Name: text}
}

// UnknownLanguageError is the error for a language that there are no texts in.
type UnknownLanguageError struct {
	Name string // as it was given
}

func (e *UnknownLanguageError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownLanguageError) Message() Message { return Say("error.language", "name", e.Name) }

// Spelling returns what was given, and the languages.
func (e *UnknownLanguageError) Spelling() (string, []string) {
	return e.Name, []string{English.String(), Chinese.String()}
}

// Locale is what the environment says of a user's language: the values of the
// variables, "" where one is not set (locale(7)).
type Locale struct {
	All      string // LC_ALL
	Messages string // LC_MESSAGES
	Ctype    string // LC_CTYPE
	Lang     string // LANG
}

// Language returns the language of messages: the first of LC_ALL, LC_MESSAGES and
// LANG that is set decides. Any Chinese is zh; all else, C and POSIX too, is en. So
// is Chinese in a locale whose characters are not UTF-8, which the texts are in.
func (l Locale) Language() Language {
	language, err := ParseLanguage(firstSet(l.All, l.Messages, l.Lang))
	if err != nil || l.charset() != "" && !l.UTF8() {
		return English
	}
	return language
}

// UTF8 reports whether the locale's characters are encoded in UTF-8: the first of
// LC_ALL, LC_CTYPE and LANG that is set decides.
func (l Locale) UTF8() bool { return l.charset() == "utf-8" || l.charset() == "utf8" }

// charset returns the encoding that the locale names, in small letters, or "".
func (l Locale) charset() string {
	_, charset, _ := strings.Cut(strings.ToLower(firstSet(l.All, l.Ctype, l.Lang)), ".")
	charset, _, _ = strings.Cut(charset, "@")
	return charset
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
