package warm

import (
	"context"
	"fmt"
	"math"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// model holds the linear programs of all intervals of a polytope in the form
// that bases are kept for. With z = a - base, where base is the lower bound or above it, those
// of entity i are
//
//	min, max z_i   s.t.   A_R z_R + s = r,  E_R z_R = t,  0 <= z_R <= u - base,
//
// where r and t are right-hand sides less the terms of the prefix. Where the polytope is the hull
// of fewer points V than it has rows, they run over the weights of the points:
//
//	min, max (V' w)_i   s.t.   (V' w)_P = a_P,  sum w = 1,  w >= 0.
type model struct {
	p       *lp.Polytope
	form    program.Form
	n, m, k int
	points  bool

	// rows are the coefficients of all rows, inequalities first, times powers of
	// two that make the largest of each 1 to 2. Entry k of r belongs to rows[k].
	rows  [][]float64
	cols  [][]float64 // the same by entity; not of points
	scale []float64

	base  []float64
	begin []float64 // r of the empty prefix under the polytope's own limits
	width []float64 // upper bounds of z under the polytope's own limits
	tol   []float64 // of rows, under the polytope's own limits
	reach []float64 // 1, or the largest size of an entity

	low, high []float64 // the range of the points of an entity

	suffix []suffix

	// first is the interval of entity 0 under the polytope's own limits, known says
	// that it was found.
	first [2]float64
	known bool
}

// suffix is what the programs of one entity share. Rows of its programs are
// the independent equalities, then the groups of inequalities.
type suffix struct {
	reduction
	trivial bool      // every group is one row
	scale   []float64 // of the rows of the program
	up, tol []float64 // under the polytope's own limits
	stores  [2]*store

	// settled, where not nil, says that the equalities leave the entity no choice:
	// it is settled . r_eqs, up to errors of the data.
	settled []float64
}

// MaxRows is the largest number of rows: the work for a basis grows with its
// square.
const MaxRows = 300

// maxCells is the largest number of coefficients of all programs together: memory.
const maxCells = 1 << 24

func newModel(ctx context.Context, p *lp.Polytope, maxBases int) (*model, error) {
	n, form := p.Dim(), p.Form()
	m := &model{
		p: p, form: form, n: n, m: len(form.B), k: len(form.F), points: relay.OverPoints(p),
		base: make([]float64, n), width: make([]float64, n), reach: make([]float64, n), suffix: make([]suffix, n),
	}
	if m.points {
		m.ofPoints()
	} else {
		if TooManyRows(p) {
			reason := fmt.Sprintf("%d rows, a basis takes %d", m.m+m.k, MaxRows)
			if m.m+m.k <= MaxRows {
				reason = fmt.Sprintf("the programs of %d entities and %d rows take more than %d numbers", n, m.m+m.k, maxCells)
			}
			return nil, &lp.BudgetError{Entity: p.Entities()[0], Reason: reason}
		}
		if err := m.ofRows(ctx); err != nil {
			return nil, err
		}
	}
	done := lp.Stage(ctx, "programs of the entities", n)
	for i := range m.suffix {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.newSuffix(i, maxBases)
		done(1)
	}
	return m, nil
}

// TooManyRows reports whether the rows are too many for bases, or for so many entities. Limits that follow
// the state move rows, whatever the points are.
func TooManyRows(p *lp.Polytope) bool {
	form := p.Form()
	rows, n := len(form.B)+len(form.F), p.Dim()
	return rows > MaxRows || rows*n*(n+1)/2 > maxCells
}

func (m *model) ofRows(ctx context.Context) error {
	form := &m.form
	p, n := m.p, m.n
	lo, hi, err := lp.BoundingBoxContext(ctx, p)
	if err != nil {
		return err
	}
	// A bound beyond all allocations changes nothing, and leaves every variable
	// with two bounds.
	for j := range n {
		m.reach[j] = max(1, math.Abs(lo[j]), math.Abs(hi[j]))
		m.base[j] = relay.CountedFrom(form.L[j], lo[j], hi[j])
		u := form.U[j]
		if math.IsInf(u, 1) {
			u = hi[j] + m.reach[j]
		}
		m.width[j] = u - m.base[j]
	}
	add := func(c []float64, rhs float64) {
		s := vec.PowerScale(c)
		row := make([]float64, n)
		for j, v := range c {
			row[j] = v * s
		}
		m.rows, m.scale = append(m.rows, row), append(m.scale, s)
	}
	for k, b := range form.B {
		add(form.A[k*n:(k+1)*n], b)
	}
	for k, f := range form.F {
		add(form.E[k*n:(k+1)*n], f)
	}
	m.begin, m.tol = make([]float64, m.m+m.k), make([]float64, m.m+m.k)
	m.start(m.begin, m.tol, form.B, form.F, m.base)
	m.cols = make([][]float64, n)
	for j := range n {
		for _, row := range m.rows {
			m.cols[j] = append(m.cols[j], row[j])
		}
	}
	return nil
}

// start writes r of the empty prefix and the tolerances of its rows.
func (m *model) start(r, tol, b, f, base []float64) {
	for k := range r {
		v := 0.
		if k < m.m {
			v = b[k]
		} else {
			v = f[k-m.m]
		}
		tol[k] = tolerance.Rounding * max(1, math.Abs(v)) * m.scale[k]
		r[k] = v*m.scale[k] - vec.Dot(m.rows[k], base)
	}
}

// ofPoints makes the rows of the weights: their sum, then every entity.
func (m *model) ofPoints() {
	p := m.p
	m.m, m.k = 0, 1+m.n
	m.rows = hull.Weights(p.Points())
	m.begin, m.tol = make([]float64, m.k), make([]float64, m.k)
	m.begin[0] = 1
	for k := range m.rows {
		m.scale = append(m.scale, 1)
		m.tol[k] = tolerance.Rounding * max(1, vec.MaxAbs(m.rows[k]))
	}
	m.low, m.high, _ = lp.BoundingBox(p) // of points no error
	for j := range m.reach {
		m.reach[j] = max(1, vec.MaxAbs(m.rows[j+1]))
	}
}

func (m *model) newSuffix(i, maxBases int) {
	s := &m.suffix[i]
	first, cols := i, m.n-i
	if m.points {
		first, cols = 0, len(m.p.Points())
	}
	rows := m.rows
	if m.points {
		rows = rows[:1+i]
	}
	tails := make([][]float64, len(rows))
	for k, row := range rows {
		tails[k] = row[first:]
	}
	tol := m.tol[:len(tails)]
	if m.points {
		// With these tolerances no row is sharper than another. So reduce takes the rows in
		// the order of the entities.
		tol = make([]float64, len(tails))
		for k := range tol {
			tol[k] = vec.MaxAbs(tails[k])
		}
	}
	// Points of a plane lie in it up to their rounding, as hull.New takes them.
	part := tolerance.Noise
	if m.points {
		part = hull.FlatRounding
	}
	s.reduction = *reduce(part, sized{tails[m.m:], tol[m.m:]}, sized{tails[:m.m], tol[:m.m]})
	if m.points {
		cost := reduce(part, sized{tails, tol}, sized{m.rows[1+i : 2+i], m.tol[1+i : 2+i]})
		if c := cost.checks; len(c) > 0 && !c[len(c)-1].equality {
			s.settled = c[len(c)-1].along
		}
	}
	// Numbers of rows count from the first inequality.
	for x := range s.eqs {
		s.eqs[x] += m.m
	}
	for x := range s.checks {
		if s.checks[x].equality {
			s.checks[x].row += m.m
		}
	}
	count := len(s.eqs) + len(s.groups)
	g := &basis.Program{
		M: count, N: cols, Equality: make([]bool, count), C: make([]float64, cols), Up: make([]float64, cols),
		Size: make([]float64, cols+count),
	}
	s.up, s.tol, s.trivial = make([]float64, cols+count), make([]float64, cols+count), true
	for x := range count {
		k := 0
		if x < len(s.eqs) {
			k = s.eqs[x]
			g.Equality[x] = true
		} else {
			k = s.groups[x-len(s.eqs)][0].row
			s.trivial = s.trivial && len(s.groups[x-len(s.eqs)]) == 1
			s.up[cols+x] = math.Inf(1)
		}
		c := vec.PowerScale(tails[k])
		s.scale = append(s.scale, c)
		for _, v := range tails[k] {
			g.A = append(g.A, v*c)
		}
		s.tol[cols+x] = m.tol[k] * c
		size := m.tol[k] / tolerance.Rounding
		for j, v := range m.rows[k] {
			if m.points {
				size += math.Abs(v)
			} else {
				size += math.Abs(v) * m.reach[j]
			}
		}
		g.Size[cols+x] = size * c
	}
	for j := range cols {
		if m.points {
			g.C[j], g.Up[j], g.Size[j], s.tol[j] = m.rows[1+i][j], 2, 2, tolerance.Rounding
		} else {
			g.Up[j], g.Size[j] = m.width[i+j], 2*m.reach[i+j]
			s.tol[j] = tolerance.Rounding * max(1, math.Abs(m.base[i+j]))
		}
	}
	copy(s.up, g.Up)
	if !m.points {
		g.C[0] = 1
	}
	g.Tol = s.tol
	upper := *g
	upper.C = make([]float64, cols)
	for j, c := range g.C {
		upper.C[j] = 0 - c
	}
	s.stores = [2]*store{newStore(g, maxBases), newStore(&upper, maxBases)}
}

// rightSides computes from r the right-hand sides of the suffix's programs and the upper
// bounds of rows with two limits, and writes them to q. It returns false where a check fails
// or where the two limits of a row exclude one another.
func (s *suffix) rightSides(q *basis.Query, r, tol []float64) bool {
	for x, k := range s.eqs {
		q.R[x] = r[k] // scaled below
	}
	for c := range s.checks {
		t := &s.checks[c]
		v := r[t.row]
		for x, f := range t.along {
			v -= f * q.R[x]
		}
		if !(v >= -tol[t.row]) || t.equality && !(v <= tol[t.row]) {
			return false
		}
	}
	e := len(s.eqs)
	for x := range s.groups {
		g := s.groups[x]
		high := r[g[0].row]
		if len(g) > 1 {
			low := math.Inf(-1)
			for t := 1; t < len(g); t++ {
				m := &g[t]
				v := r[m.row]
				for y, f := range m.along {
					v -= f * q.R[y]
				}
				v /= m.c
				if m.c > 0 {
					high = min(high, v)
				} else {
					low = max(low, v)
				}
			}
			w := high - low
			if !(w >= 0) {
				if !(-w <= tol[g[0].row]) {
					return false
				}
				high, w = low+w/2, 0
			}
			q.Up[len(q.Up)-len(s.groups)+x] = w * s.scale[e+x]
		}
		q.R[e+x] = high * s.scale[e+x]
	}
	for x := range s.eqs {
		q.R[x] *= s.scale[x]
	}
	return true
}
