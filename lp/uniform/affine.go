package uniform

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/vec"
)

// affineHull is the affine hull of a polytope: all equalities that hold on it,
// stated or implied, are those of center + basis z.
type affineHull struct {
	n      int
	center []float64   // in the relative interior
	basis  [][]float64 // orthonormal, each of length n
	lo, hi []float64   // bounding box

	// vertices are points of the polytope that span the hull.
	vertices [][]float64
}

func (h *affineHull) dim() int { return len(h.basis) }

// project moves x to the nearest point of the hull.
func (h *affineHull) project(x []float64) {
	d := make([]float64, h.n)
	vec.Subtract(d, x, h.center)
	copy(x, h.center)
	for _, q := range h.basis {
		c := vec.Dot(d, q)
		for j, v := range q {
			x[j] += c * v
		}
	}
}

// newAffineHull finds the hull by linear programs: the least and most of every coordinate
// first, then the widths along directions in which the points found so far do
// not spread. Either such a direction is flat, or it yields a new point. The
// mean of affinely independent points that span the hull lies in the relative
// interior.
func newAffineHull(p *lp.Polytope) (*affineHull, error) {
	n := p.Dim()
	h := &affineHull{n: n, lo: make([]float64, n), hi: make([]float64, n)}
	if pts := p.Points(); len(pts) > 0 {
		h.vertices = append(h.vertices, pts...)
	}
	minimize := func(c []float64) ([]float64, error) {
		if p.Points() != nil {
			return vec.Lowest(p.Points(), c), nil
		}
		// CLP's dual tolerance is absolute: of costs near 1 it takes a width of
		// 1e-8 for optimal as it is.
		large := make([]float64, n)
		for j, v := range c {
			large[j] = 1e4 * v
		}
		x, _, err := p.Minimize(large, nil)
		return x, err
	}
	c := make([]float64, n)
	for j := range n {
		for _, sign := range []float64{1, -1} {
			c[j] = sign
			x, err := minimize(c)
			if err != nil {
				return nil, err
			}
			if p.Points() == nil {
				h.vertices = append(h.vertices, x)
			}
			if sign > 0 {
				h.lo[j] = x[j]
			} else {
				h.hi[j] = max(x[j], h.lo[j])
			}
		}
		c[j] = 0
	}
	scale := 1.
	for j := range n {
		scale = max(scale, math.Abs(h.lo[j]), math.Abs(h.hi[j]))
	}
	tol := FlatWidth * scale

	e, f, _ := p.Equalities()
	solve, done := vec.RowSpace(e, n)
	s := spread{first: h.vertices[0], directions: done}
	s.add(h.vertices...)
	r := rand.New(rng.New(0, "lp", "affine hull"))
	w := make([]float64, n)
	for len(s.directions) < n {
		// w goes towards the known point that is farthest from the span found so far. The
		// search goes along it to the end of the polytope, because the distance of known
		// points may be no more than their rounding.
		far, dist := s.farthest()
		if dist > 0 {
			vec.Subtract(w, h.vertices[far], h.vertices[0])
		}
		if dist <= tol {
			for j := range w {
				w[j] = r.NormFloat64()
			}
		}
		q := vec.Orthonormal(w, s.directions)
		for _, sign := range []float64{1, -1} {
			for j := range w {
				w[j] = sign * q[j]
			}
			x, err := minimize(w)
			if err != nil {
				return nil, err
			}
			h.vertices = append(h.vertices, x)
			s.add(x)
		}
		if far, dist = s.farthest(); dist > tol {
			vec.Subtract(w, h.vertices[far], h.vertices[0])
			q = vec.Orthonormal(w, s.directions)
			h.basis = append(h.basis, q)
		}
		s.remove(q)
	}

	h.center = make([]float64, n)
	for _, v := range h.vertices {
		for j, x := range v {
			h.center[j] += x / float64(len(h.vertices))
		}
	}
	solve(h.center, f)
	return h, nil
}

// axes returns the n x d matrix whose columns are the principal axes of the
// vertices, each as long as their standard deviation along it.
func (h *affineHull) axes() *mat.Dense {
	n, d, k := h.n, h.dim(), len(h.vertices)
	z, basis := mat.NewDense(k, d, nil), mat.NewDense(n, d, nil)
	w := make([]float64, n)
	for j, q := range h.basis {
		basis.SetCol(j, q)
	}
	for i, v := range h.vertices {
		vec.Subtract(w, v, h.center)
		for j, q := range h.basis {
			z.Set(i, j, vec.Dot(w, q)/math.Sqrt(float64(k)))
		}
	}
	// Singular values, not eigenvalues of the covariance: these are squares, and
	// widths below 1e-8 would drown in their rounding.
	var svd mat.SVD
	if !svd.Factorize(z, mat.SVDThinV) {
		panic("uniform: the singular values of the vertices do not converge")
	}
	values := svd.Values(nil)
	var v, axes mat.Dense
	svd.VTo(&v)
	v.Apply(func(_, j int, x float64) float64 { return x * values[j] }, &v)
	axes.Mul(basis, &v)
	return &axes
}

// spread holds points, seen from the first, less their components along orthonormal
// directions.
type spread struct {
	first      []float64
	directions [][]float64
	left       [][]float64
}

func (s *spread) add(points ...[]float64) {
	for _, x := range points {
		w := make([]float64, len(x))
		vec.Subtract(w, x, s.first)
		vec.Orthogonalize(w, s.directions)
		s.left = append(s.left, w)
	}
}

// remove adds a direction, and removes the component along it from the points.
func (s *spread) remove(q []float64) {
	s.directions = append(s.directions, q)
	for _, w := range s.left {
		vec.Orthogonalize(w, [][]float64{q})
	}
}

// farthest returns the point whose remainder is longest, and its length.
func (s *spread) farthest() (index int, distance float64) {
	for i, w := range s.left {
		if d := vec.Norm(w); d > distance {
			index, distance = i, d
		}
	}
	return index, distance
}
