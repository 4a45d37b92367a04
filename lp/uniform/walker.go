package uniform

import (
	"errors"
	"math"
	"math/rand/v2"
)

// walker goes along the bases.
type walker struct {
	h          *hitAndRun
	r          *rand.Rand
	x, slack   []float64
	sinceExact int
	terms      []alongChord // of the row at hand
}

func newWalker(h *hitAndRun, start []float64, r *rand.Rand) *walker {
	w := &walker{h: h, r: r, x: append([]float64(nil), start...), slack: make([]float64, h.rows.Len())}
	w.exact()
	return w
}

// exact takes the point back to the affine hull and computes its slacks anew.
func (w *walker) exact() {
	w.h.hull.project(w.x)
	w.h.rows.slacks(w.slack, w.x)
	w.sinceExact = 0
}

func (w *walker) at(x []float64) { copy(x, w.x) }

// advance makes a number of sweeps.
func (w *walker) advance(sweeps int) error {
	for range sweeps {
		if w.sinceExact++; w.sinceExact > refresh {
			w.exact()
		}
		basis := w.h.bases[w.r.IntN(len(w.h.bases))]
		for j := range basis {
			if !w.step(&basis[j]) {
				return errUnboundedChord
			}
		}
	}
	return nil
}

// step moves to a uniform point of the chord along a direction, false where nothing bounds
// it.
func (w *walker) step(d *direction) bool {
	lo, hi := w.chord(d)
	if math.IsInf(lo, 0) || math.IsInf(hi, 0) {
		return false
	}
	if w.h.terms != nil {
		lo, hi = w.withinTerms(d.entities, d.move, lo, hi)
	}
	w.move(d, lo+(hi-lo)*w.r.Float64())
	return true
}

// chord returns how far the rows let the walk go back and forth along a direction: lo <= 0
// <= hi. Rounding may leave the point just outside an endpoint, which is then taken to be at the
// point.
func (w *walker) chord(d *direction) (lo, hi float64) {
	hi, lo = math.Inf(1), math.Inf(-1)
	slack, rows := w.slack, d.rows
	inverse := d.inverse[:len(rows)]
	for i, k := range rows[:d.shrinking] {
		if t := slack[k] * inverse[i]; t < hi {
			hi = t
		}
	}
	inverse = inverse[d.shrinking:]
	for i, k := range rows[d.shrinking:] {
		if t := slack[k] * inverse[i]; t > lo {
			lo = t
		}
	}
	return min(lo, 0), max(hi, 0)
}

// move goes t along a direction.
func (w *walker) move(d *direction, t float64) {
	slack, rates := w.slack, d.rates[:len(d.rows)]
	for i, k := range d.rows {
		slack[k] -= t * rates[i]
	}
	move := d.move[:len(d.entities)]
	for i, j := range d.entities {
		w.x[j] += t * move[i]
	}
}

var errUnboundedChord = errors.New("uniform: hit-and-run met a direction that no constraint bounds")
