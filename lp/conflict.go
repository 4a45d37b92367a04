package lp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"paspo/lp/internal/vec"
)

// EmptyError says that no allocation satisfies all constraints.
type EmptyError struct {
	Name string // of the polytope, possibly empty

	// Conflict names constraints that cannot hold together. It is irreducible:
	// without any one of them the others can.
	Conflict []string

	// Amount is the least scaled amount by which all of them would have to give, 0
	// where there is no conflict.
	Amount float64
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
	s += ": no allocation satisfies all of " + strings.Join(e.Conflict[:min(len(e.Conflict), most)], "; ")
	if more := len(e.Conflict) - most; more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	if e.Barely() {
		s += fmt.Sprintf(" (they exclude one another by a scaled %.2g only)", e.Amount)
	}
	return s
}

// Barely reports whether the conflict is so small, below a scaled 1e-6, that numbers
// of too few digits may be behind it.
func (e *EmptyError) Barely() bool { return 0 < e.Amount && e.Amount < 1e-6 }

// FindConflict returns an irreducible set of constraints that cannot hold
// together under the given limits, by name, and nil where all can. Both sides
// of a two-sided row have its name. The budget comes first, then other
// equalities, rows and bounds.
//
// An elastic linear program finds the least relaxation of all limits; what has a
// multiplier there is in conflict (Farkas), and irreducibly so, as the multipliers
// are a vertex (Gleeson and Ryan, ORSA Journal on Computing 2, 1990), or else after
// a deletion filter (Chinneck, Feasibility and Infeasibility in Optimization,
// Springer 2008, chapter 6). Rational arithmetic proves both of what is returned:
// no point satisfies all, and without any one of them some point satisfies the
// others. Limits of a state that contradict one another by a scaled 5e-10 or less are no
// conflict; those of a polytope never do by more than 1e-14, see New.
func (p *Polytope) FindConflict(lim *Limits) []string {
	names, _ := p.conflict(lim)
	return names
}

// refusal returns the error of limits that have no point, or none that CLP finds:
// an *EmptyError where a conflict is proved or CLP calls them empty.
func (p *Polytope) refusal(err error, lim *Limits) error {
	if !errors.Is(err, errUnbounded) {
		names, amount := p.conflict(lim)
		if names != nil || lim != nil && errors.Is(err, errInfeasible) {
			return &EmptyError{Name: p.name, Conflict: names, Amount: amount}
		}
	}
	return fmt.Errorf("%w (in %s)", err, p.Describe())
}

