package orders

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/lp"
)

// Task is what is to be traded. All slices have one element an entity; of cash the price is 1
// and the cost 0.
type Task struct {
	Polytope *lp.Polytope // of the shares of the wealth after trading
	Limits   *lp.Limits   // of the state, nil for the polytope's own
	Cash     int          // entity that pays for trades and takes what is left; -1 for none
	Prices   []float64    // above 0
	Costs    []float64    // of buying and selling, as a share of the amount
	Held     []float64    // shares, and the amount of cash
	Target   []float64    // allocation that is wanted, of the wealth less costs
	Lot      float64      // shares that trades are multiples of; 0 for any
	Least    float64      // amount below which a trade is left out where limits are kept without it
}

// Orders is what to trade and what is held then.
type Orders struct {
	Trades   []float64 // shares, below 0 for sales
	Held     []float64 // after trading
	Weights  []float64 // of them, as shares of the wealth then
	Wealth   float64   // after trading
	Fees     float64
	Residual float64 // of the weights
}

// LotError says that no multiples of a lot were found that keep all limits.
type LotError struct {
	Lot        float64
	Constraint string  // that those next to the target break
	Amount     float64 // by how much, in the constraint's units
	None       bool    // the search was through all: there are none
}

func (e *LotError) Error() string {
	what := fmt.Sprintf("no orders in lots of %g shares that keep all limits were found", e.Lot)
	if e.None {
		what = fmt.Sprintf("no orders in lots of %g shares keep all limits", e.Lot)
	}
	return fmt.Sprintf("%s: those next to the target break %s by %.3g; smaller lots, or --lot 0 for fractions of shares, are needed", what, e.Constraint, e.Amount)
}

// kept is the residual up to which orders keep a limit, since sums are rounded.
const kept = 1e-12

// Round returns orders near to the target that keep every limit. It begins at the closest
// multiples and goes on by the best change of one order or of two by a lot each, first to less
// excess over limits and then closer to the target, until no such change helps. Where that ends
// beyond limits it begins again from the multiples towards what is held and from what is held,
// and then searches by branch and bound (see search.within). remainder is the share of the
// wealth that remains after the costs of the target's trades.
func Round(t Task, remainder float64) (*Orders, error) {
	if t.Least > 0 && t.Cash < 0 {
		return nil, errors.New("the limits have no CASH, which takes what orders that are left out leave")
	}
	lower, _ := t.Polytope.Bounds()
	s := &search{Task: t, lower: lower}
	o, err := s.round(remainder)
	if err != nil {
		return nil, err
	}
	return s.without(o), nil
}

// without leaves out small trades, the smallest first.
func (s *search) without(o *Orders) *Orders {
	amount := func(i int) float64 { return math.Abs(o.Trades[i]) * s.Prices[i] }
	order := make([]int, 0, len(o.Trades))
	for i := range o.Trades {
		if i != s.Cash && amount(i) > 0 && amount(i) < s.Least {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(amount(i), amount(j)) })
	most, _ := s.measure(o.Trades) // of fractions, what is rounded
	trades := slices.Clone(o.Trades)
	for _, i := range order {
		q := trades[i]
		trades[i] = 0
		if excess, _ := s.measure(trades); excess > most {
			trades[i] = q
		}
	}
	return s.after(trades)
}

// round is Round with all trades, however small.
func (s *search) round(remainder float64) (*Orders, error) {
	t := s.Task
	if t.Lot > 0 && t.Cash < 0 {
		return nil, errors.New("the limits have no CASH, which takes what whole lots leave: --lot 0, for fractions of shares, is needed")
	}
	n := len(t.Prices)
	wealth := 0.
	for i, q := range t.Held {
		wealth += q * t.Prices[i]
	}
	trades := make([]float64, n)
	for i, a := range t.Target {
		if i != t.Cash {
			trades[i] = remainder*a*wealth/t.Prices[i] - t.Held[i]
		}
	}
	if t.Lot == 0 {
		// The fees of these trades are the wealth less the remainder, up to rounding.
		o := s.after(trades)
		if o.Residual > 1e-9 {
			amount, name := t.Polytope.WorstExcess(o.Weights, t.Limits)
			return nil, fmt.Errorf("what is held after trading breaks %s by %.2g", name, amount)
		}
		return o, nil
	}
	next := make([]float64, n)
	for i, q := range trades {
		next[i] = s.whole(i, math.Round(q/t.Lot))
	}
	if s.improve(next) <= 0 {
		return s.after(next), nil
	}
	towards := make([]float64, n)
	for i, q := range trades {
		towards[i] = s.whole(i, math.Trunc(q/t.Lot))
	}
	for _, start := range [][]float64{towards, make([]float64, n)} {
		if s.improve(start) <= 0 {
			return s.after(start), nil
		}
	}
	found, all := s.within(wealth)
	if found != nil {
		s.improve(found)
		return s.after(found), nil
	}
	amount, name := t.Polytope.WorstExcess(s.after(next).Weights, t.Limits)
	return nil, &LotError{t.Lot, name, amount, all}
}

