package lp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"paspo/internal/count"
	"paspo/lp/internal/dd"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/units"
	"paspo/lp/internal/vec"
)

// Limits of a description, against mistakes and hostile files.
const (
	MaxEntities  = 10_000
	MaxCells     = 1 << 24 // rows, or points, times entities
	MaxMagnitude = 1e15    // of amounts
	MaxRow       = 1e30    // of coefficients and limits of rows
	MaxAmount    = 1e100   // of an entity in a prefix: far above any, and far from overflow
	minMagnitude = 1e-150  // of numbers but 0: the product of two smaller ones may round to 0
	maxName      = 200     // bytes

	MaxFacetEffort = 1_000_000

	// NoFacets is the effort with which facets are not looked for.
	NoFacets = -1
)

// UnboundedError says that an entity can grow or fall without end.
type UnboundedError struct {
	Name   string // of the polytope, possibly empty
	Entity string

	// Direction is +1 where the entity can grow without end, -1 where it can fall.
	Direction int
}

func (e *UnboundedError) Error() string {
	s := "the polytope is unbounded"
	if e.Name != "" {
		s = "polytope " + e.Name + " is unbounded"
	}
	if e.Direction > 0 {
		return fmt.Sprintf("%s: %s can grow without end; give it an upper bound or a total", s, e.Entity)
	}
	return fmt.Sprintf("%s: %s can fall without end; give it a lower bound or a total", s, e.Entity)
}

// New returns the polytope of a description. The description is copied.
//
// The budget, where there is one, is the first equality, named like "total = 1".
// A row with Min == Max becomes an equality, a row with two sides two
// inequalities of the same name, the upper side first. A row without a name is
// named by its place, like "row 3". A row whose coefficients are all 0 is left out
// with a warning where 0 satisfies it; otherwise nothing does, and the polytope is
// empty.
//
// A row with terms is one inequality whose A_k is its coefficients alone: see Term.
//
// A set that is empty gives an *EmptyError and one without bounds an
// *UnboundedError. A set that relaxing every limit by a scaled 1e-14 makes
// non-empty counts as non-empty: decimal fractions in a file need not add up to
// the last bit.
//
// Of points, each must satisfy the budget, the bounds and the rows. New does not check
// that the rows admit nothing outside the hull of the points. Entities have the lower
// bound 0 unless a point is below. Without rows, rows and equalities are those
// of the hull, and bounds its bounding box. Where the hull is thinner than 1e-6 of its
// size, so that rounding would move where rows cross, or has more facets than the effort
// finds, it has no rows: see Polytope.HullOnly.
func New(d Description) (*Polytope, error) {
	effort := hull.Effort
	switch {
	case d.FacetEffort == NoFacets:
		effort = 1
	case d.FacetEffort != 0:
		effort = d.FacetEffort * hull.Million
	}
	return build(d, effort)
}

// build is New with a bound on the effort of finding the facets of a hull.
func build(d Description, effort int) (*Polytope, error) {
	p, err := assemble(d, effort)
	if err != nil {
		return nil, err
	}
	if p.points == nil {
		find := p.scaleByRows
		if p.terms != nil {
			find = p.finishTerms
		}
		if err := find(); err != nil {
			return nil, err
		}
		return p, nil
	}
	if len(d.Rows) == 0 { // where facets cross may be off by their rounding
		if p.form.L, p.form.U, err = BoundingBox(p); err != nil {
			return nil, err
		}
	}
	p.finish(pointSizes(p.points))
	if err := p.checkPoints(); err != nil {
		return nil, err
	}
	return p, nil
}

