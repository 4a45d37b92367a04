package policy

import (
	"fmt"
	"slices"
)

// Tensor is a named array of float32, row-major.
type Tensor struct {
	Name  string    // such as "encoder.0.weight"
	Shape []int     // sizes of the axes
	Data  []float32 // as many as the product of the sizes
}

// State is the state of training of a backend: parameters, the first and second moments of
// Adam in the same order, the number of steps taken, and the normaliser of
// observations, which is off in a new backend.
type State struct {
	Params, M, V []Tensor // parameters, first and second moments
	Step         int64    // gradient steps taken
	Normalizer   *Normalizer
}

// Check returns an error where a state is not that of a policy whose tensors have the names and
// shapes of like, in that order, and whose observations have obsDim components. The data of like
// are not looked at.
func (s *State) Check(like []Tensor, obsDim int) error {
	for _, set := range []struct {
		what string
		have []Tensor
	}{{"parameter", s.Params}, {"first moment", s.M}, {"second moment", s.V}} {
		if len(set.have) != len(like) {
			return fmt.Errorf("policy: the state has %d tensors of kind %s, this policy %d", len(set.have), set.what, len(like))
		}
		for i, t := range set.have {
			want, size := like[i], 1
			for _, d := range want.Shape {
				size *= d
			}
			if t.Name != want.Name || !slices.Equal(t.Shape, want.Shape) || len(t.Data) != size {
				return fmt.Errorf("policy: the state has %s %s %v of %d elements where this policy has %s %v",
					set.what, t.Name, t.Shape, len(t.Data), want.Name, want.Shape)
			}
		}
	}
	if s.Step < 0 {
		return fmt.Errorf("policy: the state has taken %d gradient steps: at least 0 is allowed", s.Step)
	}
	if n := s.Normalizer; n == nil || n.Dim() != obsDim || len(n.Seen.M2) != obsDim {
		return fmt.Errorf("policy: the state has no normaliser of observations of %d components", obsDim)
	}
	return nil
}
