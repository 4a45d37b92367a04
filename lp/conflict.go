package lp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// EmptyError says that no allocation satisfies all constraints.
type EmptyError struct {
	Name string // of the polytope, possibly empty

	// Conflict names constraints that cannot hold together. It is irreducible:
	// without any one of them the others can.
	Conflict []string
}

func (e *EmptyError) Error() string {
	s := "the polytope is empty"
	if e.Name != "" {
		s = "polytope " + e.Name + " is empty"
	}
	switch len(e.Conflict) {
	case 0:
		return s
	case 1:
		return s + ": no allocation satisfies " + e.Conflict[0]
	}
	const most = 12
	if more := len(e.Conflict) - most; more > 0 {
		return fmt.Sprintf("%s: no allocation satisfies all of %s; and %d more", s, strings.Join(e.Conflict[:most], "; "), more)
	}
	return s + ": no allocation satisfies all of " + strings.Join(e.Conflict, "; ")
}

// FindConflict returns an irreducible set of constraints that cannot hold
// together under the given limits, by name, and nil where all can. Both sides
// of a two-sided row have its name. The budget comes first, then other
// equalities, rows and bounds.
//
// An elastic linear program finds the least relaxation of all limits; what has a
// multiplier there is in conflict (Farkas), and irreducibly so, as the multipliers
// are a vertex (Gleeson and Ryan, ORSA Journal on Computing 2, 1990). Of up to 100
// constraints a deletion filter makes sure (Chinneck, Feasibility and Infeasibility
// in Optimization, Springer 2008, chapter 6). Limits that contradict one another by a scaled 5e-10 or
// less are no conflict.
func (p *Polytope) FindConflict(lim *Limits) []string {
	if p.hull != nil {
		return p.findConflict(lim)
	}
	p = p.under(lim)
	b, f, l, u := p.limits(lim)
	q := program{c: make([]float64, p.Dim()), a: p.a, b: b, e: p.e, f: f, l: l, u: u}
	q.setScales()
	var names []string
	for _, c := range q.conflict() {
		names = append(names, p.constraintName(c.kind, c.index, lim))
	}
	return slices.Compact(names)
}

// maxFilter is the largest conflict that a deletion filter goes over.
const maxFilter = 100

// limitRef refers to one limit of a program.
type limitRef struct {
	kind  constraintKind
	index int
}

// all returns every finite limit, equalities first.
func (p *program) all() []limitRef {
	var refs []limitRef
	for k := range p.f {
		refs = append(refs, limitRef{isEquality, k})
	}
	for k, v := range p.b {
		if !math.IsInf(v, 1) {
			refs = append(refs, limitRef{isRow, k})
		}
	}
	for j := range p.l {
		if !math.IsInf(p.l[j], -1) {
			refs = append(refs, limitRef{isLower, j})
		}
		if !math.IsInf(p.u[j], 1) {
			refs = append(refs, limitRef{isUpper, j})
		}
	}
	return refs
}

// conflict returns an irreducible set of limits that cannot hold together.
func (p *program) conflict() []limitRef {
	w, err := p.witness()
	if !errors.Is(err, errInfeasible) {
		return nil
	}
	refs, multiplier := p.all(), w.multipliers
	least := emptiness
	if w.t <= emptiness {
		least = w.t / 2
	}
	largest := maxAbs(multiplier)
	var core []limitRef
	for i, ref := range refs {
		if math.Abs(multiplier[i]) > 1e-9*largest {
			core = append(core, ref)
		}
	}
	if t, _ := p.violation(core); t <= least {
		core = refs
	}
	if len(core) > maxFilter {
		return core // one program a limit, each as large as the core
	}
	// Bounds go first, as rows say more.
	for i := len(core) - 1; i >= 0; i-- {
		rest := slices.Concat(core[:i], core[i+1:])
		if t, _ := p.violation(rest); t > least {
			core = rest
		}
	}
	return core
}

