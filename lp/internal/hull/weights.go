package hull

import (
	"math"
	"math/big"
	"slices"
	"strconv"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Weights returns the rows of the weights w of points: their sum, which is 1, then the
// coordinates of the point V' w that they make.
func Weights(points [][]float64) [][]float64 {
	rows := make([][]float64, 1+len(points[0]))
	rows[0] = slices.Repeat([]float64{1}, len(points))
	for _, v := range points {
		for j, x := range v {
			rows[1+j] = append(rows[1+j], x)
		}
	}
	return rows
}

// Cut is a limit Coef . x <= Limit that cuts a hull, or Coef . x = Limit. Size is what its
// residual is measured in beside the limit.
type Cut struct {
	Coef        []float64
	Limit, Size float64
	Equality    bool
}

// Beyond returns the cut that all points are farthest beyond, and by how much of its scale, -1
// where some point satisfies each up to program.Emptiness.
func Beyond(points [][]float64, cuts []Cut) (at int, by float64) {
	at, by = -1, program.Emptiness
	t := new(big.Rat)
	for i, cut := range cuts {
		var least, most *big.Rat
		for _, x := range points {
			sum := new(big.Rat)
			for j, c := range cut.Coef {
				if c != 0 {
					sum.Add(sum, t.Mul(vec.Rational(c), vec.Rational(x[j])))
				}
			}
			if least == nil || sum.Cmp(least) < 0 {
				least = sum
			}
			if most == nil || sum.Cmp(most) > 0 {
				most = sum
			}
		}
		limit := vec.Rational(cut.Limit)
		gap := vec.Float(t.Sub(least, limit))
		if cut.Equality {
			gap = max(gap, vec.Float(t.Sub(limit, most)))
		}
		if gap /= max(1, math.Abs(cut.Limit)); gap > by {
			at, by = i, gap
		}
	}
	return at, by
}

// Least returns a point of the hull within cuts with the least c . x. What it finds is of the
// hull, however few points satisfy the cuts.
func Least(points [][]float64, c []float64, cuts []Cut) ([]float64, error) {
	q, _, _ := within(points, c, cuts)
	w, _, err := q.Optimum()
	if err != nil {
		return nil, err
	}
	sum := 0.
	for _, v := range w {
		sum += max(0, v)
	}
	x := make([]float64, len(c))
	for v, share := range w {
		for j, at := range points[v] {
			x[j] += max(0, share) / sum * at
		}
	}
	return x, nil
}

// Conflict returns cuts that exclude one another in the hull, irreducibly, and by what scaled
// amount they would have to be relaxed, nil where that is not proved. The hull is -1 among them.
func Conflict(points [][]float64, cuts []Cut) (core []int, amount float64) {
	q, rows, equalities := within(points, make([]float64, len(points[0])), cuts)
	q.SetScales()
	of := func(r program.Limit) int {
		switch r.Kind {
		case program.OfRow:
			return rows[r.Index]
		case program.OfEquality:
			return equalities[r.Index]
		}
		return -1
	}
	limits, amount := q.Conflict(func(r program.Limit) string { return strconv.Itoa(of(r)) })
	for _, r := range limits {
		if i := of(r); !slices.Contains(core, i) {
			core = append(core, i)
		}
	}
	return core, amount
}

// within returns the program of the least c . x within cuts over the weights of the points, and
// the cuts that its rows and equalities are.
func within(points [][]float64, c []float64, cuts []Cut) (q *program.Program, rows, equalities []int) {
	k := len(points)
	// Limits that exclude one another are relaxed, not the weights.
	const little = 1e-3
	q = &program.Program{L: make([]float64, k), U: slices.Repeat([]float64{1}, k), Size: slices.Repeat([]float64{little}, k)}
	over := func(row []float64) (out []float64) {
		for _, v := range points {
			out = append(out, vec.Dot(row, v))
		}
		return out
	}
	q.C = over(c)
	q.E, q.F, q.EqSize = slices.Repeat([]float64{1}, k), []float64{1}, []float64{1}
	equalities = []int{-1}
	for i, cut := range cuts {
		if cut.Equality {
			q.E, q.F, q.EqSize = append(q.E, over(cut.Coef)...), append(q.F, cut.Limit), append(q.EqSize, cut.Size)
			equalities = append(equalities, i)
		} else {
			q.A, q.B, q.RowSize = append(q.A, over(cut.Coef)...), append(q.B, cut.Limit), append(q.RowSize, cut.Size)
			rows = append(rows, i)
		}
	}
	return q, rows, equalities
}
