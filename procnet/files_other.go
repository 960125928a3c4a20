//go:build !linux

package procnet

import (
	"io/fs"
	"os"
)

// filesIn returns the files of a directory.
func filesIn(dir string) fs.FS { return os.DirFS(dir) }
