package main

import (
	"bytes"
	"os"
	"testing"
)

func TestDocumentsAreFresh(t *testing.T) {
	for name := range documents {
		fresh, _, err := document("../../docs/" + name)
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
