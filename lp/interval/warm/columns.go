package warm

import (
	"slices"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/vec"
)

// columns are what programs of the actions of a polytope share. An entity is one column,
// a_j = base_j + p_j with the lower bound for its base, and an entity with convex terms is made
// of several columns between bounds, so that terms are linear in these and no row is added,
//
//	a_j = base_j + p_j - q_j,   0 <= p_j <= u_j - base_j,   0 <= q_j <= base_j - l_j,
//
// where base is the From of its terms, or the nearest bound where From is outside of the bounds.
// The terms are above p_j + below q_j then. An entity whose terms count from two amounts, as
// from 0 and from a holding, has a third column for the stretch between the two, up or down from
// base, and p_j or q_j begins where that stretch ends. Rows are convex, so that columns which
// are farther from base cost no less. A holding moves right-hand sides and bounds, and turns the
// third column around where it passes the other amount.
//
// The columns of a fixed entity are 0 and its base is the amount it is fixed at. So a basis for
// one entity is a basis for the next.
type columns struct {
	p            *lp.Polytope
	matrices     bool         // states have a matrix of their own, in place of the polytope's
	rows         []int        // the inequalities that are used; whatever lists inequalities follows this order
	implied      []int        // those that are left out, as bounds imply them
	terms        [][]lp.Term  // of every inequality, sorted by entity
	begin        [][]int      // of every inequality: the first term of every entity
	from         [][2]lp.Term // of every entity: terms that count from its one or two amounts; the zero Term where there is none
	up, low, mid []int        // columns of every entity, -1 where there is none
	all          [][]int      // these of every entity
	between      []sides      // of every mid column
	g            basis.Program
	linear       []float64 // M x n: the rows without terms, scaled
	scale        []float64 // of rows, powers of two: equalities, then inequalities
	sizes        []float64 // of the same rows
}

// sides are the coefficients that a column between two Froms has, M each.
type sides struct{ up, down []float64 }

// same says whether two terms count from the same amount.
func same(a, b lp.Term) bool {
	if a.Holding || b.Holding {
		return a.Holding && b.Holding && a.From == b.From
	}
	return a.From == b.From
}

// newColumns returns nil where columns do not serve: see NewColumns. With matrices the
// coefficients are those of each state. Lean columns leave out inequalities that bounds
// imply.
func newColumns(p *lp.Polytope, matrices, lean bool) *columns {
	if TooManyRows(p) {
		return nil
	}
	n := p.Dim()
	if q := p.Lifted(); q != nil {
		if d, _, _ := q.Canonical().Units(); d != nil && slices.Max(d[:n]) != slices.Min(d[:n]) {
			return nil
		}
	}
	a, b, _ := p.Inequalities()
	e, f, _ := p.Equalities()
	rows, equalities := p.RowSizes()
	s := &columns{p: p, matrices: matrices, from: make([][2]lp.Term, n), sizes: slices.Clone(equalities)}
	l, u := p.Bounds()
	for k, most := range b {
		if lean && p.Terms(k) == nil && largest(a[k*n:(k+1)*n], l, u) <= most {
			s.implied = append(s.implied, k)
			continue
		}
		s.rows, s.sizes = append(s.rows, k), append(s.sizes, rows[k])
		terms := slices.Clone(p.Terms(k))
		slices.SortStableFunc(terms, func(a, b lp.Term) int { return a.Entity - b.Entity })
		first := make([]int, n+1)
		for j := range first {
			for first[j] = len(terms); first[j] > 0 && terms[first[j]-1].Entity >= j; first[j]-- {
			}
		}
		s.terms, s.begin = append(s.terms, terms), append(s.begin, first)
		for _, t := range terms {
			if t.Sum != nil {
				return nil
			}
			switch x := &s.from[t.Entity]; {
			case !has(x[0]):
				x[0] = t
			case same(x[0], t):
			case !has(x[1]):
				x[1] = t
			case !same(x[1], t):
				return nil
			}
		}
	}
	cols := 0
	add := func() int {
		cols++
		return cols - 1
	}
	for j := range n {
		// Base is the holding, since an action changes few of the amounts that are held.
		if x := &s.from[j]; has(x[1]) && x[1].Holding {
			x[0], x[1] = x[1], x[0]
		}
		s.up, s.low, s.mid = append(s.up, add()), append(s.low, -1), append(s.mid, -1)
		if s.split(j) {
			s.low[j] = add()
		}
		if has(s.from[j][1]) {
			s.mid[j] = add()
		}
		of := []int{s.up[j], s.low[j], s.mid[j]}
		s.all = append(s.all, slices.DeleteFunc(of, func(c int) bool { return c < 0 }))
	}
	m := len(f) + len(s.rows)
	s.g = basis.Program{M: m, N: cols, A: make([]float64, m*cols)}
	s.between = make([]sides, n)
	for j, c := range s.mid {
		if c >= 0 {
			s.between[j] = sides{make([]float64, m), make([]float64, m)}
		}
	}
	for k := range m {
		row := s.g.A[k*cols : (k+1)*cols]
		var coef []float64
		if k < len(f) {
			coef = e[k*n : (k+1)*n]
		} else {
			x := s.rows[k-len(f)]
			coef = a[x*n : (x+1)*n]
		}
		for j, c := range coef {
			row[s.up[j]] = c
			if s.split(j) {
				row[s.low[j]] = -c
			}
			if s.mid[j] >= 0 {
				s.between[j].up[k], s.between[j].down[k] = c, -c
			}
		}
		if k >= len(f) {
			for _, t := range s.terms[k-len(f)] {
				j := t.Entity
				row[s.up[j]] += t.Above
				row[s.low[j]] += t.Below
				if s.mid[j] < 0 {
					continue
				}
				if same(t, s.from[j][0]) {
					s.between[j].up[k] += t.Above
					s.between[j].down[k] += t.Below
				} else { // towards what it counts from
					s.between[j].up[k] -= t.Below
					s.between[j].down[k] -= t.Above
				}
			}
		}
		scale := vec.PowerScale(row)
		for c := range row {
			row[c] *= scale
		}
		for j, c := range s.mid {
			if c >= 0 {
				s.between[j].up[k] *= scale
				s.between[j].down[k] *= scale
			}
		}
		for _, c := range coef {
			s.linear = append(s.linear, c*scale)
		}
		s.scale, s.g.Equality = append(s.scale, scale), append(s.g.Equality, k < len(f))
	}
	s.g.Columns = make([]float64, m*cols)
	transpose(&s.g)
	return s
}

// largest returns the largest value of c . x between bounds.
func largest(c, l, u []float64) (sum float64) {
	for j, v := range c {
		if v > 0 {
			sum += v * u[j]
		} else if v < 0 {
			sum += v * l[j]
		}
	}
	return sum
}

// serves reports whether bounds of a state imply the rows that are left out.
func (s *columns) serves(b, l, u []float64) bool {
	a, _, _ := s.p.Inequalities()
	n := len(l)
	for _, k := range s.implied {
		if !(largest(a[k*n:(k+1)*n], l, u) <= b[k]) {
			return false
		}
	}
	return true
}

// transpose writes the coefficients column by column.
func transpose(g *basis.Program) {
	for k := range g.M {
		for c, v := range g.A[k*g.N : (k+1)*g.N] {
			g.Columns[c*g.M+k] = v
		}
	}
}

func has(t lp.Term) bool { return t.Above+t.Below > 0 }

func (s *columns) split(j int) bool { return has(s.from[j][0]) }
