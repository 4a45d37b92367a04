package hull

import (
	"math"

	"paspo/lp/internal/vec"
)

// Rays finds where rays leave the convex hull of points that has the origin in its
// interior. It walks from facet to facet: each is kept as d points that span it,
//
//	c . y = 1 on these, c . y <= 1 on all points,
//
// a vertex of the polar body, and a ray from a along u meets the plane of the facet
// at x = a + s u with s = (1 - c . a) / (c . u). Where the weights of x over the d
// points are not negative x is in the facet, so that the ray ends there. Else the
// facet beyond the ridge that is opposite to a negative weight has a smaller s: the
// simplex method on the polar body.
type Rays struct {
	D, K   int
	points []float64 // K x D
}

// Tolerances of the walk, on points whose spread is about 1. They need not be safe: callers
// check what they compute from the weights.
const (
	rayTol   = 1e-12 // of weights, and by which a plane may cut into the hull
	rayRate  = 1e-11 // of a point that a turning plane does not come closer to
	rayValid = 1e-9  // rayTol where rounding allows no better
	rayRenew = 40    // turns after which the plane is computed anew
)

// Supporting is the plane of a facet and the points that span it.
type Supporting struct {
	on    []int     // d
	dual  []float64 // d x d: dual_r . y = [r = s] for point s of on
	C     []float64 // d
	slack []float64 // k: 1 - c . y
	rate  []float64 // k, scratch
	turns int       // since it was computed anew
}

// Copy makes f what g is.
func (f *Supporting) Copy(g *Supporting) {
	f.on = append(f.on[:0], g.on...)
	f.dual = append(f.dual[:0], g.dual...)
	f.C = append(f.C[:0], g.C...)
	f.slack = append(f.slack[:0], g.slack...)
	f.rate = append(f.rate[:0], g.rate...)
	f.turns = g.turns
}

func (r *Rays) point(v int) []float64 { return r.points[v*r.D : (v+1)*r.D] }

// Facet returns a facet close to where a ray from the origin along u ends: a plane
// comes from far away towards it, and turns about the points that it touches. It
// returns nil where the points span no facet.
func (r *Rays) Facet(u []float64) *Supporting {
	f := &Supporting{
		dual: make([]float64, r.D*r.D), C: make([]float64, r.D), slack: make([]float64, r.K), rate: make([]float64, r.K),
	}
	rate, step := f.rate, make([]float64, r.D)
	for v := range f.slack {
		f.slack[v] = 1
	}
	var span [][]float64
	touched := make([]bool, r.K)
	for len(f.on) < r.D {
		if copy(step, u); !r.free(step, span) {
			for j := 0; ; j++ {
				if j == r.D {
					return nil
				}
				clear(step)
				step[j] = 1
				if r.free(step, span) {
					break
				}
			}
		}
		next := -1
		for range 2 {
			for v := range rate {
				rate[v] = vec.Dot(r.point(v), step)
				if touched[v] {
					rate[v] = 0
				}
			}
			if next = f.nearest(); next >= 0 {
				break
			}
			for j := range step {
				step[j] = -step[j]
			}
		}
		if next < 0 {
			return nil
		}
		theta := max(0, f.slack[next]) / rate[next]
		for v := range rate {
			f.slack[v] -= theta * rate[v]
		}
		touched[next] = true
		f.on = append(f.on, next)
		span = append(span, vec.Orthonormal(r.point(next), span))
	}
	if !r.renew(f) {
		return nil
	}
	return f
}

// free replaces step by the unit vector along its component orthogonal to span. It reports
// whether that component is more than rounding.
func (r *Rays) free(step []float64, span [][]float64) bool {
	size := vec.Norm(step)
	vec.Orthogonalize(step, span)
	l := vec.Norm(step)
	if !(l > 1e-9*size) {
		return false
	}
	copy(step, vec.Orthonormal(step, span))
	return true
}

// renew computes the plane from its points. It reports whether these span one.
func (r *Rays) renew(f *Supporting) bool {
	d := r.D
	t := make([]float64, d*d) // rows: the points
	for x, v := range f.on {
		copy(t[x*d:(x+1)*d], r.point(v))
	}
	inv := make([]float64, d*d)
	for k := range d {
		inv[k*d+k] = 1
	}
	for k := range d {
		p := k
		for i := k + 1; i < d; i++ {
			if math.Abs(t[i*d+k]) > math.Abs(t[p*d+k]) {
				p = i
			}
		}
		pivot := t[p*d+k]
		if math.Abs(pivot) < 1e-13 {
			return false
		}
		for j := range d {
			t[p*d+j], t[k*d+j] = t[k*d+j], t[p*d+j]/pivot
			inv[p*d+j], inv[k*d+j] = inv[k*d+j], inv[p*d+j]/pivot
		}
		for i := range d {
			g := t[i*d+k]
			if i == k || g == 0 {
				continue
			}
			for j := range d {
				t[i*d+j] -= g * t[k*d+j]
				inv[i*d+j] -= g * inv[k*d+j]
			}
		}
	}
	for j := range d {
		f.C[j] = 0
		for x := range d {
			f.dual[x*d+j] = inv[j*d+x]
			f.C[j] += inv[j*d+x]
		}
	}
	for v := range f.slack {
		f.slack[v] = 1 - vec.Dot(f.C, r.point(v))
	}
	for _, v := range f.on {
		f.slack[v] = 0
	}
	f.turns = 0
	return true
}

