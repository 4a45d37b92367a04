package cpu

import (
	"fmt"
	"math"
	"testing"

	"paspo/internal/blas"
	"paspo/internal/rng"
	"paspo/policy"
	"paspo/policy/dist"
	"paspo/policy/internal/policytest"
)

// logGamma draws as kernels/sample_beta.cuh does: by Marsaglia and Tsang, with normal variates
// by Box and Muller, attempt j from the blocks first + 4j and first + 4j + 1 of the stream.
func logGamma(shape float64, key, id, first uint64) (lg float64, tries uint64) {
	block := func(c uint64) (u, v float64) {
		b := rng.Philox([4]uint32{uint32(c), uint32(c >> 32), uint32(id), uint32(id >> 32)}, [2]uint32{uint32(key), uint32(key >> 32)})
		w := func(low, high uint32) float64 { return (float64((uint64(low)|uint64(high)<<32)>>12) + 0.5) * 0x1p-52 }
		return w(b[0], b[1]), w(b[2], b[3])
	}
	s := shape
	if shape < 1 {
		s++
	}
	d := s - 1./3
	for tries = 1; ; tries++ {
		u0, u1 := block(first)
		u2, u3 := block(first + 1)
		first += 4
		x := math.Sqrt(-2*math.Log(u0)) * math.Cos(2*math.Pi*u1)
		v := 1 + x/(3*math.Sqrt(d))
		if v3 := v * v * v; v > 0 && math.Log(u2) < 0.5*x*x+d*(1-v3+math.Log(v3)) {
			lg = math.Log(d * v3)
			if shape < 1 {
				lg += math.Log(u3) / shape
			}
			return lg, tries
		}
	}
}

// Draws depend on their streams alone, whatever instructions the kernels use, and follow their
// distribution.
func TestBetaDraws(t *testing.T) {
	const n = 3000
	for _, name := range blas.Levels() {
		if err := blas.Use(name); err != nil {
			t.Logf("SKIPPED: %v", err)
			continue
		}
		defer blas.Use(blas.Auto)
		for k, s := range policytest.Shapes {
			t.Run(fmt.Sprintf("%s/Beta(%g, %g)", name, s[0], s[1]), func(t *testing.T) {
				cfg := policy.DefaultConfig()
				cfg.HeadScale, cfg.MinShape, cfg.MaxShape = 0, 1e-6, 0
				c, err := New(policytest.Simplex(t, 2), 1, 4, cfg, &policy.Fit{Entities: []string{"E0"}, Alpha: s[:1], Beta: s[1:]}, 1)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				req, before, out := policytest.RandomRequest(n, 1, uint64(k)), policytest.RandomRequest(n, 1, uint64(k)), &policy.Samples{}
				if err := c.Sample(req, out); err != nil {
					t.Fatal(err)
				}
				u := make([]float64, n)
				for r := range n {
					// Stored parameters are rounded to float32.
					d := dist.Beta{Alpha: float64(out.Alpha[r]), Beta: float64(out.Beta[r])}
					if !policytest.Near(d.Alpha, s[0], 1e-5) || !policytest.Near(d.Beta, s[1], 1e-5) {
						t.Fatalf("Beta(%g, %g) became Beta(%g, %g)", s[0], s[1], d.Alpha, d.Beta)
					}
					key, id, drawn := before.Streams[r].State()
					first := (drawn + 1) / 2
					a, ta := logGamma(d.Alpha, key, id, first)
					b, tb := logGamma(d.Beta, key, id, first+2)
					_, lnX, ln1mX := dist.FromLogit(a - b)
					off := max(math.Abs(lnX-float64(out.LogX[r]))/(1+math.Abs(lnX)), math.Abs(ln1mX-float64(out.Log1mX[r]))/(1+math.Abs(ln1mX)))
					if off > 1e-6 {
						t.Fatalf("row %d: ln x, ln(1-x) are %g, %g, want %g, %g", r, out.LogX[r], out.Log1mX[r], lnX, ln1mX)
					}
					if _, _, got := req.Streams[r].State(); got != 2*(first+4*max(ta, tb)) {
						t.Fatalf("row %d: %d words are drawn after %d and %d attempts", r, got-drawn, ta, tb)
					}
					u[r] = d.CDFLogs(lnX, ln1mX)
				}
				ks := policytest.FromUniform(u)
				// 2.2 / sqrt(n) is exceeded once in eight thousand.
				if !(ks <= 2.2/math.Sqrt(n)) {
					t.Errorf("KS distance %.4f to the CDF, %.4f allowed", ks, 2.2/math.Sqrt(n))
				}
			})
		}
	}
}
