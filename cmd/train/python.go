package main

import (
	"errors"
	"io"

	"paspo/envs/python"
)

// writeTraceback writes that of an exception, which the one line of an error has no room
// for.
func writeTraceback(w io.Writer, err error) {
	var e *python.Exception
	if errors.As(err, &e) {
		io.WriteString(w, e.Traceback)
	}
}
