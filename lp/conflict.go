package lp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"paspo/lp/internal/program"
)

// EmptyError says that no allocation satisfies all constraints.
type EmptyError struct {
	Name string // of the polytope, possibly empty

	// Conflict names constraints that cannot hold together. It is irreducible:
	// without any one of them the others can.
	Conflict []string

	// Amount is the least scaled amount by which all of them would have to be relaxed, 0
	// where there is no conflict.
	Amount float64

	// Description is what is empty, where a reader of files says so; see Relaxation.
	Description *Description
}

func (e *EmptyError) Error() string {
	s := "the limits leave nothing"
	if e.Name != "" {
		s = "the limits of " + e.Name + " leave nothing"
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
	names, _ := p.conflict(lim, true)
	return names
}

// refusal returns the error of limits that have no point, or none that CLP finds:
// an *EmptyError where a conflict is proved or CLP calls them empty.
func (p *Polytope) refusal(err error, lim *Limits) error {
	if !errors.Is(err, program.ErrUnbounded) {
		names, amount := p.conflict(lim, true)
		if names != nil || lim != nil && errors.Is(err, program.ErrInfeasible) {
			return &EmptyError{Name: p.name, Conflict: names, Amount: amount}
		}
	}
	return fmt.Errorf("%w (in %s)", err, p.Describe())
}

// conflict is FindConflict with the least scaled amount by which all constraints
// of the conflict would have to be relaxed. Unless it is to be irreducible in names too, it is
// the first that is proven, which takes less than half the time.
func (p *Polytope) conflict(lim *Limits, inNames bool) (names []string, amount float64) {
	if p.terms != nil {
		return p.terms.lifted.conflict(p.liftOnce(lim), inNames)
	}
	if q := p.Canonical(); q != p {
		return q.conflict(p.canonicalLimits(lim), inNames)
	}
	if p.hull != nil {
		return p.hullConflict(lim)
	}
	q := p.program(make([]float64, p.Dim()), lim)
	q.SetScales()
	name := func(r program.Limit) string { return p.constraintName(r.Kind, r.Index, lim) }
	byName := name
	if !inNames {
		byName = nil
	}
	core, amount := q.Conflict(byName)
	if core == nil && lim == nil {
		// Rows that are all but parallel meet where no numbers are taken.
		l, u := slices.Clone(q.L), slices.Clone(q.U)
		for j := range l {
			most := MaxMagnitude
			if p.units != nil {
				most /= p.units.Amount[j]
			}
			l[j], u[j] = max(l[j], -most), min(u[j], most)
		}
		q.L, q.U = l, u
		name = func(r program.Limit) string { return p.constraintName(r.Kind, r.Index, &Limits{Lower: l, Upper: u}) }
		core, amount = q.Conflict(name)
	}
	return namesOf(core, name), amount
}

// emptyExactly returns an *EmptyError where rational arithmetic shows that the polytope's own
// limits contradict one another by more than program.Decimals. It returns nil where they do not,
// or where that takes too long to decide.
func (p *Polytope) emptyExactly() error {
	q := p.program(make([]float64, p.Dim()), nil)
	q.SetScales()
	core, empty, ok := q.ExactConflict(q.All())
	if !ok || !empty {
		return nil
	}
	amount, ok := q.Proven(core)
	if !ok || amount <= program.Decimals {
		return nil
	}
	name := func(r program.Limit) string { return p.constraintName(r.Kind, r.Index, nil) }
	core, amount = q.IrreducibleInNames(core, amount, name)
	return &EmptyError{Name: p.name, Conflict: namesOf(core, name), Amount: amount}
}

// namesOf returns the names of limits, each once. Those of parts of terms have none: the row
// with the terms is in every conflict that they are in.
func namesOf(refs []program.Limit, name func(program.Limit) string) (names []string) {
	for _, r := range refs {
		if s := name(r); s != "" && !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return names
}
