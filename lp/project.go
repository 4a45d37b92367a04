package lp

import (
	"fmt"
	"math"
	"slices"

	"paspo/internal/count"
	"paspo/lp/internal/projection"
	"paspo/lp/internal/units"
	"paspo/lp/internal/vec"
)

// Project returns the point of p closest to x in the Euclidean norm.
//
// After the equalities are eliminated by an orthonormal basis it solves
//
//	min |z|^2 / 2  subject to  G z <= h
//
// by the dual active-set method of Goldfarb and Idnani (Mathematical Programming
// 27, 1983). The result has a scaled residual of at most 1e-9, and its multipliers
// satisfy the Karush-Kuhn-Tucker conditions; it is an error where rounding
// keeps either from being reached, or if x has the wrong length. Where x is not finite or too
// large it is a *FarError. Where no allocation satisfies the limits it is an *EmptyError that names the conflict.
//
// Of a hull without facets the rows are facets. They are added one by one, each cutting off the
// point that satisfies those before it and is closest to x, until that point is in the hull.
func Project(p *Polytope, x []float64) ([]float64, error) { return ProjectWithin(p, nil, x) }

// ProjectWithin is Project onto the allocations of p that satisfy lim; nil stands for
// its own limits. It panics if the length of a limit is bad.
func ProjectWithin(p *Polytope, lim *Limits, x []float64) ([]float64, error) {
	y := make([]float64, p.Dim())
	if err := NewProjector(p).Project(y, x, lim); err != nil {
		return nil, err
	}
	return y, nil
}

// Projector projects onto one polytope, again and again: what does not depend on the
// point is prepared once. It is used by one goroutine at a time.
type Projector struct {
	// AnyConflict says that an *EmptyError may name more constraints than are needed, for
	// one who asks only whether there is an allocation.
	AnyConflict bool

	p          *Polytope
	unit       float64
	solve      func(x, f []float64)
	equalities [][]float64 // orthonormal
	rows       []projection.Row

	s         projection.Program
	x, y, at  []float64
	b, f      []float64 // limits by the unit
	l, u      []float64
	projected bool
}

// NewProjector prepares projections onto p.
func NewProjector(p *Polytope) *Projector {
	n := p.Dim()
	// Distances are those of amounts as stated, so that these have one unit. Rows are
	// taken at unit length.
	j := &Projector{p: p, unit: units.Of(vec.MaxAbs(p.form.Size)), x: make([]float64, n), y: make([]float64, n), at: make([]float64, n)}
	j.solve, j.equalities = vec.RowSpace(p.form.E, n)
	j.rows = projection.Rows(p.form.A, n, j.equalities)
	return j
}

// Project writes the point closest to x within the limits to y, as ProjectWithin does.
func (j *Projector) Project(y, x []float64, lim *Limits) error {
	j.projected = false
	p := j.p
	n := p.Dim()
	if len(x) != n {
		return fmt.Errorf("lp: the point to project has %s, the polytope has %d", count.Of(len(x), "entity"), n)
	}
	rows := j.rows
	if lim != nil && lim.A != nil {
		if p = p.Under(lim); p != j.p {
			rows = projection.Rows(p.form.A, n, j.equalities)
		}
	}
	b, f, l, u := p.Resolve(lim)
	most := farthest * max(vec.MaxAbs(p.form.Size), vec.MaxAbs(f))
	for i, v := range x {
		if !(math.Abs(v) <= most) {
			return &FarError{Entity: p.entities[i], Value: v, Most: most}
		}
	}
	j.b, j.f = vec.Divided(j.b, b, j.unit), vec.Divided(j.f, f, j.unit)
	j.l, j.u, j.x = vec.Divided(j.l, l, j.unit), vec.Divided(j.u, u, j.unit), vec.Divided(j.x, x, j.unit)
	copy(j.y, j.x)
	j.solve(j.y, j.f)
	j.s.Start(rows, j.b, j.l, j.u, j.y)
	for cuts := 0; ; cuts++ {
		// Decimal fractions may leave a polytope empty by a little less than New
		// accepts; only then are coarser tolerances any use.
		var err error
		for _, tol := range []float64{1e-13, 1e-11, 6e-10} {
			j.s.Restart(j.y, tol)
			if err = j.s.Run(); err == nil {
				break
			}
		}
		if err != nil {
			if names, amount := j.p.conflict(lim, !j.AnyConflict); names != nil {
				return &EmptyError{Name: p.name, Conflict: names, Amount: amount}
			}
			return err
		}
		for i, d := range j.s.Z {
			j.at[i] = j.y[i] + d
		}
		j.solve(j.at, j.f)
		if p.terms != nil && cuts < mostCuts {
			if j.cutTerms(lim) {
				continue
			}
			break
		}
		if p.hull == nil || cuts == mostCuts {
			break
		}
		c, limit := p.separate(j.at, j.unit)
		if c == nil || vec.Dot(c, j.at)-limit <= 1e-13*max(1, math.Abs(limit)) {
			break
		}
		if r, ok := projection.NewRow(c, j.equalities); ok {
			j.s.Cut(r, limit, j.y)
		}
	}
	for i, v := range j.at {
		y[i] = min(max(v, j.l[i]), j.u[i]) * j.unit // rounding beyond bounds is taken off
	}
	if !(p.Residual(y, lim) <= Feasibility) {
		r, name := p.WorstConstraint(y, lim)
		return fmt.Errorf("lp: the projection violates %s by a scaled %g", name, r)
	}
	j.projected = true
	return nil
}

