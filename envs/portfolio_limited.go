package envs

import (
	"math"

	"paspo/lp"
)

const (
	// PortfolioLimited is the name of the portfolio with a trading limit.
	PortfolioLimited = "portfolio-limited"

	// DefaultTradeLimit is its limit where none is set.
	DefaultTradeLimit = 0.05
)

// LimitedPortfolio is one copy of the portfolio benchmark with a trading limit.
type LimitedPortfolio struct{ *Portfolio }

// Limits implements Limiter.
func (e *LimitedPortfolio) Limits(lim *lp.Limits) { e.limits.limits(lim) }

// Relaxation implements Relaxer.
func (e *LimitedPortfolio) Relaxation() float64 { return e.limits.relaxation() }

// follow returns the limits about holdings w.
func (p *PortfolioProblem) follow(w []float64) *following {
	return p.trading.follow(func(lo, hi []float64) {
		for i, x := range w {
			d := p.cfg.TradeLimit
			if i == 0 {
				if d = p.cfg.CashLimit; d == 0 {
					d = math.Inf(1)
				}
			}
			lo[i], hi[i] = x-d, x+d
		}
	})
}

// ObsLimiter implements ObservedLimits.
func (p *PortfolioProblem) ObsLimiter() ObsLimiter {
	if p.trading == nil {
		return nil
	}
	w := make([]float64, p.polytope.Dim())
	f := p.follow(w)
	return func(obs []float64, lim *lp.Limits) {
		copy(w, obs[1:])
		f.moved(nil)
		f.limits(lim)
	}
}

// Myopic returns the policy that earns most in the month at hand: the filter of
// OptimalAllocator, then the linear program over the allocations that the
// trading limit leaves. It is not the best policy, since it does not move
// towards what later months will ask for.
func (p *PortfolioProblem) Myopic() Allocator {
	n, dim := p.polytope.Dim(), p.spec.ObsDim
	limits := NewRowLimits(p)
	var filters []*MarketFilter
	expected := make([]float64, n-1)
	return func(step int, obs []float64, rows int, actions []float64) error {
		for len(filters) < rows {
			filters = append(filters, p.market.NewFilter())
		}
		lims, err := limits.Of(obs, rows)
		if err != nil {
			return err
		}
		for r := range rows {
			if step == 0 {
				filters[r].Reset()
			}
			filters[r].Observe(obs[r*dim+2+n : (r+1)*dim])
			filters[r].Expected(expected)
			var lim *lp.Limits
			if lims != nil {
				lim = &lims[r]
			}
			a, err := p.maximize(expected, lim)
			if err != nil {
				return err
			}
			copy(actions[r*n:(r+1)*n], a)
		}
		return nil
	}
}

// limitedBaselines are Baselines under a trading limit.
func (p *PortfolioProblem) limitedBaselines(seed uint64) ([]Baseline, error) {
	uniform, err := Uniform(p.polytope, seed)
	if err != nil {
		return nil, err
	}
	equal, err := EqualWeights(p.polytope)
	if err != nil {
		return nil, err
	}
	constant, err := p.BestConstant()
	if err != nil {
		return nil, err
	}
	return []Baseline{
		{UniformWithin, Within(p, uniform)},
		{"equal weights", Within(p, Constant(equal))},
		{"best constant", Within(p, Constant(constant))},
		{"myopic", p.Myopic()},
	}, nil
}
