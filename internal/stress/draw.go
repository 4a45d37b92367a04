package stress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/lp"
)

// Family is a kind of polytopes that solvers are tried on.
type Family struct {
	Name string
	draw func(*draft)

	// Slow says that rational arithmetic decides many of the answers themselves.
	Slow bool
}

// Families are the kinds of polytopes that Draw draws.
var Families = []Family{
	{"parallel", (*draft).parallel, false},     // rows that differ by a relative 1e-12 to 1e-4, totals of 0.1 to 1e6
	{"totals", (*draft).totals, false},         // totals of 1e-9 to 1e9
	{"scales", (*draft).scales, false},         // coefficients over 14 orders of magnitude
	{"thin", (*draft).thin, false},             // a row that leaves a width of 1e-12 to 1e-3 of what it can be, 0, or less than nothing
	{"bands", (*draft).bands, false},           // pairs of rows that leave a width of 1e-12 to 1e-3, or 0, between them
	{"degenerate", (*draft).degenerate, false}, // integers, with many more rows than needed through one point
	{"capped", (*draft).capped, false},         // an upper bound on every entity
	{"equalities", (*draft).equalities, false}, // equalities beside the total, half of them as pairs of rows
	{"hulls", (*draft).hull, false},            // hulls of points, of which some are 1e-12 to 1e-3 apart or on one plane
	{"redundant", (*draft).redundant, false},   // rows repeated, multiplied, added up, or never tight
	{"states", (*draft).states, false},         // right-hand sides, totals and bounds that follow the state
	{"matrices", (*draft).matrices, false},     // a matrix for every state
	{"all at once", (*draft).all, true},        // parallel, degenerate, bands, scales, redundant and thin together
}

// Case is a polytope to try, with the limits of some states where these follow the
// state.
type Case struct {
	lp.Description
	States []lp.Limits
}

// Draw draws a polytope of a family: the simplex or a box of 3 to 8 entities, cut by
// rows through or near one of its points, and by what the family adds.
func Draw(f *Family, r *rand.Rand) *Case {
	h := &draft{r: r}
	f.draw(h)
	return &h.c
}

type draft struct {
	c Case
	x []float64 // a point of it
	r *rand.Rand
}

// start draws simplex or box of a size, and some rows.
func (h *draft) start(total float64, rows int) {
	n := 3 + h.r.IntN(6)
	h.x = rng.Simplex(h.r, n)
	d := &h.c.Description
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
		if h.r.IntN(5) == 0 {
			h.x[j] = 0 // at its bound
		}
	}
	sum := dot(h.x, ones(n))
	if sum == 0 {
		h.x[0], sum = 1, 1
	}
	for j := range h.x {
		h.x[j] *= total / sum
	}
	d.Total = dot(h.x, ones(n))
	if h.r.IntN(4) == 0 {
		d.Total = math.NaN()
	}
	if math.IsNaN(d.Total) || h.r.IntN(3) == 0 {
		h.caps(total)
	}
	for range rows {
		h.through(h.coefficients(), 0.2*h.r.Float64())
	}
}

func (h *draft) caps(total float64) {
	h.c.Upper = nil
	for _, v := range h.x {
		h.c.Upper = append(h.c.Upper, v+total*[]float64{0.01, 0.1, 1}[h.r.IntN(3)])
	}
}

func (h *draft) some() int { return 1 + h.r.IntN(4) }

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// coefficients draws a row over some of the entities.
func (h *draft) coefficients() []float64 {
	c := make([]float64, len(h.x))
	for _, j := range h.r.Perm(len(c))[:2+h.r.IntN(len(c)-1)] {
		switch h.r.IntN(3) {
		case 0:
			c[j] = math.Round(100*h.r.Float64()) / 100
		case 1:
			c[j] = float64(h.r.IntN(7) - 3)
		default:
			c[j] = h.r.NormFloat64()
		}
	}
	if dot(c, c) == 0 {
		c[0] = 1
	}
	return c
}

// through adds c . a <= c . x and a share more of what the terms come to.
func (h *draft) through(c []float64, share float64) {
	h.add(c, math.Inf(-1), dot(c, h.x)+share*h.terms(c))
}

// terms is the size of a row: by how much it can change.
func (h *draft) terms(c []float64) float64 {
	s, total := 0., dot(h.x, ones(len(h.x)))
	for _, v := range c {
		s = max(s, math.Abs(v))
	}
	return s * total
}

