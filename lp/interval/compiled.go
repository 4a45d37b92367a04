package interval

import (
	"fmt"

	"paspo/lp"
	"paspo/lp/interval/closedform"
)

// MarshalCompiled returns the closed form of s to be kept in a file, which
// NewCompiled reads. ok is false where s has none.
func MarshalCompiled(s lp.Solver) (data []byte, ok bool) {
	x, ok := unscaled(s).(*closedform.Solver)
	if !ok {
		return nil, false
	}
	return x.Intervals().Marshal(), true
}

// NewCompiled is New with the closed form from MarshalCompiled. The error says what is
// wrong with the data: they are damaged, of another version, of another polytope, or were
// found within another budget.
func NewCompiled(p *lp.Polytope, cfg Config, data []byte) (lp.Solver, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if cfg.Method != "auto" && cfg.Method != "explicit" {
		return nil, fmt.Errorf("lp: a closed form does not serve method %s", cfg.Method)
	}
	if q := p.Lifted(); q != nil {
		s, err := NewCompiled(q, cfg, data)
		if err != nil {
			return nil, err
		}
		return &termSolver{p: p, Solver: s}, nil
	}
	f, err := closedform.Unmarshal(p.Canonical(), cfg.budget(), data)
	if err != nil {
		return nil, fmt.Errorf("lp: compiled intervals: %w", err)
	}
	return inUnits(p, ladder{p.Canonical(), cfg}.closedForm(f)), nil
}
