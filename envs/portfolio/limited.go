package portfolio

import (
	"math"

	"paspo/envs"
	"paspo/envs/internal/bounds"
	"paspo/lp"
)

const (
	// LimitedName is the name of the portfolio with a trading limit.
	LimitedName = "portfolio-limited"

	// DefaultTradeLimit is its limit where none is set.
	DefaultTradeLimit = 0.05
)

// Limited is one copy of the portfolio benchmark with a trading limit. It is an
// envs.Relaxer.
type Limited struct {
	*Env
	*bounds.Bounds
}

// follow returns the limits about holdings w.
func (p *Problem) follow(w []float64) *bounds.Bounds {
	return p.trading.Follow(func(lo, hi []float64) {
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
func (p *Problem) ObsLimiter() envs.ObsLimiter {
	if p.trading == nil {
		return nil
	}
	w := make([]float64, p.polytope.Dim())
	f := p.follow(w)
	return func(obs []float64, lim *lp.Limits) {
		copy(w, obs[1:])
		f.Moved(nil)
		f.Limits(lim)
	}
}

// Myopic returns the policy that earns most in the month at hand: the filter of
// OptimalAllocator, then the linear program over the allocations within the
// trading limit. It is not the best policy, since it does not move
// towards what later months will ask for.
func (p *Problem) Myopic() envs.Allocator {
	expected := make([]float64, p.polytope.Dim()-1)
	return p.filtered(func(f *filter, lim *lp.Limits) ([]float64, error) {
		f.expected(expected)
		return p.maximize(expected, lim)
	})
}
