package refuse

import "fmt"

// refusal is an error on its way to where reading began.
type refusal struct{ error }

// With ends reading with an error, which Caught returns.
func With(format string, args ...any) { panic(refusal{fmt.Errorf(format, args...)}) }

// Caught, deferred where reading begins, makes err what With was called with.
func Caught(err *error) {
	if e := recover(); e != nil {
		r, ok := e.(refusal)
		if !ok {
			panic(e)
		}
		*err = r.error
	}
}
