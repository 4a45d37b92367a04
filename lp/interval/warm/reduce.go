package warm

import (
	"math"
	"math/big"
	"slices"

	"paspo/lp/internal/vec"
)

// reduction is the rows over a suffix without what its equalities imply. Equalities that
// depend on others, and inequalities that are constant where the equalities hold, become
// checks. Inequalities that are multiples of one another there become one row with two
// limits: as rows of their own they would make every basis degenerate, and the duals
// ambiguous.
type reduction struct {
	eqs    []int // independent
	groups [][]member
	checks []check
}

// member is one inequality of a group. With x the row that represents the group, it states
// c x <= r_row - along . r_eqs.
type member struct {
	row   int
	c     float64
	along []float64
}

// check states 0 <= r_row - along . r_eqs, or = 0.
type check struct {
	row      int
	equality bool
	along    []float64
}

// echelon is a row of the reduced equalities, with the combination of independent
// equalities that it is.
type echelon struct {
	pivot int
	coef  []*big.Rat
	comb  []*big.Rat
}

// sized are the coefficients of rows with their tolerances.
type sized struct {
	rows [][]float64
	tol  []float64
}

// sharper reports whether row x is longer, in units of its tolerance, than row y. Of
// rows that say the same it is the one to keep: what the other one tolerates could be
// wider than the interval.
func (s *sized) sharper(x, y int, normX, normY float64) bool { return normX*s.tol[y] > normY*s.tol[x] }

// reduce takes equalities and inequalities over a suffix. It decides in rational
// arithmetic, where what is left of a coefficient is taken for an error of its data if
// it is noise, relative to the terms that it was left of.
func reduce(noise float64, eqs, ineqs sized) *reduction {
	red := &reduction{}
	var ech []*echelon
	k := len(eqs.rows)
	order := make([]int, k)
	for e := range order {
		order[e] = e
	}
	slices.SortStableFunc(order, func(x, y int) int {
		switch a, b := vec.MaxAbs(eqs.rows[x]), vec.MaxAbs(eqs.rows[y]); {
		case eqs.sharper(x, y, a, b):
			return -1
		case eqs.sharper(y, x, b, a):
			return 1
		}
		return 0
	})
	for _, e := range order {
		v, comb, _ := eliminate(noise, eqs.rows[e], k, ech)
		p := -1
		for j, x := range v {
			if x.Sign() != 0 && (p < 0 || math.Abs(vec.Float(x)) > math.Abs(vec.Float(v[p]))) {
				p = j
			}
		}
		if p < 0 {
			red.checks = append(red.checks, check{row: e, equality: true, along: red.pick(comb)})
			continue
		}
		for _, x := range comb {
			x.Neg(x)
		}
		comb[e].SetInt64(1)
		inv := new(big.Rat).Inv(v[p])
		for _, s := range [...][]*big.Rat{v, comb} {
			for _, x := range s {
				x.Mul(x, inv)
			}
		}
		next := &echelon{pivot: p, coef: v, comb: comb}
		for _, o := range ech {
			o.subtract(next)
		}
		ech = append(ech, next)
		red.eqs = append(red.eqs, e)
	}
	red.group(noise, ineqs, k, ech)
	return red
}

func (o *echelon) subtract(e *echelon) {
	f := new(big.Rat).Set(o.coef[e.pivot])
	if f.Sign() == 0 {
		return
	}
	var t big.Rat
	for j, x := range e.coef {
		if x.Sign() != 0 {
			o.coef[j].Sub(o.coef[j], t.Mul(f, x))
		}
	}
	for j, x := range e.comb {
		if x.Sign() != 0 {
			o.comb[j].Sub(o.comb[j], t.Mul(f, x))
		}
	}
}

// eliminate subtracts equalities from a row. It returns the remaining row, the combination of
// equalities that it has subtracted, and the size of the terms of each coefficient.
func eliminate(noise float64, row []float64, k int, ech []*echelon) (v, comb []*big.Rat, size []float64) {
	v, comb, size = make([]*big.Rat, len(row)), make([]*big.Rat, k), make([]float64, len(row))
	for j, x := range row {
		v[j], size[j] = vec.Rational(x), math.Abs(x)
	}
	for e := range comb {
		comb[e] = new(big.Rat)
	}
	var t big.Rat
	for _, e := range ech {
		f := new(big.Rat).Set(v[e.pivot])
		if f.Sign() == 0 {
			continue
		}
		for j, x := range e.coef {
			if x.Sign() != 0 {
				t.Mul(f, x)
				size[j] += math.Abs(vec.Float(&t))
				v[j].Sub(v[j], &t)
			}
		}
		for j, x := range e.comb {
			if x.Sign() != 0 {
				comb[j].Add(comb[j], t.Mul(f, x))
			}
		}
	}
	for j, x := range v {
		if math.Abs(vec.Float(x)) <= noise*size[j] {
			x.SetInt64(0)
		}
	}
	return v, comb, size
}

// pick keeps the combination of the independent equalities.
func (red *reduction) pick(comb []*big.Rat) []float64 {
	out := make([]float64, len(red.eqs))
	for x, e := range red.eqs {
		out[x] = vec.Float(comb[e])
	}
	return out
}

// group sorts the inequalities by direction. The sharpest of a group represents it.
func (red *reduction) group(noise float64, ineqs sized, k int, ech []*echelon) {
	type reduced struct {
		member
		v      []float64
		norm   float64
		margin float64 // of coefficients relative to the norm
	}
	var groups [][]reduced
next:
	for r, row := range ineqs.rows {
		m, size := reduced{member: member{row: r, along: make([]float64, len(red.eqs))}, v: row}, row
		if slices.ContainsFunc(ech, func(e *echelon) bool { return row[e.pivot] != 0 }) {
			var v, comb []*big.Rat
			v, comb, size = eliminate(noise, row, k, ech)
			m.along, m.v = red.pick(comb), vec.Floats(v)
		} // else there is nothing to eliminate, without rational arithmetic for it
		m.norm = vec.MaxAbs(m.v)
		if m.norm == 0 {
			red.checks = append(red.checks, check{row: r, along: m.along})
			continue
		}
		m.margin = noise * vec.MaxAbs(size) / m.norm
		for g, others := range groups {
			o := &others[0]
			if c, ok := ratio(m.v, o.v, m.norm, o.norm, max(m.margin, o.margin)); ok {
				m.c = c
				groups[g] = append(others, m)
				continue next
			}
		}
		m.c = 1
		groups = append(groups, []reduced{m})
	}
	for _, g := range groups {
		first := 0
		for x := range g {
			if ineqs.sharper(g[x].row, g[first].row, g[x].norm, g[first].norm) {
				first = x
			}
		}
		d := g[first]
		var out []member
		for x := range g {
			m := g[(first+x)%len(g)]
			if x == 0 {
				out = append(out, member{row: m.row, c: 1})
				continue
			}
			m.c /= d.c
			for e := range m.along {
				m.along[e] -= m.c * d.along[e]
			}
			out = append(out, m.member)
		}
		red.groups = append(red.groups, out)
	}
}

// ratio returns c with a = c b, and whether there is one.
func ratio(a, b []float64, normA, normB, tol float64) (float64, bool) {
	c := 0.
	for j, x := range b {
		if math.Abs(x) == normB {
			c = a[j] / x
			break
		}
	}
	if math.Abs(math.Abs(c)*normB-normA) > tol*normA {
		return 0, false
	}
	for j := range a {
		if math.Abs(a[j]-c*b[j]) > tol*normA {
			return 0, false
		}
	}
	return c, true
}
