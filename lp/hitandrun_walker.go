package lp

import (
	"errors"
	"math"
	"math/rand/v2"
)

// walker is the state of one chain.
type walker struct {
	h          *hitAndRun
	y, slack   []float64
	dir, along []float64 // a direction, and how fast it uses each slack
	sinceExact int
}

func newWalker(h *hitAndRun, start []float64) *walker {
	w := &walker{
		h: h, y: append([]float64(nil), start...), slack: make([]float64, h.m),
		dir: make([]float64, h.d), along: make([]float64, h.m),
	}
	w.exact()
	return w
}

// exact computes the slacks from y.
func (w *walker) exact() {
	copy(w.slack, w.h.slack)
	for j, y := range w.y {
		for k, c := range w.h.col[j*w.h.m : (j+1)*w.h.m] {
			w.slack[k] -= c * y
		}
	}
	w.sinceExact = 0
}

// advance makes a number of sweeps.
func (w *walker) advance(sweeps int, r *rand.Rand) error {
	h := w.h
	for range sweeps {
		if w.sinceExact++; w.sinceExact > refresh {
			w.exact()
		}
		for j := range w.y {
			inv := h.inv[j*h.m : (j+1)*h.m]
			lo, hi := math.Inf(-1), math.Inf(1)
			for k, s := range w.slack {
				v := inv[k]
				t := s * v
				if v > 0 {
					hi = min(hi, t)
				} else if v < 0 {
					lo = max(lo, t)
				}
			}
			t, ok := along(lo, hi, r)
			if !ok {
				return errUnboundedChord
			}
			w.y[j] += t
			for k, c := range h.col[j*h.m : (j+1)*h.m] {
				w.slack[k] -= c * t
			}
		}
		if h.d > 1 {
			if err := w.anyDirection(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// anyDirection makes one step along a direction uniform on the sphere.
func (w *walker) anyDirection(r *rand.Rand) error {
	h := w.h
	clear(w.along)
	for j := range w.dir {
		v := r.NormFloat64()
		w.dir[j] = v
		for k, c := range h.col[j*h.m : (j+1)*h.m] {
			w.along[k] += c * v
		}
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	for k, s := range w.slack {
		switch c := w.along[k]; {
		case c > 0:
			hi = min(hi, s/c)
		case c < 0:
			lo = max(lo, s/c)
		}
	}
	t, ok := along(lo, hi, r)
	if !ok {
		return errUnboundedChord
	}
	for j, v := range w.dir {
		w.y[j] += t * v
	}
	for k, c := range w.along {
		w.slack[k] -= c * t
	}
	return nil
}

var errUnboundedChord = errors.New("lp: hit-and-run met a direction without an end")

// along returns a uniform step of a chord. Rounding may leave the point just
// outside an end; a chord that is empty for that reason gives no step.
func along(lo, hi float64, r *rand.Rand) (t float64, ok bool) {
	lo, hi = min(lo, 0), max(hi, 0)
	if math.IsInf(lo, 0) || math.IsInf(hi, 0) {
		return 0, false
	}
	return lo + (hi-lo)*r.Float64(), true
}
