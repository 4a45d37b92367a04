package program

import (
	"math"

	"paspo/lp/internal/vec"
)

// Form is a polytope of allocations in numbers,
//
//	{ a in R^n : A a <= B,  E a = F,  L <= a <= U },
//
// with A (m x n) and E (k x n) row-major and bounds infinite where absent, beside what
// residuals are measured in.
type Form struct {
	A, B, E, F, L, U []float64

	// Size are the largest magnitudes of entities, n, RowSize and EqSize what the terms of
	// rows and equalities can come to, sum_j |A_kj| s_j: see SetSizes. Where RowSize is nil
	// they are computed from A.
	Size, RowSize, EqSize []float64

	// TermSize is what convex terms beside rows can come to, which RowSize counts too; nil
	// where there are none.
	TermSize []float64
}

// SetSizes sets the sizes of entities, and with them those of rows and equalities.
func (p *Form) SetSizes(s []float64) {
	p.Size, p.RowSize, p.EqSize = s, RowSizes(nil, p.A, s), RowSizes(nil, p.E, s)
	for k, v := range p.TermSize {
		p.RowSize[k] += v
	}
}

// Program returns the linear program of a cost over the form.
func (p *Form) Program(c []float64) *Program {
	return &Program{C: c, A: p.A, B: p.B, E: p.E, F: p.F, L: p.L, U: p.U, Size: p.Size, RowSize: p.RowSize, EqSize: p.EqSize}
}

// Side returns the coefficients and the limit of row k, inequalities first.
func (p *Form) Side(k int) (row []float64, rhs float64) {
	n := len(p.L)
	if k < len(p.B) {
		return p.A[k*n : (k+1)*n], p.B[k]
	}
	k -= len(p.B)
	return p.E[k*n : (k+1)*n], p.F[k]
}

// RowScale returns what residuals of row k are measured in when its limit is b.
func (p *Form) RowScale(k int, b float64) float64 { return max(math.Abs(b), p.RowSize[k]) }

// EqScale returns what residuals of equality k are measured in when its right-hand side
// is f.
func (p *Form) EqScale(k int, f float64) float64 { return max(math.Abs(f), p.EqSize[k]) }

// EntityScale returns what residuals of a bound of entity j are measured in at x.
func (p *Form) EntityScale(j int, x float64) float64 { return max(math.Abs(x), p.Size[j]) }

// Feasible reports whether a satisfies all constraints under limits b, f, l and u to a
// tolerance.
func (p *Form) Feasible(a, b, f, l, u []float64, tol float64) bool {
	n := len(a)
	for k, v := range b {
		if !(vec.Dot(p.A[k*n:(k+1)*n], a)-v <= tol*p.RowScale(k, v)) {
			return false
		}
	}
	for k, v := range f {
		if !(math.Abs(vec.Dot(p.E[k*n:(k+1)*n], a)-v) <= tol*p.EqScale(k, v)) {
			return false
		}
	}
	for j, x := range a {
		if x >= l[j] && x <= u[j] {
			continue
		}
		if scale := tol * p.EntityScale(j, x); !(l[j]-x <= scale && x-u[j] <= scale) {
			return false
		}
	}
	return true
}

// RowSizes appends sum_j |A_kj| s_j of every row.
func RowSizes(to, a, s []float64) []float64 {
	for n := len(s); len(a) > 0; a = a[n:] {
		sum := 0.
		for j, c := range a[:n] {
			sum += math.Abs(c) * s[j]
		}
		to = append(to, sum)
	}
	return to
}

// endsOneWay says that no entity with a lower bound grows without end in a form with these limits
// of a direction. It asks for the sum of them all, since each may take a linear program as long.
func (p *Form) endsOneWay(b, f, lo, hi []float64) bool {
	c, some := make([]float64, len(lo)), false
	for j := range c {
		if lo[j] == 0 && hi[j] > 0 {
			c[j], some = -1, true
		}
	}
	if !some {
		return true
	}
	_, value, err := Solve(c, p.A, b, p.E, f, lo, hi)
	return err == nil && -value <= 1e-7
}

// Unbounded returns an entity that can grow (direction 1) or fall (-1) without end in the form,
// and a direction of 0 where none can: it looks for a direction d in which the form never ends,
//
//	A d <= 0,  E d = 0,  d_j >= 0 where L_j is finite,  d_j <= 0 where U_j is.
func (p *Form) Unbounded() (entity, direction int, err error) {
	n := len(p.L)
	lo, hi := make([]float64, n), make([]float64, n)
	for j := range n {
		if math.IsInf(p.L[j], -1) {
			lo[j] = -1
		}
		if math.IsInf(p.U[j], 1) {
			hi[j] = 1
		}
	}
	b, f, c := make([]float64, len(p.B)), make([]float64, len(p.F)), make([]float64, n)
	ends := p.endsOneWay(b, f, lo, hi)
	for j := range n {
		if ends && lo[j] == 0 {
			continue
		}
		for _, direction := range [...]int{1, -1} {
			if direction > 0 && hi[j] == 0 || direction < 0 && lo[j] == 0 {
				continue
			}
			c[j] = float64(-direction)
			_, value, err := Solve(c, p.A, b, p.E, f, lo, hi)
			if err != nil {
				return 0, 0, err
			}
			if -value > 1e-7 {
				return j, direction, nil
			}
		}
		c[j] = 0
	}
	return 0, 0, nil
}