// End walks from f to the facet where the ray from a along u ends, and returns how
// far that is. a is in the hull, up to rounding. ok is false where rounding leads
// the walk astray.
func (r *Rays) End(f *Supporting, a, u, x []float64) (s float64, ok bool) {
	limit, repairs := 50+20*(r.D+r.K), 2*r.D
	for it := range limit {
		ahead := vec.Dot(f.C, u)
		towards := ahead > 1e-9*vec.Norm(f.C)*vec.Norm(u)
		copy(x, u)
		if towards {
			s = (1 - vec.Dot(f.C, a)) / ahead
			for j := range x {
				x[j] = a[j] + s*u[j]
			}
		}
		cautious := it > limit/2
		out := r.leaving(f, x, cautious)
		if out >= 0 {
			if !r.turn(f, out, cautious) {
				return 0, false
			}
			continue
		}
		beyond := f.deepest()
		switch cut := -f.slack[beyond]; {
		case !towards:
			return 0, false
		case cut <= rayTol:
			return s, true
		case f.turns > 0:
			if !r.renew(f) {
				return 0, false
			}
		case repairs == 0 || !r.repair(f, beyond, x):
			return s, cut <= rayValid
		default:
			repairs--
		}
	}
	return 0, false
}

// leaving returns the index in f.on of a point whose weight is negative at x, -1
// where there is none.
func (r *Rays) leaving(f *Supporting, x []float64, cautious bool) int {
	d := r.D
	out, least, size := -1, 0., 0.
	for k := range f.on {
		w := vec.Dot(f.dual[k*d:(k+1)*d], x)
		size += math.Abs(w)
		if w < least && !cautious {
			out, least = k, w
		}
		if cautious && w < -rayTol && (out < 0 || f.on[k] < f.on[out]) {
			out, least = k, w
		}
	}
	if least >= -rayTol*size {
		return -1
	}
	return out
}

// deepest returns the point that the plane cuts off most, or comes closest to.
func (f *Supporting) deepest() int {
	at := 0
	for v, s := range f.slack {
		if s < f.slack[at] {
			at = v
		}
	}
	return at
}

// nearest returns the point that the plane meets first as slacks fall by their
// rates, -1 where there is none. Of those it meets at the same time, up to rounding,
// it is the one with the largest rate (Harris, Mathematical Programming 5, 1973).
func (f *Supporting) nearest() int {
	most, in := math.Inf(1), -1
	for v, g := range f.rate {
		if g > rayRate {
			most = min(most, (max(0, f.slack[v])+rayTol)/g)
		}
	}
	for v, g := range f.rate {
		if g > rayRate && f.slack[v] <= most*g && (in < 0 || g > f.rate[in]) {
			in = v
		}
	}
	return in
}

// first is nearest by the rule of Bland, with which walks do not go in circles.
func (f *Supporting) first() int {
	most, in := math.Inf(1), -1
	for v, g := range f.rate {
		if g > rayRate && max(0, f.slack[v]) < most*g {
			most, in = max(0, f.slack[v])/g, v
		}
	}
	return in
}

// turn goes from a facet to its neighbour across a ridge: that of all points of f.on but
// number out. It reports whether there is one.
func (r *Rays) turn(f *Supporting, out int, cautious bool) bool {
	t := f.dual[out*r.D : (out+1)*r.D]
	for v := range f.rate {
		f.rate[v] = -vec.Dot(t, r.point(v))
	}
	in := -1
	if cautious {
		in = f.first()
	} else {
		in = f.nearest()
	}
	if in < 0 {
		return false
	}
	return r.exchange(f, out, in)
}

// repair turns the plane about a ridge that keeps all weights of x from falling
// below 0, out to a point that it cuts off by rounding. It reports whether there is
// such a ridge.
func (r *Rays) repair(f *Supporting, in int, x []float64) bool {
	d := r.D
	y := r.point(in)
	out, least := -1, math.Inf(1)
	for k := range f.on {
		t := f.dual[k*d : (k+1)*d]
		if c := vec.Dot(t, y); c > rayRate {
			if q := max(0, vec.Dot(t, x)) / c; q < least {
				out, least = k, q
			}
		}
	}
	if out < 0 {
		return false
	}
	t := f.dual[out*d : (out+1)*d]
	for v := range f.rate {
		f.rate[v] = -vec.Dot(t, r.point(v))
	}
	return r.exchange(f, out, in)
}

// exchange replaces a point of the facet. The rates are those of turning about the
// others.
func (r *Rays) exchange(f *Supporting, out, in int) bool {
	d := r.D
	t := f.dual[out*d : (out+1)*d]
	rate := f.rate[in]
	theta := f.slack[in] / rate
	for j, v := range t {
		f.C[j] -= theta * v
	}
	if f.turns++; f.turns >= rayRenew {
		f.on[out] = in
		return r.renew(f)
	}
	for v := range f.slack {
		f.slack[v] -= theta * f.rate[v]
	}
	y := r.point(in)
	for j := range t {
		t[j] /= -rate
	}
	for k := range f.on {
		if k == out {
			continue
		}
		row := f.dual[k*d : (k+1)*d]
		g := vec.Dot(row, y)
		for j, v := range t {
			row[j] -= g * v
		}
	}
	f.on[out] = in
	for _, v := range f.on {
		f.slack[v] = 0
	}
	return true
}

// weights writes those of x over the points of f.
func (r *Rays) weights(f *Supporting, x, w []float64) {
	for k := range f.on {
		w[k] = vec.Dot(f.dual[k*r.D:(k+1)*r.D], x)
	}
}
