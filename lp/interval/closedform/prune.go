package closedform

import (
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/lp/internal/dictionary"
	"paspo/lp/internal/vec"
)

// pruner finds the affine pieces that are never the endpoint of an interval under the
// polytope's own limits. Piece p of an upper endpoint is not needed beside K where
//
//	max { y - f_p(z) : y <= f_q(z) for q in K, z in P } <= 0,
//
// and for lower endpoints the same of -f. K starts as what is the endpoint somewhere along
// a few points and grows by what an optimum shows to be missing (Clarkson, More
// output-sensitive geometric algorithms, 1994).
//
// A piece that is kept is the endpoint somewhere in P, at a point that the search has found, but
// for the few whose proof rounding spoils: 4 of 1708 with 30 entities and 5 rows. Chains
// rarely come by most of them.
//
// The optimum is not trusted: a piece is dropped only where the multipliers of
// the program prove it, see proved. Coordinates are z = a - l, in a unit near the
// size of what an entity can take.
type pruner struct {
	f      *Intervals
	effort *int
	n      int
	unit   float64
	base   *dictionary.Dictionary // of (z, y)

	g      [][]float64 // of the limits, equalities last
	h      []float64
	scale  []float64 // of their residuals
	reach  []float64 // more than z can be
	points [][]float64
	middle []float64
}

const (
	// pruneTol is by how much all limits may have to be relaxed for a dropped piece to
	// follow from the others, rounding included. It is far below tolerance.Cross.
	pruneTol = 1e-13

	// pruneMove is by how much of its entity's size an endpoint may move at most. Whatever
	// multipliers prove an endpoint have that sensitivity or more, so it stays that of limits
	// relaxed by as much. The sensitivity of a piece alone says less: where a polytope is as
	// thin as rounding, its multipliers and those that prove the neighbouring prefixes
	// infeasible may add up to multipliers with a hundredth of its sensitivity.
	pruneMove = 1e-12

	// pruneGrowth bounds how much more the others may move than a dropped piece
	// does when limits are relaxed, so that it follows from them at prefixes that are
	// infeasible by rounding too. Where limits relaxed by theta have the prefix, the others bound
	// the endpoint by f_p up to pruneGrowth sens_p theta. That is the bound of p itself on limits
	// relaxed by pruneGrowth theta. So the answer is no farther out than the endpoint on limits
	// relaxed by so much.
	pruneGrowth = 30

	prunePoints = 64
)

// prune fills in f.Needed.
func (f *Intervals) prune(effort *int) {
	f.Needed = slices.Clone(f.All)
	if f.Facets || slices.Contains(f.Free, true) {
		return
	}
	p, err := newPruner(f, effort)
	if err != nil {
		return
	}
	for i := f.done; i < len(f.All); i++ {
		e, own := &f.All[i], &f.Needed[i]
		own.Lower, own.LowerSensitivity = e.keep(e.Lower, e.LowerSensitivity, p.needed(i, -1))
		own.Upper, own.UpperSensitivity = e.keep(e.Upper, e.UpperSensitivity, p.needed(i, 1))
	}
}

// keep returns the affine pieces that are needed.
func (e *EndpointTable) keep(w, sens []float64, needed []bool) (kept, keptSens []float64) {
	for p, ok := range needed {
		if ok {
			kept = append(kept, w[p*e.Stride:(p+1)*e.Stride]...)
			keptSens = append(keptSens, sens[p])
		}
	}
	return kept, keptSens
}

func newPruner(f *Intervals, effort *int) (*pruner, error) {
	n := f.p.Dim()
	p := &pruner{f: f, effort: effort, n: n, unit: 1}
	m := len(f.LimitRows) + len(f.Caps)
	size := 0.
	for k, v := range f.Begin {
		c := 0.
		for j := range n {
			c = max(c, math.Abs(f.cols[j][k]))
		}
		if c > 0 {
			size = max(size, math.Abs(v)/c)
		}
	}
	p.unit = vec.PowerOfTwo(size)
	lo, hi := make([]float64, n+1), slices.Repeat([]float64{math.Inf(1)}, n+1)
	lo[n] = math.Inf(-1)
	p.base = dictionary.New(lo, hi, effort)
	for k := range m + len(f.form.F) {
		g := make([]float64, n)
		for j := range g {
			g[j] = f.cols[j][k]
		}
		s := vec.PowerScale(g)
		for j := range g {
			g[j] *= s
		}
		p.g, p.h, p.scale = append(p.g, g), append(p.h, s*f.Begin[k]/p.unit), append(p.scale, s*f.limitScale(k)/p.unit)
		p.base.Add(g, p.h[k], k >= m)
	}
	unit := make([]float64, n)
	for j, fixed := range f.Fixed {
		if fixed {
			unit[j] = 1
			p.g, p.h, p.scale = append(p.g, slices.Clone(unit)), append(p.h, 0), append(p.scale, f.form.EntityScale(j, f.form.L[j])/p.unit)
			p.base.Add(unit, 0, true)
			unit[j] = 0
		}
	}
	return p, p.survey()
}

