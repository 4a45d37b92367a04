package lptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/vec"
)

// RandomPolytope draws polytopes of all kinds: with and without budget, further
// equalities, lower and upper bounds, degenerate, duplicate and redundant rows,
// coefficients over several orders. Every one holds a point that is drawn first.
func RandomPolytope(r *rand.Rand) lp.Description {
	n := 1 + r.IntN(6)
	d := lp.Description{Total: math.NaN(), Lower: make([]float64, n), Upper: make([]float64, n)}
	x := make([]float64, n)
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
		x[j] = r.Float64()
		if r.IntN(4) == 0 {
			x[j] = 0
		}
	}
	budget := r.IntN(4) > 0
	capped := !budget || r.IntN(2) == 0
	for j := range n {
		d.Upper[j] = math.Inf(1)
		if capped && (!budget || r.IntN(3) > 0) {
			d.Upper[j] = x[j] + []float64{0, 0.1, 1, 5}[r.IntN(4)]
		}
		if r.IntN(5) == 0 {
			d.Lower[j] = x[j] - r.Float64()
		}
		if r.IntN(12) == 0 {
			d.Lower[j], d.Upper[j] = x[j], x[j]
		}
	}
	if budget {
		d.Total = 0
		for _, v := range x {
			d.Total += v
		}
	}
	coefs := r.IntN(4)
	row := func() []float64 {
		c := make([]float64, n)
		for j := range c {
			if r.IntN(3) == 0 {
				continue
			}
			switch coefs {
			case 0:
				c[j] = math.Round(100*r.Float64()) / 100
			case 1:
				c[j] = float64(r.IntN(5) - 2)
			case 2:
				c[j] = r.NormFloat64()
			case 3:
				c[j] = r.NormFloat64() * math.Pow(10, 6*r.Float64()-3)
			}
		}
		return c
	}
	for k := range r.IntN(7) {
		c := row()
		slack := []float64{0, 1e-9, 0.01, 0.1, 1}[r.IntN(5)]
		name := fmt.Sprintf("r%d", k)
		if len(d.Rows) > 0 && r.IntN(5) == 0 {
			last := d.Rows[r.IntN(len(d.Rows))]
			s := []float64{1, 2, 3, 0.1}[r.IntN(4)]
			c = make([]float64, n)
			for j := range c {
				c[j] = s * last.Coef[j]
			}
		}
		if vec.MaxAbs(c) == 0 {
			continue
		}
		v := vec.Dot(c, x)
		t := lp.Row{Name: name, Coef: c, Min: math.Inf(-1), Max: v + slack}
		switch r.IntN(8) {
		case 0:
			t.Min = v - slack
		case 1:
			t.Min = t.Max
			if slack > 0 {
				t.Min, t.Max = v, v
			}
		}
		d.Rows = append(d.Rows, t)
	}
	return d
}

// RandomLimits draws limits that hold a point of their own; every field is nil
// now and then.
func RandomLimits(p *lp.Polytope, r *rand.Rand) lp.Limits {
	lim, _ := RandomState(p, r)
	return lim
}

// RandomState draws limits and the point that they hold.
func RandomState(p *lp.Polytope, r *rand.Rand) (lim lp.Limits, x []float64) {
	n := p.Dim()
	x = make([]float64, n)
	lower, upper := append([]float64(nil), p.Form().L...), append([]float64(nil), p.Form().U...)
	move := r.IntN(2) == 0
	for j := range x {
		lo := lower[j]
		if math.IsInf(lo, -1) {
			lo = -1
		}
		if move && lower[j] != upper[j] {
			lo += r.NormFloat64()
			if !math.IsInf(lower[j], -1) {
				lower[j] = lo
			}
			if !math.IsInf(upper[j], 1) {
				upper[j] = lo + r.Float64()
			}
		}
		hi := min(upper[j], lo+1)
		x[j] = lo + (hi-lo)*r.Float64()
	}
	if move {
		lim.Lower, lim.Upper = lower, upper
	}
	for k := range p.Form().B {
		lim.B = append(lim.B, vec.Dot(p.Form().A[k*n:(k+1)*n], x)+[]float64{0, 0.01, 1}[r.IntN(3)])
	}
	for k := range p.Form().F {
		lim.F = append(lim.F, vec.Dot(p.Form().E[k*n:(k+1)*n], x))
	}
	return lim, x
}

// RandomSimplex returns a simplex cut by m rows, with caps on all entities where
// limit > 0.
func RandomSimplex(t testing.TB, r *rand.Rand, n, m int, limit float64) *lp.Polytope {
	t.Helper()
	d := lp.Description{Total: 1}
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
	}
	if limit > 0 {
		d.Lower, d.Upper = make([]float64, n), make([]float64, n)
		for j := range n {
			d.Upper[j] = limit * (0.8 + 0.4*r.Float64())
		}
	}
	x := make([]float64, n)
	for j := range x {
		x[j] = 1 / float64(n)
	}
	for k := range m {
		c := make([]float64, n)
		for j := range c {
			c[j] = math.Round(100*r.Float64()) / 100
		}
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprintf("r%d", k), Coef: c, Min: math.Inf(-1), Max: vec.Dot(c, x) + 0.02})
	}
	return New(t, d)
}

// MixedLimits are those of a batch whose rows are under the polytope's own limits,
// under others that the closed form covers, and under caps that it does not.
func MixedLimits(p *lp.Polytope, rows int, r *rand.Rand) []lp.Limits {
	n := p.Dim()
	limits := make([]lp.Limits, rows)
	for x := range limits {
		switch r.IntN(3) {
		case 0:
			b := slices.Clone(p.Form().B)
			for k := range b {
				b[k] += 0.2 * r.Float64()
			}
			limits[x].B = b
		case 1:
			u := make([]float64, n)
			for j := range u {
				u[j] = (2 + 2*r.Float64()) / float64(n)
			}
			limits[x].Upper = u
		}
	}
	return limits
}

