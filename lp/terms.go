package lp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/terms"
	"paspo/lp/internal/vec"
)

// Term is what one entity adds to a row beside its coefficient, convex and piecewise linear,
//
//	above max(0, a_j - from) + below max(0, from - a_j),   above, below >= 0,
//
// so that above = below = w is w |a_j - from|. A row with terms has a Max and no Min:
// the set of allocations would not be convex.
type Term struct {
	Entity       int // j, 0 where there is a Sum
	Above, Below float64
	From         float64

	// Holding says that a state moves From: Limits.Holdings takes its place.
	Holding bool

	// Sum, where it is not nil, has a coefficient of every entity, and the sum of them stands
	// where a_j does. It has no Holding.
	Sum []float64
}

// Of returns what stands where a_j does, at an allocation a.
func (t *Term) Of(a []float64) float64 { return (*terms.Term)(t).Of(a) }

// Shifted returns the term with one more entity before all others.
func (t Term) Shifted() Term {
	if t.Sum == nil {
		t.Entity++
	} else {
		t.Sum = append([]float64{0}, t.Sum...)
	}
	return t
}

// Value returns what the term comes to at a under holdings, nil for its own From.
func (t *Term) Value(a, holdings []float64) float64 { return (*terms.Term)(t).Value(a, holdings) }

// Origin returns what the term counts from where these are the holdings, nil for its own.
func (t *Term) Origin(holdings []float64) float64 { return (*terms.Term)(t).Origin(holdings) }

// convexTerms are the terms of a polytope's rows. A polytope that has some is answered by the
// lifted one,
//
//	{ (a, p): A_k a - sum below a_j + sum (above + below) p_i <= b_k - sum below from,
//	          a_j - p_i <= from,  p_i >= 0 }
//
// with one part p_i for every entity and From, since max(0, -d) = max(0, d) - d. Its
// intervals of the entities, which come first, are those of the polytope. Holdings move its
// right-hand sides alone.
type convexTerms struct {
	*terms.Terms
	of     map[int][]Term // the terms of an inequality
	lifted *Polytope
}

// checkTerms returns what is wrong with the terms of a row.
func checkTerms(entities []string, r Row) error {
	if len(r.Terms) > 0 && (!math.IsInf(r.Min, -1) || math.IsInf(r.Max, 1)) {
		return fmt.Errorf("constraint %s has convex terms: it takes a max and no min, since with a min the set of allocations would not be convex", r.Name)
	}
	for i, t := range r.Terms {
		if t.Entity < 0 || t.Entity >= len(entities) {
			return fmt.Errorf("constraint %s, term %d: entity %d is not one of the %d", r.Name, i+1, t.Entity, len(entities))
		}
		for _, w := range [...]float64{t.Above, t.Below} {
			if !(w >= 0 && w <= MaxRow) || w > 0 && w < minMagnitude {
				return fmt.Errorf("constraint %s, weight of a term of %s: %g is neither 0 nor a number from %g to %g; below 0 the set of allocations would not be convex",
					r.Name, entities[t.Entity], w, minMagnitude, MaxRow)
			}
		}
		if err := checkSum(entities, t); err != nil {
			return fmt.Errorf("constraint %s, term %d: %w", r.Name, i+1, err)
		}
		if !(math.Abs(t.From) <= MaxMagnitude) {
			return fmt.Errorf("constraint %s, term of %s: it counts from %g, which is not a number of at most %g", r.Name, entities[t.Entity], t.From, MaxMagnitude)
		}
	}
	return nil
}

// checkSum returns what is wrong with the sum of a term.
func checkSum(entities []string, t Term) error {
	if t.Sum == nil {
		return nil
	}
	if len(t.Sum) != len(entities) || t.Entity != 0 || t.Holding {
		return fmt.Errorf("a sum has a coefficient of each of the %d entities, no entity and no holding", len(entities))
	}
	if vec.MaxAbs(t.Sum) == 0 {
		return errors.New("all coefficients of the sum are 0")
	}
	for j, c := range t.Sum {
		if size := math.Abs(c); !(size <= MaxRow) || c != 0 && size < minMagnitude {
			return fmt.Errorf("the coefficient of %s in the sum is %g, neither 0 nor a number of size %g to %g", entities[j], c, minMagnitude, MaxRow)
		}
	}
	return nil
}

// addTerms adds the terms of the last inequality.
func (p *Polytope) addTerms(all []Term) {
	if p.terms == nil {
		p.terms = &convexTerms{Terms: &terms.Terms{}, of: map[int][]Term{}}
	}
	k := len(p.form.B) - 1
	row := make([]terms.Term, len(all))
	for i, t := range all {
		row[i] = terms.Term(t)
	}
	p.terms.Add(k, row)
	p.terms.of[k] = slices.Clone(all)
}

// Terms returns the terms of inequality k. The slice must not be modified.
func (p *Polytope) Terms(k int) []Term {
	if p.terms == nil {
		return nil
	}
	return p.terms.of[k]
}

