//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/ops"
	"paspo/internal/special"
	"paspo/kernels"
)

// betaReference is one distribution of a row, in float64: its terms, the
// derivatives by the logits, and how large the numbers are that these are
// differences of.
type betaReference struct {
	lp, entropy, lpSize, entropySize float64
	slopes, sizes                    [4]float64
}

func referenceBeta(s ops.Shape, la, lb, x, y, w float64) (b betaReference) {
	alpha, da := s.At(la)
	beta, db := s.At(lb)
	logB := special.LogBeta(alpha, beta)
	diffA, diffB := special.DigammaDiff(alpha, beta), special.DigammaDiff(beta, alpha)
	triA, triB, triAB := special.Trigamma(alpha), special.Trigamma(beta), special.Trigamma(alpha+beta)
	sum := func(terms ...float64) (s, size float64) {
		for _, v := range terms {
			s += v
			size += math.Abs(v)
		}
		return s, size
	}
	// ln Gamma of the larger shape is what ln B is computed from.
	lnGamma, _ := math.Lgamma(max(alpha, beta))
	b.lp, b.lpSize = sum((alpha-1)*x, (beta-1)*y, -logB, -w)
	b.entropy, b.entropySize = sum(logB, (alpha-1)*diffA, (beta-1)*diffB, w)
	b.lpSize += min(math.Abs(lnGamma), alpha+beta)
	b.entropySize += min(math.Abs(lnGamma), alpha+beta)
	u := ((alpha - 1) + (beta - 1)) * triAB
	b.slopes[0], b.sizes[0] = sum(da*x, da*diffA)
	b.slopes[1], b.sizes[1] = sum(db*y, db*diffB)
	b.slopes[2], b.sizes[2] = sum(da*u, -da*(alpha-1)*triA)
	b.slopes[3], b.sizes[3] = sum(db*u, -db*(beta-1)*triB)
	// psi(a+b) - psi(a) is taken of logarithms that may be much larger.
	logs := math.Abs(math.Log(alpha+beta)) + 1
	// A shape is rounded before 1 is taken from it.
	b.sizes[2] += da * (alpha*triA + (alpha+beta)*triAB)
	b.sizes[3] += db * (beta*triB + (alpha+beta)*triAB)
	b.sizes[0] += da * logs
	b.sizes[1] += db * logs
	b.entropySize += (math.Abs(alpha-1) + math.Abs(beta-1)) * logs
	return b
}

// Logits of extreme shapes: 1e-6, 1e-3, 1, 1e5, 1e12, and those between.
var logits = []float64{math.Inf(-1), -14, math.Log(1e-3), 0, 1.5, math.Log(7), math.Log(9), math.Log(1e5), math.Log(1e12)}

func TestBetaTerms(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []struct {
		rows, heads int
		shape       ops.Shape
	}{
		{1, 1, ops.Shape{Min: 1e-6}}, {65, 3, ops.Shape{Min: 1e-6}}, {130, 12, ops.Shape{Min: 1e-6, Max: 1e6}},
		{3, 200, ops.Shape{Min: 1e-3}}, {200, 1, ops.Shape{Min: 1, Max: 50}},
	} {
		t.Run(title("%+v", s), func(t *testing.T) {
			a := newArena(t, d, 2)
			n := s.rows * s.heads
			in := a.floats(2 * n)
			x, y, w, mask := a.floats(n), a.floats(n), a.floats(n), a.floats(n)
			terms, slopes := a.floats(2*s.rows), a.region(8*4*n)
			gTerms, gLogits := a.floats(2*s.rows), a.floats(2*n)
			a.place()
			for i := range a.agents {
				fill(r, a.f32(i, gTerms))
				for j := range n {
					a.f32(i, mask)[j] = 0
					if r.IntN(5) == 0 {
						continue // what belongs to a fixed entity stays poison
					}
					a.f32(i, mask)[j] = 1
					for k := range 2 {
						a.f32(i, in)[2*j+k] = float32(logits[r.IntN(len(logits))])
						if r.IntN(3) == 0 {
							a.f32(i, in)[2*j+k] = float32(20*r.Float64() - 8)
						}
						if s.shape.Max > 0 && r.IntN(9) == 0 {
							a.f32(i, in)[2*j+k] = 1000 // whose exponential is infinite
						}
					}
					v := r.Float64()
					a.f32(i, x)[j], a.f32(i, y)[j] = float32(math.Log(v)), float32(math.Log1p(-v))
					if r.IntN(4) == 0 {
						a.f32(i, x)[j], a.f32(i, y)[j] = -1e5, -1e-30
					}
					a.f32(i, w)[j] = float32(math.Log(r.Float64()))
				}
			}
			a.run([]region{terms, slopes, gLogits},
				&kernels.BetaTermsArgs{
					Logits: a.at(in), LogX: a.at(x), Log1mX: a.at(y), LogWidth: a.at(w), Mask: a.at(mask),
					Terms: a.at(terms), Slopes: a.at(slopes),
					Rows: int64(s.rows), Heads: int64(s.heads), Min: s.shape.Min, Max: s.shape.Max, Stride: int64(a.stride),
				},
				&kernels.BetaTermsGradArgs{
					GTerms: a.at(gTerms), Slopes: a.at(slopes), GLogits: a.at(gLogits),
					Rows: int64(s.rows), Heads: int64(s.heads), Stride: int64(a.stride),
				})
			for i := range a.agents {
				f := func(g region, j int) float64 { return float64(a.f32(i, g)[j]) }
				want, may := make([]float64, 2*s.rows), make([]float64, 2*s.rows)
				wantS, mayS := make([]float64, 4*n), make([]float64, 4*n)
				wantG, mayG := make([]float64, 2*n), make([]float64, 2*n)
				for j := range n {
					if f(mask, j) == 0 {
						continue
					}
					b := referenceBeta(s.shape, f(in, 2*j), f(in, 2*j+1), f(x, j), f(y, j), f(w, j))
					row := j / s.heads
					want[2*row] += b.lp
					may[2*row] += 1e-13 * b.lpSize
					want[2*row+1] += b.entropy
					may[2*row+1] += 1e-13 * b.entropySize
					gl, ge := f(gTerms, 2*row), f(gTerms, 2*row+1)
					for k := range 2 {
						wantG[2*j+k] = gl*b.slopes[k] + ge*b.slopes[2+k]
						mayG[2*j+k] = 1e-13*(math.Abs(gl)*b.sizes[k]+math.Abs(ge)*b.sizes[2+k]) + single*math.Abs(wantG[2*j+k]) + 1e-40
					}
					for k := range 4 {
						wantS[k*n+j], mayS[k*n+j] = b.slopes[k], 1e-13*b.sizes[k]
					}
				}
				for j, v := range want {
					may[j] += single * math.Abs(v)
				}
				near(t, "slopes", view[float64](a, i, slopes), wantS, mayS)
				near(t, "terms", a.f32(i, terms), want, may)
				near(t, "gradient", a.f32(i, gLogits), wantG, mayG)
			}
		})
	}
}
