package walkforward

import "paspo/lp"

// Slack is how far an allocation is from a limit.
type Slack struct {
	Name  string  `json:"name"`
	Slack float64 `json:"slack"` // in shares of the wealth, or in the units of the row
}

// Slacks returns those of all inequalities and bounds but for lower bounds of 0 and upper ones
// of 1, which are no limits of anybody's.
func Slacks(p *lp.Polytope, a []float64) (all []Slack) {
	n := p.Dim()
	m, b, names := p.Inequalities()
	for k, limit := range b {
		for i, v := range a {
			limit -= m[k*n+i] * v
		}
		for _, t := range p.Terms(k) {
			limit -= t.Above*max(0, a[t.Entity]-t.From) + t.Below*max(0, t.From-a[t.Entity])
		}
		all = append(all, Slack{names[k], limit})
	}
	lower, upper := p.Bounds()
	for i, v := range a {
		if lower[i] > 0 {
			all = append(all, Slack{p.BoundName(i, false, lower, upper), v - lower[i]})
		}
		if upper[i] < 1 {
			all = append(all, Slack{p.BoundName(i, true, lower, upper), upper[i] - v})
		}
	}
	return all
}
