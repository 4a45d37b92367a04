package hull

import (
	"errors"
	"fmt"
	"math"

	"paspo/lp/internal/dd"
	"paspo/lp/internal/vec"
)

// Effort limits the search for the facets of a hull, in elementary steps: some
// seconds, and some 30 000 facets in 10 dimensions.
const Effort = 1000 * Million

// Million is the unit of an effort in settings.
const Million = 1_000_000

// facetNoise is the size up to which a coefficient of a facet, against the largest, is
// rounding. The limit of the facet is taken from what is left.
const facetNoise = 1e-13

// Widths of the hull along a coordinate, given the coordinates before it and against
// max(1, largest coordinate): up to FlatRounding it is flat there, being the rounding of
// points in a plane. Below thinWidth it has no rows: their rounding would move where they
// cross by more than 1e-10.
const (
	FlatRounding = 1e-13

	// Points of one facet, that were computed, are on its plane up to PointNoise. A
	// hull that is not thin is off by no more than some multiples of it.
	PointNoise = 1e-12

	thinWidth = 1e-6

	// narrowWidth is that of the hull across a facet, against the largest term of the
	// facet, below which the rounding of facets shows where they cross.
	narrowWidth = 1e-2
)

// Hull is the convex hull of points in its affine hull. The coordinates in
// basis determine the others,
//
//	x_j = from_j . x_basis + at_j,
//
// and each facet is c . x_basis <= d, largest |c| 1.
type Hull struct {
	N      int
	Basis  []int
	From   [][]float64 // n; nil for the coordinates of the basis
	At     []float64   // n
	Thin   bool        // thinner than thinWidth along some coordinate of the basis
	Narrow bool        // narrower than narrowWidth across some facet
	Facets []Facet
}

// Facet is C . x <= D, with the largest |C| 1.
type Facet struct {
	C []float64
	D float64
}