// whole returns an order of that many lots, or the largest sale of what is held where that
// may not be below 0.
func (s *search) whole(i int, lots float64) float64 {
	if q := lots * s.Lot; s.lower[i] < 0 || i == s.Cash || q >= -s.Held[i] {
		return q
	}
	return -math.Floor(s.Held[i]/s.Lot) * s.Lot
}

// improve changes trades by steps until none helps, and returns the excess that is left.
func (s *search) improve(trades []float64) float64 {
	trades[s.Cash] = 0 // it follows
	excess, distance := s.measure(trades)
	for range 10_000 {
		i, di, j, dj := s.step(trades, &excess, &distance)
		if di == 0 {
			break
		}
		trades[i] += di
		trades[j] += dj
	}
	return excess
}

type search struct {
	Task
	lower    []float64
	excesses []float64
}

// after returns what trades lead to.
func (s *search) after(trades []float64) *Orders {
	n := len(trades)
	o := &Orders{Trades: append([]float64(nil), trades...), Held: make([]float64, n), Weights: make([]float64, n)}
	paid := 0.
	for i, q := range trades {
		if i != s.Cash {
			paid += q * s.Prices[i]
			o.Fees += s.Costs[i] * math.Abs(q) * s.Prices[i]
		}
	}
	if s.Cash >= 0 {
		o.Trades[s.Cash] = -paid - o.Fees
	}
	for i, q := range o.Trades {
		o.Held[i] = s.Held[i] + q
		o.Wealth += o.Held[i] * s.Prices[i]
	}
	for i, q := range o.Held {
		o.Weights[i] = q * s.Prices[i] / o.Wealth
	}
	o.Residual = s.Polytope.Residual(o.Weights, s.Limits)
	return o
}

// measure returns the sum of all excesses over limits, 0 where all are kept, and the distance
// from the target. What lies beyond the target, or away from it, counts twice, so that
// cash that is left opens no position that nobody wants.
func (s *search) measure(trades []float64) (excess, distance float64) {
	o := s.after(trades)
	if s.excesses == nil {
		s.excesses = make([]float64, s.Polytope.Constraints())
	}
	s.Polytope.Excesses(o.Weights, s.Limits, s.excesses)
	for _, x := range s.excesses {
		if x > kept {
			excess += x
		}
	}
	for i, w := range o.Weights {
		distance += math.Abs(w - s.Target[i])
		if i != s.Cash {
			held := s.Held[i] * s.Prices[i] / o.Wealth
			distance += max(0, min(held, s.Target[i])-w, w-max(held, s.Target[i]))
		}
	}
	return excess, distance
}

// step finds the best change of two orders, the second of which may be none, and the measures
// that it leads to; di is 0 where no change helps.
func (s *search) step(trades []float64, excess, distance *float64) (i int, di float64, j int, dj float64) {
	const least = 1e-13 // of an improvement, so that rounding is none
	better := func(e, d float64) bool {
		if e < *excess-least {
			return true
		}
		return e <= *excess && d < *distance-least
	}
	try := func(a int, da float64, b int, db float64) {
		e, d := s.measure(trades)
		if better(e, d) {
			*excess, *distance = e, d
			i, di, j, dj = a, da, b, db
		}
	}
	for a := range trades {
		for _, da := range []float64{s.Lot, -s.Lot} {
			if !s.may(trades, a, da) {
				continue
			}
			trades[a] += da
			try(a, da, a, 0)
			for b := a + 1; b < len(trades); b++ {
				for _, db := range []float64{s.Lot, -s.Lot} {
					if s.may(trades, b, db) {
						trades[b] += db
						try(a, da, b, db)
						trades[b] -= db
					}
				}
			}
			trades[a] -= da
		}
	}
	return i, di, j, dj
}

// may says whether an order may change: that of cash follows, and nothing is sold that is not
// held, but for what may be below 0.
func (s *search) may(trades []float64, i int, d float64) bool {
	return i != s.Cash && (s.lower[i] < 0 || s.Held[i]+trades[i]+d >= 0)
}