// HasTerms reports whether some rows have convex terms. What goes by the rows alone then
// sees a larger set: terms are never negative.
func (p *Polytope) HasTerms() bool { return p.terms != nil }

// HasHoldings reports whether some terms follow holdings.
func (p *Polytope) HasHoldings() bool { return p.terms != nil && p.terms.Held }

// Lifted returns the polytope without terms whose first entities, as many as p has, make
// up p, and nil where p has no terms.
func (p *Polytope) Lifted() *Polytope {
	if p.terms == nil {
		return nil
	}
	return p.terms.lifted
}

// finishTerms makes the lifted polytope, and takes sizes from it. Where terms follow
// holdings, an entity is as large as it is without the rows that have them.
func (p *Polytope) finishTerms() error {
	t := p.terms
	q, err := p.liftTerms(func(*terms.Row) bool { return true })
	if err != nil {
		return err
	}
	n := p.Dim()
	if t.Held {
		base, err := p.liftTerms(func(r *terms.Row) bool { return !r.Held() })
		if err == nil {
			s := slices.Clone(q.form.Size)
			for j := range n {
				s[j] = max(s[j], base.form.Size[j])
			}
			for i, of := range t.Parts {
				if of.Holding {
					s[n+i] = max(s[n+i], s[of.Entity])
				}
			}
			q.canon = nil
			q.finish(s)
		}
	}
	t.lifted = q
	p.warnings = append(p.warnings, q.warnings...)
	p.form.TermSize = t.Sizes(len(p.form.B), q.form.Size)
	p.setSizes(q.form.Size[:n])
	return nil
}

// liftTerms returns the lifted polytope without the rows with terms that keep rejects.
func (p *Polytope) liftTerms(keep func(*terms.Row) bool) (*Polytope, error) {
	q := &Polytope{name: p.name, entities: slices.Clone(p.entities), budget: p.budget, eqNames: p.eqNames, auxiliary: len(p.terms.Parts)}
	for i := range q.auxiliary {
		q.entities = append(q.entities, fmt.Sprintf("convex term %d", i+1))
	}
	form, rows := p.terms.Lift(p.form, keep)
	q.form = form
	for _, k := range rows {
		name := "" // of a row that stands for a part
		if k < len(p.rowNames) {
			name = p.rowNames[k]
		}
		q.rowNames = append(q.rowNames, name)
	}
	return q, q.scaleByRows()
}

// TermLimits turns limits of a polytope with terms into those of the lifted one, in memory
// of its own.
type TermLimits struct {
	out                 Limits
	b, lower, upper, at []float64
}

// Lift returns limits that hold until the next call.
func (c *TermLimits) Lift(p *Polytope, lim *Limits) *Limits {
	if lim == nil {
		return nil
	}
	b, _, _, _ := p.Resolve(lim)
	n, q := p.Dim(), p.terms.lifted
	c.out = Limits{F: lim.F}
	if lim.B != nil || lim.Holdings != nil {
		c.b = p.terms.Limits(c.b, b, lim.Holdings)
		c.out.B = c.b
	}
	if lim.Lower != nil {
		c.lower = append(append(c.lower[:0], lim.Lower...), q.form.L[n:]...)
		c.out.Lower = c.lower
	}
	if lim.Upper != nil {
		c.upper = append(append(c.upper[:0], lim.Upper...), q.form.U[n:]...)
		c.out.Upper = c.upper
	}
	if lim.A != nil {
		c.at = p.terms.Matrix(c.at, lim.A, n)
		c.out.A = c.at
	}
	return &c.out
}

// liftOnce is Lift into memory of the result's own.
func (p *Polytope) liftOnce(lim *Limits) *Limits {
	var c TermLimits
	return c.Lift(p, lim)
}

// minimizeTerms is Minimize of a polytope with terms.
func (p *Polytope) minimizeTerms(c []float64, lim *Limits) (x []float64, value float64, err error) {
	q := p.terms.lifted
	x, _, err = q.Minimize(append(slices.Clone(c), make([]float64, len(p.terms.Parts))...), p.liftOnce(lim))
	if err != nil {
		return nil, 0, err
	}
	x = x[:p.Dim():p.Dim()]
	if r, name := p.WorstConstraint(x, lim); !(r <= Feasibility) {
		return nil, 0, fmt.Errorf("lp: CLP finds no point of %s: it violates %s by a scaled %g", p.Describe(), name, r)
	}
	return x, vec.Dot(c, x), nil
}

func holdingsOf(lim *Limits) []float64 {
	if lim == nil {
		return nil
	}
	return lim.Holdings
}

// RefuseTerms returns an error where p has convex terms. It says that what, a subject such as
// "uniform: coordinates of a polytope", has no answer for these.
func (p *Polytope) RefuseTerms(what string) error {
	if p.terms == nil {
		return nil
	}
	row := p.terms.Rows[0].Index
	return fmt.Errorf("%s: convex terms, such as those of row %q of %s, are not supported", what, p.rowNames[row], p.Describe())
}