// cutTerms adds the tangents of rows with terms that the point is beyond, and reports
// whether there are some.
func (j *Projector) cutTerms(lim *Limits) bool {
	p := j.p.Under(lim)
	n, cut := p.Dim(), false
	for i := range p.terms.Rows {
		r := &p.terms.Rows[i]
		coef := slices.Clone(p.form.A[r.Index*n : (r.Index+1)*n])
		limit := r.Tangent(coef, j.at, j.b[r.Index], holdingsOf(lim), j.unit)
		if vec.Dot(coef, j.at)-limit <= max(1e-13*max(1, math.Abs(limit)), 2*j.s.Tol*vec.Norm(coef)) {
			continue
		}
		if row, ok := projection.NewRow(coef, j.equalities); ok {
			j.s.Cut(row, limit, j.y)
			cut = true
		}
	}
	return cut
}

// Jacobian writes J v to out, with J the derivative of the projection at the last point
// that was projected,
//
//	J = I - N' (N N')^+ N,   N the equalities and the rows that are active there.
//
// J is symmetric, so that it is also what takes the gradient by the projection to that by
// the point. Where a row is just reached, it is the derivative on one of its sides. It
// panics where nothing was projected.
func (j *Projector) Jacobian(out, v []float64) {
	if !j.projected {
		panic("lp: the Jacobian of no projection")
	}
	copy(out, v)
	vec.Orthogonalize(out, j.equalities)
	vec.Orthogonalize(out, j.s.Q)
}

// mostCuts ends the search for facets. A projection in 9 dimensions takes some 30.
const mostCuts = 10_000

// farthest is how large a point to project may be, in sizes of the polytope or totals of the state:
// rounding of such a point moves its projection by some 1e-9 of that.
const farthest = 1e6

// FarError says that rounding of a point to project would show in its projection.
type FarError struct {
	Entity      string
	Value, Most float64 // the amount, and the largest magnitude that is allowed
}

func (e *FarError) Error() string {
	return fmt.Sprintf("lp: entity %s of the point to project is %g: a magnitude up to %.3g is allowed, a million times the size of the polytope, since rounding shows beyond", e.Entity, e.Value, e.Most)
}

// separate returns a facet of a hull without facets that a, in the given unit, is
// beyond.
func (p *Polytope) separate(a []float64, unit float64) (c []float64, limit float64) {
	if p.Canonical() == p {
		return p.hull.Separate(a)
	}
	d := p.canon.units.Amount
	at := make([]float64, len(a))
	for j, v := range a {
		at[j] = v * unit / d[j]
	}
	if c, limit = p.hull.Separate(at); c == nil {
		return nil, 0
	}
	for j := range c {
		c[j] *= unit / d[j]
	}
	size := vec.MaxAbs(c)
	return vec.Divided(c, c, size), limit / size
}
