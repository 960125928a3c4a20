package main

import (
	"bytes"
	"path/filepath"

	"tcpstate/explain"
	"tcpstate/wording"
)

// drawing is the name of the chart's file. The pages that show it are in the
// same directory.
const drawing = "states.svg"

// documents maps the names of the files that are generated as a whole to their
// writers.
var documents = map[string]func() ([]byte, error){
	"states.md":    func() ([]byte, error) { return states(wording.English) },
	"states.zh.md": func() ([]byte, error) { return states(wording.Chinese) },
	drawing:        chart,
}

// document returns the content of the file at path, and whether that file is
// generated as a whole.
func document(path string) ([]byte, bool, error) {
	write, ok := documents[filepath.Base(path)]
	if !ok {
		return nil, false, nil
	}
	text, err := write()
	return text, true, err
}

// states returns all pages of a language in one document.
func states(l wording.Language) ([]byte, error) {
	book, err := explain.Open(l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteDocs(&b, drawing)
	return b.Bytes(), err
}

func chart() ([]byte, error) {
	book, err := explain.Open(wording.English)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteSVG(&b)
	return b.Bytes(), err
}
