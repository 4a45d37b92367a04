package interval

import (
	"fmt"

	"paspo/lp"
	"paspo/lp/interval/closedform"
)

// MarshalCompiled returns the closed form of s to be kept in a file, which
// NewCompiled reads. ok is false where s has none.
func MarshalCompiled(s lp.Solver) (data []byte, ok bool) {
	x, ok := find[*closedform.Solver](s)
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
	q := p
	if p.HasTerms() {
		q = p.Lifted()
	}
	f, err := closedform.Unmarshal(q.Canonical(), cfg.budget(), data)
	if err != nil {
		return nil, fmt.Errorf("lp: compiled intervals: %w", err)
	}
	s := inUnits(q, ladder{q.Canonical(), cfg}.closedForm(f))
	if p.HasTerms() {
		s = overLifted(p, s)
	}
	return s, nil
}