// assemble builds the arrays of a polytope and checks all that takes no linear
// program.
func assemble(d Description, effort int) (*Polytope, error) {
	p := &Polytope{name: d.Name, entities: slices.Clone(d.Entities)}
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	if d.FacetEffort < NoFacets || d.FacetEffort > MaxFacetEffort {
		return nil, p.errorf("the effort to find facets, %d, is not one from 1 to %d, or 0, or %d", d.FacetEffort, MaxFacetEffort, NoFacets)
	}
	p.facetEffort = d.FacetEffort
	if err := p.setPoints(d.Points); err != nil {
		return nil, err
	}
	if err := p.setBounds(d.Lower, d.Upper); err != nil {
		return nil, err
	}
	n := p.Dim()
	rows := d.Rows
	if len(rows)*n > MaxCells {
		return nil, p.errorf("%d rows of %d entities are too many (at most %d numbers)", len(rows), n, MaxCells)
	}
	if !math.IsNaN(d.Total) {
		if math.Abs(d.Total) > MaxMagnitude {
			return nil, p.errorf("total: %g is not a number of at most %g", d.Total, MaxMagnitude)
		}
		p.budget = true
		p.form.E = append(p.form.E, slices.Repeat([]float64{1}, n)...)
		p.form.F = append(p.form.F, d.Total)
		p.eqNames = append(p.eqNames, "total = "+vec.Text(d.Total))
	}
	if p.points != nil && len(rows) == 0 {
		inequalities, equalities, err := p.setHull(effort)
		if err != nil {
			return nil, p.errorf("%s", strings.TrimPrefix(err.Error(), "lp: "))
		}
		if !math.IsNaN(d.Total) {
			equalities = independentOfBudget(equalities, n)
		}
		rows = slices.Concat(equalities, inequalities)
	}
	seen := map[string]bool{}
	for i, r := range rows {
		r.Coef = slices.Clone(r.Coef)
		if r.Name == "" {
			r.Name = fmt.Sprintf("row %d", i+1)
		}
		if err := CheckRow(p.entities, r); err != nil {
			return nil, p.errorf("%w", err)
		}
		if seen[r.Name] {
			return nil, p.errorf("two constraints have the name %q", r.Name)
		}
		seen[r.Name] = true
		for _, j := range r.Signed {
			if j < 0 || j >= n {
				return nil, p.errorf("constraint %s, signed: entity %d is not one of the %d", r.Name, j, n)
			}
			p.signed = true
		}
		r.Terms = slices.DeleteFunc(slices.Clone(r.Terms), func(t Term) bool { return t.Above == 0 && t.Below == 0 })
		if len(r.Terms) > 0 && p.points != nil {
			return nil, p.errorf("constraint %s has convex terms, which cannot stand beside points", r.Name)
		}
		if vec.MaxAbs(r.Coef) == 0 && len(r.Terms) == 0 {
			if r.Min > 0 || r.Max < 0 {
				return nil, &EmptyError{Name: p.name, Conflict: []string{r.Name}, Amount: 1}
			}
			p.warnings = append(p.warnings, fmt.Sprintf("constraint %s limits nothing, as all its coefficients are 0", r.Name))
			continue
		}
		p.addRow(r)
	}
	return p, nil
}

func (p *Polytope) checkNames() error {
	if p.name != "" {
		if err := CheckName(p.name); err != nil {
			return fmt.Errorf("name of the polytope: %w", err)
		}
	}
	if len(p.entities) == 0 {
		return p.errorf("it has no entities")
	}
	if len(p.entities) > MaxEntities {
		return p.errorf("%d entities are too many (at most %d)", len(p.entities), MaxEntities)
	}
	seen := make(map[string]bool, len(p.entities))
	for i, e := range p.entities {
		if err := CheckName(e); err != nil {
			return p.errorf("entity %d: %w", i+1, err)
		}
		if seen[e] {
			return p.errorf("two entities have the name %q", e)
		}
		seen[e] = true
	}
	return nil
}

// CheckName refuses names that could not stand in one line.
func CheckName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("the name is empty")
	case len(s) > maxName:
		return fmt.Errorf("the name is longer than %d bytes", maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("the name %q is not UTF-8", s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("the name %q begins or ends with a space", s)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("the name %q holds a character that does not print", s)
	}
	return nil
}

