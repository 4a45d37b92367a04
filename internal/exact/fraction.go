package exact

import (
	"math"
	"math/big"
)

// Fractions of powers of two, which all floating-point numbers are, need no greatest common
// divisors, which are most of what other fractions take.

// isPower says whether a denominator is a power of two, which has that many zeros.
func isPower(d *big.Int) (zeros uint, ok bool) {
	zeros = d.TrailingZeroBits()
	return zeros, d.BitLen() == int(zeros)+1
}

// Float returns the fraction that a number equals, nil where it is not finite.
func Float(x float64) *big.Rat {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	r := new(big.Rat)
	if v := int64(x); float64(v) == x && math.Abs(x) < 1<<53 {
		return r.SetInt64(v)
	}
	f, e := math.Frexp(x)
	return binary(r.Num().SetInt64(int64(f*(1<<53))), 53-e)
}

// binary returns n / 2^digits.
func binary(n *big.Int, digits int) *big.Rat {
	if digits > 0 && n.Sign() != 0 {
		spare := min(digits, int(n.TrailingZeroBits()))
		n.Rsh(n, uint(spare))
		digits -= spare
	}
	if digits <= 0 || n.Sign() == 0 {
		return new(big.Rat).SetInt(n.Lsh(n, uint(max(0, -digits))))
	}
	r := big.NewRat(1, 2)
	r.Num().Set(n)
	r.Denom().Lsh(r.Denom(), uint(digits-1))
	return r
}

// Less returns b - a . x.
func Less(b *big.Rat, a, x []*big.Rat) *big.Rat {
	most, all := isPower(b.Denom())
	for j, v := range a {
		if v.Sign() == 0 || x[j].Sign() == 0 {
			continue
		}
		p, ok := isPower(v.Denom())
		q, too := isPower(x[j].Denom())
		most, all = max(most, p+q), all && ok && too
	}
	if !all {
		left := new(big.Rat).Set(b)
		var t big.Rat
		for j, v := range a {
			left.Sub(left, t.Mul(v, x[j]))
		}
		return left
	}
	left := new(big.Int).Lsh(b.Num(), most-b.Denom().TrailingZeroBits())
	var t big.Int
	for j, v := range a {
		if v.Sign() != 0 && x[j].Sign() != 0 {
			t.Mul(v.Num(), x[j].Num())
			left.Sub(left, t.Lsh(&t, most-v.Denom().TrailingZeroBits()-x[j].Denom().TrailingZeroBits()))
		}
	}
	return binary(left, int(most))
}

// CommonDenominator returns the least common denominator.
func CommonDenominator(x []*big.Rat) *big.Int {
	d := big.NewInt(1)
	var g big.Int
	for _, v := range x {
		_, ok := isPower(d)
		_, too := isPower(v.Denom())
		if ok && too {
			if v.Denom().Cmp(d) > 0 {
				d.Set(v.Denom())
			}
			continue
		}
		g.GCD(nil, nil, d, v.Denom())
		d.Mul(d, g.Quo(v.Denom(), &g))
	}
	return d
}

// scaled sets dst to x times a multiple of its denominator.
func scaled(dst *big.Int, x *big.Rat, scale *big.Int) {
	if n, ok := isPower(scale); ok {
		dst.Lsh(x.Num(), n-x.Denom().TrailingZeroBits())
		return
	}
	dst.Quo(scale, x.Denom())
	dst.Mul(dst, x.Num())
}
