package rl

import (
	"fmt"

	"paspo/internal/finite"
)

// NonFiniteError says that training found a NaN or an Inf and stopped.
type NonFiniteError struct {
	Tensor    string  // the quantity that is not finite
	Value     float64 // NaN, or the infinity
	Iteration int     // the iteration that was under way
	Step      int64   // environment steps taken when it was found

	// Environment says that the value came from an environment.
	Environment bool

	// Rewards says that rewards were too large: the value was found before anything was learned.
	Rewards bool

	// Checkpoint is the file with the state in which the value was found, empty where
	// none was written. No run resumes from it.
	Checkpoint string

	// Err is the error of the backend, nil where the trainer found the value.
	Err error
}

func (e *NonFiniteError) Error() string {
	what := fmt.Sprintf("%s is %g", e.Tensor, e.Value)
	if e.Err != nil {
		what = e.Err.Error()
	}
	s := fmt.Sprintf("training stopped at step %d, in iteration %d: %s", e.Step, e.Iteration, what)
	if e.Checkpoint != "" {
		s += "; the state it was found in: " + e.Checkpoint
	}
	return s
}

func (e *NonFiniteError) Unwrap() error { return e.Err }

// checkRows returns an error where v, with one row an environment, is not finite.
func checkRows[F float32 | float64](name string, v []F, rows int) error {
	i := finite.First(v)
	if i < 0 {
		return nil
	}
	width := len(v) / rows
	where := fmt.Sprintf("the %s of environment %d", name, i/width)
	if width > 1 {
		where = fmt.Sprintf("component %d of %s", i%width, where)
	}
	return &NonFiniteError{Tensor: where, Value: float64(v[i]), Environment: name == "reward" || name == "observation"}
}
