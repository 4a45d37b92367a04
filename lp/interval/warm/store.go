package warm

import (
	"slices"
	"sync"
	"sync/atomic"

	"paspo/lp/internal/basis"
)

// store keeps the bases of one endpoint of one interval. What it keeps, and in which
// order, decides how fast a query is answered and never what the answer is: see
// Solver.
//
// How many are kept matters little where few recur: with 50 entities, 10 rows and caps
// 5, 50, 200 and 1000 bases served 28, 54, 68 and 74 % of the endpoints over 5 000 chains, at
// 2 300, 2 200, 1 800 and 1 600 chains a second of processor time (CLP: 150). A search
// takes 1.4 pivots there, about what 50 bases take to be ruled out.
type store struct {
	g      *basis.Program
	starts []*basis.Duals // where searches begin
	most   int

	// bound is the endpoint where it is at the bound of the entity itself. Bases that
	// prove it have nothing in common but that: they are many, and quick to find
	// again.
	bound *basis.Duals

	bases atomic.Pointer[[]*warmBasis]

	mu      sync.Mutex
	known   map[string]*warmBasis // by state
	seen    sightings
	refused int // that were not kept because the store was full
	bounds  int // bases in the store that have the duals of bound

	hits, misses, exact, handedOver atomic.Int64
}

type warmBasis struct {
	*basis.Duals
	key     string
	trivial bool
	hits    atomic.Int64
}

func newStore(g *basis.Program, most int) *store {
	e := &store{g: g, most: most, known: map[string]*warmBasis{}}
	e.bases.Store(&[]*warmBasis{})
	// All slacks are basic and no column is: feasible duals for any bounds.
	state := make([]basis.State, g.N+g.M)
	for k := range g.M {
		state[g.N+k] = basis.Basic
	}
	e.bound, _ = g.Build(state)
	e.starts = []*basis.Duals{e.bound}
	return e
}

// addStart lets searches begin at p, where that is not nil.
func (e *store) addStart(p *basis.Duals) {
	switch {
	case p == nil:
	case e.starts[0] == e.bound:
		e.starts[0] = p
	case !e.starts[0].Same(p):
		e.starts = append(e.starts, p)
	}
}

// from returns the basis that the search for a query begins at: of starts, the one that violates least.
func (e *store) from(q *basis.Query) *basis.Duals {
	best := e.starts[0]
	if len(e.starts) > 1 {
		least := best.Violated(q)
		for _, p := range e.starts[1:] {
			if v := p.Violated(q); v < least {
				best, least = p, v
			}
		}
	}
	return best
}

// find returns the basis of a state if it is kept.
func (e *store) find(state []basis.State) *basis.Duals {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.known[string(state)]; p != nil {
		return p.Duals
	}
	return nil
}

// keep keeps the basis of a state that was found often enough: most of those that are
// found once do not come again, and to build a basis' proof takes longer than the
// search took.
func (e *store) keep(state []basis.State) {
	e.mu.Lock()
	times := e.worth(state)
	e.mu.Unlock()
	if times == 0 {
		return
	}
	built, err := e.g.Build(state)
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[string(state)] != nil {
		return
	}
	p := &warmBasis{Duals: built, key: string(state), trivial: built.Trivial()}
	p.hits.Store(times)
	old := *e.bases.Load()
	bases := make([]*warmBasis, len(old), len(old)+1)
	copy(bases, old)
	if len(bases) >= e.most {
		bases = e.evict(bases)
	}
	e.known[p.key] = p
	if p.trivial {
		e.bounds++
	}
	bases = append(bases, p)
	e.bases.Store(&bases)
}

// worth returns how often a state was found lately, and 0 where that is once, or no more
// often than the least of those that are kept was hit and the store is full. So a basis
// that has stopped serving is evicted in time.
func (e *store) worth(state []basis.State) int64 {
	if e.known[string(state)] != nil {
		return 0
	}
	times := e.seen.again(state)
	if times < 2 {
		return 0
	}
	bases := *e.bases.Load()
	if len(bases) < e.most || times > bases[least(bases)].hits.Load() {
		return times
	}
	if e.refused++; e.refused%64 == 0 {
		for _, p := range bases {
			p.hits.Store(p.hits.Load() / 2)
		}
		e.seen.halve()
	}
	return 0
}

func least(bases []*warmBasis) int {
	at := 0
	for x, p := range bases {
		if p.hits.Load() < bases[at].hits.Load() {
			at = x
		}
	}
	return at
}

// evict drops what was hit least.
func (e *store) evict(bases []*warmBasis) []*warmBasis {
	least := least(bases)
	delete(e.known, bases[least].key)
	if bases[least].trivial {
		e.bounds--
	}
	return slices.Delete(bases, least, least+1)
}

// keepBound keeps a basis that has the duals of bound, but once these are more than a
// quarter of what may be kept only at one miss in 64.
func (e *store) keepBound(state []basis.State) {
	e.mu.Lock()
	full := e.bounds > e.most/4
	e.mu.Unlock()
	if now := e.misses.Load(); !full || now%64 == 0 {
		e.keep(state)
	}
}

// sort puts what is hit most often first, unless another goroutine is at it.
func (e *store) sort() {
	if !e.mu.TryLock() {
		return
	}
	defer e.mu.Unlock()
	bases := slices.Clone(*e.bases.Load())
	slices.SortStableFunc(bases, func(a, b *warmBasis) int {
		return int(b.hits.Load() - a.hits.Load())
	})
	e.bases.Store(&bases)
}
