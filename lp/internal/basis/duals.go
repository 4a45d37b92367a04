package basis

import (
	"math"
	"slices"
)

// Duals are the duals of a basis, with the basis and its inverse. For a query, Value computes the
// value of the duals. Proves shows that the basis is optimal, by its primal feasibility.
//
// A row is tight where its slack is nonbasic. Only the tight rows K and the basic columns J
// are inverted: x_J = A_KJ^-1 (R_K - ...), and every other row has the slack
// s_k = R_k - A_kJ x_J - ...
type Duals struct {
	g     *Program
	state []State // N + M

	tight []int // K
	cols  []int // J

	// Variables at their upper bounds.
	upCols []int
	upRows []int // indices into tight

	// Basic variables: the columns, then the slacks. With the rows w of weight and v of
	// upper, x = base + w . R_K, less w . U over upRows, and plus R_k for the slack of row k.
	// base holds -v . U over upCols for the program's own bounds; a query with others has
	// its own.
	head   []int
	weight []float64 // M x |K|
	upper  []float64 // M x |upCols|
	base   []float64 // what the own bounds contribute
	own    []float64 // own upper bounds of the basic variables
	margin []float64
	never  bool // Proves fails under own bounds: a basic variable is fixed
	bare   bool // without the inverse: Proves fails

	// The value: y . R_K + sum of z U over zCols - sum of y U over zRows.
	y, z  []float64 // |K|, N
	zCols []int
	zRows []int // indices into tight
	value float64
	sens  float64 // Sensitivity under the program's own tolerances
	moves float64 // Sensitivity if every tolerance were the size of its variable
}

// Is reports whether p has the basis of state, with every nonbasic variable at the same bound.
func (p *Duals) Is(state []State) bool { return slices.Equal(p.state, state) }

// Same reports whether o has the same basis, with every nonbasic variable at the same bound.
func (p *Duals) Same(o *Duals) bool { return p.Is(o.state) }

// Trivial reports whether all multipliers are 0. The value then follows from the bounds of
// the columns alone.
func (p *Duals) Trivial() bool {
	for _, y := range p.y {
		if y != 0 {
			return false
		}
	}
	return true
}

// Build returns the duals of the basis of state. It puts every nonbasic variable at the
// bound that the sign of its reduced cost asks for. Only where the reduced cost is 0 it
// takes the bound from state. The error says that the basis is singular to working precision.
func (g *Program) Build(state []State) (*Duals, error) {
	p := &Duals{}
	p.begin(g, state)
	q := len(p.tight)
	if q != len(p.cols) {
		return nil, errSingular
	}
	b := make([]float64, q*q)
	for k, r := range p.tight {
		for a, j := range p.cols {
			b[k*q+a] = g.A[r*g.N+j]
		}
	}
	inv, off := make([]float64, q*q), make([]float64, q*q)
	if !invert(inv, b, q) || !(defect(off, inv, b, q) < good) {
		return nil, errSingular
	}
	var d multipliers
	if err := d.compute(p, inv); err != nil {
		return nil, err
	}
	p.sides()
	p.primal(inv, off)
	return p, nil
}

// begin copies state, and lists the basic columns and the tight rows.
func (p *Duals) begin(g *Program, state []State) {
	p.g, p.bare = g, false
	p.state = append(p.state[:0], state...)
	p.cols, p.tight = p.cols[:0], p.tight[:0]
	for v, s := range state {
		if (v < g.N) != (s == Basic) {
			continue
		}
		if v < g.N {
			p.cols = append(p.cols, v)
		} else {
			p.tight = append(p.tight, v-g.N)
		}
	}
}

// DualsOf returns duals with the multipliers y and the reduced costs z, without a basis. They
// prove nothing. Their value has the bits of that of every basis with the same duals.
func (g *Program) DualsOf(y, z []float64) *Duals {
	p := &Duals{g: g, state: make([]State, g.N+g.M), z: make([]float64, g.N), bare: true}
	for k, v := range y {
		if v != 0 {
			p.tight, p.y = append(p.tight, k), append(p.y, v)
		}
	}
	terms := make([]float64, g.N)
	g.reduced(p.z, terms, p.tight, p.y)
	for j, v := range z {
		if !g.positive(p.z[j], terms[j]) {
			p.z[j] = v
		}
	}
	p.sides()
	return p
}

// sides puts every nonbasic variable at the bound that the sign of its reduced cost asks
// for, and lists the bounds and multipliers that Value sums.
func (p *Duals) sides() {
	g := p.g
	p.zCols, p.zRows, p.upCols, p.upRows, p.value = p.zCols[:0], p.zRows[:0], p.upCols[:0], p.upRows[:0], 0
	side := func(v int, z float64) {
		switch {
		case p.state[v] == Basic:
		case z > 0:
			p.state[v] = Lower
		case z < 0:
			p.state[v] = Upper
		}
	}
	for k, r := range p.tight {
		if g.Equality[r] {
			p.state[g.N+r] = Lower
			continue
		}
		side(g.N+r, -p.y[k]) // the reduced cost of the slack
		if p.y[k] > 0 {
			p.zRows = append(p.zRows, k)
		}
		if p.state[g.N+r] == Upper {
			p.upRows = append(p.upRows, k)
		}
	}
	for j, z := range p.z {
		side(j, z)
		if z < 0 {
			p.zCols = append(p.zCols, j)
			p.value += z * g.Up[j]
		}
		if p.state[j] == Upper {
			p.upCols = append(p.upCols, j)
		}
	}
	if g.Tol != nil {
		p.sens, p.moves = p.movesBy(g.Tol), p.movesBy(g.Size)
	}
}

