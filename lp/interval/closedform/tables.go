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
// LimitRows, u - l of Caps, e - E l, with 0 for l and base_i where an entity is
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

// EndpointTable has the pieces of both endpoints of an interval, each of Stride weights,
// and by how much each moves, at most, when every limit is relaxed by its scale.
type EndpointTable struct {
	Stride                             int
	Floor                              bool
	Lower, Upper                       []float64
	LowerSensitivity, UpperSensitivity []float64
}

// Tabled is a Solver that has a closed form.
type Tabled interface {
	// Tables returns copies.
	Tables() *Tables
}

func (s *Solver) Tables() *Tables { return s.f.tables() }

func (f *Intervals) tables() *Tables {
	t := &Tables{
		Facets: f.side != "dual", AnyLimits: f.anyLimits, Needed: endpointTables(f.own), All: endpointTables(f.endpoints),
		Size: f.size, Begin: slices.Clone(f.begin), Floor: slices.Clone(f.floor), Free: slices.Clone(f.free),
		Fixed: slices.Clone(f.fixed), LimitRows: slices.Clone(f.rows), Caps: slices.Clone(f.caps),
		Rays: slices.Clone(f.empty), RaySensitivity: slices.Clone(f.emptySens),
	}
	for i := range f.endpoints {
		t.IllConditioned = t.IllConditioned || f.endpoints[i].ill || f.own[i].ill
	}
	if len(f.fixed) == 0 { // of the facets, read from a file or not
		t.Fixed = make([]bool, len(f.endpoints))
	}
	if !t.Facets {
		t.Cols = slices.Concat(f.cols...)
	}
	return t
}

func endpointTables(all []endpoints) []EndpointTable {
	out := make([]EndpointTable, len(all))
	for i := range all {
		e := &all[i]
		out[i] = EndpointTable{
			Stride: e.stride, Floor: e.floor, Lower: slices.Clone(e.lower), Upper: slices.Clone(e.upper),
			LowerSensitivity: slices.Clone(e.lowerSens), UpperSensitivity: slices.Clone(e.upperSens),
		}
	}
	return out
}

// ofTables is the reverse of endpointTables. It returns nil where the lengths differ.
func ofTables(all []EndpointTable, facets []bool) []endpoints {
	if len(all) != len(facets) {
		return nil
	}
	out := make([]endpoints, len(all))
	for i, e := range all {
		out[i] = endpoints{
			stride: e.Stride, floor: e.Floor, facets: facets[i], lower: e.Lower, upper: e.Upper,
			lowerSens: e.LowerSensitivity, upperSens: e.UpperSensitivity,
		}
	}
	return out
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