func (p *Polytope) setPoints(points [][]float64) error {
	if len(points) == 0 {
		return nil
	}
	n := p.Dim()
	if len(points)*n > MaxCells {
		return p.errorf("%d points of %d entities are too many (at most %d numbers)", len(points), n, MaxCells)
	}
	for i, v := range points {
		if len(v) != n {
			return p.errorf("point %d has %s for %s", i+1, count.Of(len(v), "number"), count.Of(n, "entity"))
		}
		for j, x := range v {
			if !(math.Abs(x) <= MaxMagnitude) {
				return p.errorf("point %d, %s: %g is not a number of at most %g", i+1, p.entities[j], x, MaxMagnitude)
			}
		}
		p.points = append(p.points, slices.Clone(v))
	}
	return nil
}

// setHull returns the rows of the hull of the points, or makes it one without
// facets.
func (p *Polytope) setHull(effort int) (inequalities, equalities []Row, err error) {
	left, tried := effort, 0
	// In canonical units, so that what is rounding does not depend on the user's.
	d := units.OfAmounts(pointSizes(p.points), p.total())
	points := p.points
	if slices.ContainsFunc(d, func(x float64) bool { return x != 1 }) {
		points = nil
		for _, v := range p.points {
			points = append(points, units.Over(v, d))
		}
	}
	h, err := hull.Affine(points)
	if err == nil && !h.Thin {
		h, err = hull.New(points, &left)
		tried = effort
	}
	if errors.Is(err, dd.ErrBudget) || err == nil && h.Thin {
		if p.hull, err = newPointHull(points, tried); err != nil {
			return nil, nil, err
		}
		h = p.hull.Hull
	}
	if err != nil {
		return nil, nil, err
	}
	p.narrow = h.Narrow
	inequalities, equalities = hullRows(h)
	most := slices.Max(d)
	for _, rows := range [...][]Row{inequalities, equalities} {
		for i := range rows {
			r := &rows[i]
			for j := range r.Coef {
				r.Coef[j] *= most / d[j]
			}
			r.Min, r.Max = r.Min*most, r.Max*most
		}
	}
	return inequalities, equalities, nil
}

// pointSizes returns the largest magnitude of every coordinate.
func pointSizes(points [][]float64) []float64 {
	s := make([]float64, len(points[0]))
	for _, v := range points {
		for j, x := range v {
			s[j] = max(s[j], math.Abs(x))
		}
	}
	return s
}

func (p *Polytope) setBounds(lower, upper []float64) error {
	n := p.Dim()
	if lower == nil {
		lower = make([]float64, n)
		for _, v := range p.points {
			for j, x := range v {
				if x < 0 {
					lower[j] = math.Inf(-1)
				}
			}
		}
	}
	if upper == nil {
		upper = slices.Repeat([]float64{math.Inf(1)}, n)
	}
	if len(lower) != n || len(upper) != n {
		return p.errorf("%d lower and %d upper bounds for %d entities", len(lower), len(upper), n)
	}
	for j, e := range p.entities {
		l, u := lower[j], upper[j]
		switch {
		case !(math.Abs(l) <= MaxMagnitude) && !math.IsInf(l, -1):
			return p.errorf("lower bound of %s: %g is neither -Inf nor a number of at most %g", e, l, MaxMagnitude)
		case !(math.Abs(u) <= MaxMagnitude) && !math.IsInf(u, 1):
			return p.errorf("upper bound of %s: %g is neither +Inf nor a number of at most %g", e, u, MaxMagnitude)
		case l > u:
			return p.errorf("bounds of %s: the lower, %g, is above the upper, %g", e, l, u)
		}
	}
	p.form.L, p.form.U = slices.Clone(lower), slices.Clone(upper)
	return nil
}

