package vec

import (
	"math"
	"math/big"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/exact"
)

// Dot returns a . b.
func Dot(a, b []float64) float64 {
	sum := 0.
	b = b[:len(a)]
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// Norm returns the Euclidean length.
func Norm(a []float64) float64 { return math.Sqrt(Dot(a, a)) }

// Subtract writes a - b.
func Subtract(dst, a, b []float64) {
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// Orthonormal returns the unit vector along what w has outside an orthonormal
// basis. It removes the basis again after scaling: of a w almost inside its
// span, the first pass leaves mostly rounding.
func Orthonormal(w []float64, basis [][]float64) []float64 {
	q := append([]float64(nil), w...)
	Orthonormalize(q, basis)
	return q
}

// Orthonormalize is Orthonormal in place.
func Orthonormalize(q []float64, basis [][]float64) {
	for range 2 {
		Orthogonalize(q, basis)
		l := Norm(q)
		for i := range q {
			q[i] /= l
		}
	}
}

// Orthogonalize removes from w its components along an orthonormal basis.
func Orthogonalize(w []float64, basis [][]float64) {
	for range 2 {
		for _, q := range basis {
			c := Dot(w, q)
			for i := range w {
				w[i] -= c * q[i]
			}
		}
	}
}

// RowSpace returns an orthonormal basis of the rows of e (k x n), and a function
// that moves x the least so that e x = f.
func RowSpace(e []float64, n int) (solve func(x, f []float64), basis [][]float64) {
	k := len(e) / n
	if k == 0 {
		return func(_, _ []float64) {}, nil
	}
	rows := mat.NewDense(k, n, nil)
	scale := make([]float64, k)
	for i := range k {
		row := e[i*n : (i+1)*n]
		if scale[i] = Norm(row); scale[i] == 0 {
			scale[i] = 1
		}
		for j, c := range row {
			rows.Set(i, j, c/scale[i])
		}
	}
	var svd mat.SVD
	if !svd.Factorize(rows, mat.SVDThin) {
		panic("lp: the singular values of the equalities do not converge")
	}
	values := svd.Values(nil)
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	for i, s := range values {
		if s > 1e-11*values[0] {
			basis = append(basis, mat.Col(nil, i, &v))
		}
	}
	solve = func(x, f []float64) {
		// Twice: one correction may not be accurate enough.
		for range 2 {
			res := make([]float64, k)
			for i := range k {
				res[i] = (Dot(e[i*n:(i+1)*n], x) - f[i]) / scale[i]
			}
			for i, q := range basis {
				c := 0.
				for j := range k {
					c += u.At(j, i) * res[j]
				}
				for j := range x {
					x[j] -= c / values[i] * q[j]
				}
			}
		}
	}
	return solve, basis
}

// DotScale returns sum_j c_j a_j and sum_j |c_j a_j|.
func DotScale(c, a []float64) (dot, scale float64) {
	a = a[:len(c)]
	for j, cj := range c {
		t := cj * a[j]
		dot += t
		scale += math.Abs(t)
	}
	return dot, scale
}

// PowerOfTwo returns the least power of two of at least x, 1 where x is 0.
func PowerOfTwo(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 1
	}
	frac, exp := math.Frexp(x)
	if frac == 0.5 {
		exp--
	}
	return math.Ldexp(1, max(-500, min(exp, 500)))
}

// MaxAbs returns the largest magnitude, 0 where there is none.
func MaxAbs(v []float64) float64 {
	m := 0.
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// PowerScale returns the power of two that takes the largest magnitude of v to [1, 2), or as near
// as powers of two reach that are numbers themselves, and 1 where all of v is 0.
func PowerScale(v []float64) float64 {
	c := MaxAbs(v)
	if c == 0 {
		return 1
	}
	return math.Ldexp(1, min(-math.Ilogb(c), 1023))
}

// Rational returns x as a fraction, which it equals.
func Rational(x float64) *big.Rat { return exact.Float(x) }

// Rationals returns fractions, which the numbers equal.
func Rationals(x []float64) []*big.Rat {
	r := make([]*big.Rat, len(x))
	for j, v := range x {
		r[j] = Rational(v)
	}
	return r
}

// Text writes x in the shortest form that parses back to it, -0 as 0.
func Text(x float64) string { return strconv.FormatFloat(x+0, 'g', -1, 64) }

// Float returns the nearest number.
func Float(x *big.Rat) float64 {
	f, _ := x.Float64()
	return f
}

// Floats returns the nearest numbers.
func Floats(x []*big.Rat) []float64 {
	f := make([]float64, len(x))
	for i := range x {
		f[i] = Float(x[i])
	}
	return f
}

// Lowest returns the point with the least c . x.
func Lowest(points [][]float64, c []float64) []float64 {
	best := points[0]
	for _, v := range points[1:] {
		if Dot(c, v) < Dot(c, best) {
			best = v
		}
	}
	return best
}

// ScaledExcess returns (ax - b) / max(|b|, size), -Inf where b is +Inf and thus no
// limit, and +Inf where nothing satisfies b or a number is missing. Of a size of 0
// and a b of 0, a row of zeros, it is 0.
func ScaledExcess(ax, b, size float64) float64 {
	r := (ax - b) / max(math.Abs(b), size)
	if r-r == 0 {
		return r
	}
	if math.IsInf(b, 1) && !math.IsNaN(ax) {
		return math.Inf(-1)
	}
	if ax == 0 && b == 0 {
		return 0
	}
	return math.Inf(1)
}

// Snap moves x onto a bound that it misses by rounding alone.
func Snap(x, l, u float64) float64 {
	const eps = 1e-14
	if x < l && l-x <= eps*max(1, math.Abs(l)) {
		return l
	}
	if x > u && x-u <= eps*max(1, math.Abs(u)) {
		return u
	}
	return x
}

// Divided returns x / by, in dst where that is long enough.
func Divided(dst, x []float64, by float64) []float64 {
	dst = Grown(dst, len(x))
	for j, v := range x {
		dst[j] = v / by
	}
	return dst
}

// Grown returns n elements of any value, in the memory of x where that is enough.
func Grown[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}
