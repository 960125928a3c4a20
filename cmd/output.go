package cmd

import (
	"context"
	"io"
)

// output is stdout as the commands write to it. Once the command has been
// interrupted it takes nothing more, so that half a table is not drawn as if it
// were a whole one. It keeps the first error, for those who do not look at it.
type output struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := 0, o.ctx.Err()
	if err == nil {
		n, err = o.w.Write(b)
	}
	if o.err == nil {
		o.err = err
	}
	return n, err
}
