package policy

import "fmt"

// NonFiniteError says that a gradient step found a NaN or an Inf. The parameters
// are those before the step, unless Tensor is itself a parameter.
type NonFiniteError struct {
	Tensor string // the first that is not finite in the order of computation
	Step   int64  // gradient steps taken before
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("%s is not finite after %d gradient steps", e.Tensor, e.Step)
}
