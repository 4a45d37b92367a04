package lp

import (
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/units"
)

// Row is a linear constraint min <= coef . a <= max. Min is -Inf or Max is +Inf
// where that side is absent; Min == Max states an equality.
type Row struct {
	Name     string
	Coef     []float64
	Min, Max float64

	// Terms, where there are some, are added to coef . a: see Term.
	Terms []Term

	// Signed are entities whose sign the row takes as given, such as one that has a_j for
	// |a_j| because the polytope's own bounds keep a_j from being negative. Limits of a state
	// cannot let such an entity cross 0.
	Signed []int
}

// Description is what a polytope is built from. See New.
type Description struct {
	Name     string
	Entities []string // names, distinct; their number is the dimension n

	// Total is the budget: the sum of all entities. NaN states no budget.
	Total float64

	// Lower and Upper bound each entity. Nil means 0 and +Inf for every entity.
	Lower, Upper []float64

	Rows []Row

	// Points, when given, are points whose convex hull is the polytope. Where
	// Rows is empty the rows are computed from them, unless they are too many (see
	// Polytope.HullOnly); otherwise both describe the same set and the solvers
	// take the smaller description.
	Points [][]float64

	// FacetEffort limits the search for the rows of Points, in millions of steps; 0
	// means 1000, some seconds, and NoFacets that there is none.
	FacetEffort int
}

// Polytope is the set
//
//	P = { a in R^n : A a <= b,  E a = f,  l <= a <= u },
//
// bounded and non-empty (docs/method.md, section 1). It is immutable and safe for
// concurrent use.
type Polytope struct {
	name     string
	entities []string

	form     program.Form // in numbers; see setSizes for what sizes are
	rowNames []string     // m
	eqNames  []string     // k

	points      [][]float64
	facetEffort int  // of the description
	narrow      bool // rounding of the rows shows, which are facets of the points

	// hull, where not nil, is the membership of a hull without facets: beside it
	// there are no inequalities, E is its affine hull and l and u its bounding box.
	hull *pointHull

	known *known // of a canonical form

	// auxiliary is the number of entities, the last, and of inequalities, the last, that
	// stand for terms of another polytope, which is nil where there are none: see convexTerms.
	auxiliary int
	terms     *convexTerms

	// budget says that the first equality is the budget; rows are those that the
	// polytope was described by, and signed says that some have Row.Signed.
	budget bool
	rows   []Row
	signed bool

	warnings []string

	// canon is the canonical form, nil where it is the polytope itself. units is set where
	// this is the canonical form of another polytope.
	canon *Polytope
	units *units.Units
}

// Warnings says, one sentence each, what of the description was left out since it
// limits nothing. The slice must not be modified.
func (p *Polytope) Warnings() []string { return p.warnings }

// Name returns the name of the polytope, possibly empty.
func (p *Polytope) Name() string { return p.name }

// Dim returns the number of entities n.
func (p *Polytope) Dim() int { return len(p.entities) }

// Entities returns the names of the entities. The slice must not be modified.
func (p *Polytope) Entities() []string { return p.entities }

// Inequalities returns A (m x n, row-major), b and the names of the rows. The
// slices must not be modified.
func (p *Polytope) Inequalities() (a, b []float64, names []string) {
	return p.form.A, p.form.B, p.rowNames
}

// Equalities returns E (k x n, row-major), f and the names of
// the rows; the budget, where there is one, is the first. The slices must not
// be modified.
func (p *Polytope) Equalities() (e, f []float64, names []string) {
	return p.form.E, p.form.F, p.eqNames
}

// Budget returns the first equality whose coefficients are all the same number that is not
// 0, and that number; row -1 where there is none.
func (p *Polytope) Budget() (row int, coefficient float64) {
	n := p.Dim()
	for k := range p.form.F {
		c := p.form.E[k*n]
		if c != 0 && !slices.ContainsFunc(p.form.E[k*n:(k+1)*n], func(x float64) bool { return x != c }) {
			return k, c
		}
	}
	return -1, 0
}

// Bounds returns the bounds of every entity, infinite where absent. The slices
// must not be modified.
func (p *Polytope) Bounds() (lower, upper []float64) { return p.form.L, p.form.U }

// Points returns the points whose convex hull the polytope is, nil where it was
// not described by points. The slices must not be modified.
func (p *Polytope) Points() [][]float64 { return p.points }

// HullOnly reports whether p is the hull of points whose facets are too many to
// find. It has no inequalities then: the points themselves say what belongs to it,
// beside the equalities of its affine hull and its bounding box as bounds.
func (p *Polytope) HullOnly() bool { return p.hull != nil }

// Limits replaces limits of a polytope in one state: of A x <= b, E x = f and l <= x <= u the
// right-hand sides b and f and the bounds. A nil slice keeps the polytope's own.
//
// A, m x n row-major, replaces the matrix of the inequalities itself. The closed form
// and warm-start bases compute once for a matrix what they answer from, so that each action
// takes linear programs of its own: by a dual simplex, some hundredths of a millisecond
// up to 13 entities and milliseconds at 50 entities with 20 rows, or under method clp by
// CLP, some 50 times that. The matrix E is the polytope's.
//
// Where the polytope is the hull of points without facets, limits cut it further;
// linear programs over the weights of the points serve them.
//
// Limits that contradict one another by a scaled 5e-10 or less count as feasible: relaxing
// all of them by that much admits an allocation whose residual is at most 1e-9. A polytope's own are read from decimals, once, and held to 1e-14 (see
// New); those of a state are computed, by sums over what came before.
type Limits struct {
	B, F, Lower, Upper []float64
	A                  []float64

	// Holdings, one for every entity, are what terms with Holding count from. They move
	// right-hand sides and nothing else.
	Holdings []float64
}

// Own reports whether the limits are the polytope's own.
func (l *Limits) Own() bool {
	return l.B == nil && l.F == nil && l.Lower == nil && l.Upper == nil && l.A == nil && l.Holdings == nil
}

// NarrowHull reports whether rounding of the rows shows, which are facets of the points, or
// whether there are points alone.
func (p *Polytope) NarrowHull() bool { return p.narrow || p.HullOnly() }
