package policy

import "fmt"

// NonFiniteError says that a gradient step found a NaN or an Inf. The parameters
// are those before the step, unless the tensor is itself a parameter.
type NonFiniteError struct {
	Tensor string // the first one in the order of computation
	Step   int64  // gradient steps taken before
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("%s is not finite after %d gradient steps", e.Tensor, e.Step)
}
