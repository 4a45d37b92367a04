package exact

import (
	"iter"
	"math/big"
	"slices"
)

// echelon holds independent rows in reduced echelon form (Gauss and Jordan), in integers
// without common divisors. Pivots are among the first dim numbers of a row.
type echelon struct {
	dim    int
	rows   [][]*big.Int
	pivots []int
}

// add takes in a row, at its largest number that is left by those before it. It returns
// what is left, and the pivot, -1 where that is none.
func (e *echelon) add(row []*big.Rat) (v []*big.Int, pivot int) {
	v = make([]*big.Int, len(row))
	scale := CommonDenominator(row)
	for i, x := range row {
		v[i] = new(big.Int)
		scaled(v[i], x, scale)
	}
	for k, other := range e.rows {
		eliminate(v, other, e.pivots[k])
	}
	pivot = -1
	for i, x := range v[:e.dim] {
		if x.Sign() != 0 && (pivot < 0 || x.CmpAbs(v[pivot]) > 0) {
			pivot = i
		}
	}
	if pivot >= 0 {
		for _, other := range e.rows {
			eliminate(other, v, pivot)
		}
		e.rows, e.pivots = append(e.rows, v), append(e.pivots, pivot)
	}
	return v, pivot
}

// eliminate makes the number of v at the pivot of a row 0.
func eliminate(v, row []*big.Int, pivot int) {
	if v[pivot].Sign() == 0 {
		return
	}
	f := new(big.Int).Set(v[pivot])
	var content, t big.Int
	for i, x := range v {
		if x.Sign() != 0 {
			x.Mul(x, row[pivot])
		}
		if row[i].Sign() != 0 {
			x.Sub(x, t.Mul(f, row[i]))
		}
		if x.Sign() != 0 {
			content.GCD(nil, nil, &content, t.Abs(x))
		}
	}
	if content.BitLen() > 1 {
		for _, x := range v {
			x.Quo(x, &content)
		}
	}
}

// Solve returns the x of length n that satisfies equations, given the rows of [A b], and the
// rank of these. Variables that they do not determine are 0. x is nil where nothing satisfies them.
func Solve(n int, rows [][]*big.Rat) (x []*big.Rat, rank int) {
	e := echelon{dim: n}
	for _, row := range rows {
		if left, pivot := e.add(row); pivot < 0 && left[n].Sign() != 0 {
			return nil, len(e.rows)
		}
	}
	x = make([]*big.Rat, n)
	for j := range x {
		x[j] = new(big.Rat)
	}
	for k, row := range e.rows {
		x[e.pivots[k]].SetFrac(row[n], row[e.pivots[k]])
	}
	return x, len(e.rows)
}

// Orthogonal returns the vector of length n, unique but for a factor, that is orthogonal to all
// of some vectors, nil where there are several or 0 alone is.
func Orthogonal(n int, vectors iter.Seq[[]*big.Rat]) []*big.Rat {
	e := echelon{dim: n}
	for v := range vectors {
		if e.add(v); len(e.rows) == n {
			return nil
		}
	}
	if len(e.rows) != n-1 {
		return nil
	}
	free := 0
	for slices.Contains(e.pivots, free) {
		free++
	}
	y := make([]*big.Rat, n)
	y[free] = big.NewRat(1, 1)
	for k, row := range e.rows {
		x := new(big.Rat).SetFrac(row[free], row[e.pivots[k]])
		y[e.pivots[k]] = x.Neg(x)
	}
	return y
}
