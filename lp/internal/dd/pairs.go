package dd

import "math"

// pairs is the unevaluated sum of two float64, with 106 significant bits (Dekker,
// Numerische Mathematik 18, 1971). Vectors have largest component 1 to 2.
type pairs struct{}

type pair struct{ hi, lo float64 }

// What zeroTol and clearTol are to floats.
const (
	zeroPair  = 1e-26
	clearPair = 1e-20
)

func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

func (a pair) add(b pair) pair {
	s := a.hi + b.hi
	t := s - a.hi
	return quickSum(s, (a.hi-(s-t))+(b.hi-t)+a.lo+b.lo)
}

func (a pair) mul(b pair) pair {
	p := a.hi * b.hi
	return quickSum(p, math.FMA(a.hi, b.hi, -p)+(a.hi*b.lo+a.lo*b.hi))
}

func (a pair) scaled(power float64) pair { return pair{a.hi * power, a.lo * power} }

// power returns the power of two that takes the largest of x to [1, 2), 1 where all
// are 0.
func power(x []float64) float64 {
	m := 0.
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	if m == 0 {
		return 1
	}
	return math.Ldexp(1, -math.Ilogb(m))
}

func (pairs) vector(g []float64) []pair {
	x, s := make([]pair, len(g)), power(g)
	for i, v := range g {
		x[i].hi = v * s
	}
	return x
}

func (pairs) dot(g, x []pair) pair {
	var s pair
	for i, v := range g {
		if v.hi != 0 && x[i].hi != 0 {
			s = s.add(v.mul(x[i]))
		}
	}
	return s
}

func (pairs) sign(v pair) (int, error) {
	switch a := math.Abs(v.hi); {
	case a <= zeroPair:
		return 0, nil
	case a < clearPair:
		return 0, ErrUndecided
	case v.hi > 0:
		return 1, nil
	}
	return -1, nil
}

func (f pairs) combine(alpha pair, x []pair, beta pair, y []pair) []pair {
	z, size := make([]pair, len(x)), make([]float64, len(x))
	for i := range z {
		z[i] = alpha.mul(x[i]).add(beta.mul(y[i]))
		size[i] = z[i].hi
	}
	s := power(size)
	for i := range z {
		z[i] = z[i].scaled(s)
	}
	return z
}

func (pairs) neg(v pair) pair { return pair{-v.hi, -v.lo} }

func (f pairs) abs(v pair) pair {
	if v.hi < 0 {
		return f.neg(v)
	}
	return v
}

// over: v belongs to g times a power of two.
func (f pairs) over(x []pair, v pair, g []float64) []float64 {
	s, d := power(g), f.abs(v)
	out := make([]float64, len(x))
	for i, c := range x {
		q := c.hi / d.hi
		r := c.add(f.neg(d.mul(pair{hi: q})))
		out[i] = (q + r.hi/d.hi) * s
	}
	return out
}

func (pairs) largest(x []pair) float64 {
	m := 0.
	for _, v := range x {
		m = max(m, math.Abs(v.hi))
	}
	return m
}

func (f pairs) unit(x []pair) []float64 {
	out, m := make([]float64, len(x)), f.largest(x)
	for i, v := range x {
		if m > 0 {
			out[i] = v.hi / m
		}
	}
	return out
}

func (f pairs) share(v pair, x []pair) float64 { return math.Abs(v.hi) / f.largest(x) }

func (pairs) cost() int { return 12 }

func (pairs) size() int { return 2 }
