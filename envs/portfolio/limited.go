package portfolio

import (
	"math"

	"paspo/envs"
	"paspo/envs/internal/relax"
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
	*relax.Bounds
}

// follow returns the limits about holdings w.
func (p *Problem) follow(w []float64) *relax.Bounds {
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
// OptimalAllocator, then the linear program over the allocations that the
// trading limit leaves. It is not the best policy, since it does not move
// towards what later months will ask for.
func (p *Problem) Myopic() envs.Allocator {
	n, dim := p.polytope.Dim(), p.spec.ObsDim
	limits := envs.NewRowLimits(p)
	var filters []*Filter
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
