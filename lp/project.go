package lp

import (
	"fmt"
	"math"
	"slices"

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
func Project(p *Polytope, x []float64) ([]float64, error) { return ProjectWithin(p, nil, x) }

// ProjectWithin is Project onto the set that limits leave of p; nil stands for
// its own. It panics if the length of a limit is bad.
func ProjectWithin(p *Polytope, lim *Limits, x []float64) ([]float64, error) {
	y := make([]float64, p.Dim())
	if err := NewProjector(p).Project(y, x, lim); err != nil {
		return nil, err
	}
	return y, nil
}

// byUnit returns x / unit, in dst where that is long enough.
func byUnit(dst, x []float64, unit float64) []float64 {
	dst = grown(dst, len(x))
	for j, v := range x {
		dst[j] = v / unit
	}
	return dst
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

// projectionRow is a row within the null space of the equalities.
type projectionRow struct {
	coef   []float64 // as stated; nil of a bound
	entity int
	sign   float64
	unit   []float64 // of length 1
	length float64   // of coef within the null space
	limit  int       // index among the inequalities
}

// newProjectionRow is false of a row that the equalities nearly determine: it has no
// direction of its own.
func newProjectionRow(coef []float64, equalities [][]float64) (projectionRow, bool) {
	const dependent = 1e-10
	w := append([]float64(nil), coef...)
	vec.Orthogonalize(w, equalities)
	l := vec.Norm(w)
	if l <= dependent*vec.Norm(coef) {
		return projectionRow{}, false
	}
	for i := range w {
		w[i] /= l
	}
	return projectionRow{coef: coef, unit: w, length: l}, true
}

// projectionRows returns the inequalities, then the lower and the upper bound of every
// entity.
func projectionRows(a []float64, n int, equalities [][]float64) []projectionRow {
	var rows []projectionRow
	for k := range len(a) / n {
		if r, ok := newProjectionRow(a[k*n:(k+1)*n], equalities); ok {
			r.limit = k
			rows = append(rows, r)
		}
	}
	e := make([]float64, n)
	for j := range n {
		for _, sign := range []float64{-1, 1} {
			e[j] = sign
			if r, ok := newProjectionRow(e, equalities); ok {
				r.coef, r.entity, r.sign = nil, j, sign
				rows = append(rows, r)
			}
		}
		e[j] = 0
	}
	return rows
}

// distance returns how far x is from the row.
func (r *projectionRow) distance(b, l, u, x []float64) float64 {
	switch {
	case r.coef != nil:
		return (b[r.limit] - vec.Dot(r.coef, x)) / r.length
	case r.sign < 0:
		return (x[r.entity] - l[r.entity]) / r.length
	}
	return (u[r.entity] - x[r.entity]) / r.length
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

	comb, rest, weights []float64 // scratch
}

// start makes it the program of a point onto that satisfies the equalities. Rows without
// a limit are infinitely far.
func (s *projection) start(rows []projectionRow, b, l, u, onto []float64) {
	s.g, s.h = s.g[:0], s.h[:0]
	for i := range rows {
		s.g, s.h = append(s.g, rows[i].unit), append(s.h, rows[i].distance(b, l, u, onto))
	}
}

// cut adds a row.
func (s *projection) cut(r projectionRow, limit float64, onto []float64) {
	s.g, s.h = append(s.g, r.unit), append(s.h, (limit-vec.Dot(r.coef, onto))/r.length)
}

// restart goes back to the point. A row counts as satisfied up to a distance of tol,
// against the size of the problem.
func (s *projection) restart(onto []float64, tol float64) {
	s.z, s.rest = grown(s.z, len(onto)), grown(s.rest, len(onto))
	clear(s.z)
	s.active, s.lambda = s.active[:0], s.lambda[:0]
	s.q, s.r = s.q[:0], s.r[:0]
	scale := 1.
	for _, v := range onto {
		scale = max(scale, math.Abs(v))
	}
	for _, v := range s.h {
		scale = max(scale, -v)
	}
	s.tol = tol * scale
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
		rest := s.rest
		copy(rest, s.g[k])
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
			s.factor(k)
			return nil
		}
		s.active = append(s.active[:drop], s.active[drop+1:]...)
		s.lambda = append(s.lambda[:drop], s.lambda[drop+1:]...)
		s.q, s.r = s.q[:drop], s.r[:drop]
		for _, a := range s.active[drop:] {
			s.factor(a)
		}
	}
	return fmt.Errorf("lp: the projection did not end after %d steps", limit)
}

// factor takes row k into q and r, after those before it among the active rows.
func (s *projection) factor(k int) {
	n := len(s.q)
	if s.q = slices.Grow(s.q, 1)[:n+1]; len(s.q[n]) != len(s.z) {
		s.q[n] = make([]float64, len(s.z))
	}
	q := s.q[n]
	copy(q, s.g[k])
	vec.Orthonormalize(q, s.q[:n])
	s.r = slices.Grow(s.r, 1)[:n+1]
	r := grown(s.r[n], n+1)
	for i, b := range s.q {
		r[i] = vec.Dot(b, s.g[k])
	}
	s.r[n] = r
}

// combination returns c with sum_j c_j g_active[j] closest to v, until it is called again.
func (s *projection) combination(v []float64) []float64 {
	s.comb = grown(s.comb, len(s.q))
	c := s.comb
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
	s.weights = grown(s.weights, len(s.q))
	y := s.weights // z in terms of q
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
	res := s.rest
	copy(res, s.z)
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
