package envs

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Fault says what the code of an environment did that it must not do: it
// panicked, set limits of wrong lengths or that no allocation satisfies, or gave a number that
// is not finite.
type Fault struct {
	Problem string // its name
	Env     int    // index of the environment; that of the episode where each has one of its own
	Step    int    // steps that its episode had before
	Method  string // that was called, as "Step"
	Err     error  // ErrNonFinite among its kinds, or an *lp.EmptyError

	// Stack is that of the goroutine where Method panicked, nil where it did not.
	Stack []byte
}

func (f *Fault) Error() string {
	at := ""
	if f.Step > 0 {
		at = fmt.Sprintf(", after %d steps of its episode", f.Step)
	}
	return fmt.Sprintf("environment %d of %s%s: %s: %v", f.Env, f.Problem, at, f.Method, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

// ErrNonFinite is the kind of a Fault that gave a NaN or an Inf.
var ErrNonFinite = errors.New("envs: a number is not finite")

type nonFinite struct {
	what  string
	value float64
}

func (e nonFinite) Error() string        { return fmt.Sprintf("%s is %g", e.what, e.value) }
func (e nonFinite) Is(target error) bool { return target == ErrNonFinite }

// Raised is what an environment panics with that knows what went wrong. Err becomes that of the
// Fault, which has no stack then.
type Raised struct{ Err error }

// panicked makes an error of what was recovered, with the line that panicked. It
// is to be called where the stack still has that line.
func panicked(r any) error {
	at := ""
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for raised := false; ; {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			raised = true
		case raised && at == "" && !strings.HasPrefix(f.Function, "runtime."):
			at = fmt.Sprintf(" (%s:%d)", filepath.Base(f.File), f.Line)
		}
		if !more {
			break
		}
	}
	if err, ok := r.(error); ok {
		return fmt.Errorf("panic: %w%s", err, at)
	}
	return fmt.Errorf("panic: %s%s", strings.ReplaceAll(fmt.Sprint(r), "\n", "; "), at)
}

// ErrGoexit is the kind of a Fault that ended its goroutine.
var ErrGoexit = errors.New("it ended its goroutine (runtime.Goexit, as a test's FailNow does)")

// Call calls a method of the problem, in f. Its panic becomes an error that names problem,
// method and line.
func Call(p Problem, method string, f func()) error {
	if _, err := guarded(f); err != nil {
		return fmt.Errorf("the problem %T: %s: %w", p, method, err)
	}
	return nil
}

// guarded calls f and returns the stack of its panic, and the panic as an error.
func guarded(f func()) (stack []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err, stack = panicked(r), debug.Stack()
		}
	}()
	f()
	return nil, nil
}
