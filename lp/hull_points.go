package lp

import (
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/mat"

	"paspo/lp/internal/vec"
)

// hullName names the one constraint that a hull without facets is.
const hullName = "hull of the points"

// pointHull is the convex hull of points whose facets are too many to find. It is
// convex and compact, and what is asked of it is answered by linear programs over
// the weights of the points, or by walks over the few facets that a question is
// about.
//
// Coordinates within the affine hull are y = T (x - mean) over the entities of its
// basis, with T such that the points have mean 0 and covariance 1.
type pointHull struct {
	*hull  // without facets
	points [][]float64
	size   []float64 // of entities, see Polytope.Sizes
	tried  int       // steps that did not find the facets

	mean []float64   // of the basis
	t    [][]float64 // lower triangular
	rays *rays

	// homes are facets in many directions: walks begin at the one that is closest.
	homes []*supporting

	scratch sync.Pool // of *hullWalk

	lifted func() *Polytope // see lift
}

// newPointHull prepares what questions share.
func newPointHull(points [][]float64, tried int) (*pointHull, error) {
	flat, err := affineBasis(points)
	if err != nil {
		return nil, err
	}
	h := &pointHull{hull: flat, points: points, size: filled(pointSizes(points)), tried: tried}
	h.scratch.New = func() any { return h.walk() }
	d, k := len(h.basis), len(points)
	h.mean = make([]float64, d)
	h.rays = &rays{d: d, k: k, points: make([]float64, 0, d*k)}
	if d == 0 {
		return h, nil
	}
	x := mat.NewDense(k, d, nil)
	for b, j := range h.basis {
		for _, v := range points {
			h.mean[b] += v[j] / float64(k)
		}
		for i, v := range points {
			x.Set(i, b, (v[j]-h.mean[b])/math.Sqrt(float64(k)))
		}
	}
	// x = q r, so that r' maps points of covariance 1 to these.
	var qr mat.QR
	qr.Factorize(x)
	var r mat.Dense
	qr.RTo(&r)
	var t mat.TriDense
	if err := t.InverseTri(mat.NewTriDense(d, mat.Upper, square(&r, d))); err != nil && !isCondition(err) {
		return nil, err
	}
	for b := range d {
		row := make([]float64, b+1)
		for c := range row {
			row[c] = t.At(c, b)
		}
		h.t = append(h.t, row)
	}
	y := make([]float64, d)
	for _, v := range points {
		h.inner(v, y)
		h.rays.points = append(h.rays.points, y...)
	}
	u := make([]float64, d)
	for j := range d {
		for _, sign := range []float64{1, -1} {
			u[j] = sign
			if f := h.rays.facet(u); f != nil {
				h.homes = append(h.homes, f)
			}
			u[j] = 0
		}
	}
	return h, nil
}

// square returns the first d rows of m.
func square(m *mat.Dense, d int) []float64 {
	out := make([]float64, d*d)
	for i := range d {
		for j := range d {
			out[i*d+j] = m.At(i, j)
		}
	}
	return out
}

// isCondition says that an inverse was found, if not a good one.
func isCondition(err error) bool {
	_, ok := err.(mat.Condition)
	return ok
}

// inner writes the coordinates of x within the affine hull.
func (h *pointHull) inner(x, y []float64) {
	for b, row := range h.t {
		s := 0.
		for c, v := range row {
			s += v * (x[h.basis[c]] - h.mean[c])
		}
		y[b] = s
	}
}

// outer writes the point of the affine hull whose coordinates are y.
func (h *pointHull) outer(y, x []float64) {
	for b, row := range h.t {
		s := y[b]
		for c, v := range row[:b] {
			s -= v * (x[h.basis[c]] - h.mean[c])
		}
		x[h.basis[b]] = h.mean[b] + s/row[b]
	}
	for j, from := range h.from {
		if from == nil {
			continue // of the basis
		}
		x[j] = h.at[j]
		for b, v := range from {
			x[j] += v * x[h.basis[b]]
		}
	}
}

// hullWalk is what one question works with.
type hullWalk struct {
	h       *pointHull
	f       supporting
	y, x    []float64
	zero, w []float64
	mix     []float64 // of the points
	at      []float64 // of a question in other units

	// seen are facets that were found to cut points off, for inside.
	seen [][]float64
}

