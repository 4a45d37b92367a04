package projection

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/vec"
)

// Row is a row within the null space of the equalities: an inequality, or a bound of an
// entity.
type Row struct {
	Coef  []float64 // as stated; nil of a bound
	Limit int       // index among the inequalities

	Entity int     // of a bound
	Sign   float64 // -1 of a lower bound, 1 of an upper one

	unit   []float64 // of length 1
	length float64   // of coef within the null space
}

// NewRow returns an inequality as a row. It is false where the equalities nearly determine
// what the row limits, so that it has no direction of its own.
func NewRow(coef []float64, equalities [][]float64) (Row, bool) {
	const dependent = 1e-10
	w := append([]float64(nil), coef...)
	vec.Orthogonalize(w, equalities)
	l := vec.Norm(w)
	if l <= dependent*vec.Norm(coef) {
		return Row{}, false
	}
	for i := range w {
		w[i] /= l
	}
	return Row{Coef: coef, unit: w, length: l}, true
}

// Rows returns the inequalities, then the lower and the upper bound of every
// entity.
func Rows(a []float64, n int, equalities [][]float64) []Row {
	var rows []Row
	for k := range len(a) / n {
		if r, ok := NewRow(a[k*n:(k+1)*n], equalities); ok {
			r.Limit = k
			rows = append(rows, r)
		}
	}
	e := make([]float64, n)
	for j := range n {
		for _, sign := range []float64{-1, 1} {
			e[j] = sign
			if r, ok := NewRow(e, equalities); ok {
				r.Coef, r.Entity, r.Sign = nil, j, sign
				rows = append(rows, r)
			}
		}
		e[j] = 0
	}
	return rows
}

// distance returns how far x is from the row.
func (r *Row) distance(b, l, u, x []float64) float64 {
	switch {
	case r.Coef != nil:
		return (b[r.Limit] - vec.Dot(r.Coef, x)) / r.length
	case r.Sign < 0:
		return (x[r.Entity] - l[r.Entity]) / r.length
	}
	return (u[r.Entity] - x[r.Entity]) / r.length
}

// Program is a quadratic program,
//
//	min |z|^2 / 2  subject to  G z <= h,
//
// whose vectors are those of R^n within the null space of equalities. It is solved by the
// dual active-set method of Goldfarb and Idnani (Mathematical Programming 27, 1983), which
// for this objective needs nothing but projections onto active rows.
type Program struct {
	G      [][]float64 // unit rows
	H      []float64   // distance of the start from each row, negative if violated
	Tol    float64     // distance that counts as satisfied
	Z      []float64
	Active []int       // indices of the active rows
	Lambda []float64   // multipliers of active
	Q      [][]float64 // orthonormal basis of the active rows
	r      [][]float64 // r[j] holds row active[j] in terms of q[0..j]

	comb, rest, weights []float64 // scratch
}

// Start makes it the program of a point onto that satisfies the equalities. Rows without
// a limit are infinitely far.
func (s *Program) Start(rows []Row, b, l, u, onto []float64) {
	s.G, s.H = s.G[:0], s.H[:0]
	for i := range rows {
		s.G, s.H = append(s.G, rows[i].unit), append(s.H, rows[i].distance(b, l, u, onto))
	}
}

// Cut adds a row.
func (s *Program) Cut(r Row, limit float64, onto []float64) {
	s.G, s.H = append(s.G, r.unit), append(s.H, (limit-vec.Dot(r.Coef, onto))/r.length)
}

// Restart goes back to the point. A row counts as satisfied up to a distance of tol,
// against the size of the problem.
func (s *Program) Restart(onto []float64, tol float64) {
	s.Z, s.rest = vec.Grown(s.Z, len(onto)), vec.Grown(s.rest, len(onto))
	clear(s.Z)
	s.Active, s.Lambda = s.Active[:0], s.Lambda[:0]
	s.Q, s.r = s.Q[:0], s.r[:0]
	scale := 1.
	for _, v := range onto {
		scale = max(scale, math.Abs(v))
	}
	for _, v := range s.H {
		scale = max(scale, -v)
	}
	s.Tol = tol * scale
}

