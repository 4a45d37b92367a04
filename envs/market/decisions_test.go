package market

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/internal/marketmodel"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/interval"
)

var decisions = flag.Int("decisions", 4000, "decisions of TestDecisions")

// randomLimits draws limits on turnover, leverage, sides, groups and single entities, with
// shorts in half of the cases. Equal weights keep those that count from no holdings.
func randomLimits(r *rand.Rand) lp.Description {
	assets := make([]string, 2+r.IntN(11))
	for j := range assets {
		assets[j] = fmt.Sprint("A", j)
	}
	d := Simplex(assets)
	n := len(d.Entities)
	equal := 1 / float64(n)
	d.Lower, d.Upper = make([]float64, n), make([]float64, n)
	short := r.IntN(2) == 0
	for j := range n {
		d.Upper[j] = equal + (1-equal)*r.Float64()
		if short && r.IntN(3) > 0 {
			d.Lower[j] = -0.5 * r.Float64()
		} else if r.IntN(4) == 0 {
			d.Lower[j] = equal * r.Float64()
		}
	}
	row := func(name string, above, below, most float64, holding bool) {
		x := lp.Row{Name: name, Coef: make([]float64, n), Min: math.Inf(-1), Max: most}
		for j := range n {
			if name == "turnover" || name == "leverage" || r.IntN(3) > 0 {
				x.Terms = append(x.Terms, lp.Term{Entity: j, Above: above, Below: below, From: equal, Holding: holding})
				if !holding {
					x.Terms[len(x.Terms)-1].From = 0
				}
			}
		}
		if x.Terms != nil {
			d.Rows = append(d.Rows, x)
		}
	}
	row("turnover", 1, 1, []float64{0.02, 0.1, 0.3, 1}[r.IntN(4)], true)
	if r.IntN(3) == 0 {
		row("bought", 1, 0, 0.2*r.Float64(), true)
	}
	if short {
		row("leverage", 1, 1, 1+r.Float64(), false)
		if r.IntN(2) == 0 {
			row("short", 0, 1, 0.3*r.Float64(), false)
		}
	}
	for k := range r.IntN(4) {
		x := lp.Row{Name: fmt.Sprint("group ", k), Coef: make([]float64, n), Min: math.Inf(-1)}
		for j := range n {
			x.Coef[j] = float64(r.IntN(2)) * r.Float64()
			x.Max += equal * x.Coef[j]
		}
		x.Max *= 1 + r.Float64()
		d.Rows = append(d.Rows, x)
	}
	return d
}

// No limit is broken by decisions drawn entity by entity, whatever prices do to what is held,
// and none moves by more than the least that others ask for.
func TestDecisions(t *testing.T) {
	each := max(1000, *decisions/250)
	worst, relaxed, ruined := math.Inf(-1), 0, 0
	for k := range max(1, *decisions/each) {
		r := rand.New(rng.New(uint64(k), "decisions"))
		d := randomLimits(r)
		polytope, err := lp.New(d)
		if err != nil {
			t.Fatalf("%v\n%+v", err, d)
		}
		assets := d.Entities[1:]
		m := marketmodel.Description{Kind: marketmodel.Replay, Every: "month", Assets: assets}
		for i := range 8 {
			m.Dates = append(m.Dates, fmt.Sprint(i))
			m.Returns = append(m.Returns, make([]float64, len(assets)))
		}
		model, err := marketmodel.New(m)
		if err != nil {
			t.Fatal(err)
		}
		c := DefaultConfig()
		c.Lookback, c.Decisions, c.Polytope, c.Borrow = 2, 5, polytope, "0.003"
		p, err := over(c, model)
		if err != nil {
			t.Fatal(err)
		}
		s, err := interval.New(polytope, interval.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		n := polytope.Dim()
		chain, limits := s.Chain(1), p.Limits()
		h, a, returns := rng.Simplex(r, n), make([]float64, n), make([]float64, n-1)
		lo, hi, one := make([]float64, 1), make([]float64, 1), make([]float64, 1)
		for range each {
			lim, by := limits.At(h)
			if by > 0 {
				relaxed++
			}
			chain.Begin(1, []lp.Limits{*lim})
			for j := range a {
				if err := chain.Next(lo, hi); err != nil {
					t.Fatalf("problem %d, entity %d at %v: %v", k, j, h, err)
				}
				x := r.Float64() // endpoints among them, where rounding shows first
				if v := r.IntN(6); v < 2 {
					x = float64(v)
				}
				one[0] = min(max(lo[0]+(hi[0]-lo[0])*x, lo[0]), hi[0])
				a[j] = one[0]
				chain.Fix(one)
			}
			residual := polytope.Residual(a, lim)
			if worst = max(worst, residual); !(residual <= 1e-9) {
				_, name := polytope.WorstConstraint(a, lim)
				t.Fatalf("problem %d breaks %s by %g at %v", k, name, residual, h)
			}
			for j := range returns {
				returns[j] = math.Expm1(0.15 * r.NormFloat64())
			}
			if f, growth := p.Grow(h, a, returns); f*growth <= Ruin*(1+1e-12) {
				ruined++
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d decisions, largest residual %.2g, %d states relaxed, %d ruined", max(1, *decisions/each)*each, worst, relaxed, ruined)
	if relaxed == 0 || worst > envs.Violation {
		t.Error("too little was asked")
	}
}