// survey finds how far every entity reaches, and points of P.
func (p *pruner) survey() error {
	var vertices [][]float64
	visit := func(c []float64) error {
		if _, err := p.base.Maximize(c); err != nil {
			return err
		}
		v := make([]float64, p.n)
		for j := range v {
			v[j] = p.base.At(j)
		}
		vertices = append(vertices, v)
		return nil
	}
	r := rand.New(rng.New(1, "pieces"))
	c := make([]float64, p.n)
	for j := range c {
		c[j] = 1
		if err := visit(c); err != nil {
			return err
		}
		// What was found is doubled, to allow for its errors.
		p.reach = append(p.reach, 2*p.base.At(j)+1e-9)
		c[j] = 0
	}
	for range p.n {
		for j := range c {
			c[j] = r.NormFloat64()
		}
		if err := visit(c); err != nil {
			return err
		}
	}
	p.middle = make([]float64, p.n)
	for range prunePoints {
		x, sum := make([]float64, p.n), 0.
		for _, v := range vertices {
			w := math.Pow(r.ExpFloat64(), 3)
			sum += w
			for j := range x {
				x[j] += w * v[j]
			}
		}
		for j := range x {
			x[j] /= sum
			p.middle[j] += x[j] / prunePoints
		}
		p.points = append(p.points, x)
	}
	return nil
}

// family are the affine pieces of one endpoint as functions c0 + c . z_P that bound it from
// above, with the sizes of the terms that were summed for each number. The last
// one is z >= 0 where that is among them.
type family struct {
	i        int
	c0, mag0 []float64
	c, mag   [][]float64
	sens     []float64
}

func (p *pruner) family(i int, sign float64) *family {
	f, e := p.f, &p.f.All[i]
	w, sens := e.Upper, e.UpperSensitivity
	if sign < 0 {
		w, sens = e.Lower, e.LowerSensitivity
	}
	fam := &family{i: i}
	for x := range sens {
		v := w[x*e.Stride : (x+1)*e.Stride]
		c0, mag0 := vec.DotScale(v, f.Begin)
		c, mag := make([]float64, i), make([]float64, i)
		for j := range i {
			s, t := vec.DotScale(v, f.cols[j])
			c[j], mag[j] = -sign*s, t
		}
		fam.c0, fam.mag0 = append(fam.c0, sign*c0/p.unit), append(fam.mag0, mag0/p.unit)
		fam.c, fam.mag, fam.sens = append(fam.c, c), append(fam.mag, mag), append(fam.sens, sens[x]/p.unit)
	}
	*p.effort -= len(sens) * e.Stride * (i + prunePoints)
	if sign < 0 && e.Floor {
		fam.c0, fam.mag0, fam.sens = append(fam.c0, 0), append(fam.mag0, 0), append(fam.sens, 0)
		fam.c, fam.mag = append(fam.c, make([]float64, i)), append(fam.mag, make([]float64, i))
	}
	return fam
}

// least returns the affine piece with the least value at z.
func (fam *family) least(z []float64) int {
	at, least := -1, math.Inf(1)
	for q, c := range fam.c {
		if v := fam.c0[q] + vec.Dot(c, z[:fam.i]); v < least {
			at, least = q, v
		}
	}
	return at
}

// needed says which affine pieces of an endpoint are needed.
func (p *pruner) needed(i int, sign float64) []bool {
	e := &p.f.All[i]
	count := len(e.UpperSensitivity)
	if sign < 0 {
		count = len(e.LowerSensitivity)
	}
	needed := make([]bool, count)
	if count+1 <= 1 || *p.effort < 0 {
		return all(needed)
	}
	fam := p.family(i, sign)
	s := search{pruner: p, fam: fam, in: make([]bool, len(fam.c)), at: make([]int, len(fam.c))}
	if len(fam.c) > count {
		s.in[count] = true
	}
	for _, z := range p.points {
		if q := fam.least(z); q >= 0 {
			s.in[q] = true
		}
	}
	if !s.start() {
		return all(needed)
	}
	for q := range needed {
		if *p.effort < 0 {
			return all(needed)
		}
		needed[q] = s.in[q] || !s.redundant(q)
	}
	for q := range needed {
		needed[q] = needed[q] || s.in[q]
	}
	return needed
}

