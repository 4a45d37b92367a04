package lp

import (
	"fmt"
	"math"

	"paspo/internal/count"
	"paspo/lp/internal/vec"
)

// Project returns the point of p closest to x in the Euclidean norm.
//
// After the equalities are eliminated by an orthonormal basis it solves
//
//	min |z|^2 / 2  subject to  G z <= h
//
// by the dual active-set method of Goldfarb and Idnani (Mathematical Programming
// 27, 1983), which for this objective needs nothing but projections onto active
// rows. The result has a scaled residual of at most 1e-9, and its multipliers
// satisfy the Karush-Kuhn-Tucker conditions; it is an error where rounding
// keeps either from being reached, or if x has the wrong length or is not
// finite.
//
// Of a hull without facets the rows are those facets that cut off what the others
// leave closest to x, until none does.
func Project(p *Polytope, x []float64) ([]float64, error) {
	y, _, err := project(p, nil, x)
	return y, err
}

// ProjectWithin is Project onto the set that limits leave of p; nil stands for
// its own. It panics if the length of a limit is bad.
func ProjectWithin(p *Polytope, lim *Limits, x []float64) ([]float64, error) {
	y, _, err := project(p, lim, x)
	return y, err
}

// mostCuts ends the search for facets. A projection in 9 dimensions takes some 30.
const mostCuts = 10_000

func project(p *Polytope, lim *Limits, x []float64) ([]float64, *projection, error) {
	if n := p.Dim(); len(x) != n {
		return nil, nil, fmt.Errorf("lp: the point to project has %s, the polytope has %d", count.Of(len(x), "entity"), n)
	}
	for j, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("lp: entity %s of the point to project is %g", p.entities[j], v)
		}
	}
	p = p.Under(lim)
	b, f, l, u := p.Resolve(lim)
	// Distances are those of amounts as stated, so that these have one unit. Rows are
	// taken at unit length.
	unit := unitOf(vec.MaxAbs(p.size))
	b, f, l, u, x = byUnit(b, unit), byUnit(f, unit), byUnit(l, unit), byUnit(u, unit), byUnit(x, unit)
	solve, done := vec.RowSpace(p.e, p.Dim())
	y := append([]float64(nil), x...)
	solve(y, f)
	// Decimal fractions may leave a polytope empty by a little less than New
	// accepts; only then are coarser tolerances any use.
	var q *projection
	var err error
	rows := p.a
	for {
		for _, tol := range []float64{1e-13, 1e-11, 6e-10} {
			q = newProjection(rows, b, l, u, y, done, tol)
			if err = q.run(); err == nil {
				break
			}
		}
		if err != nil {
			return nil, nil, err
		}
		at := append([]float64(nil), y...)
		for i, d := range q.z {
			at[i] += d
		}
		solve(at, f)
		if p.hull != nil {
			if c, limit := p.separate(at, unit); c != nil && vec.Dot(c, at)-limit > 1e-13*max(1, math.Abs(limit)) && len(b) < mostCuts {
				rows, b = append(rows, c...), append(b, limit)
				continue
			}
		}
		y = at
		break
	}
	for j := range y {
		y[j] *= unit
	}
	if r, name := p.WorstConstraint(y, lim); !(r <= Feasibility) {
		return nil, nil, fmt.Errorf("lp: the projection violates %s by a scaled %g", name, r)
	}
	return y, q, nil
}

// byUnit returns x / unit.
func byUnit(x []float64, unit float64) []float64 {
	if unit == 1 {
		return x
	}
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v / unit
	}
	return y
}

// separate returns a facet of a hull without facets that a, in the given unit, is
// beyond.
func (p *Polytope) separate(a []float64, unit float64) (c []float64, limit float64) {
	if p.Canonical() == p {
		return p.hull.Separate(a)
	}
	d := p.canon.units.amount
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
	for j := range c {
		c[j] /= size
	}
	return c, limit / size
}

// projection is the quadratic program of Project. Its vectors are those of R^n
// within the null space of the equalities.
type projection struct {
	g      [][]float64 // unit rows
	h      []float64   // distance of the start from each row, negative if violated
	tol    float64     // distance that counts as satisfied
	z      []float64
	active []int
	lambda []float64   // multipliers of active
	q      [][]float64 // orthonormal basis of the active rows
	r      [][]float64 // r[j] holds row active[j] in terms of q[0..j]
}

