package uniform

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
)

func newChart(t testing.TB, p *lp.Polytope) *Chart {
	t.Helper()
	c, err := NewChart(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A ray ends on the border: just before it is inside, just beyond it is not.
func TestChartExit(t *testing.T) {
	for name, d := range map[string]lp.Description{
		"simplex": {Entities: lptest.Names(4), Total: 1},
		"rows": {Entities: lptest.Names(5), Total: 50, Rows: []lp.Row{
			{Name: "r", Coef: []float64{1, -2, 0, 3, 1}, Min: math.Inf(-1), Max: 40}, {Name: "e", Coef: []float64{1, 1, 0, 0, 0}, Min: 20, Max: 20}}},
		"implied equality": {Entities: lptest.Names(3), Total: 1, Upper: []float64{0.25, 1, 1}, Lower: []float64{0.25, 0, 0}},
		"tiny":             {Entities: lptest.Names(3), Total: 1e-7},
		"thin":             {Entities: lptest.Names(3), Total: 1, Upper: []float64{1e-6, 1, 1}},
		"box":              {Entities: lptest.Names(3), Total: math.NaN(), Lower: []float64{-1, 0, 5}, Upper: []float64{1, 1e-3, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			p := lptest.New(t, d)
			c := newChart(t, p)
			r := rand.New(rng.New(1, name))
			y, a := make([]float64, c.Dim()), make([]float64, p.Dim())
			for range 100 {
				for k := range y {
					y[k] = r.NormFloat64()
				}
				end := c.Exit(y)
				for _, s := range []float64{0, 0.5, 1} {
					at := make([]float64, len(y))
					for k := range at {
						at[k] = s * end * y[k]
					}
					c.At(at, a)
					if res := p.Residual(a, nil); !(res <= 1e-9) {
						t.Fatalf("at %g of the way %v has a residual of %g", s, a, res)
					}
				}
				// Bounds are not cut off here.
				for j := range a {
					a[j] = c.Center[j]
					for k, axis := range c.Axes {
						a[j] += 1.001 * end * y[k] * axis[j]
					}
				}
				if res := p.Canonical().Residual(a, nil); !(res > 1e-12) {
					t.Fatalf("beyond the exit %v has a residual of %g", a, res)
				}
			}
		})
	}
}

// At the analytic centre the gradients of the logarithms of slacks cancel; that of the
// simplex is its middle.
func TestChartCentre(t *testing.T) {
	c := newChart(t, lptest.New(t, lp.Description{Entities: lptest.Names(6), Total: 3}))
	for _, x := range c.Center {
		if math.Abs(x-c.Center[0]) > 1e-9 {
			t.Errorf("the centre of the simplex is %v", c.Center)
		}
	}
	p := lptest.New(t, lp.Description{Entities: lptest.Names(4), Total: 1, Upper: []float64{0.3, 0.6, 1, 1}, Rows: []lp.Row{
		{Name: "r", Coef: []float64{1, -1, 0.5, 0}, Min: math.Inf(-1), Max: 0.1}}})
	c = newChart(t, p)
	sum := make([]float64, c.Dim())
	for k, h := range c.H {
		for j := range sum {
			sum[j] += c.G[k*c.Dim()+j] / h
		}
	}
	if vec.Norm(sum) > 1e-6 {
		t.Errorf("the gradient at the centre is %v", sum)
	}
}

func TestChartRefusals(t *testing.T) {
	p := lptest.New(t, lp.Description{Entities: lptest.Names(3), Total: math.NaN(), FacetEffort: lp.NoFacets,
		Points: [][]float64{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}}})
	if _, err := NewChart(p); err == nil {
		t.Error("a hull without facets has a chart")
	}
	c := newChart(t, lptest.New(t, lp.Description{Entities: lptest.Names(2), Total: 1, Lower: []float64{0.5, 0.5}}))
	a := make([]float64, 2)
	if c.At(nil, a); c.Dim() != 0 || a[0] != 0.5 || a[1] != 0.5 {
		t.Errorf("the chart of a point has %d dimensions and gives %v", c.Dim(), a)
	}
}
