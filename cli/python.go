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

// parentVariable is the environment variable with the file descriptor of a socket to the program
// that has started this one. The Python package sets it.
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
		if _, err := parent.Read(make([]byte, 1)); err == io.EOF {
			syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}
	}()
}

// complain reports the error of a command in one line: to the parent where there is one, which
// shows it to the user, else on errs. The traceback of a Python exception is reported too.
func complain(errs io.Writer, err error) {
	line, trace := serve.OneLine(err), ""
	var e *python.Exception
	if errors.As(err, &e) {
		trace = e.Traceback
	}
	if parent != nil {
		json.NewEncoder(parent).Encode(map[string]string{"error": line, "traceback": trace})
		return
	}
	io.WriteString(errs, trace)
	fmt.Fprintln(errs, program+": "+line)
}