func (h *draft) add(c []float64, lo, hi float64) {
	h.c.Rows = append(h.c.Rows, lp.Row{Name: fmt.Sprintf("row %d", len(h.c.Rows)+1), Coef: c, Min: lo, Max: hi})
}

// between draws 10^from to 10^to.
func (h *draft) between(from, to float64) float64 { return math.Pow(10, from+(to-from)*h.r.Float64()) }

func (h *draft) width() float64 {
	if h.r.IntN(6) == 0 {
		return 0
	}
	return h.between(-12, -3)
}

func (h *draft) parallel() {
	h.start(h.between(-1, 6), h.some())
	h.addParallel()
}

func (h *draft) addParallel() {
	for range h.some() {
		last := h.c.Rows[h.r.IntN(len(h.c.Rows))].Coef
		c, move, sign := make([]float64, len(last)), h.between(-12, -4), 1.
		if h.r.IntN(2) == 0 {
			sign = -1
		}
		for j, v := range last {
			c[j] = sign * v * (1 + move*h.r.NormFloat64())
		}
		share := 0.
		if h.r.IntN(3) > 0 {
			share = h.between(-12, -3)
		}
		h.through(c, share)
	}
}

func (h *draft) totals() { h.start(h.between(-9, 9), h.some()) }

func (h *draft) capped() {
	total := h.between(-2, 2)
	h.start(total, h.some())
	h.caps(total)
}

// thin adds a row whose limit is near the least value that it can take.
func (h *draft) thin() {
	h.start(1, h.some())
	h.addThin()
}

func (h *draft) addThin() {
	c := h.coefficients()
	t := NewTruth(h.c.Description)
	a := t.set.Minimize(nil, t.costs(c), &t.limits)
	limit := a.Value
	switch h.r.IntN(8) {
	case 0:
		limit -= h.between(-13, -5) * h.terms(c)
	default:
		limit += h.width() * h.terms(c)
	}
	h.add(c, math.Inf(-1), limit)
}

func (h *draft) bands() {
	h.start(h.between(-2, 2), h.some())
	h.addBands()
}

func (h *draft) addBands() {
	for range 1 + h.r.IntN(3) {
		c := h.coefficients()
		v, w := dot(c, h.x), h.width()*h.terms(c)
		below := w * h.r.Float64()
		h.add(c, math.Inf(-1), v+w-below)
		h.add(negated(c), math.Inf(-1), -(v - below))
	}
}

func negated(c []float64) []float64 {
	neg := make([]float64, len(c))
	for j := range c {
		neg[j] = -c[j]
	}
	return neg
}

func (h *draft) degenerate() {
	h.start(1, 0)
	n := len(h.x)
	sum := 0.
	for j := range h.x {
		h.x[j] = float64(h.r.IntN(5))
		sum += h.x[j]
	}
	if sum == 0 {
		h.x[0], sum = 1, 1
	}
	d := &h.c.Description
	d.Total, d.Upper = sum, nil
	if h.r.IntN(3) == 0 {
		for j := range n {
			d.Upper = append(d.Upper, h.x[j]+float64(h.r.IntN(3)))
		}
	}
	h.addDegenerate()
}

// addDegenerate adds rows of integers through the point.
func (h *draft) addDegenerate() {
	n := len(h.x)
	for range n + h.r.IntN(8) {
		c := make([]float64, n)
		for j := range c {
			if h.r.IntN(3) > 0 {
				c[j] = float64(h.r.IntN(9) - 4)
			}
		}
		if dot(c, c) > 0 {
			h.through(c, 0)
		}
	}
	if len(h.c.Rows) == 0 {
		h.through(ones(n), 0)
	}
}

func (h *draft) equalities() {
	h.start(h.between(-2, 2), h.some())
	for range 1 + h.r.IntN(max(1, len(h.x)-3)) {
		c := h.coefficients()
		v := dot(c, h.x)
		if h.r.IntN(2) == 0 {
			h.add(c, v, v)
			continue
		}
		h.add(c, math.Inf(-1), v)
		h.add(negated(c), math.Inf(-1), -v)
	}
}

func (h *draft) redundant() {
	h.start(h.between(-2, 2), h.some())
	h.addRedundant()
}

