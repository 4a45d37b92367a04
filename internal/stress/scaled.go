package stress

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/internal/rng"
	"paspo/lp"
)

// Scaled returns a polytope of any size: rows over 2 or more entities with
// coefficients from U(0, 1) rounded to 2 digits, as constraints.GenerateRejection draws
// them, whose right-hand sides are rounded up from their values at a point that
// is uniform in the simplex. So it is not empty, and its rows are tight. With caps
// no entity exceeds 3/n, or its share of that point.
func Scaled(n, rows int, caps bool, seed uint64) (*lp.Polytope, error) {
	r := rand.New(rng.New(seed, "stress", "scaled"))
	d := lp.Description{Name: fmt.Sprintf("%d entities, %d rows", n, rows), Total: 1}
	x := rng.Simplex(r, n)
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("E%d", j+1))
		if caps {
			d.Upper = append(d.Upper, max(3/float64(n), x[j]))
		}
	}
	for k := range rows {
		t := lp.Row{Name: fmt.Sprintf("row %d", k+1), Coef: make([]float64, n), Min: math.Inf(-1)}
		for _, j := range r.Perm(n)[:2+r.IntN(n-1)] {
			t.Coef[j] = max(0.01, math.Round(100*r.Float64())/100)
		}
		t.Max = max(0.01, math.Ceil(100*dot(t.Coef, x))/100)
		d.Rows = append(d.Rows, t)
	}
	return lp.New(d)
}

func dot(a, b []float64) float64 {
	s := 0.
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// Points draws allocations of a polytope from Scaled, rows of n: hit-and-run (Smith,
// Operations Research 32, 1984) along exchanges between two entities, from the mean of
// 20 vertices. They are uniform but for what is left of that start, without the
// preparation that uniform.Sampler takes for many entities.
func Points(p *lp.Polytope, count int, r *rand.Rand) ([]float64, error) {
	const vertices = 20
	n := p.Dim()
	x, cost := make([]float64, n), make([]float64, n)
	for range vertices {
		for j := range cost {
			cost[j] = r.NormFloat64()
		}
		v, _, err := p.Minimize(cost, nil)
		if err != nil {
			return nil, err
		}
		for j := range x {
			x[j] += v[j] / vertices
		}
	}
	a, b, _ := p.Inequalities()
	lower, upper := p.Bounds()
	slack := make([]float64, len(b))
	exchange := func() {
		i, j := r.IntN(n), r.IntN(n-1)
		if j >= i {
			j++
		}
		from := max(lower[i]-x[i], x[j]-upper[j])
		to := min(upper[i]-x[i], x[j]-lower[j])
		for k := range slack {
			switch d := a[k*n+i] - a[k*n+j]; {
			case d > 0:
				to = min(to, slack[k]/d)
			case d < 0:
				from = max(from, slack[k]/d)
			}
		}
		if !(to > from) {
			return
		}
		t := from + (to-from)*r.Float64()
		x[i], x[j] = x[i]+t, x[j]-t
		for k := range slack {
			slack[k] -= t * (a[k*n+i] - a[k*n+j])
		}
	}
	points := make([]float64, 0, count*n)
	for c := range count {
		for k := range slack { // anew, so that rounding does not add up
			slack[k] = max(0, b[k]-dot(a[k*n:(k+1)*n], x))
		}
		sweeps := 2
		if c == 0 {
			sweeps = 100
		}
		for range sweeps * n {
			exchange()
		}
		points = append(points, x...)
	}
	return points, nil
}