// Run solves the program.
func (s *Program) Run() error {
	limit := 100 * (len(s.G) + len(s.Z))
	for range limit {
		worst, by := -1, s.Tol
		for k, g := range s.G {
			if v := vec.Dot(g, s.Z) - s.H[k]; v > by {
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
func (s *Program) add(k, limit int) error {
	const dependent = 1e-10
	mult := 0.
	for range limit {
		// g_k = sum_j c_j q_j + rest; with r this gives its combination of the
		// active rows.
		rest := s.rest
		copy(rest, s.G[k])
		vec.Orthogonalize(rest, s.Q)
		comb := s.combination(s.G[k])

		drop, t := -1, math.Inf(1)
		for j, c := range comb {
			if c > 0 && s.Lambda[j]/c < t {
				drop, t = j, s.Lambda[j]/c
			}
		}
		l := vec.Dot(rest, rest)
		if l > dependent*dependent {
			if full := (vec.Dot(s.G[k], s.Z) - s.H[k]) / l; full <= t {
				drop, t = -1, max(0, full)
			}
		} else if drop < 0 {
			return fmt.Errorf("lp: the projection found no feasible point")
		} else {
			l = 0
		}
		if l > 0 {
			for i, v := range rest {
				s.Z[i] -= t * v
			}
		}
		for j, c := range comb {
			s.Lambda[j] -= t * c
		}
		mult += t
		if drop < 0 {
			s.Active, s.Lambda = append(s.Active, k), append(s.Lambda, mult)
			s.factor(k)
			return nil
		}
		s.Active = append(s.Active[:drop], s.Active[drop+1:]...)
		s.Lambda = append(s.Lambda[:drop], s.Lambda[drop+1:]...)
		s.Q, s.r = s.Q[:drop], s.r[:drop]
		for _, a := range s.Active[drop:] {
			s.factor(a)
		}
	}
	return fmt.Errorf("lp: the projection did not end after %d steps", limit)
}

// factor takes row k into q and r, after those before it among the active rows.
func (s *Program) factor(k int) {
	n := len(s.Q)
	if s.Q = slices.Grow(s.Q, 1)[:n+1]; len(s.Q[n]) != len(s.Z) {
		s.Q[n] = make([]float64, len(s.Z))
	}
	q := s.Q[n]
	copy(q, s.G[k])
	vec.Orthonormalize(q, s.Q[:n])
	s.r = slices.Grow(s.r, 1)[:n+1]
	r := vec.Grown(s.r[n], n+1)
	for i, b := range s.Q {
		r[i] = vec.Dot(b, s.G[k])
	}
	s.r[n] = r
}

// combination returns c with sum_j c_j g_active[j] closest to v, until it is called again.
func (s *Program) combination(v []float64) []float64 {
	s.comb = vec.Grown(s.comb, len(s.Q))
	c := s.comb
	for j := len(c) - 1; j >= 0; j-- {
		sum := vec.Dot(s.Q[j], v)
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
func (s *Program) polish() {
	s.weights = vec.Grown(s.weights, len(s.Q))
	y := s.weights // z in terms of q
	for j, k := range s.Active {
		sum := s.H[k]
		for i := range j {
			sum -= s.r[j][i] * y[i]
		}
		y[j] = sum / s.r[j][j]
	}
	clear(s.Z)
	for j, q := range s.Q {
		for i, v := range q {
			s.Z[i] += y[j] * v
		}
	}
	// z = -sum lambda_j g_j
	for j, c := range s.combination(s.Z) {
		s.Lambda[j] = max(0, -c)
	}
}

// check tests stationarity, z + sum lambda_j g_j = 0 with lambda >= 0; the
// active rows hold with equality by construction.
func (s *Program) check() error {
	res := s.rest
	copy(res, s.Z)
	for j, k := range s.Active {
		for i, v := range s.G[k] {
			res[i] += s.Lambda[j] * v
		}
	}
	if e := vec.Norm(res); !(e <= 1e-9*max(1, vec.Norm(s.Z))) {
		return fmt.Errorf("lp: the projection is not stationary: off by %g", e)
	}
	return nil
}
