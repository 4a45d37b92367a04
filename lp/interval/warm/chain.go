package warm

import (
	"math"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/tolerance"
	"paspo/lp/interval/relay"
)

type chain struct {
	relay.Rows
	s    *Solver
	rows []remaining

	q    basis.Query
	own  *suffix // whose own limits q holds, nil for none
	work [2]basis.Work
	look [2]lookup
}

// remaining holds the limits of a row, less the terms of its prefix.
type remaining struct {
	r []float64 // right-hand sides less the terms of the prefix

	// These are set where the row has limits of its own, and nil elsewhere.
	lower, width, tol []float64
	store             []float64
	growth            float64
}

// lookup is what is kept for an endpoint, and how often it served since it was loaded.
type lookup struct {
	store  *store
	bases  []*warmBasis
	served []int64
	hits   int64
}

func (l *lookup) load(e *store) {
	l.store, l.bases = e, *e.bases.Load()
	if cap(l.served) < len(l.bases) {
		l.served = make([]int64, 2*len(l.bases))
	}
	l.served = l.served[:len(l.bases)]
	for x := range l.served {
		l.served[x] = 0
	}
}

// flush counts what was served. Now and then what serves most goes first.
func (l *lookup) flush() {
	for x, n := range l.served {
		if n > 0 {
			l.bases[x].hits.Add(n)
			l.hits += n
		}
	}
	if l.hits == 0 {
		return
	}
	const often = 1 << 12
	now := l.store.hits.Add(l.hits)
	if now/often != (now-l.hits)/often {
		l.store.sort()
	}
	l.hits = 0
}

// duals returns those that hold at q, nil where nothing is feasible.
func (l *lookup) duals(q *basis.Query, w *basis.Work) *basis.Duals {
	for x, p := range l.bases {
		if p.Proves(q) {
			l.served[x]++
			return p.Duals
		}
	}
	p := l.store.search(q, w)
	l.flush()
	l.load(l.store)
	return p
}

func (s *Solver) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *Solver) Taker(batch int) relay.Taker { return s.chain(batch) }

func (s *Solver) chain(batch int) *chain {
	m := s.m
	c := &chain{s: s, rows: make([]remaining, batch)}
	c.Rows = relay.NewRows(c, m.n, batch, &s.behind)
	k := len(m.begin)
	store := make([]float64, batch*k)
	for x := range c.rows {
		c.rows[x].r, store = store[:k:k], store[k:]
	}
	most := 0
	for i := range m.suffix {
		most = max(most, len(m.suffix[i].up))
	}
	c.q = basis.Query{R: make([]float64, most), Up: make([]float64, most), Tol: make([]float64, most)}
	return c
}

// Start implements relay.Answerer.
func (c *chain) Start(r int, lim *lp.Limits) bool {
	m, row := c.s.m, &c.rows[r]
	row.growth, row.lower = 1, nil
	if lim == nil {
		copy(row.r, m.begin)
		return true
	}
	return lim.A == nil && row.begin(m, lim)
}

// begin starts an action under limits. It reports whether the bases can serve them.
func (row *remaining) begin(m *model, lim *lp.Limits) bool {
	b, f, l, u := m.p.Resolve(lim)
	if m.points || !relay.Countable(m.p, l) {
		return false
	}
	if row.store == nil {
		row.store = make([]float64, m.n+len(row.r))
	}
	row.lower, row.width, row.tol = l, row.store[:m.n], row.store[m.n:]
	growth := 1.
	for j := range l {
		w := u[j] - l[j]
		if math.IsInf(l[j], 0) || !(w >= 0) {
			return false
		}
		row.width[j] = w
		growth = max(growth, math.Abs(l[j])/m.reach[j])
		if !math.IsInf(w, 1) {
			growth = max(growth, math.Abs(u[j])/m.reach[j])
		}
	}
	m.start(row.r, row.tol, b, f, l)
	for k, v := range row.r {
		if v-v != 0 {
			return false
		}
		growth = max(growth, row.tol[k]/m.tol[k])
	}
	row.growth = growth
	return true
}

