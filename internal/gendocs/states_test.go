package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestDocumentsAreFresh(t *testing.T) {
	for name := range documents {
		fresh, _, err := document("../../docs/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("docs/%s waits until all pages are written: %v", name, err)
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		page, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Errorf("%v: run go generate ./explain", err)
		} else if !bytes.Equal(page, fresh) {
			t.Errorf("docs/%s is stale: run go generate ./explain", name)
		}
	}
}
