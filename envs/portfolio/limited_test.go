package portfolio

import (
	"math"
	"testing"

	"paspo/envs"
	"paspo/lp"
)

func TestPortfolioLimits(t *testing.T) {
	p := newPortfolio(t, func(c *Config) { c.TradeLimit, c.CashLimit = 0.05, 0.25; c.Decisions = 3 })
	e, obs := p.New().(*Limited), make([]float64, 27)
	path := Path{First: make([]float64, 12), Returns: make([]float64, 36)}
	path.Returns[0] = 1 // MSFT doubles
	e.ResetTo(&path, obs)
	var lim lp.Limits
	// 12 assets of 0.05 and cash of 0.75 at least: nothing has to relax.
	e.Limits(&lim)
	if lim.Lower[0] != 0.75 || lim.Upper[0] != 1.25 || lim.Lower[1] != 0 || lim.Upper[1] != 0.05 || e.Relaxation() != 0 {
		t.Errorf("at the start: %+v, relaxed by %v", lim, e.Relaxation())
	}
	a := make([]float64, 13)
	a[0], a[1], a[2] = 0.9, 0.05, 0.05
	e.Step(nil, a, obs)
	e.Limits(&lim)
	w := 0.1 / 1.05
	if math.Abs(lim.Lower[1]-(w-0.05)) > 1e-15 || math.Abs(lim.Upper[1]-(w+0.05)) > 1e-15 || lim.Upper[3] != 0.05 || e.Relaxation() != 0 {
		t.Errorf("holding %v: %+v", w, lim)
	}

	// MSFT has to be 0.25 at least, NVDA and the others may be 0.3: of 0.9 that cash
	// has to give, 0.65 must go elsewhere.
	d := lp.Description{Entities: p.Spec().Polytope.Entities(), Total: 1, Lower: make([]float64, 13)}
	d.Lower[1] = 0.25
	q, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	p = newPortfolio(t, func(c *Config) { c.TradeLimit, c.Polytope = 0.05, q })
	e = p.New().(*Limited)
	e.Reset(envs.EpisodeStream(1, 1), obs)
	if w := e.Relaxation(); math.Abs(w-0.2) > 1e-8 {
		t.Errorf("relaxed by %v, want 0.2", w)
	}
	e.Limits(&lim)
	if math.Abs(lim.Upper[1]-0.25) > 1e-8 || lim.Lower[1] != 0.25 || math.Abs(lim.Upper[2]-0.25) > 1e-8 {
		t.Errorf("relaxed limits %+v", lim)
	}
}
