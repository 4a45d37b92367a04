package orders

import (
	"errors"
	"math"
	"slices"

	"paspo/lp"
)

// mostWork, boxes by entities, ends the search by branch and bound, after a second or two.
const mostWork = 70_000

// box is orders of from to to lots, of each entity.
type box struct{ from, to []float64 }

// within searches for orders that keep all limits by branch and bound. A box of orders is left
// out where no allocation satisfies the limits and has its shares between those of the box. Of
// other boxes the allocation closest to the target is rounded, and where the orders that this
// gives break a limit the box is cut in two where it lies. The part that it is closer to comes
// first. all says that no box is left, so that where nothing is found there is nothing.
func (s *search) within(wealth float64) (found []float64, all bool) {
	first, ok := s.first(wealth)
	if !ok {
		return nil, false
	}
	n := len(s.Held)
	var lim lp.Limits
	if s.Limits != nil {
		lim = *s.Limits
	}
	_, _, own, ownUpper := s.Polytope.Resolve(s.Limits)
	lim.Lower, lim.Upper = make([]float64, n), make([]float64, n)
	projector := lp.NewProjector(s.Polytope)
	projector.AnyConflict = true
	x, lots, trades := make([]float64, n), make([]float64, n), make([]float64, n)
	boxes := []box{first}
	for range mostWork / n {
		if len(boxes) == 0 {
			return nil, true
		}
		b := boxes[len(boxes)-1]
		boxes = boxes[:len(boxes)-1]

		least, most := s.wealths(b, wealth)
		copy(lim.Lower, own)
		copy(lim.Upper, ownUpper)
		empty := false
		for i := range n {
			if i == s.Cash || least <= 0 {
				continue
			}
			from, to := (s.Held[i]+b.from[i]*s.Lot)*s.Prices[i], (s.Held[i]+b.to[i]*s.Lot)*s.Prices[i]
			// Quotients and limits are rounded.
			lo, hi := min(from/least, from/most)-1e-9, max(to/least, to/most)+1e-9
			lim.Lower[i], lim.Upper[i] = max(lim.Lower[i], lo), min(lim.Upper[i], hi)
			empty = empty || lim.Lower[i] > lim.Upper[i]
		}
		if empty {
			continue
		}
		if err := projector.Project(x, s.Target, &lim); err != nil {
			var none *lp.EmptyError
			if errors.As(err, &none) {
				continue
			}
			for i := range x {
				x[i] = min(max(s.Target[i], lim.Lower[i]), lim.Upper[i])
			}
		}
		for i := range n {
			lots[i] = 0
			if i != s.Cash {
				lots[i] = min(max((x[i]*(least+most)/2/s.Prices[i]-s.Held[i])/s.Lot, b.from[i]), b.to[i])
			}
			trades[i] = math.Round(lots[i]) * s.Lot
		}
		if excess, _ := s.measure(trades); excess <= 0 {
			return trades, false
		}
		// The order that rounding moves most, or else the widest one.
		cut, moved, widest := -1, 1e-6, 0.
		for i := range n {
			if by := math.Abs(lots[i]-math.Round(lots[i])) * s.Lot * s.Prices[i] / wealth; i != s.Cash && b.from[i] < b.to[i] && by > moved {
				cut, moved = i, by
			}
		}
		for i := range n {
			if wide := (b.to[i] - b.from[i]) * s.Prices[i]; moved <= 1e-6 && i != s.Cash && wide > widest {
				cut, widest = i, wide
			}
		}
		if cut < 0 {
			continue // these are one set of orders
		}
		at := min(math.Floor(lots[cut]), b.to[cut]-1)
		below, above := box{b.from, slices.Clone(b.to)}, box{slices.Clone(b.from), b.to}
		below.to[cut], above.from[cut] = at, at+1
		if lots[cut]-at > 0.5 {
			boxes = append(boxes, below, above)
		} else {
			boxes = append(boxes, above, below)
		}
	}
	return nil, len(boxes) == 0
}

// first returns the box of all orders that bounds allow; not ok where there are none.
func (s *search) first(wealth float64) (b box, ok bool) {
	n := len(s.Held)
	b = box{make([]float64, n), make([]float64, n)}
	_, _, lower, upper := s.Polytope.Resolve(s.Limits)
	for i := range n {
		if i == s.Cash {
			continue
		}
		// Costs take from the wealth.
		lots := func(share float64) float64 { return (share*wealth/s.Prices[i] - s.Held[i]) / s.Lot }
		b.from[i], b.to[i] = math.Ceil(lots(min(lower[i], 0))-1e-6), math.Floor(lots(max(upper[i], 0))+1e-6)
		if s.lower[i] >= 0 {
			b.from[i] = math.Ceil(-s.Held[i] / s.Lot)
		}
		if b.to[i]-b.from[i] >= 1e12 || math.IsNaN(b.to[i]-b.from[i]) {
			return b, false
		}
		if b.from[i] > b.to[i] {
			b.to[i] = b.from[i]
		}
	}
	return b, true
}

// wealths returns the least and the most that is left after the costs of orders in a box.
func (s *search) wealths(b box, wealth float64) (least, most float64) {
	least, most = wealth, wealth
	for i, c := range s.Costs {
		if i == s.Cash {
			continue
		}
		fee := c * s.Lot * s.Prices[i]
		least -= fee * max(math.Abs(b.from[i]), math.Abs(b.to[i]))
		if b.from[i] > 0 || b.to[i] < 0 {
			most -= fee * min(math.Abs(b.from[i]), math.Abs(b.to[i]))
		}
	}
	return least, most
}