// New finds the facets by double description of the cone of valid
// inequalities, {(c, d): c . v <= d for every point v}, whose extreme rays they
// are: in floating point, and exactly where that does not decide.
//
// The affine hull is decided first, with a tolerance (FlatRounding): points of a
// hyperplane lie in it up to rounding only, and in exact arithmetic would span a
// sliver.
func New(points [][]float64, effort *int) (*Hull, error) {
	h, err := Affine(points)
	if err != nil {
		return nil, err
	}
	d := len(h.Basis)
	if d == 0 {
		return h, nil
	}
	cuts := make([][]float64, 0, len(points))
	for _, v := range points {
		g := make([]float64, d+1)
		for b, j := range h.Basis {
			g[b] = v[j]
		}
		g[d] = -1
		cuts = append(cuts, g)
	}
	noise := PointNoise
	if h.Thin {
		noise = 0
	}
	err = h.find(cuts, noise, effort)
	if err == nil && h.Narrow && noise > 0 {
		err = h.find(cuts, 0, effort)
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// find finds the facets, where points closer than noise to a plane are on it.
func (h *Hull) find(cuts [][]float64, noise float64, effort *int) error {
	d := len(h.Basis)
	budget := dd.Budget{Rays: math.MaxInt, Effort: effort, Noise: noise}
	var cone dd.Cone
	var err error
	for _, in := range dd.Precisions {
		cone, err = cut(d+1, make([]bool, d+1), cuts, in, budget)
		if !errors.Is(err, dd.ErrUndecided) {
			break
		}
	}
	if err != nil {
		return err
	}
	rays, tight := cone.Rays()
	h.Facets, h.Narrow = nil, false
	for k, r := range rays {
		c, size := r[:d], vec.MaxAbs(r[:d])
		if tight[k] == 0 || size == 0 {
			continue // 0 <= 1
		}
		f := Facet{C: make([]float64, d), D: math.Inf(-1)}
		for b := range c {
			if f.C[b] = c[b] / size; math.Abs(f.C[b]) < facetNoise {
				f.C[b] = 0
			}
		}
		least, most := math.Inf(1), 0.
		for _, g := range cuts {
			v := vec.Dot(f.C, g[:d])
			f.D, least = max(f.D, v), min(least, v)
			for b, x := range g[:d] {
				most = max(most, math.Abs(f.C[b]*x))
			}
		}
		h.Narrow = h.Narrow || f.D-least < narrowWidth*most
		h.Facets = append(h.Facets, f)
	}
	return nil
}

// cut returns the cone of the given cuts.
func cut(d int, nonneg []bool, cuts [][]float64, in dd.Precision, budget dd.Budget) (dd.Cone, error) {
	c := dd.New(d, nonneg, in, budget)
	for _, g := range cuts {
		if err := c.Cut(g); err != nil {
			return nil, err
		}
	}
	return c, c.Check()
}

// Affine takes coordinates into the basis in their order, each unless the
// ones before determine it on all points (modified Gram-Schmidt, twice).
func Affine(points [][]float64) (*Hull, error) {
	if len(points) == 0 {
		return nil, errors.New("lp: a convex hull needs at least one point")
	}
	n := len(points[0])
	h := &Hull{N: n, From: make([][]float64, n), At: make([]float64, n)}
	scale := 1.
	for k, v := range points {
		if len(v) != n {
			return nil, fmt.Errorf("lp: point %d has %d coordinates, want %d", k, len(v), n)
		}
		for j, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("lp: coordinate %d of point %d is %g", j, k, x)
			}
			scale = max(scale, math.Abs(x))
		}
	}
	var q [][]float64 // orthonormal columns
	var r [][]float64 // column b of the basis is sum_k r[b][k] q[k]
	column := make([]float64, len(points))
	for j := range n {
		for k, v := range points {
			column[k] = v[j] - points[0][j]
		}
		coef := make([]float64, len(q)+1)
		for range 2 {
			for k := range q {
				c := vec.Dot(q[k], column)
				coef[k] += c
				for i := range column {
					column[i] -= c * q[k][i]
				}
			}
		}
		size := vec.Norm(column)
		if width := size / (scale * math.Sqrt(float64(len(points)))); width > FlatRounding {
			h.Thin = h.Thin || width < thinWidth
			unit := make([]float64, len(column))
			for i := range unit {
				unit[i] = column[i] / size
			}
			coef[len(q)] = size
			q, r = append(q, unit), append(r, coef)
			h.Basis = append(h.Basis, j)
			continue
		}
		h.From[j] = backSubstitute(r, coef) // not nil: that marks the basis
		h.round(points, j)
	}
	return h, nil
}

// backSubstitute returns the w with sum_b w_b r[b] = coef.
func backSubstitute(r [][]float64, coef []float64) []float64 {
	w := append([]float64{}, coef[:len(r)]...)
	for b := len(r) - 1; b >= 0; b-- {
		w[b] /= r[b][b]
		for k := range b {
			w[k] -= w[b] * r[b][k]
		}
	}
	return w
}

// round replaces what is an integer up to rounding in the equality of coordinate
// j, where it then holds as well.
func (h *Hull) round(points [][]float64, j int) {
	exact := make([]float64, len(h.From[j]))
	for b, w := range h.From[j] {
		exact[b] = w
		if i := math.Round(w); math.Abs(w-i) <= 1e-9 {
			exact[b] = i
		}
	}
	fit := func(w []float64) (at, worst float64) {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range points {
			x := v[j]
			for b, c := range w {
				x -= c * v[h.Basis[b]]
			}
			lo, hi = min(lo, x), max(hi, x)
		}
		return lo + (hi-lo)/2, (hi - lo) / 2
	}
	at, worst := fit(h.From[j])
	if a, e := fit(exact); e <= worst+1e-13 {
		h.From[j], at, worst = exact, a, e
		if i := math.Round(at); math.Abs(at-i) <= worst+1e-13 {
			at = i
		}
	}
	h.At[j] = at
}
