package units

import (
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Units are what a form is measured in: amounts are a_j / Amount_j, rows
// A_kj Amount_j / Row_k and b_k / Row_k, equalities likewise. All are powers of two, so that
// converting rounds nothing.
type Units struct{ Amount, Row, Eq []float64 }

// sameUnit is the size of an entity, against the total, from which on it has the unit
// of the total: a digit or two of tolerance are no reason for a unit of its own.
const sameUnit = 1. / 64

// Of returns the power of two at or below x > 0. What is a power of two but for
// rounding counts as one.
func Of(x float64) float64 {
	return math.Ldexp(1, max(-500, min(math.Ilogb(x*(1+1e-6)), 500)))
}

// OfAmounts returns the units of amounts for entities of the given sizes that add up to a
// total, NaN where there is none: one unit for all but those that are small beside the others.
func OfAmounts(s []float64, total float64) []float64 {
	most := vec.MaxAbs(s)
	if most == 0 {
		most = 1
	}
	if t := math.Abs(total); most >= sameUnit*t {
		most = max(most, t)
	}
	d := make([]float64, len(s))
	for j, v := range s {
		if v == 0 || v >= sameUnit*most {
			v = most
		}
		d[j] = Of(v)
	}
	return d
}

// OfRow returns the unit of a row over entities of the given sizes.
func OfRow(row, s []float64) float64 {
	most := 0.
	for j, c := range row {
		most = max(most, math.Abs(c)*s[j])
	}
	if most == 0 || !(most <= math.MaxFloat64) {
		return 1
	}
	return math.Ldexp(1, max(-1000, min(math.Ilogb(most*(1+1e-6)), 1000)))
}

// Filled returns sizes with the largest in place of 0.
func Filled(s []float64) []float64 {
	most := vec.MaxAbs(s)
	if most == 0 {
		most = 1
	}
	out := slices.Clone(s)
	for j, v := range out {
		if v == 0 {
			out[j] = most
		}
	}
	return out
}

// Convert returns a form over entities of sizes s in these units of amounts, without sizes, and
// its units, which are nil where all are 1.
func Convert(f program.Form, amount, s []float64) (program.Form, *Units) {
	n := len(amount)
	rows := func(a, b []float64) (scaledA, scaledB, unit []float64) {
		scaledA, scaledB, unit = make([]float64, len(a)), make([]float64, len(b)), make([]float64, len(b))
		for k, v := range b {
			unit[k] = OfRow(a[k*n:(k+1)*n], s)
			Row(scaledA[k*n:(k+1)*n], a[k*n:(k+1)*n], amount, unit[k])
			scaledB[k] = v / unit[k]
		}
		return scaledA, scaledB, unit
	}
	to := program.Form{L: Over(f.L, amount), U: Over(f.U, amount)}
	u := &Units{Amount: amount}
	to.A, to.B, u.Row = rows(f.A, f.B)
	to.E, to.F, u.Eq = rows(f.E, f.F)
	if !slices.ContainsFunc(slices.Concat(amount, u.Row, u.Eq), func(x float64) bool { return x != 1 }) {
		return f, nil
	}
	return to, u
}

// Row writes a row as it is where amounts are in units d and its own unit is r.
func Row(dst, row, d []float64, r float64) {
	for j, c := range row {
		if c != 0 {
			c = c * d[j] / r
		}
		dst[j] = c
	}
}

// Over returns x_j / d_j, nil of nil.
func Over(x, d []float64) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v / d[j]
	}
	return y
}

// Times returns x_j d_j.
func Times(x, d []float64) []float64 {
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v * d[j]
	}
	return y
}