// newProjection counts a row as satisfied up to a distance of tol, against the
// size of the problem.
func newProjection(rows, b, l, u, onto []float64, equalities [][]float64, tol float64) *projection {
	// A row that the equalities nearly determine has no direction of its own.
	const dependent = 1e-10
	n := len(onto)
	s := &projection{z: make([]float64, n)}
	add := func(a []float64, limit float64) {
		if math.IsInf(limit, 0) {
			return
		}
		w := append([]float64(nil), a...)
		vec.Orthogonalize(w, equalities)
		l := vec.Norm(w)
		if l <= dependent*vec.Norm(a) {
			return
		}
		g := make([]float64, n)
		for i := range g {
			g[i] = w[i] / l
		}
		s.g = append(s.g, g)
		s.h = append(s.h, (limit-vec.Dot(a, onto))/l)
	}
	for k, v := range b {
		add(rows[k*n:(k+1)*n], v)
	}
	e := make([]float64, n)
	for j := range n {
		e[j] = -1
		add(e, -l[j])
		e[j] = 1
		add(e, u[j])
		e[j] = 0
	}
	scale := 1.
	for _, v := range onto {
		scale = max(scale, math.Abs(v))
	}
	for _, v := range s.h {
		scale = max(scale, -v)
	}
	s.tol = tol * scale
	return s
}

func (s *projection) run() error {
	limit := 100 * (len(s.g) + len(s.z))
	for range limit {
		worst, by := -1, s.tol
		for k, g := range s.g {
			if v := vec.Dot(g, s.z) - s.h[k]; v > by {
				worst, by = k, v
			}
		}
		if worst < 0 {
			return s.check()
		}
		if err := s.add(worst, limit); err != nil {
			return err
		}
		s.polish()
	}
	return fmt.Errorf("lp: the projection did not end after %d steps", limit)
}

// add makes row k active: it moves z towards the row within the other active
// rows, and drops those whose multiplier reaches 0 on the way.
func (s *projection) add(k, limit int) error {
	const dependent = 1e-10
	mult := 0.
	for range limit {
		// g_k = sum_j c_j q_j + rest; with r this gives its combination of the
		// active rows.
		rest := append([]float64(nil), s.g[k]...)
		vec.Orthogonalize(rest, s.q)
		comb := s.combination(s.g[k])

		drop, t := -1, math.Inf(1)
		for j, c := range comb {
			if c > 0 && s.lambda[j]/c < t {
				drop, t = j, s.lambda[j]/c
			}
		}
		l := vec.Dot(rest, rest)
		if l > dependent*dependent {
			if full := (vec.Dot(s.g[k], s.z) - s.h[k]) / l; full <= t {
				drop, t = -1, max(0, full)
			}
		} else if drop < 0 {
			return fmt.Errorf("lp: the projection found no feasible point")
		} else {
			l = 0
		}
		if l > 0 {
			for i, v := range rest {
				s.z[i] -= t * v
			}
		}
		for j, c := range comb {
			s.lambda[j] -= t * c
		}
		mult += t
		if drop < 0 {
			s.active, s.lambda = append(s.active, k), append(s.lambda, mult)
			s.factor()
			return nil
		}
		s.active = append(s.active[:drop], s.active[drop+1:]...)
		s.lambda = append(s.lambda[:drop], s.lambda[drop+1:]...)
		s.factor()
	}
	return fmt.Errorf("lp: the projection did not end after %d steps", limit)
}

// factor computes q and r of the active rows.
func (s *projection) factor() {
	s.q, s.r = s.q[:0], s.r[:0]
	for _, k := range s.active {
		q := vec.Orthonormal(s.g[k], s.q)
		s.q = append(s.q, q)
		r := make([]float64, len(s.q))
		for i, b := range s.q {
			r[i] = vec.Dot(b, s.g[k])
		}
		s.r = append(s.r, r)
	}
}

// combination returns c with sum_j c_j g_active[j] closest to v.
func (s *projection) combination(v []float64) []float64 {
	c := make([]float64, len(s.q))
	for j := len(c) - 1; j >= 0; j-- {
		sum := vec.Dot(s.q[j], v)
		for i := j + 1; i < len(c); i++ {
			sum -= s.r[i][j] * c[i]
		}
		c[j] = sum / s.r[j][j]
	}
	return c
}

// polish computes z and the multipliers anew from the active rows alone, so that
// the rounding of steps does not add up: z is the shortest vector with
// g z = h on the active rows.
func (s *projection) polish() {
	y := make([]float64, len(s.q)) // z in terms of q
	for j, k := range s.active {
		sum := s.h[k]
		for i := range j {
			sum -= s.r[j][i] * y[i]
		}
		y[j] = sum / s.r[j][j]
	}
	clear(s.z)
	for j, q := range s.q {
		for i, v := range q {
			s.z[i] += y[j] * v
		}
	}
	// z = -sum lambda_j g_j
	for j, c := range s.combination(s.z) {
		s.lambda[j] = max(0, -c)
	}
}

// check tests stationarity, z + sum lambda_j g_j = 0 with lambda >= 0; the
// active rows hold with equality by construction.
func (s *projection) check() error {
	res := append([]float64(nil), s.z...)
	for j, k := range s.active {
		for i, v := range s.g[k] {
			res[i] += s.lambda[j] * v
		}
	}
	if e := vec.Norm(res); !(e <= 1e-9*max(1, vec.Norm(s.z))) {
		return fmt.Errorf("lp: the projection is not stationary: off by %g", e)
	}
	return nil
}