// StateLimits draws matrices about that of p, with right-hand sides that leave a point
// of it inside.
func StateLimits(p *lp.Polytope, states int, r *rand.Rand) []lp.Limits {
	n := p.Dim()
	inside := make([]float64, n)
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		panic(err)
	}
	c := make([]float64, n)
	const corners = 16
	for range corners { // a mean of vertices
		for j := range c {
			c[j] = r.NormFloat64() / (hi[j] - lo[j] + 1e-3)
		}
		x, _, err := p.Minimize(c, nil)
		if err != nil {
			panic(err)
		}
		for j, v := range x {
			inside[j] += v / corners
		}
	}
	limits := make([]lp.Limits, states)
	for s := range limits {
		a, b := make([]float64, len(p.Form().A)), make([]float64, len(p.Form().B))
		for k := range b {
			for j := range n {
				if v := p.Form().A[k*n+j]; v != 0 {
					a[k*n+j] = v * (0.5 + r.Float64())
				}
			}
			v := vec.Dot(a[k*n:(k+1)*n], inside)
			b[k] = v + max(0, p.Form().B[k]-vec.Dot(p.Form().A[k*n:(k+1)*n], inside))*(0.2+r.Float64())
		}
		limits[s] = lp.Limits{A: a, B: b}
	}
	return limits
}

// RandomMatrix draws a matrix beside limits that hold a point of their own: rows that
// are those of the polytope, new, 0, the row before or a multiple of it, with
// coefficients over several orders.
func RandomMatrix(p *lp.Polytope, r *rand.Rand) lp.Limits {
	lim, x := RandomState(p, r)
	n := p.Dim()
	lim.A, lim.B = slices.Clone(p.Form().A), slices.Clone(p.Form().B)
	spread := []float64{0, 0, 3}[r.IntN(3)]
	for k := range p.Form().B {
		row := lim.A[k*n : (k+1)*n]
		slack := []float64{0, 1e-9, 0.01, 0.3}[r.IntN(4)]
		switch r.IntN(8) {
		case 0:
		case 1:
			clear(row)
		case 2, 3:
			if k > 0 {
				f := []float64{1, -1, 0.3}[r.IntN(3)]
				for j := range row {
					row[j] = f * lim.A[(k-1)*n+j]
				}
			}
		default:
			for j := range row {
				row[j] = 0
				if r.IntN(4) > 0 {
					row[j] = (r.Float64() - 0.3) * math.Pow(10, spread*(r.Float64()-0.5))
				}
				if k%2 == 0 {
					row[j] = math.Round(100*row[j]) / 100
				}
			}
		}
		lim.B[k] = vec.Dot(row, x) + slack
		if r.IntN(16) == 0 {
			lim.B[k] = math.Inf(1)
		}
	}
	return lim
}

// DrawnPoints describes the hull of points that are drawn from the simplex.
func DrawnPoints(entities, points int) lp.Description {
	r := rand.New(rng.New(1, "lp", "points"))
	d := lp.Description{Name: "points", Entities: Names(entities), Total: 1}
	for range points {
		d.Points = append(d.Points, rng.Simplex(r, entities))
	}
	return d
}

// CappedAtRandom draws a simplex with a cap on every entity, cut by degenerate,
// duplicate and redundant rows with coefficients over several orders.
func CappedAtRandom(r *rand.Rand) lp.Description {
	n := 2 + r.IntN(7)
	d := lp.Description{Total: 0, Lower: make([]float64, n), Upper: make([]float64, n)}
	x := make([]float64, n)
	for j := range n {
		d.Entities = append(d.Entities, string(rune('a'+j)))
		x[j] = r.ExpFloat64()
		d.Total += x[j]
	}
	if r.IntN(2) == 0 {
		for j := range x {
			x[j] /= d.Total
		}
		d.Total = 1
	}
	equal := 1.5 * d.Total / float64(n)
	for j := range n {
		d.Upper[j] = x[j] * []float64{1, 1 + 1e-9, 1.1, 2}[r.IntN(4)]
		if r.IntN(3) == 0 {
			d.Upper[j] = max(x[j], equal)
		}
		if r.IntN(4) == 0 {
			d.Lower[j] = x[j] * r.Float64()
		}
	}
	spread := []float64{0, 0, 3, 8}[r.IntN(4)]
	for k := range r.IntN(8) {
		c := make([]float64, n)
		for j := range c {
			if r.IntN(3) > 0 {
				c[j] = (r.Float64() - 0.2) * math.Pow(10, spread*(r.Float64()-0.5))
				if spread == 0 && k%2 == 0 {
					c[j] = math.Round(c[j])
				}
			}
		}
		if len(d.Rows) > 0 && r.IntN(4) == 0 {
			other, f := d.Rows[r.IntN(len(d.Rows))], []float64{1, -1, 0.3}[r.IntN(3)]
			for j := range c {
				c[j] = f*other.Coef[j] + float64(r.IntN(2)) // the budget changes nothing
			}
		}
		if vec.MaxAbs(c) == 0 {
			continue
		}
		slack := []float64{0, 1e-12, 1e-6, 0.05, 1}[r.IntN(5)]
		row := lp.Row{Name: string(rune('A' + k)), Coef: c, Min: math.Inf(-1), Max: vec.Dot(c, x) + slack}
		if r.IntN(4) == 0 {
			row.Min = vec.Dot(c, x) - slack // a pair that is like an equality
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}
