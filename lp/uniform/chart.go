package uniform

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"paspo/lp"
)

// Chart is a polytope in coordinates of its affine hull,
//
//	a_j = unit_j (Center_j + sum_k Axes_kj y_k),   P = { a : G y <= H },
//
// with the analytic centre at y = 0, so that H > 0. Axes are the principal axes of the
// vertices that the search for the affine hull has found, each as long as the standard deviation
// of these along it: however thin the polytope is, its coordinates are about 1.
//
// The analytic centre maximises the sum of ln(H - G y) over the rows as they are stated, so that a row
// that limits nothing moves it.
type Chart struct {
	Center []float64   // n
	Axes   [][]float64 // d, each n
	G      []float64   // m x d, row-major
	H      []float64   // m

	p *lp.Polytope
	c *lp.Polytope // its canonical form
}

// NewChart finds the hull of p by linear programs. It is an error where p is a hull without
// facets, which has no rows.
func NewChart(p *lp.Polytope) (*Chart, error) {
	if p.HullOnly() {
		return nil, fmt.Errorf("uniform: %s is the hull of points whose facets are too many to find: it has no rows to go by", p.Describe())
	}
	if err := p.RefuseTerms("uniform: coordinates of a polytope"); err != nil {
		return nil, err
	}
	c := &Chart{p: p, c: p.Canonical()}
	hull, err := newAffineHull(c.c)
	if err != nil {
		return nil, err
	}
	d := hull.dim()
	c.Center = hull.center
	if d == 0 {
		return c, nil
	}
	axes := hull.axes()
	rows := newMovingRows(c.c, hull.center, axes)
	for k := range d {
		c.Axes = append(c.Axes, mat.Col(nil, k, axes))
	}
	c.H = make([]float64, rows.Len())
	rows.slacks(c.H, hull.center)
	for k := range rows.Len() {
		c.G = append(c.G, rows.normal(k, axes)...)
	}
	return c, c.centre()
}

// Dim returns the dimension d of the hull.
func (c *Chart) Dim() int { return len(c.Axes) }

// centre moves the centre to the analytic one, by Newton's method damped so that every
// step stays inside (Boyd and Vandenberghe, Convex Optimization, section 9.6).
func (c *Chart) centre() error {
	d, m := c.Dim(), len(c.H)
	y, slack := make([]float64, d), make([]float64, m)
	grad, step := mat.NewVecDense(d, nil), mat.NewVecDense(d, nil)
	hess := mat.NewSymDense(d, nil)
	const mostSteps = 1000
	for range mostSteps {
		grad.Zero()
		hess.Zero()
		for k, h := range c.H {
			g := c.G[k*d : (k+1)*d]
			s := h
			for j, v := range g {
				s -= v * y[j]
			}
			if !(s > 0) {
				return fmt.Errorf("uniform: the interior of %s is too thin to find its centre", c.p.Describe())
			}
			slack[k] = s
			v := mat.NewVecDense(d, g)
			grad.AddScaledVec(grad, 1/s, v)
			hess.SymRankOne(hess, 1/(s*s), v)
		}
		var chol mat.Cholesky
		if !chol.Factorize(hess) || chol.SolveVecTo(step, grad) != nil {
			return fmt.Errorf("uniform: the interior of %s is too thin to find its centre", c.p.Describe())
		}
		decrement := math.Sqrt(mat.Dot(step, grad))
		for j := range y {
			y[j] -= step.AtVec(j) / (1 + decrement)
		}
		if decrement < 1e-9 {
			break
		}
	}
	for k, x := range y {
		for j, v := range c.Axes[k] {
			c.Center[j] += x * v
		}
	}
	for k := range c.H {
		for j, v := range c.G[k*d : (k+1)*d] {
			c.H[k] -= v * y[j]
		}
	}
	return nil
}

// Exit returns the largest t for which t u is inside, +Inf for u = 0.
func (c *Chart) Exit(u []float64) float64 {
	// The largest rate at which u uses a row's slack: one division a row.
	most, d := 0., len(u)
	for k, h := range c.H {
		g := c.G[k*d : (k+1)*d]
		rate := 0.
		for j, v := range g {
			rate += v * u[j]
		}
		most = max(most, rate/h)
	}
	return 1 / most
}

// At writes the allocation with coordinates y. Rounding beyond bounds is taken off.
func (c *Chart) At(y, a []float64) {
	copy(a, c.Center)
	for k, x := range y {
		for j, v := range c.Axes[k] {
			a[j] += x * v
		}
	}
	allocation(c.p, c.c, a, a)
}
