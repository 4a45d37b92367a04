package constraints

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp"
)

// Percentages returns what to say of limits that look like percentages where amounts are shares of a
// total of 1: those that are more than twice what they limit can come to, and so limit nothing, and
// lower bounds of -5 and less.
func Percentages(p *lp.Polytope) (all []string) {
	d := p.Description()
	if d.Total != 1 {
		return nil
	}
	short := 0. // all that can be below 0
	lower, upper := map[float64][]string{}, map[float64][]string{}
	for j, l := range d.Lower {
		if short += max(0, -l); l <= -5 && l >= -100 {
			lower[l] = append(lower[l], d.Entities[j])
		}
	}
	far := func(limit, most float64) bool { return limit > 2*most && limit <= 100*most }
	for j, u := range d.Upper {
		if far(u, 1+short) {
			upper[u] = append(upper[u], d.Entities[j])
		}
	}
	// Bounds of many entities are one default, which is said once.
	for j := range d.Entities {
		for _, side := range [...]struct {
			name   string
			bound  float64
			of     map[float64][]string
			limits string
		}{{"lower", d.Lower[j], lower, "is a short position of many times the total"}, {"upper", d.Upper[j], upper, "limits nothing"}} {
			if names := side.of[side.bound]; len(names) > 0 {
				who := names[0]
				if more := len(names) - 1; more > 0 {
					who += fmt.Sprintf(" and %d more", more)
				}
				all = append(all, fmt.Sprintf("the %s bound %g of %s %s: of a total of 1, %g%% is %g", side.name, side.bound, who, side.limits, side.bound, digits(side.bound/100)))
				delete(side.of, side.bound)
			}
		}
	}
	_, b, names := p.Inequalities()
	for k, limit := range b {
		if most := most(p, k, 1+2*short); far(limit, most) {
			all = append(all, fmt.Sprintf("%s limits nothing, as it comes to at most %.3g: of a total of 1, %g%% is %g", Stated(p, nil, names[k:k+1])[0], most, limit, digits(limit/100)))
		}
	}
	return all
}

// most bounds row k where magnitudes of entities come to at most total.
func most(p *lp.Polytope, k int, total float64) (sum float64) {
	a, _, _ := p.Inequalities()
	n := p.Dim()
	weight := make([]float64, n) // of |a_j|
	for j := range n {
		weight[j] = math.Abs(a[k*n+j])
	}
	for _, t := range p.Terms(k) {
		w := max(t.Above, t.Below)
		sum += w * math.Abs(t.From)
		if t.Sum == nil {
			weight[t.Entity] += w
		}
		for j, c := range t.Sum {
			weight[j] += w * math.Abs(c)
		}
	}
	return sum + total*slices.Max(weight)
}