// query returns the programs of entity i for a row, nil where its prefix violates
// a limit that no later entity enters.
func (c *chain) query(i int, row *remaining) *basis.Query {
	m := c.s.m
	s := &m.suffix[i]
	q := &c.q
	v, rows := len(s.up), len(s.scale)
	q.R, q.Up, q.Tol = q.R[:rows], q.Up[:v], q.Tol[:v]
	q.Own, q.Growth = row.lower == nil, row.growth
	tol := m.tol
	switch {
	case q.Own && c.own == s:
		// Rows with two limits alone differ, and are written below.
	case q.Own:
		copy(q.Up, s.up)
		copy(q.Tol, s.tol)
		c.own = s
	default:
		c.own = nil
		tol = row.tol
		cols := v - rows
		copy(q.Up, row.width[i:])
		copy(q.Up[cols:], s.up[cols:])
		for j := range cols {
			q.Tol[j] = tolerance.Rounding * max(1, math.Abs(row.lower[i+j]))
		}
		for x, f := range s.scale {
			k := 0
			if x < len(s.eqs) {
				k = s.eqs[x]
			} else {
				k = s.groups[x-len(s.eqs)][0].row
			}
			q.Tol[cols+x] = tol[k] * f
		}
	}
	if !s.rightSides(q, row.r, tol) {
		return nil
	}
	return q
}

func (c *chain) Next(lo, hi []float64) error {
	i := c.Asked()
	for x := range c.look {
		c.look[x].load(c.s.m.suffix[i].stores[x])
	}
	err := c.Rows.Next(lo, hi)
	for x := range c.look {
		c.look[x].flush()
	}
	return err
}

// Answer implements relay.Answerer.
func (c *chain) Answer(r int) (lo, hi float64, ok bool) { return c.answer(c.Entity, &c.rows[r]) }

// answer finds the interval of entity i. It reports whether the row is feasible.
func (c *chain) answer(i int, row *remaining) (lo, hi float64, ok bool) {
	m := c.s.m
	if i == 0 && m.known && row.lower == nil {
		c.look[0].hits++
		c.look[1].hits++
		return m.first[0], m.first[1], true
	}
	q := c.query(i, row)
	if q == nil {
		return 0, 0, false
	}
	if s := &m.suffix[i]; s.settled != nil {
		v, sens := 0., 0.
		for x, f := range s.settled {
			t := f * row.r[s.eqs[x]]
			v, sens = v+t, sens+math.Abs(t)
		}
		if sens > tolerance.Sensitivity*m.reach[i] {
			return 0, 0, false
		}
		lo = min(max(v, m.low[i]), m.high[i])
		return lo, lo, true
	}
	low := c.look[0].duals(q, &c.work[0])
	if low == nil {
		return 0, 0, false
	}
	high := c.look[1].duals(q, &c.work[1])
	if high == nil {
		return 0, 0, false
	}
	lo, hi = low.Value(q), -high.Value(q)
	most := tolerance.Rounding * tolerance.Sensitivity * m.reach[i]
	if low.MoreSensitive(q, most, tolerance.Rounding) || high.MoreSensitive(q, most, tolerance.Rounding) {
		return 0, 0, false
	}
	if !(lo <= hi) {
		// Rounding: all limits are relaxed by the same amount.
		gap, sensLow, sensHigh := lo-hi, low.Sensitivity(q)/tolerance.Rounding, high.Sensitivity(q)/tolerance.Rounding
		if !(gap <= tolerance.Cross*(sensLow+sensHigh)) {
			return 0, 0, false
		}
		lo -= gap * sensLow / (sensLow + sensHigh)
		hi = lo
	}
	l, u := m.form.L[i], m.form.U[i]
	if row.lower != nil {
		l = row.lower[i]
		u = l + row.width[i]
		lo += l
		hi += l
	} else if !m.points {
		lo += m.base[i]
		hi += m.base[i]
	}
	if m.points {
		l, u = m.low[i], m.high[i] // none has more
	}
	return min(max(lo, l), u), min(max(hi, l), u), true
}

// Advance implements relay.Answerer.
func (c *chain) Advance(r, i int, a float64) { c.s.m.fix(&c.rows[r], i, a) }

// fix takes entity i of row to a.
func (m *model) fix(row *remaining, i int, a float64) {
	if m.points {
		row.r[1+i] = a
		return
	}
	z := a - m.base[i]
	if row.lower != nil {
		z = a - row.lower[i]
		row.growth = max(row.growth, math.Abs(a)/m.reach[i])
	}
	r := row.r[:len(m.cols[i])]
	for k, v := range m.cols[i] {
		if v != 0 {
			r[k] -= v * z
		}
	}
}
