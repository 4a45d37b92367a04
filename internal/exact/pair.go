package exact

import (
	"math"
)

// pair is the unevaluated sum of two float64, with 106 significant bits (Dekker,
// Numerische Mathematik 18, 1971).
type pair struct{ hi, lo float64 }

func twoSum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

func (a pair) add(b pair) pair {
	s, t := twoSum(a.hi, b.hi), twoSum(a.lo, b.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

func (a pair) neg() pair { return pair{-a.hi, -a.lo} }

func (a pair) sub(b pair) pair { return a.add(b.neg()) }

func (a pair) times(b float64) pair {
	p := a.hi * b
	return quickSum(p, math.FMA(a.hi, b, -p)+a.lo*b)
}

func (a pair) mul(b pair) pair {
	p := a.hi * b.hi
	return quickSum(p, math.FMA(a.hi, b.hi, -p)+(a.hi*b.lo+a.lo*b.hi))
}

func (a pair) quo(b pair) pair {
	q := a.hi / b.hi
	r := a.sub(b.times(q))
	s := r.hi / b.hi
	r = r.sub(b.times(s))
	return quickSum(q, s).add(pair{hi: r.hi / b.hi})
}

// scaled returns a times a power of two.
func (a pair) scaled(b float64) pair { return pair{a.hi * b, a.lo * b} }
