package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"paspo/envs/python"
	"paspo/internal/run/serve"
)

// parentVariable has the descriptor of a socket to the program that has started this one. The Python package sets it.
const parentVariable = "PASPO_PARENT"

// parent is that socket, nil where there is none.
var parent *os.File

// watchParent sends this process a TERM signal when the program that has started it ends.
func watchParent() {
	fd, err := strconv.Atoi(os.Getenv(parentVariable))
	if err != nil {
		return
	}
	os.Unsetenv(parentVariable)
	syscall.CloseOnExec(fd)
	parent = os.NewFile(uintptr(fd), "parent")
	go func() {
		if _, err := parent.Read(make([]byte, 1)); err != nil { // EOF, or a reset where it has not read what it was told
			syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}
	}()
}

// tellParent says something in a line that the parent reads when this process has ended. It returns false where there is none.
func tellParent(said map[string]string) bool {
	return parent != nil && json.NewEncoder(parent).Encode(said) == nil
}

// complain reports the error of a command in one line, with the traceback of a Python exception: to the parent, else on errs.
func complain(errs io.Writer, err error) {
	line, trace := serve.OneLine(err), ""
	var e *python.Exception
	if errors.As(err, &e) {
		trace = e.Traceback
	}
	if !tellParent(map[string]string{"error": line, "traceback": trace}) {
		fmt.Fprintln(errs, trace+program+": "+line)
	}
}
