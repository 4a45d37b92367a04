package policy

import (
	"fmt"
	"math"
)

// Fit holds a Beta distribution for every head, fitted to the coordinate
// x_i = (a_i - lo_i) / (hi_i - lo_i) of an action a that is uniform in the polytope, or of a
// given allocation (docs/method.md, section 8).
type Fit struct {
	Entities   []string  `json:"entities"` // one a head
	Alpha      []float64 `json:"alpha"`    // one a head, as is Beta
	Beta       []float64 `json:"beta"`
	Points     int       `json:"points"`     // uniform points drawn, 0 for a fit around an allocation
	Method     string    `json:"method"`     // how the points were drawn
	Acceptance float64   `json:"acceptance"` // share of points that rejection accepted, else 0

	// RHat and ESS say how far hit-and-run has converged, else 0 (see lp/uniform).
	RHat float64 `json:"rhat,omitempty"`
	ESS  float64 `json:"ess,omitempty"`
}

// Validate returns an error where f cannot initialise the given number of heads.
func (f *Fit) Validate(heads int) error {
	if len(f.Entities) != heads || len(f.Alpha) != heads || len(f.Beta) != heads {
		return fmt.Errorf("policy: the fit has %d entities, %d alpha and %d beta for %d heads", len(f.Entities), len(f.Alpha), len(f.Beta), heads)
	}
	for i := range f.Alpha {
		for _, v := range []float64{f.Alpha[i], f.Beta[i]} {
			if !(v > 0) || math.IsInf(v, 0) {
				return fmt.Errorf("policy: the fit of %s is Beta(%g, %g)", f.Entities[i], f.Alpha[i], f.Beta[i])
			}
		}
	}
	return nil
}