func (h *pointHull) walk() *hullWalk {
	d := h.rays.d
	return &hullWalk{
		h: h, y: make([]float64, d), x: make([]float64, d), zero: make([]float64, d), w: make([]float64, d),
		mix: make([]float64, len(h.points)),
	}
}

// leave finds where the ray from the mean through a leaves the hull, as a multiple
// of a, all within the affine hull. The walk ends at w.f, with w.x on it.
func (w *hullWalk) leave(a []float64) (s float64, ok bool) {
	h := w.h
	h.inner(a, w.y)
	if vec.MaxAbs(w.y) == 0 {
		return math.Inf(1), true
	}
	var home *supporting
	most := math.Inf(-1)
	for _, f := range h.homes {
		if v := vec.Dot(f.c, w.y); v > most {
			home, most = f, v
		}
	}
	if home == nil {
		return 0, false
	}
	w.f.copy(home)
	return h.rays.end(&w.f, w.zero, w.y, w.x)
}

// near writes weights of the points to w.mix, and reports whether it found any. They
// are those of a up to rounding where a is in the hull.
func (w *hullWalk) near(a []float64) bool {
	h := w.h
	k := len(h.points)
	s, ok := math.Inf(1), true
	if h.rays.d > 0 {
		s, ok = w.leave(a)
	}
	if !ok || s <= 0 || math.IsNaN(s) {
		return false
	}
	// The mean, and what the ray ends at.
	share := min(1, 1/s)
	for v := range w.mix {
		w.mix[v] = (1 - share) / float64(k)
	}
	if share == 0 {
		return true
	}
	h.rays.weights(&w.f, w.x, w.w)
	sum := 0.
	for x := range w.w {
		w.w[x] = max(0, w.w[x])
		sum += w.w[x]
	}
	for x, v := range w.f.on {
		w.mix[v] += share * w.w[x] / sum
	}
	return true
}

// inside reports whether a point of the affine hull is in the hull, up to rounding.
// The facets that cut off points before are tried first.
func (w *hullWalk) inside(a []float64) bool {
	const rounding, most = 1e-13, 64
	h := w.h
	if h.rays.d == 0 {
		return true
	}
	h.inner(a, w.y)
	for x := range w.seen {
		if vec.Dot(w.seen[x], w.y) > 1+rounding {
			w.seen[0], w.seen[x] = w.seen[x], w.seen[0]
			return false
		}
	}
	s, ok := w.leave(a)
	if !ok {
		return h.distance(a) <= rounding
	}
	if s >= 1-rounding {
		return true
	}
	if len(w.seen) < most {
		w.seen = append(w.seen, nil)
	}
	last := &w.seen[len(w.seen)-1]
	*last = append((*last)[:0], w.f.c...)
	return false
}

// separate returns a row c . x <= limit that all points satisfy and a does not, as
// far as there is one: nil where a is in the hull up to rounding.
func (h *pointHull) separate(a []float64) (c []float64, limit float64) {
	w := h.scratch.Get().(*hullWalk)
	defer h.scratch.Put(w)
	if h.rays.d == 0 {
		return nil, 0
	}
	if s, ok := w.leave(a); !ok || s >= 1 {
		return nil, 0
	}
	c = make([]float64, h.n)
	for b, row := range h.t {
		for x, v := range row {
			c[h.basis[x]] += w.f.c[b] * v
		}
	}
	size := vec.MaxAbs(c)
	limit = math.Inf(-1)
	for j := range c {
		c[j] /= size
	}
	for _, v := range h.points {
		limit = max(limit, vec.Dot(c, v))
	}
	return c, limit
}

// last returns the last entity that the others before it do not determine.
func (h *pointHull) last() int {
	if len(h.basis) == 0 {
		return h.n - 1
	}
	return h.basis[len(h.basis)-1]
}

// refusal says why there are no facets.
func (h *pointHull) refusal() string {
	return fmt.Sprintf("the hull of its %d points in %d dimensions has more facets than its budget of %d million steps and of memory finds", len(h.points), len(h.basis), h.tried/1_000_000)
}
