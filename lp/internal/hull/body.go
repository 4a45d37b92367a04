package hull

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/mat"

	"paspo/lp/internal/vec"
)

// Body is the convex hull of points whose facets are too many to find. It is
// convex and compact, and what is asked of it is answered by linear programs over
// the weights of the points, or by walks over the few facets that a question is
// about.
//
// Coordinates within the affine hull are y = T (x - mean) over the entities of its
// basis, with T such that the points have mean 0 and covariance 1.
type Body struct {
	*Hull  // without facets
	Points [][]float64

	size []float64 // of coordinates, see Distance

	mean []float64   // of the basis
	t    [][]float64 // lower triangular
	Rays *Rays

	// starts are facets in many directions: walks begin at the one that is closest.
	starts []*Supporting

	walks sync.Pool // of *Walk
}

// NewBody prepares what questions share. Distances are measured in sizes of coordinates.
func NewBody(points [][]float64, size []float64) (*Body, error) {
	flat, err := Affine(points)
	if err != nil {
		return nil, err
	}
	h := &Body{Hull: flat, Points: points, size: size}
	h.walks.New = func() any { return h.Walk() }
	d, k := len(h.Basis), len(points)
	h.mean = make([]float64, d)
	h.Rays = &Rays{D: d, K: k, points: make([]float64, 0, d*k)}
	if d == 0 {
		return h, nil
	}
	x := mat.NewDense(k, d, nil)
	for b, j := range h.Basis {
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
		h.Inner(v, y)
		h.Rays.points = append(h.Rays.points, y...)
	}
	u := make([]float64, d)
	for j := range d {
		for _, sign := range []float64{1, -1} {
			u[j] = sign
			if f := h.Rays.Facet(u); f != nil {
				h.starts = append(h.starts, f)
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

// isCondition says whether an error of gonum says no more than that the matrix is
// ill-conditioned: the inverse was found all the same.
func isCondition(err error) bool {
	_, ok := err.(mat.Condition)
	return ok
}

// Inner writes the coordinates of x within the affine hull.
func (h *Body) Inner(x, y []float64) {
	for b, row := range h.t {
		s := 0.
		for c, v := range row {
			s += v * (x[h.Basis[c]] - h.mean[c])
		}
		y[b] = s
	}
}

// Outer writes the point of the affine hull whose coordinates are y.
func (h *Body) Outer(y, x []float64) {
	for b, row := range h.t {
		s := y[b]
		for c, v := range row[:b] {
			s -= v * (x[h.Basis[c]] - h.mean[c])
		}
		x[h.Basis[b]] = h.mean[b] + s/row[b]
	}
	for j, from := range h.From {
		if from == nil {
			continue // of the basis
		}
		x[j] = h.At[j]
		for b, v := range from {
			x[j] += v * x[h.Basis[b]]
		}
	}
}

// Walk is what one question works with.
type Walk struct {
	h       *Body
	f       Supporting
	y, x    []float64
	zero, w []float64
	mix     []float64 // of the points
	At      []float64 // for whoever has a question in other units

	// seen are facets that were found to cut points off, for Inside.
	seen [][]float64
}

// Borrow returns a walk that others used before, which Return takes back.
func (h *Body) Borrow() *Walk { return h.walks.Get().(*Walk) }

// Return takes back a walk.
func (h *Body) Return(w *Walk) { h.walks.Put(w) }

// Walk returns a walk for one goroutine.
func (h *Body) Walk() *Walk {
	d := h.Rays.D
	return &Walk{
		h: h, y: make([]float64, d), x: make([]float64, d), zero: make([]float64, d), w: make([]float64, d),
		mix: make([]float64, len(h.Points)),
	}
}

// exit finds where the ray from the mean through a leaves the hull, as a multiple
// of a, all within the affine hull. The walk ends at w.f, with w.x on it.
func (w *Walk) exit(a []float64) (s float64, ok bool) {
	h := w.h
	h.Inner(a, w.y)
	if vec.MaxAbs(w.y) == 0 {
		return math.Inf(1), true
	}
	var first *Supporting
	most := math.Inf(-1)
	for _, f := range h.starts {
		if v := vec.Dot(f.C, w.y); v > most {
			first, most = f, v
		}
	}
	if first == nil {
		return 0, false
	}
	w.f.Copy(first)
	return h.Rays.End(&w.f, w.zero, w.y, w.x)
}

// near writes weights of the points to w.mix, and reports whether it found any. They
// are those of a up to rounding where a is in the hull.
func (w *Walk) near(a []float64) bool {
	h := w.h
	k := len(h.Points)
	s, ok := math.Inf(1), true
	if h.Rays.D > 0 {
		s, ok = w.exit(a)
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
	h.Rays.weights(&w.f, w.x, w.w)
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

// Inside reports whether a point of the affine hull is in the hull, up to rounding.
// The facets that cut off points before are tried first.
func (w *Walk) Inside(a []float64) bool {
	const rounding, most = 1e-13, 64
	h := w.h
	if h.Rays.D == 0 {
		return true
	}
	h.Inner(a, w.y)
	for x := range w.seen {
		if vec.Dot(w.seen[x], w.y) > 1+rounding {
			w.seen[0], w.seen[x] = w.seen[x], w.seen[0]
			return false
		}
	}
	s, ok := w.exit(a)
	if !ok {
		return h.Distance(a) <= rounding
	}
	if s >= 1-rounding {
		return true
	}
	if len(w.seen) < most {
		w.seen = append(w.seen, nil)
	}
	last := &w.seen[len(w.seen)-1]
	*last = append((*last)[:0], w.f.C...)
	return false
}

// Separate returns a row c . x <= limit that all points satisfy and a does not, or nil
// where a is in the hull up to rounding.
func (h *Body) Separate(a []float64) (c []float64, limit float64) {
	w := h.Borrow()
	defer h.Return(w)
	if h.Rays.D == 0 {
		return nil, 0
	}
	if s, ok := w.exit(a); !ok || s >= 1 {
		return nil, 0
	}
	c = make([]float64, h.N)
	for b, row := range h.t {
		for x, v := range row {
			c[h.Basis[x]] += w.f.C[b] * v
		}
	}
	size := vec.MaxAbs(c)
	limit = math.Inf(-1)
	for j := range c {
		c[j] /= size
	}
	for _, v := range h.Points {
		limit = max(limit, vec.Dot(c, v))
	}
	return c, limit
}
