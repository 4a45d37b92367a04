//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/kernels"
)

// Loss, gradients and diagnostics by their definition, for all sizes of ratios:
// padding, clipped on either side, and beyond the bound of the exponent.
func TestLoss(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(13, 14))
	for _, rows := range []int{1, 65, 128, 300} {
		for _, seeded := range []bool{true, false} {
			t.Run(title("%d rows, gradient given %v", rows, seeded), func(t *testing.T) {
				a := newArena(t, d, 2)
				ctl, sums := a.region(kernels.ControlBytes), a.region(kernels.DiagnosticsBytes*kernels.LossBlocks(rows))
				terms, value, old, adv := a.floats(2*rows), a.floats(rows), a.floats(rows), a.floats(rows)
				target, weight, g := a.floats(rows), a.floats(rows), a.floats(1)
				gTerms, gValue := a.floats(2*rows), a.floats(rows)
				a.place()
				for i := range a.agents {
					*control(a, i, ctl) = kernels.Control{Steps: 1, Clip: .2, ValueCoef: .5, EntropyCoef: .01 * float64(i+1)}
					for _, x := range []region{terms, value, adv, target, g} {
						fill(r, a.f32(i, x))
					}
					for j := range rows {
						a.f32(i, weight)[j] = 1 / float32(rows)
						a.f32(i, old)[j] = a.f32(i, terms)[2*j] + float32([]float64{0, .1, .5, -.5, 3, -3, 60, -60}[r.IntN(8)])
						if j > 0 && r.IntN(4) == 0 {
							a.f32(i, weight)[j] = 0
							a.f32(i, adv)[j] = float32(math.NaN()) // padding is not read
						}
					}
				}
				args := &kernels.LossArgs{
					Ctl: a.at(ctl), Terms: a.at(terms), Value: a.at(value), Old: a.at(old), Advantage: a.at(adv), Target: a.at(target),
					Weight: a.at(weight), GTerms: a.at(gTerms), GValue: a.at(gValue), Sums: a.at(sums),
					Rows: int64(rows), Stride: int64(a.stride),
				}
				if seeded {
					args.G = a.at(g)
				}
				a.run([]region{sums, gTerms, gValue}, args)
				for i := range a.agents {
					f := func(x region, j int) float64 { return float64(a.f32(i, x)[j]) }
					c, seed := control(a, i, ctl), 1.
					if seeded {
						seed = f(g, 0)
					}
					eps, valueCoef, entropyCoef := float64(float32(c.Clip)), float64(float32(c.ValueCoef)), float64(float32(c.EntropyCoef))
					want, size := make([]float64, 6), make([]float64, 6)
					wantT, wantV := make([]float64, 2*rows), make([]float64, rows)
					for j := range rows {
						w := f(weight, j)
						if w == 0 {
							continue
						}
						change := f(terms, 2*j) - f(old, j)
						rho := math.Exp(min(change, 40))
						s, slope := rho*f(adv, j), rho*f(adv, j)
						if c := min(max(rho, 1-eps), 1+eps) * f(adv, j); c < s {
							s, slope = c, 0
						}
						e := f(value, j) - f(target, j)
						clipped := 0.
						if math.Abs(rho-1) > eps {
							clipped = w
						}
						for k, v := range []float64{-w * s, w * e * e, w * f(terms, 2*j+1), w * (rho - 1 - change), clipped} {
							want[k] += v
							size[k] += math.Abs(v)
						}
						want[5] = max(want[5], math.Abs(rho-1))
						size[5] = want[5]
						size[3] += w * (rho + 1)
						wantT[2*j], wantT[2*j+1] = -seed*w*slope, -seed*w*entropyCoef
						wantV[j] = 2 * seed * w * valueCoef * e
					}
					got := make([]float64, 6)
					for j, v := range view[float64](a, i, sums) {
						if j%6 == 5 {
							got[5] = max(got[5], v)
						} else {
							got[j%6] += v
						}
					}
					scaled := func(x []float64, by float64) []float64 {
						y := make([]float64, len(x))
						for j, v := range x {
							y[j] = by * math.Abs(v)
						}
						return y
					}
					near(t, "diagnostics", got, want, scaled(size, 1e-13))
					near(t, "gradient by terms", a.f32(i, gTerms), wantT, scaled(wantT, 2*single))
					near(t, "gradient by value", a.f32(i, gValue), wantV, scaled(wantV, 2*single))
				}
			})
		}
	}
}
