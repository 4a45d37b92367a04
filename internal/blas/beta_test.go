package blas_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/blas"
	"paspo/internal/special"
)

// The vectorised terms against the special functions, whose own tests hold them
// to reference values. With one head and weights of 1 the terms are those of a
// single distribution; the float32 of the terms is the coarsest step.
func TestBetaTerms(t *testing.T) {
	levels(t, func(t *testing.T) {
		one := []float32{1}
		if !blas.BetaTerms(0, 0, 1, 1, []float32{0, 0}, one, one, one, one, make([]float32, 2), nil) {
			t.Skip("no cgo: the portable form is the only one")
		}
		var worst float64
		for _, ceiling := range []float64{0, 500} {
			const low = 1e-6
			for la := float32(-14); la <= 16; la += 0.37 {
				for lb := float32(-14); lb <= 16; lb += 0.41 {
					shape := func(l float32) (y, dy float64) {
						e := math.Exp(float64(l))
						if ceiling == 0 {
							return low + e, e
						}
						c := ceiling - low
						return low + e/(1+e/c), e / (1 + e/c) / (1 + e/c)
					}
					a, da := shape(la)
					b, db := shape(lb)
					mean := a / (a + b)
					x, y := float32(math.Log(mean)), float32(math.Log(b/(a+b)))
					w := float32(-0.5)
					terms, slopes := make([]float32, 2), make([]float64, 4)
					blas.BetaTerms(low, ceiling, 1, 1, []float32{la, lb}, []float32{x}, []float32{y}, []float32{w}, one, terms, slopes)

					logB, psiA, psiB, psiAB, triA, triB, triAB := special.BetaTerms(a, b)
					lp := (a-1)*float64(x) + (b-1)*float64(y) - logB - float64(w)
					ent := logB - (a-1)*(psiA-psiAB) - (b-1)*(psiB-psiAB) + float64(w)
					u := (a + b - 2) * triAB
					want := []float64{lp, ent,
						da * (float64(x) - psiA + psiAB), db * (float64(y) - psiB + psiAB),
						da * (u - (a-1)*triA), db * (u - (b-1)*triB)}
					got := []float64{float64(terms[0]), float64(terms[1]), slopes[0], slopes[1], slopes[2], slopes[3]}
					// What each sum may lose: a few roundings of its largest term.
					eps := [...]float64{1e-7, 1e-7, 1e-13, 1e-13, 1e-13, 1e-13}
					scale := []float64{
						math.Abs((a-1)*float64(x)) + math.Abs((b-1)*float64(y)), (a + b) * 1e-7,
						da * (math.Abs(psiA) + math.Abs(psiAB) + math.Abs(float64(x))), db * (math.Abs(psiB) + math.Abs(psiAB) + math.Abs(float64(y))),
						da * (math.Abs(u) + math.Abs(a-1)*triA), db * (math.Abs(u) + math.Abs(b-1)*triB)}
					for i := range want {
						d := math.Abs(got[i]-want[i]) / (math.Abs(want[i]) + scale[i] + 1e-300)
						if i >= 2 {
							worst = max(worst, d)
						} else if math.Abs(got[i]-want[i]) <= 1e-7*math.Abs(want[i])+2e-8*(1+(a+b)*1e-5) {
							continue
						}
						if d > eps[i] {
							t.Fatalf("Beta(%g, %g), ceiling %g: value %d is %.17g, want %.17g", a, b, ceiling, i, got[i], want[i])
						}
					}
				}
			}
		}
		t.Logf("largest relative difference of the slopes %.2g", worst)
	})
}

// Masked entities, sums over heads and sizes that do not fill a vector.
func TestBetaTermsOfRows(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 9))
		for _, size := range [][2]int{{1, 1}, {1, 8}, {3, 5}, {7, 12}, {64, 12}, {9, 1}} {
			rows, heads := size[0], size[1]
			n := rows * heads
			logits, x, y, w, mask := random(r, 2*n), random(r, n), random(r, n), random(r, n), make([]float32, n)
			for i := range n {
				u := r.Float64()
				x[i], y[i] = float32(math.Log(u)), float32(math.Log1p(-u))
				if r.IntN(3) > 0 {
					mask[i] = 1
				} else {
					x[i], y[i], w[i] = float32(math.Inf(-1)), float32(math.NaN()), float32(math.Inf(-1))
				}
			}
			terms, slopes := make([]float32, 2*rows), make([]float64, 4*n)
			if !blas.BetaTerms(1e-6, 0, rows, heads, logits, x, y, w, mask, terms, slopes) {
				t.Skip("no cgo")
			}
			for row := range rows {
				var lp, ent float64
				for i := row * heads; i < (row+1)*heads; i++ {
					if mask[i] == 0 {
						for k := range 4 {
							if slopes[k*n+i] != 0 {
								t.Fatalf("%v: slope %d of a fixed entity is %g", size, k, slopes[k*n+i])
							}
						}
						continue
					}
					one := make([]float32, 2)
					blas.BetaTerms(1e-6, 0, 1, 1, logits[2*i:2*i+2], x[i:i+1], y[i:i+1], w[i:i+1], mask[i:i+1], one, nil)
					lp += float64(one[0])
					ent += float64(one[1])
				}
				if math.Abs(lp-float64(terms[2*row])) > 1e-5 || math.Abs(ent-float64(terms[2*row+1])) > 1e-5 {
					t.Fatalf("%v, row %d: terms %v, want %g %g", size, row, terms[2*row:2*row+2], lp, ent)
				}
			}
		}
	})
}

func TestBetaTermsOfNonFinite(t *testing.T) {
	levels(t, func(t *testing.T) {
		half := []float32{-0.7}
		for _, l := range []float32{float32(math.NaN()), float32(math.Inf(1)), 800} {
			terms := make([]float32, 2)
			if !blas.BetaTerms(1e-6, 0, 1, 1, []float32{l, 0}, half, half, half, []float32{1}, terms, nil) {
				t.Skip("no cgo")
			}
			if terms[0]-terms[0] == 0 || terms[1]-terms[1] == 0 {
				t.Errorf("the logit %g gives %v", l, terms)
			}
			blas.BetaTerms(1e-6, 0, 1, 1, []float32{l, 0}, half, half, half, []float32{0}, terms, nil)
			if terms[0] != 0 || terms[1] != 0 {
				t.Errorf("the logit %g of a fixed entity gives %v", l, terms)
			}
		}
		// The ceiling holds whatever the logit.
		terms := make([]float32, 2)
		blas.BetaTerms(1e-6, 100, 1, 1, []float32{800, float32(math.Inf(1))}, half, half, half, []float32{1}, terms, nil)
		want := special.LogBeta(100, 100)
		if lp := 99*-0.7*2 - want + 0.7; math.Abs(float64(terms[0])-lp) > 1e-4 {
			t.Errorf("the log-probability at the ceiling is %g, want %g", terms[0], lp)
		}
	})
}

func BenchmarkBetaTerms(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const rows, heads = 64, 12
	logits, x, mask := random(r, 2*rows*heads), random(r, rows*heads), make([]float32, rows*heads)
	for i := range mask {
		mask[i] = 1
	}
	terms, slopes := make([]float32, 2*rows), make([]float64, 4*rows*heads)
	for b.Loop() {
		blas.BetaTerms(1e-6, 0, rows, heads, logits, x, x, x, mask, terms, slopes)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rows*heads), "ns/distribution")
}
