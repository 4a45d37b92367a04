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

// ladder is the rule of who answers what. Each method answers what it can prove and hands
// the rest of an action to the method behind it, which starts when it is first needed:
//
//	closed form ─> warm-start bases ─> matrices of a state ─> CLP
//
// A polytope with convex terms has this ladder over its lifted polytope, and columns before it
// (see withTerms). The ladder works on a canonical form, with settings that are complete.
type ladder struct {
	p   *lp.Polytope
	cfg Config
}

// first returns the method that every action begins with.
func (l ladder) first(ctx context.Context) (relay.Solver, error) {
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

// closedForm hands over limits that f was not compiled for or that may be empty, prefixes
// outside of the intervals that it answered, and ill-conditioned endpoints.
func (l ladder) closedForm(f *closedform.Intervals) relay.Solver {
	return closedform.New(f, func() (relay.Solver, error) { return l.basesOrPrograms(context.Background()) })
}

// basesOrPrograms passes over bases where there are too many rows for them.
func (l ladder) basesOrPrograms(ctx context.Context) (relay.Solver, error) {
	s, err := l.bases(ctx)
	if isBudget(err) {
		return l.programs(ctx)
	}
	return s, err
}

// bases hand every row that they cannot prove to matrices, which answer states with a matrix of
// their own and hand the rest to CLP.
func (l ladder) bases(ctx context.Context) (relay.Solver, error) {
	return warm.New(ctx, l.p, l.cfg.MaxBases, l.matrices)
}

// matrices answer states with a matrix of their own. They hand over all others and what is infeasible.
func (l ladder) matrices() (relay.Solver, error) {
	return warm.NewMatrices(l.p, func() (relay.Solver, error) { return l.programs(context.Background()) }), nil
}

// programs, those of CLP, answer everything.
func (l ladder) programs(ctx context.Context) (relay.Solver, error) {
	return clp.New(ctx, l.p, l.cfg.Tolerance, l.cfg.Workers)
}

// withTerms puts columns before the ladder of the lifted polytope. They go along every action first
// and hand over what they do not prove. There are none before the closed form, which method auto takes
// unless holdings move the terms in every state, where columns are faster; and none before method clp.
func withTerms(ctx context.Context, p *lp.Polytope, cfg Config) (relay.Solver, error) {
	columns := warm.NewColumns(p)
	if cfg.Method == "auto" && columns != nil && p.HasHoldings() {
		cfg.Method = "lazy"
	}
	s, err := open(ctx, p.Lifted(), cfg)
	if err != nil {
		return nil, err
	}
	lifted := overLifted(p, s)
	if columns == nil || s.Method() == "explicit" || cfg.Method == "clp" {
		return lifted, nil
	}
	return columns.Before(lifted), nil
}

func isBudget(err error) bool {
	_, is := errors.AsType[*lp.BudgetError](err)
	return is
}
