package dd

import (
	"math"
	"math/big"
	"slices"

	"paspo/lp/internal/vec"
)

// A value g . x with |g| and |x| at most 1 is 0 up to zeroTol, and decided beyond
// clearTol. What lies between is an accident of rounding or a polytope that is
// degenerate within rounding.
const (
	zeroTol  = 3e-14
	clearTol = 1e-9
)

// floats is float64. Vectors have largest component 1.
type floats struct{ zero float64 }

func (floats) vector(g []float64) []float64 {
	x := slices.Clone(g)
	normalize(x)
	return x
}

func normalize(x []float64) {
	if m := vec.MaxAbs(x); m > 0 {
		for i := range x {
			x[i] /= m
		}
	}
}

func (floats) dot(g, x []float64) float64 { return vec.Dot(g, x) }

func (f floats) sign(v float64) (int, error) {
	switch a := math.Abs(v); {
	case a <= f.zero:
		return 0, nil
	case a < clearTol:
		return 0, ErrUndecided
	case v > 0:
		return 1, nil
	}
	return -1, nil
}

func (floats) combine(alpha float64, x []float64, beta float64, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = alpha*x[i] + beta*y[i]
	}
	normalize(z)
	return z
}

func (floats) neg(v float64) float64 { return -v }
func (floats) abs(v float64) float64 { return math.Abs(v) }

// over: v belongs to g with largest component 1.
func (floats) over(x []float64, v float64, g []float64) []float64 {
	m := vec.MaxAbs(g)
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / (math.Abs(v) * m)
	}
	return out
}

func (floats) unit(x []float64) []float64 { return slices.Clone(x) }

func (floats) share(v float64, _ []float64) float64 { return math.Abs(v) }

func (floats) cost() int { return 4 }

func (floats) size() int { return 1 }

// integers is exact: the components of a vector are integers without a common
// divisor. Every float64 is an integer times a power of two.
type integers struct{}

type bigInt = *big.Int

// binary returns the least e such that g 2^e is integral.
func binary(g []float64) int {
	e := math.MinInt
	for _, v := range g {
		if v == 0 {
			continue
		}
		f, exp := math.Frexp(v)
		k := 53 - exp // v 2^k is an integer
		for n := int64(math.Ldexp(f, 53)); n&1 == 0; n >>= 1 {
			k--
		}
		e = max(e, k)
	}
	return e
}

func (integers) vector(g []float64) []*big.Int {
	x := make([]*big.Int, len(g))
	e := binary(g)
	for i, v := range g {
		x[i] = new(big.Int)
		if v == 0 {
			continue
		}
		f, exp := math.Frexp(v)
		x[i].SetInt64(int64(math.Ldexp(f, 53)))
		if s := e + exp - 53; s >= 0 {
			x[i].Lsh(x[i], uint(s))
		} else {
			x[i].Quo(x[i], new(big.Int).Lsh(big.NewInt(1), uint(-s)))
		}
	}
	return x
}

func (integers) dot(g, x []*big.Int) *big.Int {
	s := new(big.Int)
	var t big.Int
	for i, v := range g {
		if v.Sign() != 0 && x[i].Sign() != 0 {
			s.Add(s, t.Mul(v, x[i]))
		}
	}
	return s
}

func (integers) sign(v *big.Int) (int, error) { return v.Sign(), nil }

func (integers) combine(alpha *big.Int, x []*big.Int, beta *big.Int, y []*big.Int) []*big.Int {
	z := make([]*big.Int, len(x))
	var t, g big.Int
	for i := range z {
		z[i] = new(big.Int).Mul(alpha, x[i])
		z[i].Add(z[i], t.Mul(beta, y[i]))
		if z[i].Sign() != 0 {
			g.GCD(nil, nil, &g, t.Abs(z[i]))
		}
	}
	if g.Sign() != 0 && !g.IsInt64() || g.IsInt64() && g.Int64() > 1 {
		for _, v := range z {
			v.Quo(v, &g)
		}
	}
	return z
}

func (integers) neg(v *big.Int) *big.Int { return new(big.Int).Neg(v) }
func (integers) abs(v *big.Int) *big.Int { return new(big.Int).Abs(v) }

// over: v belongs to g 2^e, so that x / |g . x| = x 2^e / |v|.
func (integers) over(x []*big.Int, v *big.Int, g []float64) []float64 {
	num, den := new(big.Int), new(big.Int).Abs(v)
	e := binary(g)
	if e < 0 {
		den.Lsh(den, uint(-e))
	}
	out := make([]float64, len(x))
	for i := range x {
		num.Set(x[i])
		if e > 0 {
			num.Lsh(num, uint(e))
		}
		out[i], _ = new(big.Rat).SetFrac(num, den).Float64()
	}
	return out
}

// largest returns the largest |x_i|.
func (integers) largest(x []*big.Int) *big.Int {
	m := new(big.Int)
	for _, v := range x {
		if v.CmpAbs(m) > 0 {
			m.Abs(v)
		}
	}
	return m
}

func (f integers) share(v *big.Int, x []*big.Int) float64 {
	s, _ := new(big.Rat).SetFrac(new(big.Int).Abs(v), f.largest(x)).Float64()
	return s
}

func (f integers) unit(x []*big.Int) []float64 {
	m := f.largest(x)
	out := make([]float64, len(x))
	if m.Sign() == 0 {
		return out
	}
	for i, v := range x {
		out[i], _ = new(big.Rat).SetFrac(v, m).Float64()
	}
	return out
}

func (integers) cost() int { return 200 }

// size is that of some digits more than the data have.
func (integers) size() int { return 16 }