// conflict is FindConflict with the least scaled amount by which all constraints
// of the conflict would have to give.
func (p *Polytope) conflict(lim *Limits) (names []string, amount float64) {
	if q := p.Canonical(); q != p {
		return q.conflict(p.canonicalLimits(lim))
	}
	if p.hull != nil {
		return p.hullConflict(lim)
	}
	p = p.under(lim)
	b, f, l, u := p.limits(lim)
	q := p.program(make([]float64, p.Dim()), b, f, l, u)
	q.setScales()
	name := func(r limitRef) string { return p.constraintName(r.kind, r.index, lim) }
	core, amount := q.conflict(name)
	if core == nil && lim == nil {
		// Rows that are all but parallel meet where no numbers are taken.
		l, u = slices.Clone(l), slices.Clone(u)
		for j := range l {
			most := MaxMagnitude
			if p.units != nil {
				most /= p.units.amount[j]
			}
			l[j], u[j] = max(l[j], -most), min(u[j], most)
		}
		q.l, q.u = l, u
		name = func(r limitRef) string { return p.constraintName(r.kind, r.index, &Limits{Lower: l, Upper: u}) }
		core, amount = q.conflict(name)
	}
	return namesOf(core, name), amount
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

// conflict returns an irreducible set of limits that cannot hold together, and the
// least scaled amount by which all of it would have to give. Limits of one name are
// one constraint: the set is irreducible in names too.
func (p *program) conflict(name func(limitRef) string) ([]limitRef, float64) {
	w, err := p.witness()
	if err == nil {
		return nil, 0
	}
	core, amount := p.irreducible(p.all(), w.multipliers, w.t)
	if core == nil || name == nil {
		return core, amount
	}
	return p.irreducibleInNames(core, amount, name)
}

// irreducibleInNames makes a conflict smaller until it needs every name.
func (p *program) irreducibleInNames(core []limitRef, amount float64, name func(limitRef) string) ([]limitRef, float64) {
	siblings := map[string][]limitRef{}
	for _, r := range p.all() {
		siblings[name(r)] = append(siblings[name(r)], r)
	}
	for {
		smaller, by := p.withoutOne(core, siblings, name)
		if smaller == nil {
			return core, amount
		}
		core, amount = smaller, by
	}
}

// decimals is the least relaxation of all limits, scaled, up to which a polytope that is
// empty in rational arithmetic counts as non-empty: decimal fractions, and a few sums of
// them, do not add up to the last bit.
const decimals = 1e-14

// emptyExactly returns an *EmptyError where the polytope's own limits contradict one
// another by more than decimals, though rounding hides it, and nil where they do not or
// that is not decided with the effort there is.
func (p *Polytope) emptyExactly() error {
	if p.weights > 0 {
		return nil // points keep to a plane up to their rounding
	}
	q := p.program(make([]float64, p.Dim()), p.b, p.f, p.l, p.u)
	q.setScales()
	core, empty, ok := q.exactConflict(q.all())
	if !ok || !empty {
		return nil
	}
	amount, ok := q.proven(core)
	if !ok || amount <= decimals {
		return nil
	}
	name := func(r limitRef) string { return p.constraintName(r.kind, r.index, nil) }
	core, amount = q.irreducibleInNames(core, amount, name)
	return &EmptyError{Name: p.name, Conflict: namesOf(core, name), Amount: amount}
}

// namesOf returns the names of limits, each once.
func namesOf(refs []limitRef, name func(limitRef) string) (names []string) {
	for _, r := range refs {
		if s := name(r); !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return names
}

// withoutOne returns a conflict among the constraints of another without one of
// them, where a constraint is all limits of its name, and nil where there is none.
func (p *program) withoutOne(core []limitRef, siblings map[string][]limitRef, name func(limitRef) string) ([]limitRef, float64) {
	var names []string
	limits := 0
	for _, r := range core {
		if s := name(r); !slices.Contains(names, s) {
			names = append(names, s)
			limits += len(siblings[s])
		}
	}
	if limits == len(core) {
		return nil, 0 // no other sides
	}
	for _, left := range names {
		var rest []limitRef
		for _, s := range names {
			if s != left {
				rest = append(rest, siblings[s]...)
			}
		}
		if p.satisfiable(rest) {
			continue
		}
		if smaller, amount := p.irreducible(rest, nil, 0); smaller != nil {
			return smaller, amount
		}
	}
	return nil, 0
}

// irreducible returns a proven irreducible conflict among limits. The multipliers
// of their least relaxation t, where they are known, say where it is.
func (p *program) irreducible(refs []limitRef, multipliers []float64, t float64) ([]limitRef, float64) {
	for j := range p.l {
		if l, u := (limitRef{isLower, j}), (limitRef{isUpper, j}); p.l[j] > p.u[j] && slices.Contains(refs, l) && slices.Contains(refs, u) {
			core := []limitRef{l, u}
			amount, _ := p.proven(core)
			return core, amount
		}
	}
	// A conflict may lie beyond what reach takes for sensible.
	for _, reach := range [...]float64{p.reach(), math.Inf(1)} {
		if multipliers == nil {
			t, multipliers = p.violationWithin(refs, reach)
		}
		core := supported(refs, multipliers)
		multipliers = nil
		if amount, ok := p.proven(core); ok {
			return core, amount
		}
		if filtered := p.filtered(core, t, reach); len(filtered) < len(core) {
			core = filtered
			if amount, ok := p.proven(core); ok {
				return core, amount
			}
		}
		if core, empty, ok := p.exactConflict(core); ok && empty {
			if amount, ok := p.proven(core); ok {
				return core, amount
			}
		}
	}
	if core, empty, ok := p.exactConflict(refs); ok && empty {
		if amount, ok := p.proven(core); ok {
			return core, amount
		}
	}
	return nil, 0
}

// supported returns the limits with multipliers beyond rounding.
func supported(refs []limitRef, multipliers []float64) []limitRef {
	largest := vec.MaxAbs(multipliers)
	var core []limitRef
	for i, ref := range refs {
		if math.Abs(multipliers[i]) > 1e-9*largest {
			core = append(core, ref)
		}
	}
	return core
}

// filtered drops limits of a conflict without which there is one still.
func (p *program) filtered(core []limitRef, t, reach float64) []limitRef {
	least := min(emptiness, t/2)
	if len(core) > maxFilter {
		return core // one program a limit, each as large as the core
	}
	// Bounds go first, as rows say more.
	for i := len(core) - 1; i >= 0; i-- {
		rest := slices.Concat(core[:i], core[i+1:])
		if t, _ := p.violationWithin(rest, reach); t > least {
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
	return p.violationWithin(refs, p.reach())
}

func (p *program) violationWithin(refs []limitRef, reach float64) (t float64, multipliers []float64) {
	n := len(p.c)
	multipliers = make([]float64, len(refs))
	q := program{
		c: make([]float64, n+1), l: make([]float64, n+1), u: make([]float64, n+1),
		unit: 1, cost: costScale,
	}
	reach /= p.unit
	for j := range n {
		q.l[j], q.u[j] = -reach, reach
	}
	q.c[n], q.u[n] = 1, math.Inf(1)
	var owner []int
	add := func(i int, coef []float64, entity int, sign, limit, s float64) {
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
			add(i, p.a[k*n:(k+1)*n], 0, 1, p.b[k], p.rowScale(k))
		case isEquality:
			add(i, p.e[k*n:(k+1)*n], 0, 1, p.f[k], p.eqScale(k))
			add(i, p.e[k*n:(k+1)*n], 0, -1, p.f[k], p.eqScale(k))
		case isLower:
			add(i, nil, k, -1, p.l[k], p.entityScale(k, p.l[k]))
		case isUpper:
			add(i, nil, k, 1, p.u[k], p.entityScale(k, p.u[k]))
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

// rowScale, eqScale and entityScale return what the relaxation of a limit is measured
// in.
func (p *program) rowScale(k int) float64 {
	n := len(p.c)
	return max(math.Abs(p.b[k]), sizeOr(p.rowSize, k, p.scale(p.a[k*n:(k+1)*n], p.b[k])))
}

func (p *program) eqScale(k int) float64 {
	n := len(p.c)
	return max(math.Abs(p.f[k]), sizeOr(p.eqSize, k, p.scale(p.e[k*n:(k+1)*n], p.f[k])))
}

func (p *program) entityScale(j int, limit float64) float64 {
	if math.IsInf(limit, 0) {
		return 1
	}
	return max(math.Abs(limit), sizeOr(p.size, j, p.scale(nil, limit)))
}

// scale returns what the relaxation of a limit is measured in: 1, or the limit,
// or, where the budget is above 1, what the row can come to.
func (p *program) scale(coef []float64, limit float64) float64 {
	s := max(1, math.Abs(limit))
	if p.unit > 1 {
		size := 1.
		if coef != nil {
			size = vec.MaxAbs(coef)
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
		q.b = append(q.b, v+t*p.rowScale(k))
	}
	for k, v := range p.f {
		row := p.e[k*n : (k+1)*n]
		s := t * p.eqScale(k)
		q.a, q.b = append(q.a, row...), append(q.b, v+s)
		for _, c := range row {
			q.a = append(q.a, -c)
		}
		q.b = append(q.b, -v+s)
	}
	for j := range n {
		q.l[j] -= t * p.entityScale(j, p.l[j])
		q.u[j] += t * p.entityScale(j, p.u[j])
	}
	return q
}