// primal computes what Proves needs: the rows of the tableau, from which the basic variables
// follow, and a margin for each of these. A basic variable that is farther than its margin
// from its bounds stays within them when all bounds and right-hand sides move by Slack times
// their sizes. The margin covers the rounding of the check too.
func (p *Duals) primal(inv, off []float64) {
	g := p.g
	q, u, n := len(p.tight), len(p.upCols), g.N
	p.head = append(p.head, p.cols...)
	for v := n; v < len(p.state); v++ {
		if p.state[v] == Basic {
			p.head = append(p.head, v)
		}
	}
	m := len(p.head)
	p.weight, p.upper = make([]float64, m*q), make([]float64, m*u)
	p.base, p.own, p.margin = make([]float64, m), make([]float64, m), make([]float64, m)
	copy(p.weight, inv)
	column := make([]float64, m)
	tableau := func(j int) {
		for a := range q {
			s := 0.
			for k, r := range p.tight {
				s += inv[a*q+k] * g.A[r*n+j]
			}
			column[a] = s
		}
		for x := q; x < m; x++ {
			k := p.head[x] - n
			s := g.A[k*n+j]
			for a, c := range p.cols {
				s -= g.A[k*n+c] * column[a]
			}
			column[x] = s
		}
	}
	for x := q; x < m; x++ {
		k := p.head[x] - n
		for a, c := range p.cols {
			if v := g.A[k*n+c]; v != 0 {
				for t := range q {
					p.weight[x*q+t] -= v * inv[a*q+t]
				}
			}
		}
	}
	// The size of a row is that of its right-hand side and of its terms.
	sizes := make([]float64, q)
	for t, r := range p.tight {
		sizes[t] = g.Size[n+r] + g.terms(r)
	}
	for x, v := range p.head {
		p.own[x] = math.Inf(1)
		if v < n {
			p.own[x] = g.Up[v]
		} else if g.Equality[v-n] {
			p.own[x] = 0
		}
		p.never = p.never || p.own[x] == 0
		for t := range p.tight {
			p.margin[x] += abs(p.weight[x*q+t]) * sizes[t]
		}
		if k := v - n; k >= 0 {
			p.margin[x] += g.terms(k)
		}
	}
	// One half of the margin is for the movement, the other for the rounding of sums of
	// q + u + n terms.
	share := 2 * max(Slack, float64(q+u+n+8)*unit)
	for x := range m {
		p.margin[x] *= share
		if x < q {
			for a, c := range p.cols {
				p.margin[x] += 2 * off[x*q+a] * g.Size[c]
			}
		}
	}
	for x := q; x < m; x++ {
		k := p.head[x] - n
		p.margin[x] += share * g.Size[n+k]
		for a, c := range p.cols {
			p.margin[x] += abs(g.A[k*n+c]) * p.margin[a] / 2
		}
	}
	for i, j := range p.upCols {
		tableau(j)
		for x := range m {
			p.upper[x*u+i] = column[x]
			p.base[x] -= column[x] * g.Up[j]
		}
	}
}

// terms bounds the sum of the magnitudes of the terms of a row.
func (g *Program) terms(row int) float64 {
	s := 0.
	for j, v := range g.A[row*g.N:][:g.N] {
		s += abs(v) * g.Size[j]
	}
	return s
}

// Value returns the value of the duals for q. Where it is finite it is a lower bound of the
// optimum, and it is the optimum where the basis is optimal.
func (p *Duals) Value(q *Query) float64 {
	s := p.value
	if !q.Own {
		s = 0
		for _, j := range p.zCols {
			if u := q.Up[j]; u != 0 {
				s += p.z[j] * u
			}
		}
	}
	for k, y := range p.y {
		if y != 0 {
			s += y * q.R[p.tight[k]]
		}
	}
	for _, k := range p.zRows {
		s -= p.y[k] * q.Up[p.g.N+p.tight[k]]
	}
	return s
}

// Sensitivity returns how far the value moves, at most, when right-hand sides and bounds
// move by their tolerances.
func (p *Duals) Sensitivity(q *Query) float64 {
	if q.Own {
		return p.sens
	}
	return p.movesBy(q.Tol)
}

// MoreSensitive reports whether Sensitivity is more than most. It saves the sum for most
// queries: the caller knows that no tolerance is above part x size x q.Growth, and the
// sensitivity under sizes is known.
func (p *Duals) MoreSensitive(q *Query, most, part float64) bool {
	const rounded = 2
	if !q.Own && rounded*part*p.moves*q.Growth <= most {
		return false
	}
	return p.Sensitivity(q) > most
}

// movesBy returns how far the value moves, at most, when right-hand sides and bounds move
// by tol.
func (p *Duals) movesBy(tol []float64) float64 {
	s := 0.
	for k, y := range p.y {
		s += abs(y) * tol[p.g.N+p.tight[k]]
	}
	for j, z := range p.z {
		s += abs(z) * tol[j]
	}
	return s
}
