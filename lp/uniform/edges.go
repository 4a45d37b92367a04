package uniform

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// edgeBases returns, for each of the given points, a basis of the hull in random
// order: the directions of the edges at the point, if it is a vertex. Along an edge all
// slacks that are 0 at the vertex stay 0 but one. With G the normals of d rows that are
// tight and independent, in the coordinates of the axes (n x d), they are
//
//	axes G^-1.
//
// Where fewer rows are tight, the rows with the next smallest slacks are taken. Axes are as
// long as the polytope is wide along them: so rows do not become almost parallel where it is thin.
func edgeBases(m movingRows, points [][]float64, axes *mat.Dense, r *rand.Rand) [][]direction {
	_, d := axes.Dims()
	normals, lengths := make([][]float64, m.Len()), make([]float64, m.Len())
	for k := range normals {
		normals[k] = m.normal(k, axes)
		lengths[k] = vec.Norm(normals[k])
		for j := range normals[k] {
			normals[k][j] /= lengths[k]
		}
	}
	slack := make([]float64, m.Len())
	var bases [][]direction
	for _, x := range points {
		m.slacks(slack, x)
		for k, l := range lengths {
			const tight = 1e-7 // of the width of the polytope
			s := math.Abs(slack[k])
			if slack[k] = s / l; slack[k] <= tight || s <= lp.Feasibility*max(1, math.Abs(m.Limit(k))) {
				slack[k] = 0
			}
		}
		order := r.Perm(m.Len())
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(slack[i], slack[j]) })
		g := independent(normals, order, d)
		var inverse, edges mat.Dense
		if g == nil || inverse.Inverse(g) != nil {
			continue
		}
		edges.Mul(axes, &inverse)
		basis := make([]direction, d)
		for j, at := range r.Perm(d) {
			basis[at] = newDirection(m, mat.Col(nil, j, &edges))
		}
		bases = append(bases, basis)
	}
	return bases
}

// independent returns the first d unit vectors, in the given order, of which none
// is close to the span of those before, nil if there are fewer.
func independent(vectors [][]float64, order []int, d int) *mat.Dense {
	const parallel = 1e-7
	g := mat.NewDense(d, d, nil)
	var q [][]float64
	w := make([]float64, d)
	for _, k := range order {
		copy(w, vectors[k])
		vec.Orthogonalize(w, q)
		if vec.Norm(w) <= parallel {
			continue
		}
		g.SetRow(len(q), vectors[k])
		if q = append(q, vec.Orthonormal(w, q)); len(q) == d {
			return g
		}
	}
	return nil
}
