package lp

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/vec"
)

// Term is what one entity adds to a row beside its coefficient, convex and piecewise linear,
//
//	above max(0, a_j - from) + below max(0, from - a_j),   above, below >= 0,
//
// so that above = below = w is w |a_j - from|. A row with terms has a Max and no Min: what
// is left would not be convex.
type Term struct {
	Entity       int // j
	Above, Below float64
	From         float64

	// Holding says that a state moves From: Limits.Holdings takes its place.
	Holding bool
}

// Value returns what the term comes to at x under holdings, nil for its own From.
func (t *Term) Value(x float64, holdings []float64) float64 {
	d := x - t.Origin(holdings)
	if d > 0 {
		return t.Above * d
	}
	return -t.Below * d
}

// Origin returns what the term counts from where these are the holdings, nil for its own.
func (t *Term) Origin(holdings []float64) float64 {
	if t.Holding && holdings != nil {
		return holdings[t.Entity]
	}
	return t.From
}

// terms are those of a polytope's rows. A polytope that has some is answered by the
// lifted one,
//
//	{ (a, p): A_k a - sum below a_j + sum (above + below) p_i <= b_k - sum below from,
//	          a_j - p_i <= from,  p_i >= 0 }
//
// with one part p_i for every entity and From, since max(0, -d) = max(0, d) - d. Its
// intervals of the entities, which come first, are those of the polytope. Holdings move its
// right-hand sides alone.
type terms struct {
	rows   []termRow
	parts  []part
	held   bool // some terms follow holdings
	lifted *Polytope
}

// termRow are the terms of an inequality, and their parts.
type termRow struct {
	row   int
	terms []Term
	parts []int
}

type part struct {
	entity  int
	from    float64
	holding bool
}

// checkTerms returns what is wrong with the terms of a row.
func checkTerms(entities []string, r Row) error {
	if len(r.Terms) > 0 && (!math.IsInf(r.Min, -1) || math.IsInf(r.Max, 1)) {
		return fmt.Errorf("constraint %s has convex terms: it takes a max and no min, as what is left would not be convex", r.Name)
	}
	for i, t := range r.Terms {
		if t.Entity < 0 || t.Entity >= len(entities) {
			return fmt.Errorf("constraint %s, term %d: entity %d is not one of the %d", r.Name, i+1, t.Entity, len(entities))
		}
		for _, w := range [...]float64{t.Above, t.Below} {
			if !(w >= 0 && w <= MaxRow) || w > 0 && w < minMagnitude {
				return fmt.Errorf("constraint %s, weight of a term of %s: %g is neither 0 nor a number from %g to %g, without which what is left would not be convex",
					r.Name, entities[t.Entity], w, minMagnitude, MaxRow)
			}
		}
		if !(math.Abs(t.From) <= MaxMagnitude) {
			return fmt.Errorf("constraint %s, term of %s: it counts from %g, which is not a number of at most %g", r.Name, entities[t.Entity], t.From, MaxMagnitude)
		}
	}
	return nil
}

// addTerms adds the terms of the last inequality.
func (p *Polytope) addTerms(all []Term) {
	if p.terms == nil {
		p.terms = &terms{}
	}
	t := p.terms
	row := termRow{row: len(p.form.B) - 1, terms: slices.Clone(all)}
	for _, x := range all {
		of := part{x.Entity, x.From, x.Holding}
		i := slices.Index(t.parts, of)
		if i < 0 {
			i = len(t.parts)
			t.parts = append(t.parts, of)
		}
		row.parts = append(row.parts, i)
		t.held = t.held || x.Holding
	}
	t.rows = append(t.rows, row)
}

// Terms returns the terms of inequality k. The slice must not be modified.
func (p *Polytope) Terms(k int) []Term {
	if p.terms != nil {
		for _, r := range p.terms.rows {
			if r.row == k {
				return r.terms
			}
		}
	}
	return nil
}

// HasTerms reports whether some rows have convex terms. What goes by the rows alone then
// sees a larger set: terms are never negative.
func (p *Polytope) HasTerms() bool { return p.terms != nil }

// HasHoldings reports whether some terms follow holdings.
func (p *Polytope) HasHoldings() bool { return p.terms != nil && p.terms.held }

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
	q, err := p.liftTerms(func(termRow) bool { return true })
	if err != nil {
		return err
	}
	n := p.Dim()
	if t.held {
		base, err := p.liftTerms(func(r termRow) bool {
			return !slices.ContainsFunc(r.terms, func(x Term) bool { return x.Holding })
		})
		if err == nil {
			s := slices.Clone(q.form.Size)
			for j := range n {
				s[j] = max(s[j], base.form.Size[j])
			}
			for i, of := range t.parts {
				if of.holding {
					s[n+i] = max(s[n+i], s[of.entity])
				}
			}
			q.canon = nil
			q.finish(s)
		}
	}
	t.lifted = q
	p.warnings = append(p.warnings, q.warnings...)
	s := q.form.Size[:n]
	p.form.TermSize = make([]float64, len(p.form.B))
	for _, r := range t.rows {
		for _, x := range r.terms {
			p.form.TermSize[r.row] += (x.Above + x.Below) * (s[x.Entity] + math.Abs(x.From))
		}
	}
	p.setSizes(s)
	return nil
}