func all(set []bool) []bool {
	for i := range set {
		set[i] = true
	}
	return set
}

// search is the program of one endpoint.
type search struct {
	*pruner
	fam *family
	in  []bool // the set K
	at  []int  // numbers of its constraints
	d   *dictionary.Dictionary
	row []float64
}

func (s *search) start() bool {
	s.d, s.row = s.base.Clone(s.effort), make([]float64, s.n+1)
	for q, in := range s.in {
		if in {
			s.add(q)
		}
	}
	return slices.Contains(s.in, true)
}

// add puts y <= f_q(z) into the program.
func (s *search) add(q int) {
	s.in[q] = true
	s.at[q] = s.d.Add(s.objective(q), s.fam.c0[q], false)
}

// objective returns y - c_q . z.
func (s *search) objective(q int) []float64 {
	clear(s.row)
	for j, c := range s.fam.c[q] {
		s.row[j] = -c
	}
	s.row[s.n] = 1
	return s.row
}

// redundant reports whether p is proved to follow from K, which it extends by
// what is found missing, p among it.
func (s *search) redundant(p int) bool {
	const small = 1e-9
	v, err := s.d.Maximize(s.objective(p))
	for range len(s.in) {
		if err != nil {
			s.start() // the vertex is spoilt
			return false
		}
		if v-s.fam.c0[p] <= small*max(1, s.fam.sens[p]) {
			if s.proved(p) {
				return true
			}
			s.add(p)
			return false
		}
		// The piece to add is the least one near the vertex and inside: several may be
		// equal at the vertex itself.
		const inside = 1e-6
		z := make([]float64, s.n)
		for j := range z {
			z[j] = s.d.At(j) + inside*(s.middle[j]-s.d.At(j))
		}
		q := s.fam.least(z)
		if q < 0 || s.in[q] {
			q = p
		}
		s.add(q)
		if q == p {
			return false
		}
		v, err = s.d.Again()
	}
	return false
}

// proved checks the multipliers of an optimum. With lambda >= 0 of the affine pieces,
// which add up to 1, and mu of the limits, mu >= 0 where they are inequalities,
//
//	f_p - sum lambda_q f_q - sum mu_k (h_k - g_k . z)
//
// is an affine function of z. Where it is at least -eps for 0 <= z <= reach, the
// least of K exceeds f_p by eps at most. All sums are taken with the largest error
// that rounding makes.
func (s *search) proved(p int) bool {
	fam := s.fam
	sum := 0.
	for q, in := range s.in {
		if in {
			sum += max(0, s.d.Multiplier(s.at[q]))
		}
	}
	if !(sum > 0.5 && sum < 2) {
		return false
	}
	c, mag := make([]float64, s.n), make([]float64, s.n)
	c0, mag0 := fam.c0[p], fam.mag0[p]
	copy(c, fam.c[p])
	copy(mag, fam.mag[p])
	cost := 0.
	terms := len(s.f.Begin) + 8
	for q, in := range s.in {
		if !in {
			continue
		}
		lambda := max(0, s.d.Multiplier(s.at[q])) / sum
		if lambda == 0 {
			continue
		}
		terms++
		c0 -= lambda * fam.c0[q]
		mag0 += lambda * fam.mag0[q]
		for j, v := range fam.c[q] {
			c[j] -= lambda * v
			mag[j] += lambda * fam.mag[q][j]
		}
		cost += lambda * fam.sens[q]
	}
	m := len(s.f.LimitRows) + len(s.f.Caps)
	for k, g := range s.g {
		mu := s.d.Multiplier(k)
		if k < m {
			mu = max(0, mu)
		}
		if mu == 0 {
			continue
		}
		terms++
		c0 -= mu * s.h[k]
		mag0 += math.Abs(mu * s.h[k])
		for j, v := range g {
			c[j] += mu * v
			mag[j] += math.Abs(mu * v)
		}
		cost += math.Abs(mu) * s.scale[k]
	}
	const unitRoundoff = 1. / (1 << 52)
	eps := float64(terms) * unitRoundoff
	bound := c0 - eps*mag0
	for j, v := range c {
		if v -= eps * mag[j]; v < 0 {
			bound += v * s.reach[j]
		} else {
			cost += v * s.f.form.EntityScale(j, s.f.Floor[j]) / s.unit
		}
	}
	size := s.f.form.EntityScale(fam.i, s.f.Floor[fam.i]) / s.unit
	return bound >= -min(pruneTol*fam.sens[p], pruneMove*size) && cost <= pruneGrowth*fam.sens[p]
}
