package closedform

import "slices"

// Tables is the closed form of all intervals as flat arrays, for evaluation
// elsewhere: on a device or in an exported network. With rho and z counted from
// a base,
//
//	lo_i = base_i + max(0, max_p w_p . rho),   hi_i = base_i + min_q w_q . rho,
//
// the 0 only where Floor of the entity's endpoints is set. Under the polytope's own limits
// neither endpoint is below Least or above Most.
//
// Without Facets, rho holds right-hand sides less the terms of the prefix: b - A l of
// LimitRows, u - l of Caps, f - E l, with 0 for l and base_i where an entity is
// Free, else base_i = l_i. Fixing entity i at a_i moves rho by -Cols_i (a_i -
// base_i). With Facets, rho is (1, a_0, a_1, ...) and bases are 0.
type Tables struct {
	Facets bool

	// AnyLimits says that All holds for whatever finite limits, as long as the same
	// entities are bounded below, above, and fixed (l = u); Needed then suffices
	// under the polytope's own limits. Otherwise both hold for these alone.
	AnyLimits   bool
	Needed, All []EndpointTable // one an entity

	Size  int       // of rho
	Begin []float64 // rho of the empty prefix under the polytope's own limits
	Cols  []float64 // n x Size; nil with Facets
	Floor []float64 // n: bases under the polytope's own limits
	Free  []bool    // n: no lower bound, or one that never binds
	Fixed []bool    // n

	// The range of the points of a hull, which rounding may not move an endpoint out of; nil
	// for other polytopes.
	Least, Most []float64

	LimitRows []int // inequalities in rho
	Caps      []int // entities whose upper bounds are in rho

	// IllConditioned says that the solver answers some endpoints from elsewhere, because they are so
	// ill-conditioned that rounding moves them by more than 1e-11.
	IllConditioned bool

	// Rays, each of Size weights, tell empty limits: those with w . rho > 1e-13
	// RaySensitivity for some ray (Farkas).
	Rays, RaySensitivity []float64
}

// EndpointTable has the affine pieces of both endpoints of an interval, each of Stride weights,
// and by how much each moves, at most, when every limit is relaxed by its scale.
type EndpointTable struct {
	Stride                             int
	Floor                              bool
	Lower, Upper                       []float64
	LowerSensitivity, UpperSensitivity []float64

	ill    bool // the sensitivity of some piece is beyond tolerance.Sensitivity
	facets bool // found as facets, not as dual vertices
}

// Tabled is a Solver that has a closed form.
type Tabled interface {
	// Tables returns copies.
	Tables() *Tables
}

func (s *Solver) Tables() *Tables {
	t := s.f.Tables
	t.Needed, t.All = slices.Clone(t.Needed), slices.Clone(t.All)
	for _, list := range [...][]EndpointTable{t.Needed, t.All} {
		for i := range list {
			e := &list[i]
			e.Lower, e.Upper = slices.Clone(e.Lower), slices.Clone(e.Upper)
			e.LowerSensitivity, e.UpperSensitivity = slices.Clone(e.LowerSensitivity), slices.Clone(e.UpperSensitivity)
		}
	}
	t.Begin, t.Cols, t.Floor = slices.Clone(t.Begin), slices.Concat(s.f.cols...), slices.Clone(t.Floor)
	t.Free, t.Fixed, t.LimitRows, t.Caps = slices.Clone(t.Free), slices.Clone(t.Fixed), slices.Clone(t.LimitRows), slices.Clone(t.Caps)
	t.Rays, t.RaySensitivity = slices.Clone(t.Rays), slices.Clone(t.RaySensitivity)
	return &t
}

// InUnits returns t in the units of the user: rho holds limits as stated, and endpoints and
// what they are counted from are amounts as stated.
func (t *Tables) InUnits(amount, row, eq []float64) *Tables {
	rho := make([]float64, 0, t.Size) // units of rho
	if t.Facets {
		rho = append(append(rho, 1), amount...)[:t.Size]
	} else {
		for _, k := range t.LimitRows {
			rho = append(rho, row[k])
		}
		for _, j := range t.Caps {
			rho = append(rho, amount[j])
		}
		rho = append(rho, eq...)
		for len(rho) < t.Size {
			rho = append(rho, 1)
		}
	}
	weights := func(w []float64, stride int, unit float64) {
		for x := range w {
			w[x] *= unit / rho[x%stride]
		}
	}
	for _, list := range [...][]EndpointTable{t.Needed, t.All} {
		for i := range list {
			e, d := &list[i], amount[i]
			weights(e.Lower, e.Stride, d)
			weights(e.Upper, e.Stride, d)
			for _, sens := range [...][]float64{e.LowerSensitivity, e.UpperSensitivity} {
				for x := range sens {
					sens[x] *= d
				}
			}
		}
	}
	weights(t.Rays, t.Size, 1)
	for x := range t.Begin {
		t.Begin[x] *= rho[x]
	}
	for j := range t.Floor {
		t.Floor[j] *= amount[j]
	}
	for x := range t.Cols {
		t.Cols[x] *= rho[x%t.Size] / amount[x/t.Size]
	}
	return t
}
