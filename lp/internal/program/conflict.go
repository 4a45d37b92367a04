package program

import (
	"math"
	"slices"

	"paspo/lp/internal/vec"
)

// maxFilter is the largest conflict that a deletion filter goes over.
const maxFilter = 100

// Kind says what the index of a limit refers to.
type Kind int

// These are the limits of a program, and OfHull is that of a hull without facets.
const (
	_ Kind = iota
	OfRow
	OfEquality
	OfLower
	OfUpper
	OfHull
)

// Limit refers to one limit of a program.
type Limit struct {
	Kind  Kind
	Index int
}

// All returns every finite limit, equalities first.
func (p *Program) All() []Limit {
	var refs []Limit
	for k := range p.F {
		refs = append(refs, Limit{OfEquality, k})
	}
	for k, v := range p.B {
		if !math.IsInf(v, 1) {
			refs = append(refs, Limit{OfRow, k})
		}
	}
	for j := range p.L {
		if !math.IsInf(p.L[j], -1) {
			refs = append(refs, Limit{OfLower, j})
		}
		if !math.IsInf(p.U[j], 1) {
			refs = append(refs, Limit{OfUpper, j})
		}
	}
	return refs
}

// Conflict returns an irreducible set of limits that cannot hold together, and the
// least scaled amount by which all of it would have to be relaxed. Limits of one name are
// one constraint: the set is irreducible in names too.
func (p *Program) Conflict(name func(Limit) string) ([]Limit, float64) {
	w, err := p.witness()
	if err == nil {
		return nil, 0
	}
	core, amount := p.irreducible(p.All(), w.multipliers, w.t)
	if core == nil || name == nil {
		return core, amount
	}
	return p.IrreducibleInNames(core, amount, name)
}

// IrreducibleInNames makes a conflict smaller until it needs every name.
func (p *Program) IrreducibleInNames(core []Limit, amount float64, name func(Limit) string) ([]Limit, float64) {
	siblings := map[string][]Limit{}
	for _, r := range p.All() {
		siblings[name(r)] = append(siblings[name(r)], r)
	}
	// Names without which the others can hold: no smaller conflict is without one of them.
	needed := map[string]bool{}
	for {
		smaller, by := p.withoutOne(core, siblings, needed, name)
		if smaller == nil {
			return core, amount
		}
		core, amount = smaller, by
	}
}

// withoutOne returns a conflict among the constraints of another without one of
// them, where a constraint is all limits of its name, and nil where there is none. What is in
// conflict by no more than Decimals counts as none. It does not try names that are needed, and
// adds what it finds to be.
func (p *Program) withoutOne(core []Limit, siblings map[string][]Limit, needed map[string]bool, name func(Limit) string) ([]Limit, float64) {
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
		if needed[left] {
			continue
		}
		var rest []Limit
		for _, s := range names {
			if s != left {
				rest = append(rest, siblings[s]...)
			}
		}
		if p.satisfiable(rest) {
			needed[left] = true
			continue
		}
		if smaller, amount := p.irreducible(rest, nil, 0); smaller != nil && amount > Decimals {
			return smaller, amount
		}
	}
	return nil, 0
}

// irreducible returns a proven irreducible conflict among limits. The multipliers
// of their least relaxation t, where they are known, say where it is.
func (p *Program) irreducible(refs []Limit, multipliers []float64, t float64) ([]Limit, float64) {
	for j := range p.L {
		if l, u := (Limit{OfLower, j}), (Limit{OfUpper, j}); p.L[j] > p.U[j] && slices.Contains(refs, l) && slices.Contains(refs, u) {
			core := []Limit{l, u}
			amount, _ := p.Proven(core)
			return core, amount
		}
	}
	// A conflict may lie beyond what reach takes for sensible.
	for _, reach := range [...]float64{p.reach(), math.Inf(1)} {
		if multipliers == nil {
			t, multipliers = p.violation(refs, reach)
		}
		core := supported(refs, multipliers)
		multipliers = nil
		if amount, ok := p.Proven(core); ok {
			return core, amount
		}
		if filtered := p.filtered(core, t, reach); len(filtered) < len(core) {
			core = filtered
			if amount, ok := p.Proven(core); ok {
				return core, amount
			}
		}
		if core, empty, ok := p.ExactConflict(core); ok && empty {
			if amount, ok := p.Proven(core); ok {
				return core, amount
			}
		}
	}
	if core, empty, ok := p.ExactConflict(refs); ok && empty {
		if amount, ok := p.Proven(core); ok {
			return core, amount
		}
	}
	return nil, 0
}

// supported returns the limits with multipliers beyond rounding.
func supported(refs []Limit, multipliers []float64) []Limit {
	largest := vec.MaxAbs(multipliers)
	var core []Limit
	for i, ref := range refs {
		if math.Abs(multipliers[i]) > 1e-9*largest {
			core = append(core, ref)
		}
	}
	return core
}

// filtered drops limits of a conflict without which there is one still.
func (p *Program) filtered(core []Limit, t, reach float64) []Limit {
	least := min(Emptiness, t/2)
	if len(core) > maxFilter {
		return core // one program a limit, each as large as the core
	}
	// Bounds go first, as rows say more.
	for i := len(core) - 1; i >= 0; i-- {
		rest := slices.Concat(core[:i], core[i+1:])
		if t, _ := p.violation(rest, reach); t > least {
			core = rest
		}
	}
	return core
}

