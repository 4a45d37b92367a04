package interval

import (
	"context"

	"paspo/lp"
	"paspo/lp/interval/relay"
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
	return open(ctx, p, cfg)
}

// open is NewContext with settings that are complete.
func open(ctx context.Context, p *lp.Polytope, cfg Config) (relay.Solver, error) {
	if p.HasTerms() {
		return withTerms(ctx, p, cfg)
	}
	s, err := ladder{p.Canonical(), cfg}.first(ctx)
	if err != nil {
		return nil, err
	}
	return inUnits(p, s), nil
}

// Beyond returns the method that auto takes where the closed form of p is beyond its budget. It
// asks the ladder, with the least budget there is.
func Beyond(ctx context.Context, p *lp.Polytope) (string, error) {
	s, err := NewContext(ctx, p, Config{Method: "auto", MaxPieces: 1, MaxEffort: 1, Workers: 1})
	if err != nil {
		return "", err
	}
	defer s.Close()
	return s.Method(), nil
}
