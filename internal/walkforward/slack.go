package walkforward

import (
	"fmt"
	"math"

	"paspo/lp"
	"paspo/lp/constraints"
)

// Slack is how far an allocation is from a limit.
type Slack struct {
	Name  string  `json:"name"`
	Slack float64 `json:"slack"` // in shares of the wealth, or in the units of the row
}

// Slacks returns those of all inequalities and bounds but for lower bounds of 0 and upper ones
// of 1 and rows that bounds imply, which are no limits of anybody's. A constraint that abs, max or min make several rows of is as far as
// the closest of them. Turnover counts from holdings, nil for those of p.
// What is beyond a limit, as where it had to be relaxed, is below 0.
func Slacks(p *lp.Polytope, a, holdings []float64) (all []Slack) {
	n := p.Dim()
	m, b, _ := p.Inequalities()
	for k, limit := range b {
		if constraints.Implied(p, k) {
			continue
		}
		for i, v := range a {
			limit -= m[k*n+i] * v
		}
		for _, t := range p.Terms(k) {
			limit -= t.Value(a, holdings)
		}
		name := rowName(p, k)
		if last := len(all) - 1; last >= 0 && all[last].Name == name {
			all[last].Slack = min(all[last].Slack, limit)
		} else {
			all = append(all, Slack{name, limit})
		}
	}
	lower, upper := p.Bounds()
	for i, v := range a {
		if lower[i] != 0 && !math.IsInf(lower[i], -1) {
			all = append(all, Slack{p.BoundName(i, false, lower, upper), v - lower[i]})
		}
		if upper[i] < 1 {
			all = append(all, Slack{p.BoundName(i, true, lower, upper), upper[i] - v})
		}
	}
	return all
}

// rowName names inequality k by its constraint, with its limit where another side of the row has its name.
func rowName(p *lp.Polytope, k int) string {
	_, b, names := p.Inequalities()
	switch {
	case k+1 < len(b) && names[k+1] == names[k]: // the upper side is first
		return fmt.Sprintf("%s <= %g", names[k], b[k])
	case k > 0 && names[k-1] == names[k]:
		return fmt.Sprintf("%s >= %g", names[k], -b[k]+0)
	}
	name, _ := constraints.Part(names, k)
	return name
}