// violation returns the least t so that a point satisfies all given limits when
// each is relaxed by t times its scale, and the multiplier of every limit. The point is looked
// for within reach: far out, rounding makes limits hold together that contradict one another. t
// is +Inf where CLP gives no answer.
func (p *Program) violation(refs []Limit, reach float64) (t float64, multipliers []float64) {
	multipliers = make([]float64, len(refs))
	if len(refs) == 0 {
		return 0, multipliers
	}
	q, owner := p.elastic(refs, reach, true)
	x, err := q.Minimize(q)
	if err != nil {
		return math.Inf(1), multipliers
	}
	for k, i := range owner {
		multipliers[i] += q.Duals[k]
	}
	return x[len(p.C)], multipliers
}

// elastic returns the program
//
//	min t : A_k x - s_k t <= b_k,  |E_k x - f_k| <= s_k t, ...,  t >= 0
//
// of some limits with their scales s, and the limit that each of its inequalities is of. Its
// equalities are relaxed as pairs of inequalities, or kept.
func (p *Program) elastic(refs []Limit, reach float64, pairs bool) (q *Program, owner []int) {
	n := len(p.C)
	reach /= p.Unit
	q = &Program{C: make([]float64, n+1), L: slices.Repeat([]float64{-reach}, n+1), U: slices.Repeat([]float64{reach}, n+1), Unit: 1, Cost: CostScale}
	q.C[n], q.L[n], q.U[n] = 1, 0, math.Inf(1)
	for i, r := range refs {
		coef, sign, limit := p.side(r)
		s := p.limitScale(r)
		row := func(sign, t float64) []float64 {
			row := make([]float64, n+1)
			for j, v := range coef {
				row[j] = sign * v * p.Unit / s
			}
			row[n] = t
			return row
		}
		if r.Kind == OfEquality && !pairs {
			q.E, q.F = append(q.E, row(sign, 0)...), append(q.F, sign*limit/s)
			continue
		}
		q.A, q.B, owner = append(q.A, row(sign, -1)...), append(q.B, sign*limit/s), append(owner, i)
		if r.Kind == OfEquality {
			q.A, q.B, owner = append(q.A, row(-sign, -1)...), append(q.B, -sign*limit/s), append(owner, i)
		}
	}
	return q, owner
}

// reach returns a size that no entity of a sensible polytope comes near, yet one
// whose rounding is far below what counts as a conflict.
func (p *Program) reach() float64 {
	n := len(p.C)
	size := p.Unit
	for j := range n {
		for _, v := range [...]float64{p.L[j], p.U[j]} {
			if !math.IsInf(v, 0) {
				size = max(size, math.Abs(v))
			}
		}
	}
	for k, v := range p.B {
		for _, c := range p.A[k*n : (k+1)*n] {
			if c != 0 && !math.IsInf(v, 0) {
				size = max(size, math.Abs(v/c))
			}
		}
	}
	return 1e3 * size
}

// rowScale, eqScale and entityScale return what the relaxation of a limit is measured
// in.
func (p *Program) rowScale(k int) float64 {
	n := len(p.C)
	return max(math.Abs(p.B[k]), sizeOr(p.RowSize, k, p.scale(p.A[k*n:(k+1)*n], p.B[k])))
}

func (p *Program) eqScale(k int) float64 {
	n := len(p.C)
	return max(math.Abs(p.F[k]), sizeOr(p.EqSize, k, p.scale(p.E[k*n:(k+1)*n], p.F[k])))
}

func (p *Program) entityScale(j int, limit float64) float64 {
	if math.IsInf(limit, 0) {
		return 1
	}
	return max(math.Abs(limit), sizeOr(p.Size, j, p.scale(nil, limit)))
}

// scale returns what the relaxation of a limit is measured in: 1, or the limit,
// or, where the budget is above 1, what the row can come to.
func (p *Program) scale(coef []float64, limit float64) float64 {
	s := max(1, math.Abs(limit))
	if p.Unit > 1 {
		size := 1.
		if coef != nil {
			size = vec.MaxAbs(coef)
		}
		s = max(s, p.Unit*size)
	}
	return s
}

// Relaxed returns p with all limits relaxed by t times their scale. Equalities become pairs
// of rows where t > 0, and stay otherwise.
func (p *Program) Relaxed(t float64) *Program {
	n := len(p.C)
	q := &Program{C: p.C, L: slices.Clone(p.L), U: slices.Clone(p.U), Unit: p.Unit, Cost: p.Cost}
	q.A = slices.Clone(p.A)
	for k, v := range p.B {
		if !math.IsInf(v, 1) {
			v += t * p.rowScale(k)
		}
		q.B = append(q.B, v)
	}
	if t <= 0 {
		q.E, q.F = p.E, p.F
	} else {
		for k, v := range p.F {
			row := p.E[k*n : (k+1)*n]
			s := t * p.eqScale(k)
			q.A, q.B = append(q.A, row...), append(q.B, v+s)
			for _, c := range row {
				q.A = append(q.A, -c)
			}
			q.B = append(q.B, -v+s)
		}
	}
	for j := range n {
		q.L[j] -= t * p.entityScale(j, p.L[j])
		q.U[j] += t * p.entityScale(j, p.U[j])
	}
	return q
}
