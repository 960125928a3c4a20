package wording

import (
	"embed"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed en zh
var folders embed.FS

// Catalogue holds the texts of one language. It reads a file when the first text
// of that file is needed, because reading costs time at the start of the program.
type Catalogue struct {
	language Language
	files    sync.Map // name -> func() Texts, which reads the file once
}

// english is the catalogue that the methods String and Error use.
var english = For(English)

// For returns the catalogue of a language. Texts that the language does not have
// are in English.
func For(l Language) *Catalogue { return &Catalogue{language: l} }

// Language returns the language of the catalogue, or English if c is nil.
func (c *Catalogue) Language() Language {
	if c == nil {
		return English
	}
	return c.language
}

// Has reports whether there is a text for a key, in the language of the catalogue
// or in English.
func (c *Catalogue) Has(key string) bool {
	if c == nil {
		c = english
	}
	file, _, _ := strings.Cut(key, ".")
	_, ok := c.file(file)[key]
	return ok || c.language != English && english.Has(key)
}

// Keys returns the keys of a file in ascending order. Tests compare them with the
// keys that a package uses.
func (c *Catalogue) Keys(file string) []string { return slices.Sorted(maps.Keys(c.file(file))) }

// text returns the text of a key. If there is none, it returns the key itself, so
// that the mistake is visible. The test of the package finds such keys.
func (c *Catalogue) text(key string) string {
	file, _, _ := strings.Cut(key, ".")
	if text, ok := c.file(file)[key]; ok {
		return text
	}
	if c.language != English {
		return english.text(key)
	}
	return key
}

// file returns the texts of a file.
func (c *Catalogue) file(name string) Texts {
	read, ok := c.files.Load(name)
	if !ok {
		read, _ = c.files.LoadOrStore(name, sync.OnceValue(func() Texts {
			path := c.language.String() + "/" + name + ".txt"
			text, err := fs.ReadFile(folders, path)
			if err != nil {
				return nil // the language has no such file
			}
			texts, err := Parse(path, string(text))
			if err != nil {
				return nil // the test of the package parses every file
			}
			return texts
		}))
	}
	return read.(func() Texts)()
}
