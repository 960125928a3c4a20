package wording

import (
	"strings"
)

// Language is a language of texts.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages returns all languages.
func Languages() []Language { return []Language{English, Chinese} }

// String returns the name of the language. Its folder has the same name.
func (l Language) String() string { return string(l) }

// ParseLanguage returns the language with the given name: "en" or "zh", or the name
// of a locale of that language, such as zh_CN. The error is an
// *UnknownLanguageError.
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

// UnknownLanguageError is the error for a language without texts.
type UnknownLanguageError struct {
	Name string // as the user wrote it
}

func (e *UnknownLanguageError) Error() string { return e.Message().String() }

// Message returns the text of the error.
func (e *UnknownLanguageError) Message() Message { return Say("error.language", "name", e.Name) }

// Spelling returns the unknown name and the names of the languages.
func (e *UnknownLanguageError) Spelling() (string, []string) {
	return e.Name, []string{English.String(), Chinese.String()}
}

// Locale holds the environment variables that choose the language of the user
// (locale(7)). A variable that is not set is "".
type Locale struct {
	All      string // LC_ALL
	Messages string // LC_MESSAGES
	Ctype    string // LC_CTYPE
	Lang     string // LANG
}

// Language returns the language of messages. The first of LC_ALL, LC_MESSAGES and
// LANG that is set decides. Every Chinese locale is zh, and every other locale is
// en, also C and POSIX. A Chinese locale that does not use UTF-8 is en too, because
// the texts are in UTF-8.
func (l Locale) Language() Language {
	language, err := ParseLanguage(firstSet(l.All, l.Messages, l.Lang))
	if err != nil || l.charset() != "" && !l.UTF8() {
		return English
	}
	return language
}

// UTF8 reports whether the locale uses UTF-8. The first of LC_ALL, LC_CTYPE and
// LANG that is set decides.
func (l Locale) UTF8() bool { return l.charset() == "utf-8" || l.charset() == "utf8" }

// charset returns the encoding in the name of the locale, in lower case, or "".
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