// violation returns the least t so that a point satisfies all given limits when
// each is relaxed by t times its scale, and the multiplier of every limit:
//
//	min t : A_k x - s_k t <= b_k, |E_k x - e_k| <= s_k t, ..., t >= 0.
//
// The point is looked for within reach: without their bounds entities could run
// to where rounding satisfies what contradicts. t is +Inf where CLP gives no
// answer.
func (p *program) violation(refs []limitRef) (t float64, multipliers []float64) {
	n := len(p.c)
	multipliers = make([]float64, len(refs))
	q := program{
		c: make([]float64, n+1), l: make([]float64, n+1), u: make([]float64, n+1),
		unit: 1, cost: costScale,
	}
	reach := p.reach() / p.unit
	for j := range n {
		q.l[j], q.u[j] = -reach, reach
	}
	q.c[n], q.u[n] = 1, math.Inf(1)
	var owner []int
	add := func(i int, coef []float64, entity int, sign, limit float64) {
		s := p.scale(coef, limit)
		row := make([]float64, n+1)
		for j, v := range coef {
			row[j] = sign * v * p.unit / s
		}
		if coef == nil {
			row[entity] = sign * p.unit / s
		}
		row[n] = -1
		q.a, q.b, owner = append(q.a, row...), append(q.b, sign*limit/s), append(owner, i)
	}
	for i, ref := range refs {
		k := ref.index
		switch ref.kind {
		case isRow:
			add(i, p.a[k*n:(k+1)*n], 0, 1, p.b[k])
		case isEquality:
			add(i, p.e[k*n:(k+1)*n], 0, 1, p.f[k])
			add(i, p.e[k*n:(k+1)*n], 0, -1, p.f[k])
		case isLower:
			add(i, nil, k, -1, p.l[k])
		case isUpper:
			add(i, nil, k, 1, p.u[k])
		}
	}
	if len(refs) == 0 {
		return 0, multipliers
	}
	x, err := q.minimize(&q)
	if err != nil {
		return math.Inf(1), multipliers
	}
	for k, i := range owner {
		multipliers[i] += q.duals[k]
	}
	return x[n], multipliers
}

// reach returns a size that no entity of a sensible polytope comes near, yet one
// whose rounding is far below what counts as a conflict.
func (p *program) reach() float64 {
	n := len(p.c)
	size := p.unit
	for j := range n {
		for _, v := range [...]float64{p.l[j], p.u[j]} {
			if !math.IsInf(v, 0) {
				size = max(size, math.Abs(v))
			}
		}
	}
	for k, v := range p.b {
		for _, c := range p.a[k*n : (k+1)*n] {
			if c != 0 && !math.IsInf(v, 0) {
				size = max(size, math.Abs(v/c))
			}
		}
	}
	return 1e3 * size
}

// scale returns what the relaxation of a limit is measured in: 1, or the limit,
// or, where the budget is above 1, what the row can come to.
func (p *program) scale(coef []float64, limit float64) float64 {
	s := max(1, math.Abs(limit))
	if p.unit > 1 {
		size := 1.
		if coef != nil {
			size = maxAbs(coef)
		}
		s = max(s, p.unit*size)
	}
	return s
}

// relaxed returns p with all rows relaxed by t times their scale. Equalities
// become pairs of rows.
func (p *program) relaxed(t float64) *program {
	n := len(p.c)
	q := &program{c: p.c, l: slices.Clone(p.l), u: slices.Clone(p.u), unit: p.unit, cost: p.cost}
	q.a = slices.Clone(p.a)
	for k, v := range p.b {
		q.b = append(q.b, v+t*p.scale(p.a[k*n:(k+1)*n], v))
	}
	for k, v := range p.f {
		row := p.e[k*n : (k+1)*n]
		s := t * p.scale(row, v)
		q.a, q.b = append(q.a, row...), append(q.b, v+s)
		for _, c := range row {
			q.a = append(q.a, -c)
		}
		q.b = append(q.b, -v+s)
	}
	for j := range n {
		q.l[j] -= t * p.scale(nil, p.l[j])
		q.u[j] += t * p.scale(nil, p.u[j])
	}
	return q
}
