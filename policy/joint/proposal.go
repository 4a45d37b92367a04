package joint

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"paspo/lp/uniform"
)

// proposal is a normal distribution on the affine hull of a polytope, not truncated to it.
type proposal struct {
	basis  *mat.Dense // n x d, directions that span the hull
	origin []float64  // a point of the hull

	weighted  *mat.Dense // scratch, as are those below
	precision *mat.SymDense
	chol      mat.Cholesky
	lower     mat.TriDense
	rhs, y    *mat.VecDense
	x         []float64
}

// init takes the hull and its directions from a walk.
func (p *proposal) init(w *uniform.Walk) {
	p.origin = append([]float64(nil), w.Point()...)
	n, d := len(p.origin), w.Dim()
	p.basis, p.weighted = mat.NewDense(n, d, nil), mat.NewDense(n, d, nil)
	for k := range d {
		entities, move, _, _ := w.Chord(0, k)
		for i, j := range entities {
			p.basis.Set(int(j), k, move[i])
		}
	}
	p.precision = mat.NewSymDense(d, nil)
	p.rhs, p.y = mat.NewVecDense(d, nil), mat.NewVecDense(d, nil)
	p.x = make([]float64, n)
}

// set makes the density exp(-1/2 sum_j weight_j (x_j - target_j)^2) on the hull. It returns
// false where weights are too close to 0 for the precision matrix to be factored.
func (p *proposal) set(target, weight []float64) bool {
	n, d := p.basis.Dims()
	for j := range n {
		for k := range d {
			p.weighted.Set(j, k, weight[j]*p.basis.At(j, k))
		}
	}
	p.rhs.Zero()
	for k := range d {
		sum := 0.
		for j := range n {
			sum += p.weighted.At(j, k) * (target[j] - p.origin[j])
		}
		p.rhs.SetVec(k, sum)
		for l := k; l < d; l++ {
			v := 0.
			for j := range n {
				v += p.weighted.At(j, k) * p.basis.At(j, l)
			}
			p.precision.SetSym(k, l, v)
		}
	}
	if !p.chol.Factorize(p.precision) || p.chol.Cond() > 1e12 {
		return false
	}
	p.chol.LTo(&p.lower)
	return p.chol.SolveVecTo(p.rhs, p.rhs) == nil
}

// draw draws a point and moves the walk to it. Where the point is outside the polytope, it
// returns false and does not move.
func (p *proposal) draw(w *uniform.Walk, r *rand.Rand) bool {
	n, d := p.basis.Dims()
	// With L L' the precision, y = mean + L'^-1 e.
	for k := d - 1; k >= 0; k-- {
		e := r.NormFloat64()
		for l := k + 1; l < d; l++ {
			e -= p.lower.At(l, k) * p.y.AtVec(l)
		}
		p.y.SetVec(k, e/p.lower.At(k, k))
	}
	for k := range d {
		p.y.SetVec(k, p.y.AtVec(k)+p.rhs.AtVec(k))
	}
	for j := range n {
		v := p.origin[j]
		for k := range d {
			v += p.basis.At(j, k) * p.y.AtVec(k)
		}
		if math.IsNaN(v) {
			return false
		}
		p.x[j] = v
	}
	return w.Enter(p.x)
}
