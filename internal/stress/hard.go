package stress

import (
	"fmt"
	"math"
	"math/rand/v2"

	"paspo/lp"
)

// Kinds names the kinds of polytopes that Hard draws.
var Kinds = []string{"thin", "degenerate", "redundant", "pairs", "scales", "all at once"}

// Describe says what a kind is.
func Describe(kind string) string {
	return map[string]string{
		"thin":        "one row moved towards infeasibility until a width of 1e-2 to 1e-12, 0, or a little beyond",
		"degenerate":  "many more rows than needed through one vertex",
		"redundant":   "rows repeated, multiplied, added up, or never tight",
		"pairs":       "two rows that leave a band of 1e-2 to 1e-12 or 0 between them",
		"scales":      "coefficients over 8 orders of magnitude",
		"all at once": "all of these together",
	}[kind]
}

// Hard draws a polytope of a kind: the simplex or a box of 3 to 8 entities, cut by
// up to 8 rows through or near a point that is feasible, and by what the kind
// adds. The error may be that of lp.New.
func Hard(kind string, r *rand.Rand) (*lp.Polytope, error) {
	h := newHard(r)
	for range 1 + r.IntN(4) {
		h.through(h.coefficients(), 0.2*r.Float64())
	}
	switch kind {
	case "thin":
		return h.thin()
	case "degenerate":
		h.degenerate()
	case "redundant":
		h.redundant()
	case "pairs":
		h.pairs()
	case "scales":
		h.scales()
	case "all at once":
		h.degenerate()
		h.pairs()
		h.scales()
		h.redundant()
		return h.thin()
	default:
		panic("stress: bad kind " + kind)
	}
	return lp.New(h.d)
}

type hard struct {
	d lp.Description
	x []float64 // feasible
	r *rand.Rand
}

func newHard(r *rand.Rand) *hard {
	n := 3 + r.IntN(6)
	h := &hard{r: r, x: simplexPoint(r, n)}
	h.d.Total = 1
	for j := range n {
		h.d.Entities = append(h.d.Entities, fmt.Sprintf("x%d", j))
		if r.IntN(5) == 0 {
			h.x[j] = 0 // at its bound
		}
	}
	sum := dot(h.x, ones(n))
	if sum == 0 {
		h.x[0], sum = 1, 1
	}
	for j := range h.x {
		h.x[j] /= sum
	}
	h.d.Total = dot(h.x, ones(n))
	if r.IntN(4) == 0 {
		h.d.Total = math.NaN()
	}
	if math.IsNaN(h.d.Total) || r.IntN(3) == 0 {
		for j := range n {
			h.d.Upper = append(h.d.Upper, h.x[j]+[]float64{0.01, 0.1, 1}[r.IntN(3)])
		}
	}
	return h
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for j := range v {
		v[j] = 1
	}
	return v
}

// coefficients draws a row over some of the entities.
func (h *hard) coefficients() []float64 {
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
	for _, v := range c {
		if v != 0 {
			return c
		}
	}
	c[0] = 1
	return c
}

// through adds c . a <= c . x + slack.
func (h *hard) through(c []float64, slack float64) {
	h.add(c, math.Inf(-1), dot(c, h.x)+slack)
}

func (h *hard) add(c []float64, lo, hi float64) {
	h.d.Rows = append(h.d.Rows, lp.Row{Name: fmt.Sprintf("row %d", len(h.d.Rows)+1), Coef: c, Min: lo, Max: hi})
}

// width draws 10^-2 to 10^-12.
func (h *hard) width() float64 { return math.Pow(10, -2-10*h.r.Float64()) }

// thin adds a row whose limit is near the least value that it can take.
func (h *hard) thin() (*lp.Polytope, error) {
	p, err := lp.New(h.d)
	if err != nil {
		return nil, err
	}
	c := h.coefficients()
	x, _, err := p.Minimize(c, nil)
	if err != nil {
		return nil, err
	}
	limit := dot(c, x)
	switch h.r.IntN(8) {
	case 0:
	case 1:
		limit -= math.Pow(10, -8-5*h.r.Float64())
	default:
		limit += h.width()
	}
	h.add(c, math.Inf(-1), limit)
	return lp.New(h.d)
}

// degenerate adds rows through the feasible point, and some that repeat others up
// to the last bits.
func (h *hard) degenerate() {
	for range len(h.x) + h.r.IntN(4) {
		c := h.coefficients()
		if h.r.IntN(4) == 0 {
			last := h.d.Rows[h.r.IntN(len(h.d.Rows))].Coef
			for j := range c {
				c[j] = last[j] * (1 + 1e-15*h.r.NormFloat64())
			}
		}
		h.through(c, 0)
	}
}

func (h *hard) redundant() {
	for range 2 + h.r.IntN(5) {
		one, two := h.d.Rows[h.r.IntN(len(h.d.Rows))], h.d.Rows[h.r.IntN(len(h.d.Rows))]
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
			h.add(one.Coef, math.Inf(-1), one.Max+1)
		}
	}
}

// pairs adds bands around the feasible point.
func (h *hard) pairs() {
	for range 1 + h.r.IntN(3) {
		c := h.coefficients()
		v := dot(c, h.x)
		w := h.width()
		if h.r.IntN(5) == 0 {
			w = 0
		}
		below := w * h.r.Float64()
		h.add(c, math.Inf(-1), v+w-below)
		neg := make([]float64, len(c))
		for j := range c {
			neg[j] = -c[j]
		}
		h.add(neg, math.Inf(-1), -(v - below))
	}
}

// scales multiplies coefficients by 10^-4 to 10^4 each, and moves the limits along.
func (h *hard) scales() {
	for k := range h.d.Rows {
		t := &h.d.Rows[k]
		slack := t.Max - dot(t.Coef, h.x)
		c := make([]float64, len(h.x))
		for j := range c {
			c[j] = t.Coef[j] * math.Pow(10, 8*h.r.Float64()-4)
		}
		t.Coef, t.Max = c, dot(c, h.x)+slack
	}
}
