package decision

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"paspo/internal/walkforward"
	"paspo/lp"
	"paspo/lp/constraints"
)

// Looser is a limit of the walk that limits of today leave out or loosen.
type Looser struct {
	Name  string   `json:"name"`  // with its number
	Today *float64 `json:"today"` // what those of today allow; nil of one with convex terms that is not among them
}

// looser returns the limits of the walk that limits of today do not imply. Those that count from
// what is held imply nothing of others, since what is held changes.
func looser(own, today *lp.Polytope) (all []Looser, err error) {
	d := today.Description()
	free, err := lp.New(d.WithoutHoldings())
	if err != nil {
		return nil, err
	}
	lo, hi, err := lp.BoundingBox(free)
	if err != nil {
		return nil, err
	}
	most := func(coef []float64, sign float64) (float64, error) {
		c := make([]float64, len(coef))
		for j, x := range coef {
			c[j] = -sign * x
		}
		_, value, err := free.Minimize(c, nil)
		return -sign * value, err
	}
	check := func(name string, coef []float64, limit, sign float64) error {
		x, err := most(coef, sign)
		if err == nil && sign*(x-limit) > 1e-9 {
			all = append(all, Looser{name, &x})
		}
		return err
	}
	for _, r := range own.Description().Rows {
		if len(r.Terms) > 0 {
			k := slices.IndexFunc(d.Rows, func(t lp.Row) bool {
				return slices.Equal(t.Coef, r.Coef) && slices.EqualFunc(t.Terms, r.Terms, func(a, b lp.Term) bool {
					same := a.Entity == b.Entity && slices.Equal(a.Sum, b.Sum) && a.Above == b.Above && a.Below == b.Below && a.Holding == b.Holding
					return same && (a.Holding || a.From == b.From)
				})
			})
			if k >= 0 {
				if d.Rows[k].Max > r.Max {
					all = append(all, Looser{sided(r.Name, " <= ", r.Max), &d.Rows[k].Max})
				}
				continue
			}
			coef, constant, ok := chords(r, lo, hi)
			if ok {
				x, err := most(coef, 1)
				if err != nil {
					return nil, err
				}
				ok = x+constant <= r.Max+1e-9
			}
			if !ok {
				all = append(all, Looser{Name: sided(r.Name, " <= ", r.Max)})
			}
			continue
		}
		if !math.IsInf(r.Max, 1) {
			err = check(sided(r.Name, " <= ", r.Max), r.Coef, r.Max, 1)
		}
		if !math.IsInf(r.Min, -1) && err == nil {
			err = check(sided(r.Name, " >= ", r.Min), r.Coef, r.Min, -1)
		}
		if err != nil {
			return nil, err
		}
	}
	lower, upper := own.Bounds()
	for j := range lower {
		c := make([]float64, len(lower))
		c[j] = 1
		if !math.IsInf(upper[j], 1) {
			err = check(own.BoundName(j, true, lower, upper), c, upper[j], 1)
		}
		if !math.IsInf(lower[j], -1) && err == nil {
			err = check(own.BoundName(j, false, lower, upper), c, lower[j], -1)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// chords bounds a row with convex terms from above by a linear one, over a box; not ok where it has
// terms of sums or of holdings.
func chords(r lp.Row, lower, upper []float64) (coef []float64, constant float64, ok bool) {
	coef = slices.Clone(r.Coef)
	for _, t := range r.Terms {
		if t.Sum != nil || t.Holding {
			return nil, 0, false
		}
		at := func(x float64) float64 { return t.Above*max(0, x-t.From) + t.Below*max(0, t.From-x) }
		lo, hi := lower[t.Entity], upper[t.Entity]
		slope := 0.
		if hi > lo {
			slope = (at(hi) - at(lo)) / (hi - lo)
		}
		coef[t.Entity] += slope
		constant += at(lo) - slope*lo
	}
	return coef, constant, true
}

// broken returns the limits that an allocation breaks, beyond rounding. What is overdrawn or bought
// on credit is beyond bounds of 0 and 1 as well.
func broken(p *lp.Polytope, a, h []float64) (all []walkforward.Slack) {
	some := walkforward.Slacks(p, a, h)
	lower, upper := p.Bounds()
	for i, x := range a {
		if lower[i] == 0 {
			some = append(some, walkforward.Slack{Name: p.BoundName(i, false, lower, upper), Slack: x})
		}
		if upper[i] >= 1 {
			some = append(some, walkforward.Slack{Name: p.BoundName(i, true, lower, upper), Slack: upper[i] - x})
		}
	}
	for _, s := range some {
		if s.Slack < -1e-9 {
			all = append(all, s)
		}
	}
	return all
}

// sided names a limit with its number, unless the name says it.
func sided(name, sign string, limit float64) string {
	if strings.ContainsAny(name, "<>=") {
		return name
	}
	return fmt.Sprintf("%s%s%.6g", name, sign, limit)
}

// numbered returns what to call the rows of p by their names, with their numbers.
func numbered(p *lp.Polytope) func(name string) string {
	says := map[string]string{}
	for _, r := range p.Description().Rows { // slacks of those with two sides have numbers
		if says[r.Name] = sided(r.Name, " <= ", r.Max); math.IsInf(r.Max, 1) {
			says[r.Name] = sided(r.Name, " >= ", r.Min)
		}
	}
	return func(name string) string {
		if text := says[name]; text != "" {
			return text
		}
		return name
	}
}

// today returns the limits of a file over the entities of those of the walk: beside these, or in their place.
func today(file string, beside bool, own *lp.Polytope) (p *lp.Polytope, err error) {
	entities := own.Entities()
	if beside {
		p, err = constraints.ReadFileBeside(file, own)
	} else {
		p, err = constraints.ReadFileHeld(file, entities)
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(p.Entities(), entities) {
		return nil, fmt.Errorf("%s: the entities are %s: those of the run are allowed, %s", file, strings.Join(p.Entities(), ", "), strings.Join(entities, ", "))
	}
	return p, nil
}
