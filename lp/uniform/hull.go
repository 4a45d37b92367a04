package uniform

import (
	"errors"
	"math"
	"math/rand/v2"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/vec"
)

// hullChords finds the chords of a chain in a hull without facets. It keeps the
// facets where the last chords along the axes ended. From every point inside, a ray along
// the same axis meets the planes of these, so that its walk can begin there. Walks along
// other directions begin at the closest of them.
type hullChords struct {
	r    *hull.Rays
	axes []*hull.Supporting // at both endpoints of every axis, nil where not yet found
	f    hull.Supporting
	u, x []float64
}

var errNoChord = errors.New("uniform: rounding hides the endpoints of a chord of hit-and-run: the points are too close to a plane")

func newHullChords(r *hull.Rays) *hullChords {
	return &hullChords{r: r, axes: make([]*hull.Supporting, 2*r.D), u: make([]float64, r.D), x: make([]float64, r.D)}
}

// end returns how far the ray from y along c.u is inside, and the facet there. It walks from
// f, or from a facet that it looks for where f is nil or rounding leads astray.
func (c *hullChords) end(f *hull.Supporting, y []float64) (s float64, last *hull.Supporting, err error) {
	if f != nil {
		if s, ok := c.r.End(f, y, c.u, c.x); ok {
			return s, f, nil
		}
	}
	if f = c.r.Facet(c.u); f != nil {
		if s, ok := c.r.End(f, y, c.u, c.x); ok {
			return s, f, nil
		}
	}
	return 0, nil, errNoChord
}

// axis returns the endpoints of the chord through y along axis j.
func (c *hullChords) axis(j int, y []float64) (lo, hi float64, err error) {
	var s [2]float64
	for side, sign := range [...]float64{1, -1} {
		clear(c.u)
		c.u[j] = sign
		f := &c.axes[2*j+side]
		if s[side], *f, err = c.end(*f, y); err != nil {
			return 0, 0, err
		}
	}
	return -s[1], s[0], nil
}

// along returns the endpoints of the chord through y along u. The chords of all axes are
// known.
func (c *hullChords) along(u, y []float64) (lo, hi float64, err error) {
	var s [2]float64
	for side, sign := range [...]float64{1, -1} {
		best, least := c.axes[0], math.Inf(1)
		for j, v := range u {
			c.u[j] = sign * v
		}
		for _, f := range c.axes {
			ahead := vec.Dot(f.C, c.u)
			if t := 1 - vec.Dot(f.C, y); ahead > 0 && t < least*ahead {
				best, least = f, t/ahead
			}
		}
		c.f.Copy(best)
		if s[side], _, err = c.end(&c.f, y); err != nil {
			return 0, 0, err
		}
	}
	return -s[1], s[0], nil
}

// hullWalker is a chain in a hull without facets, in coordinates in which the points
// have covariance 1. A sweep goes once along every axis and once along a direction that
// is uniform on the sphere; walks over the facets find the endpoints of a chord (see
// rays).
type hullWalker struct {
	h      *hull.Body
	r      *rand.Rand
	chords *hullChords
	y, dir []float64
}

func newHullWalker(h *hull.Body, start []float64, r *rand.Rand) *hullWalker {
	w := &hullWalker{h: h, r: r, chords: newHullChords(h.Rays), y: make([]float64, h.Rays.D), dir: make([]float64, h.Rays.D)}
	h.Inner(start, w.y)
	return w
}

func (w *hullWalker) at(x []float64) { w.h.Outer(w.y, x) }

// advance makes a number of sweeps.
func (w *hullWalker) advance(sweeps int) error {
	for range sweeps {
		for j := range w.y {
			lo, hi, err := w.chords.axis(j, w.y)
			if err != nil {
				return err
			}
			w.y[j] += w.step(lo, hi)
		}
		if len(w.y) == 1 {
			continue
		}
		for j := range w.dir {
			w.dir[j] = w.r.NormFloat64()
		}
		lo, hi, err := w.chords.along(w.dir, w.y)
		if err != nil {
			return err
		}
		t := w.step(lo, hi)
		for j, v := range w.dir {
			w.y[j] += t * v
		}
	}
	return nil
}

// step is uniform on a chord. Rounding may leave 0 just outside an endpoint.
func (w *hullWalker) step(lo, hi float64) float64 {
	lo, hi = min(lo, 0), max(hi, 0)
	return lo + (hi-lo)*w.r.Float64()
}
