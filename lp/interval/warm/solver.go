package warm

import (
	"context"

	"paspo/lp"
	"paspo/lp/interval/relay"
)

// Solver answers from bases that were optimal before: a basis whose duals are
// feasible, which no limit and no prefix enters, is optimal wherever it is primal
// feasible (docs/method.md, section 4). What no warm-start basis proves is searched for by a dual
// simplex method, and what that finds is kept. Limits that follow the state move
// right-hand sides alone, so that all states share the bases.
//
// Answers do not depend, to the last bit, on what is kept: not on the order of
// queries, on other goroutines, on evictions, or on a fresh start. For
//
//   - an endpoint is computed from its duals, which are rounded from the exact ones: bases
//     that share the duals share the bits;
//   - a warm-start basis answers only where its basic variables stay within their bounds
//     by a margin, so that the duals are unique, even among those that are optimal
//     up to the tolerance of a search (see basis.Duals.Proves);
//   - everything else is searched for from a first basis that the polytope and the
//     query determine. A search that rounding leads astray is repeated in rational
//     arithmetic, and from the optimum of another method where that takes long. One that finds the prefix infeasible by rounding, which it proves,
//     is repeated with a larger tolerance: no warm-start basis answers there.
//
// A row is handed over for the rest of its action where
//
//   - its prefix is infeasible, or outside of its interval;
//   - an endpoint is ill-conditioned;
//   - bases cannot serve its limits, such as those without a lower bound or with an infinity in b;
//   - its state has a matrix of its own. Simplex answers these rows, CLP the others.
type Solver struct {
	m      *model
	behind relay.Successor
}

func New(ctx context.Context, p *lp.Polytope, maxBases int, behind func() (relay.Solver, error)) (relay.Solver, error) {
	m, err := newModel(ctx, p, maxBases)
	if err != nil {
		return nil, err
	}
	s := &Solver{m: m, behind: relay.NewSuccessor(behind)}
	s.settle()
	return s, nil
}

// settle finds the interval of the first entity, and the bases that searches begin at:
// those of the chain of midpoints, and of the chain whose entities take equal parts of
// what is left. Either is closer to what is asked for than bases of slacks. Nobody has asked
// for these chains, so that they do not count.
func (s *Solver) settle() {
	m := s.m
	defer func() {
		for i := range m.suffix {
			for _, e := range m.suffix[i].stores {
				e.hits.Store(0)
				e.misses.Store(0)
				e.exact.Store(0)
				e.handedOver.Store(0)
			}
		}
	}()
	c := s.chain(1)
	for _, equal := range []bool{false, true} {
		c.Begin(1, nil)
		row := &c.rows[0]
		for i := range m.suffix {
			for x, e := range m.suffix[i].stores {
				c.look[x].load(e)
			}
			lo, hi, ok := c.answer(i, row)
			if !ok {
				return
			}
			if i == 0 && !m.known {
				m.first, m.known = [2]float64{lo, hi}, true
			}
			for x, e := range m.suffix[i].stores {
				e.addStart(c.work[x].Build(e.g))
			}
			parts := 2
			if equal {
				parts = max(2, m.n-i)
			}
			m.fix(row, i, lo+(hi-lo)/float64(parts))
		}
	}
}

func (s *Solver) Polytope() *lp.Polytope { return s.m.p }

func (s *Solver) Method() string { return "lazy" }

func (s *Solver) Close() error { return s.behind.Close() }

// Behind returns the solver behind the bases, nil until it was needed.
func (s *Solver) Behind() lp.Solver { return s.behind.Started() }
