package interval

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/closedform"
)

// tableChain evaluates tables as their documentation says.
type tableChain struct {
	t   *closedform.Tables
	p   *lp.Polytope
	lim *lp.Limits // nil: the polytope's own
	rho []float64
}

func (c *tableChain) base(i int) float64 {
	if c.t.Facets || c.t.Free[i] {
		return 0
	}
	_, _, l, _ := c.p.Resolve(c.lim)
	return l[i]
}

func (c *tableChain) begin() {
	t, p, n := c.t, c.p, c.p.Dim()
	c.rho = append([]float64(nil), t.Begin...)
	if c.lim == nil {
		return
	}
	b, e, _, u := p.Resolve(c.lim)
	left := func(rhs float64, row []float64) float64 {
		for j, v := range row {
			rhs -= v * c.base(j)
		}
		return rhs
	}
	for x, k := range t.LimitRows {
		c.rho[x] = left(b[k], p.Form().A[k*n:(k+1)*n])
	}
	at := len(t.LimitRows)
	for x, j := range t.Caps {
		c.rho[at+x] = u[j] - c.base(j)
	}
	at += len(t.Caps)
	for k := range p.Form().F {
		c.rho[at+k] = left(e[k], p.Form().E[k*n:(k+1)*n])
	}
}

func (c *tableChain) interval(i int) (lo, hi float64) {
	e := &c.t.Needed[i]
	if c.lim != nil {
		e = &c.t.All[i]
	}
	lo, hi = math.Inf(-1), math.Inf(1)
	if e.Floor {
		lo = 0
	}
	for w := e.Lower; len(w) > 0; w = w[e.Stride:] {
		lo = max(lo, vec.Dot(w[:e.Stride], c.rho[:e.Stride]))
	}
	for w := e.Upper; len(w) > 0; w = w[e.Stride:] {
		hi = min(hi, vec.Dot(w[:e.Stride], c.rho[:e.Stride]))
	}
	lo, hi = lo+c.base(i), hi+c.base(i)
	if c.lim == nil && c.t.Least != nil {
		least, most := c.t.Least[i], c.t.Most[i]
		lo, hi = min(max(lo, least), most), min(max(hi, least), most)
	}
	return lo, hi
}

func (c *tableChain) fix(i int, a float64) {
	if c.t.Facets {
		if i+1 < c.t.Size {
			c.rho[i+1] = a
		}
		return
	}
	for k, v := range c.t.Cols[i*c.t.Size : (i+1)*c.t.Size] {
		c.rho[k] -= v * (a - c.base(i))
	}
}

// Tables give the intervals of the chain, under the polytope's own limits and
// under others.
func TestTables(t *testing.T) {
	r := rand.New(rng.New(21, "tables"))
	for _, p := range append(lptest.Presets(t), lptest.CappedPortfolio(t, 0.2), lptest.RandomSimplex(t, r, 8, 24, 0)) {
		s, err := New(p, Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		tables := s.(closedform.Tabled).Tables()
		chain := s.Chain(1)
		worst, others := 0., 0
		for k := range 200 {
			c := &tableChain{t: tables, p: p}
			if k%2 == 1 && tables.AnyLimits {
				c.lim = &lp.Limits{B: append([]float64(nil), p.Form().B...), F: append([]float64(nil), p.Form().F...)}
				for j, b := range c.lim.B {
					c.lim.B[j] = b + 0.1*r.Float64()*math.Abs(b)
				}
				others++
			}
			var limits []lp.Limits
			if c.lim != nil {
				limits = []lp.Limits{*c.lim}
			}
			c.begin()
			chain.Begin(1, limits)
			lo, hi, a := []float64{0}, []float64{0}, []float64{0}
			for i := range p.Dim() {
				if err := chain.Next(lo, hi); err != nil {
					t.Fatal(err)
				}
				x, y := c.interval(i)
				worst = max(worst, math.Abs(x-lo[0]), math.Abs(y-hi[0]))
				a[0] = lo[0] + (hi[0]-lo[0])*r.Float64()
				chain.Fix(a)
				c.fix(i, a[0])
			}
		}
		s.Close()
		if !(worst <= 1e-12) {
			t.Errorf("%s: an endpoint differs by %g", p.Describe(), worst)
		}
		if tables.AnyLimits != (others > 0) {
			t.Errorf("%s: any limits %v, %d others", p.Describe(), tables.AnyLimits, others)
		}
	}
}

// The rays of tables tell which totals no allocation has.
func TestTableRays(t *testing.T) {
	p := lptest.Presets(t)[0]
	s := opened(t, p, Config{Method: "explicit", Workers: 1})
	c := &tableChain{t: s.(closedform.Tabled).Tables(), p: p, lim: &lp.Limits{F: []float64{1}}}
	told := func() bool {
		c.begin()
		for k, g := range c.t.RaySensitivity {
			if vec.Dot(c.t.Rays[k*c.t.Size:(k+1)*c.t.Size], c.rho) > 1e-13*g {
				return true
			}
		}
		return false
	}
	if told() {
		t.Error("no allocation is said to have a total of 1")
	}
	c.lim.B = make([]float64, len(p.Form().B))
	for k := range c.lim.B {
		c.lim.B[k] = -1
	}
	if !told() {
		t.Error("an allocation is said to satisfy rows that must be negative")
	}
}
