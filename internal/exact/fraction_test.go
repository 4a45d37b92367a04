package exact

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Fractions of numbers are what math/big makes of them, and sums over them what its fractions add
// up to, with denominators that are powers of two and with others.
func TestFractions(t *testing.T) {
	for _, x := range []float64{0, 1, -3, 0.1, math.MaxFloat64, -math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, 1 << 62, 1 << 63, -(1 << 63), math.Ldexp(3, -1074)} {
		if got := Float(x); got.Cmp(rat(x)) != 0 || got.Denom().Cmp(rat(x).Denom()) != 0 {
			t.Errorf("%v: %v, want %v", x, got, rat(x))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		number := func() *big.Rat {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				return big.NewRat(rapid.Int64Range(-9, 9).Draw(t, "p"), rapid.Int64Range(1, 9).Draw(t, "q"))
			case 1, 2:
				return new(big.Rat)
			}
			x := math.Ldexp(float64(rapid.Int64Range(-1<<53, 1<<53).Draw(t, "mantissa")), rapid.IntRange(-80, 20).Draw(t, "exponent"))
			if got := Float(x); got.Cmp(rat(x)) != 0 || got.Denom().Cmp(rat(x).Denom()) != 0 {
				t.Fatalf("%v: %v, want %v", x, got, rat(x))
			}
			return rat(x)
		}
		b, n := number(), rapid.IntRange(0, 4).Draw(t, "n")
		want, a, x := new(big.Rat).Set(b), []*big.Rat(nil), []*big.Rat(nil)
		least := new(big.Int).Set(b.Denom())
		for range n {
			a, x = append(a, number()), append(x, number())
			want.Sub(want, new(big.Rat).Mul(a[len(a)-1], x[len(x)-1]))
			d := a[len(a)-1].Denom()
			least.Quo(new(big.Int).Mul(least, d), new(big.Int).GCD(nil, nil, least, d))
		}
		if got := Less(b, a, x); got.Cmp(want) != 0 || got.Denom().Cmp(want.Denom()) != 0 {
			t.Fatalf("%v - %v . %v is %v, want %v", b, a, x, got, want)
		}
		if got := CommonDenominator(append(a, b)); got.Cmp(least) != 0 {
			t.Fatalf("the common denominator of %v is %v, want %v", append(a, b), got, least)
		}
	})
}
