package walkforward

import (
	"math"
	"slices"

	"paspo/envs"
	"paspo/lp"
)

// Names of the policies.
const (
	Trained      = "trained policy"
	Equal        = "equal weights"
	Hold         = "buy and hold"
	MinVariance  = "minimum variance"
	MeanVariance = "mean-variance"
	Reversion    = "OLMAR"
	Gradient     = "EG"
	BestConstant = "best constant in hindsight" // at no costs of trading: a bound on what is constantly rebalanced
)

// references plays reference policies through periods from..to-1. The first
// restores equal weights every period, as far as limits allow. The second buys these, over as
// many periods as limits on turnover take, and then trades no more than limits ask for. The next two take the least variance over the window
// of periods before each, and the most of mean less half the variance. Two learn online, from equal weights on (see revert and gradient).
// The last is the best constant allocation in hindsight: it knows these very periods, pays no
// costs of trading, and no limit on what is traded holds for it.
func (p *Player) references(from, to, window int) ([]*Track, error) {
	polytope := p.problem.Spec().Polytope
	problem, err := p.problem.Free()
	if err != nil {
		return nil, err
	}
	free := &Player{problem, p.returns}
	standing := problem.Spec().Polytope // but for what counts from holdings
	equal, err := envs.EqualWeights(standing)
	if err != nil {
		return nil, err
	}
	of, err := newBorrowed(standing, standing, problem.Borrowing)
	if err != nil {
		return nil, err
	}
	hindsight, err := bestConstant(of, equal, p.growth(p.returns[from:to]))
	if err != nil {
		return nil, err
	}
	if of, err = newBorrowed(polytope, standing, problem.Borrowing); err != nil {
		return nil, err
	}
	// within returns the closest allocation that satisfies the limits of a state.
	within := func(lim *lp.Limits, a []float64) ([]float64, error) {
		if lim == nil {
			return a, nil
		}
		return lp.ProjectWithin(polytope, lim, a)
	}
	bought := false
	reverting, learning := equal, newGradient(polytope.Dim(), gradientRate)
	// quadratic begins where it ended the period before.
	quadratic := func(mean float64) Decide {
		last := equal
		return func(t int, _ []float64, lim *lp.Limits, before [][]float64) (a []float64, err error) {
			if last, err = within(lim, last); err != nil {
				return nil, err
			}
			last, err = minimumVariance(of, lim, last, p.growth(before[t-window:]), mean)
			return last, err
		}
	}
	var all []*Track
	for _, b := range []struct {
		name   string
		decide Decide
	}{
		{Equal, func(_ int, _ []float64, lim *lp.Limits, _ [][]float64) ([]float64, error) { return within(lim, equal) }},
		{Hold, func(t int, h []float64, lim *lp.Limits, _ [][]float64) ([]float64, error) {
			if !bought {
				a, err := within(lim, equal)
				bought = err == nil && closeTo(a, equal)
				return a, err
			}
			if polytope.Residual(h, lim) <= 0 {
				return slices.Clone(h), nil
			}
			return lp.ProjectWithin(polytope, lim, h)
		}},
		{MinVariance, quadratic(0)},
		{MeanVariance, quadratic(1)},
		{Reversion, func(t int, _ []float64, lim *lp.Limits, before [][]float64) (a []float64, err error) {
			reverting, err = revert(polytope, lim, reverting, p.growth(before[max(0, t-meanWindow+1):]), meanWindow)
			return reverting, err
		}},
		{Gradient, func(t int, _ []float64, lim *lp.Limits, before [][]float64) ([]float64, error) {
			if t > from {
				learning.learn(p.growth(before[t-1:])[0])
			}
			return lp.ProjectWithin(polytope, lim, learning.weights)
		}},
	} {
		track, err := p.track(b.name, from, to, b.decide)
		if err != nil {
			return nil, err
		}
		all = append(all, track)
	}
	track, err := free.track(BestConstant, from, to, func(int, []float64, *lp.Limits, [][]float64) ([]float64, error) { return hindsight, nil })
	if err != nil {
		return nil, err
	}
	return append(all, track), nil
}

// closeTo says whether allocations are the same but for what a projection is exact to.
func closeTo(a, b []float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > envs.Violation {
			return false
		}
	}
	return true
}

// growth returns 1 + r by period and entity.
func (p *Player) growth(returns [][]float64) [][]float64 {
	n := p.problem.Spec().Polytope.Dim()
	at := p.problem.AssetOf()
	all := make([][]float64, len(returns))
	for t, row := range returns {
		all[t] = make([]float64, n)
		for i, j := range at {
			all[t][i] = 1 + p.problem.Config().CashRate
			if j >= 0 {
				all[t][i] = 1 + row[j]
			}
		}
	}
	return all
}
