package interval

import (
	"context"
	"errors"

	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/lp/interval/clp"
	"paspo/lp/interval/relay"
	"paspo/lp/interval/warm"
)

// New returns a solver of the intervals of p. Zero fields of cfg take
// their defaults. Method explicit is refused with a *lp.BudgetError where the
// closed form exceeds its budget; method auto takes warm-start bases there, and CLP where
// there are too many rows for these, which Solver.Method tells.
func New(p *lp.Polytope, cfg Config) (lp.Solver, error) {
	return NewContext(context.Background(), p, cfg)
}

// NewContext is New until ctx ends. It looks at ctx between its steps, some
// of which take seconds.
func NewContext(ctx context.Context, p *lp.Polytope, cfg Config) (lp.Solver, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if p.HasTerms() {
		return withTerms(ctx, p, cfg)
	}
	s, err := ladder{p.Canonical(), cfg}.first(ctx)
	if err != nil {
		return nil, err
	}
	return inUnits(p, s), nil
}

// withTerms puts columns before the methods that answer for the lifted polytope, but for a
// closed form that holds in every state. Bases that were optimal seldom serve again among so
// many: the lifted polytope is answered as a state with a matrix of its own.
func withTerms(ctx context.Context, p *lp.Polytope, cfg Config) (lp.Solver, error) {
	var lifted termSolver
	columns := warm.NewColumns(p, func() (lp.Solver, error) { return &lifted, nil })
	first := columns != nil && (cfg.Method == "auto" && p.HasHoldings() || cfg.Method == "lazy")
	if first {
		cfg.Method = "lazy"
	}
	s, err := NewContext(ctx, p.Lifted(), cfg)
	if err != nil {
		return nil, err
	}
	lifted = termSolver{p: p, Solver: s}
	if s.Method() == "lazy" {
		lifted.matrix, _, _ = p.Lifted().Inequalities()
	}
	if first || columns != nil && cfg.Method == "auto" && s.Method() != "explicit" {
		return &termSolver{p: p, Solver: s, columns: columns}, nil
	}
	return &lifted, nil
}

// ladder is the rule of who answers what. Each method answers what it can prove and hands
// the rest of an action to the method behind it, which starts when it is first needed:
//
//	closed form -> warm-start bases -> matrices of a state -> CLP
//
// A polytope with convex terms is answered by columns first, see withTerms.
//
// It works on a canonical form, with settings that are complete.
type ladder struct {
	p   *lp.Polytope
	cfg Config
}

// first returns the method that every action begins with.
func (l ladder) first(ctx context.Context) (lp.Solver, error) {
	switch l.cfg.Method {
	case "clp":
		return l.programs(ctx)
	case "lazy":
		return l.bases(ctx)
	}
	f, err := closedform.Compile(ctx, l.p, l.cfg.budget())
	switch {
	case err == nil:
		return l.closedForm(f), nil
	case l.cfg.Method == "auto" && isBudget(err):
		return l.basesOrPrograms(ctx)
	}
	return nil, err
}

// closedForm hands on limits that f was not compiled for or that may be empty, prefixes
// outside of the intervals that it answered, and ill-conditioned endpoints.
func (l ladder) closedForm(f *closedform.Intervals) lp.Solver {
	return closedform.New(f, func() (lp.Solver, error) { return l.basesOrPrograms(context.Background()) })
}

// basesOrPrograms passes over bases where there are too many rows for them.
func (l ladder) basesOrPrograms(ctx context.Context) (lp.Solver, error) {
	s, err := l.bases(ctx)
	if isBudget(err) {
		return l.programs(ctx)
	}
	return s, err
}

// bases hand on what CLP has to judge, and by way of matrices, since the matrix of a
// state has no bases that are kept.
func (l ladder) bases(ctx context.Context) (lp.Solver, error) {
	return warm.New(ctx, l.p, l.cfg.MaxBases, l.matrices)
}

// matrices hand on whatever is not a state with a matrix of its own, or is infeasible.
func (l ladder) matrices() (lp.Solver, error) {
	return warm.NewMatrices(l.p, func() (lp.Solver, error) { return l.programs(context.Background()) }), nil
}

// programs answer everything.
func (l ladder) programs(ctx context.Context) (lp.Solver, error) {
	return clp.New(ctx, l.p, l.cfg.Tolerance, l.cfg.Workers)
}

// Beyond returns the method that auto takes where the closed form of p is beyond its
// budget.
func Beyond(p *lp.Polytope) string {
	if q := p.Lifted(); q != nil {
		p = q
	}
	if warm.TooManyRows(p) && !relay.OverPoints(p) {
		return "clp"
	}
	return "lazy"
}

func isBudget(err error) bool {
	_, is := errors.AsType[*lp.BudgetError](err)
	return is
}
