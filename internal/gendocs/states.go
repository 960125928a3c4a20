package main

import (
	"bytes"
	"path/filepath"

	"tcpstate/explain"
)

// drawing is the machine's chart beside the pages that show it.
const drawing = "states.svg"

// documents are the files that are generated whole, by their names.
var documents = map[string]func() ([]byte, error){
	"states.md":    func() ([]byte, error) { return states(explain.English) },
	"states.zh.md": func() ([]byte, error) { return states(explain.Chinese) },
	drawing:        chart,
}

// document returns the file of the name, and whether there is one that is
// generated whole.
func document(path string) ([]byte, bool, error) {
	write, ok := documents[filepath.Base(path)]
	if !ok {
		return nil, false, nil
	}
	text, err := write()
	return text, true, err
}

// states returns all pages of a language in one document.
func states(l explain.Language) ([]byte, error) {
	book, err := explain.Open(l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteDocs(&b, drawing)
	return b.Bytes(), err
}

func chart() ([]byte, error) {
	book, err := explain.Open(explain.English)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteSVG(&b)
	return b.Bytes(), err
}