// liftTerms returns the lifted polytope without the rows with terms that keep is false of.
func (p *Polytope) liftTerms(keep func(termRow) bool) (*Polytope, error) {
	t := p.terms
	n, aux := p.Dim(), len(t.parts)
	q := &Polytope{name: p.name, entities: slices.Clone(p.entities), budget: p.budget, eqNames: p.eqNames, auxiliary: aux}
	q.form.F = p.form.F
	for i := range aux {
		q.entities = append(q.entities, fmt.Sprintf("part %d", i+1))
	}
	q.form.L = append(slices.Clone(p.form.L), make([]float64, aux)...)
	q.form.U = append(slices.Clone(p.form.U), slices.Repeat([]float64{math.Inf(1)}, aux)...)
	for k := range p.form.F {
		q.form.E = append(append(q.form.E, p.form.E[k*n:(k+1)*n]...), make([]float64, aux)...)
	}
	used := make([]bool, aux)
	left := make([]bool, len(p.form.B))
	for _, r := range t.rows {
		left[r.row] = !keep(r)
		for _, i := range r.parts {
			used[i] = used[i] || !left[r.row]
		}
	}
	var lim TermLimits
	b := lim.limits(p, p.form.B, nil)
	a := lim.matrix(p, p.form.A)
	for k, v := range b {
		row := a[k*(n+aux) : (k+1)*(n+aux)]
		if k < len(p.form.B) {
			if left[k] {
				continue
			}
			q.rowNames = append(q.rowNames, p.rowNames[k])
		} else if used[k-len(p.form.B)] {
			q.rowNames = append(q.rowNames, "")
		} else {
			continue
		}
		q.form.A, q.form.B = append(q.form.A, row...), append(q.form.B, v)
	}
	for i, is := range used {
		if !is {
			q.form.U[n+i] = math.Abs(t.parts[i].from) // of no row
		}
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
	c.out = Limits{E: lim.E}
	if lim.B != nil || lim.Holdings != nil {
		c.out.B = c.limits(p, b, lim.Holdings)
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
		c.out.A = c.matrix(p, lim.A)
	}
	return &c.out
}

// limits returns the right-hand sides of the lifted rows.
func (c *TermLimits) limits(p *Polytope, b, holdings []float64) []float64 {
	t := p.terms
	c.b = append(c.b[:0], b...)
	for _, r := range t.rows {
		for x := range r.terms {
			c.b[r.row] -= r.terms[x].Below * r.terms[x].Origin(holdings)
		}
	}
	for _, of := range t.parts {
		from := of.from
		if of.holding && holdings != nil {
			from = holdings[of.entity]
		}
		c.b = append(c.b, from)
	}
	return c.b
}

// matrix returns the lifted rows of a matrix.
func (c *TermLimits) matrix(p *Polytope, a []float64) []float64 {
	t := p.terms
	n, m, aux := p.Dim(), len(p.form.B), len(p.terms.parts)
	cols := n + aux
	c.at = vec.Grown(c.at, (m+aux)*cols)
	clear(c.at)
	for k := range m {
		copy(c.at[k*cols:], a[k*n:(k+1)*n])
	}
	for _, r := range t.rows {
		row := c.at[r.row*cols : (r.row+1)*cols]
		for x, i := range r.parts {
			row[r.terms[x].Entity] -= r.terms[x].Below
			row[n+i] += r.terms[x].Above + r.terms[x].Below
		}
	}
	for i, of := range t.parts {
		row := c.at[(m+i)*cols : (m+i+1)*cols]
		row[of.entity], row[n+i] = 1, -1
	}
	return c.at
}

// liftOnce is Lift into memory of the result's own.
func (p *Polytope) liftOnce(lim *Limits) *Limits {
	var c TermLimits
	return c.Lift(p, lim)
}

// minimizeTerms is Minimize of a polytope with terms.
func (p *Polytope) minimizeTerms(c []float64, lim *Limits) (x []float64, value float64, err error) {
	q := p.terms.lifted
	x, _, err = q.Minimize(append(slices.Clone(c), make([]float64, len(p.terms.parts))...), p.liftOnce(lim))
	if err != nil {
		return nil, 0, err
	}
	x = x[:p.Dim():p.Dim()]
	if r, name := p.WorstConstraint(x, lim); !(r <= Feasibility) {
		return nil, 0, fmt.Errorf("lp: CLP finds no point of %s: it violates %s by a scaled %g", p.Describe(), name, r)
	}
	return x, vec.Dot(c, x), nil
}

// sum returns what the terms come to at a.
func (r *termRow) sum(a, holdings []float64) float64 {
	s := 0.
	for i := range r.terms {
		t := &r.terms[i]
		s += t.Value(a[t.Entity], holdings)
	}
	return s
}

// tangent adds to coef, and to the limit b that it returns, what the terms of row r are on the
// side of every From where a is. The row is convex, so that no allocation within the limits
// breaks the linear row that this makes.
func (p *Polytope) tangent(r *termRow, coef, a []float64, b float64, holdings []float64, unit float64) float64 {
	for i := range r.terms {
		t := &r.terms[i]
		from := t.Origin(holdings) / unit
		w := -t.Below
		if a[t.Entity] > from {
			w = t.Above
		}
		coef[t.Entity] += w
		b += w * from
	}
	return b
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
	row := p.terms.rows[0].row
	return fmt.Errorf("%s: convex terms, such as those of row %q of %s, are not supported", what, p.rowNames[row], p.Describe())
}