// CheckRow returns what is wrong with a row of a polytope with these entities. The
// error names the row and the coefficient.
func CheckRow(entities []string, r Row) error {
	if err := CheckName(r.Name); err != nil {
		return fmt.Errorf("constraint: %w", err)
	}
	if len(r.Coef) != len(entities) {
		return fmt.Errorf("constraint %s has %s for %s", r.Name, count.Of(len(r.Coef), "coefficient"), count.Of(len(entities), "entity"))
	}
	for j, c := range r.Coef {
		if !(math.Abs(c) <= MaxRow) {
			return fmt.Errorf("constraint %s, coefficient of %s: %g is not a number of at most %g", r.Name, entities[j], c, MaxRow)
		}
	}
	switch {
	case vec.MaxAbs(r.Coef) > 0 && vec.MaxAbs(r.Coef) < minMagnitude:
		return fmt.Errorf("constraint %s: its largest coefficient, %g, is too small to compute with (at least %g)", r.Name, vec.MaxAbs(r.Coef), minMagnitude)
	case !(math.Abs(r.Min) <= MaxRow) && !math.IsInf(r.Min, -1):
		return fmt.Errorf("constraint %s: min, %g, is neither -Inf nor a number of at most %g", r.Name, r.Min, MaxRow)
	case !(math.Abs(r.Max) <= MaxRow) && !math.IsInf(r.Max, 1):
		return fmt.Errorf("constraint %s: max, %g, is neither +Inf nor a number of at most %g", r.Name, r.Max, MaxRow)
	case math.IsInf(r.Min, -1) && math.IsInf(r.Max, 1):
		return fmt.Errorf("constraint %s limits nothing: it has neither min nor max", r.Name)
	case r.Min > r.Max:
		return fmt.Errorf("constraint %s: min, %g, is above max, %g", r.Name, r.Min, r.Max)
	}
	return checkTerms(entities, r)
}

func (p *Polytope) addRow(r Row) {
	p.rows = append(p.rows, r)
	if r.Min == r.Max {
		p.form.E, p.form.F, p.eqNames = append(p.form.E, r.Coef...), append(p.form.F, r.Min), append(p.eqNames, r.Name)
		return
	}
	if !math.IsInf(r.Max, 1) {
		p.form.A, p.form.B, p.rowNames = append(p.form.A, r.Coef...), append(p.form.B, r.Max), append(p.rowNames, r.Name)
		if len(r.Terms) > 0 {
			p.addTerms(r.Terms)
		}
	}
	if !math.IsInf(r.Min, -1) {
		for _, c := range r.Coef {
			p.form.A = append(p.form.A, -c)
		}
		p.form.B, p.rowNames = append(p.form.B, -r.Min), append(p.rowNames, r.Name)
	}
}

// checkPoints checks that every point satisfies every constraint. A polytope
// with points is neither empty nor unbounded then.
func (p *Polytope) checkPoints() error {
	for i, v := range p.points {
		if r, name := p.WorstConstraint(v, nil); r > Feasibility {
			return p.errorf("point %d breaks %s (scaled residual %.2g)", i+1, name, r)
		}
	}
	return nil
}

// checkBounded returns an *UnboundedError where some entity is unbounded.
func (p *Polytope) checkBounded() error {
	entity, direction, err := p.form.Unbounded()
	if err != nil {
		return fmt.Errorf("%w (in %s)", err, p.Describe())
	}
	if direction == 0 {
		return nil
	}
	return &UnboundedError{Name: p.name, Entity: p.entities[entity], Direction: direction}
}

// independentOfBudget drops the equality that the budget makes redundant: it
// keeps those that are independent of the budget and of one another.
func independentOfBudget(equalities []Row, n int) (kept []Row) {
	basis := [][]float64{vec.Orthonormal(slices.Repeat([]float64{1}, n), nil)}
	for _, r := range equalities {
		w := slices.Clone(r.Coef)
		vec.Orthogonalize(w, basis)
		if vec.Norm(w) > 1e-9*vec.Norm(r.Coef) {
			basis, kept = append(basis, vec.Orthonormal(w, basis)), append(kept, r)
		}
	}
	return kept
}

// Describe names the polytope in an error.
func (p *Polytope) Describe() string {
	if p.name == "" {
		return "the polytope"
	}
	return "polytope " + p.name
}

func (p *Polytope) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", p.Describe(), fmt.Errorf(format, args...))
}
