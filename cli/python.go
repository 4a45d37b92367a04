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

// parentVariable names the descriptor of a socket whose other end is that of the program
// that has started this one, as the Python package does.
const parentVariable = "PASPO_PARENT"

// parent is the socket, nil where there is none.
var parent *os.File

// watchParent ends this process as a signal does when the one that has started it ends.
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

// complain says why a command failed: to the parent where there is one, which then tells
// its user, else on errs. The traceback of an exception is beside the one line.
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