func (h *draft) addRedundant() {
	for range 2 + h.r.IntN(5) {
		one, two := h.c.Rows[h.r.IntN(len(h.c.Rows))], h.c.Rows[h.r.IntN(len(h.c.Rows))]
		c := make([]float64, len(h.x))
		switch h.r.IntN(4) {
		case 0: // again
			h.add(one.Coef, math.Inf(-1), one.Max)
		case 1: // a multiple, rounded
			s := []float64{3, 0.1, 1. / 7, 1e3}[h.r.IntN(4)]
			for j := range c {
				c[j] = s * one.Coef[j]
			}
			h.add(c, math.Inf(-1), s*one.Max)
		case 2: // the sum of two
			for j := range c {
				c[j] = one.Coef[j] + two.Coef[j]
			}
			if dot(c, c) > 0 {
				h.add(c, math.Inf(-1), one.Max+two.Max)
			}
		case 3: // never tight
			h.add(one.Coef, math.Inf(-1), one.Max+h.terms(one.Coef))
		}
	}
}

func (h *draft) scales() {
	h.start(h.between(-3, 3), h.some())
	h.spread()
}

// spread multiplies coefficients by 10^-7 to 10^7 each, and moves the limits along.
func (h *draft) spread() {
	for k := range h.c.Rows {
		t := &h.c.Rows[k]
		share := (t.Max - dot(t.Coef, h.x)) / h.terms(t.Coef)
		c := make([]float64, len(h.x))
		for j := range c {
			c[j] = t.Coef[j] * h.between(-7, 7)
		}
		t.Coef, t.Max = c, dot(c, h.x)
		if share > 0 {
			t.Max += share * h.terms(c)
		}
	}
}

func (h *draft) all() {
	h.start(h.between(-3, 3), 1)
	h.addDegenerate()
	h.addParallel()
	h.addBands()
	h.spread()
	h.addRedundant()
	h.addThin()
}

func (h *draft) hull() {
	n := 2 + h.r.IntN(3)
	d := &h.c.Description
	d.Total = math.NaN()
	for j := range n {
		d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
	}
	size := h.between(-2, 2)
	for range n + 1 + h.r.IntN(6) {
		v := rng.Simplex(h.r, n)
		switch k := len(d.Points); {
		case k > 0 && h.r.IntN(3) == 0: // close to another
			w := h.between(-12, -3) * size
			for j, x := range d.Points[h.r.IntN(k)] {
				v[j] = max(0, x+w*h.r.NormFloat64())
			}
		case k > 1 && h.r.IntN(4) == 0: // on a line with two others, but for rounding
			s := h.r.Float64()
			a, b := d.Points[h.r.IntN(k)], d.Points[h.r.IntN(k)]
			for j := range v {
				v[j] = a[j] + s*(b[j]-a[j])
			}
		default:
			s := size
			if h.r.IntN(2) == 0 {
				s *= h.r.Float64()
			}
			for j := range v {
				v[j] *= s
				if h.r.IntN(6) == 0 {
					v[j] = 0
				}
			}
		}
		d.Points = append(d.Points, v)
	}
}

// statesOf is how many states a polytope is tried in.
const statesOf = 8

func (h *draft) states() {
	total := h.between(-2, 2)
	h.start(total, h.some())
	for range statesOf {
		x := rng.Simplex(h.r, len(h.x))
		s := total * (0.5 + h.r.Float64())
		var lim lp.Limits
		for j := range x {
			x[j] *= s
			lim.Upper = append(lim.Upper, x[j]+total*h.r.Float64())
			lim.Lower = append(lim.Lower, x[j]*h.r.Float64()*float64(h.r.IntN(2)))
		}
		if !math.IsNaN(h.c.Total) {
			lim.F = []float64{dot(x, ones(len(x)))}
		}
		for _, row := range h.c.Rows {
			slack := 0.
			if h.r.IntN(2) == 0 {
				slack = 0.2 * h.r.Float64() * h.terms(row.Coef)
			}
			lim.B = append(lim.B, dot(row.Coef, x)+slack)
		}
		h.c.States = append(h.c.States, lim)
	}
}

func (h *draft) matrices() {
	h.start(h.between(-2, 2), h.some())
	for range statesOf {
		var lim lp.Limits
		for range h.c.Rows {
			c := h.coefficients()
			lim.A = append(lim.A, c...)
			lim.B = append(lim.B, dot(c, h.x)+0.2*h.r.Float64()*h.terms(c))
		}
		h.c.States = append(h.c.States, lim)
	}
}
