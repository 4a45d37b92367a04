//go:build gpu

package gpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/policy"
	"paspo/policy/dist"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

// oneBeta returns a policy with one head, whose distribution is the same for every observation
// and whose interval is [0, 1].
func oneBeta(t *testing.T, d dist.Beta) (*Backend, dist.Beta) {
	cfg := policy.DefaultConfig()
	cfg.Encoder, cfg.Heads, cfg.Critic, cfg.Latent = nil, []int{1}, nil, 1
	cfg.HeadScale, cfg.MinShape, cfg.MaxShape = 0, 1e-6, 0
	b, err := New(cudatest.Open(t), solverOf(t, policytest.Simplex(t, 2).Of, "explicit"), 1, 4, cfg,
		&policy.Fit{Entities: []string{"E0"}, Alpha: []float64{d.Alpha}, Beta: []float64{d.Beta}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	g := b.(*Backend)
	bias := network.Slice(paramsOf(t, g), g.Layout.Find("heads", 1, true))
	alpha, _ := g.Shape.At(float64(bias[0]))
	beta, _ := g.Shape.At(float64(bias[1]))
	if !policytest.Near(alpha, d.Alpha, 1e-5) || !policytest.Near(beta, d.Beta, 1e-5) {
		t.Fatalf("Beta(%g, %g) became Beta(%g, %g)", d.Alpha, d.Beta, alpha, beta)
	}
	return g, dist.Beta{Alpha: alpha, Beta: beta}
}

// Draws have the moments of their distribution, and its distribution function.
func TestGPUBetaDistribution(t *testing.T) {
	const n = 20_000
	for k, s := range policytest.Shapes {
		d := dist.Beta{Alpha: s[0], Beta: s[1]}
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			g, d := oneBeta(t, d)
			out := policytest.MustSample(t, g, policytest.RandomRequest(n, 1, uint64(k)))
			u := make([]float64, n)
			for i := range u {
				lnX, ln1mX := float64(out.LogX[i]), float64(out.Log1mX[i])
				if !(lnX <= 0 && ln1mX <= 0) {
					t.Fatalf("draw %d: ln x = %g, ln(1-x) = %g", i, lnX, ln1mX)
				}
				if x := out.Actions[2*i]; !policytest.Near(x, math.Exp(lnX), 1e-6) || !policytest.Near(out.Actions[2*i+1], math.Exp(ln1mX), 1e-6) {
					t.Fatalf("x = %g does not match ln x = %g, ln(1-x) = %g", x, lnX, ln1mX)
				}
				// Logarithms are stored as float32: near the middle x itself is more accurate.
				if x := out.Actions[2*i]; x > 1e-6 && x < 1-1e-6 {
					lnX, ln1mX = math.Log(x), math.Log1p(-x)
				}
				u[i] = d.CDFLogs(lnX, ln1mX)
			}
			ks := policytest.FromUniform(u)
			// 2.2 / sqrt(n) is exceeded once in eight thousand.
			if !(ks <= 2.2/math.Sqrt(n)) {
				t.Errorf("KS distance %.4f to the CDF, %.4f allowed", ks, 2.2/math.Sqrt(n))
			}
			wantX, want1mX := d.MeanLogs()
			x := make([]float64, n)
			for i := range x {
				x[i] = out.Actions[2*i]
			}
			for _, m := range []struct {
				name string
				x    []float64
				want float64
			}{{"ln x", widen(out.LogX), wantX}, {"ln(1-x)", widen(out.Log1mX), want1mX}, {"x", x, d.Mean()}} {
				mean, std := stats.MeanStd(m.x)
				if off := math.Abs(mean - m.want); !(off <= 4.5*std/math.Sqrt(n)+1e-7*(1+math.Abs(m.want))) {
					t.Errorf("the mean of %s is %g, want %g, %.1f standard errors off", m.name, mean, m.want, off/std*math.Sqrt(n))
				}
			}
			if _, std := stats.MeanStd(x); math.Abs(std*std/d.Variance()-1) > 0.3 && d.Alpha > 0.01 && d.Beta > 0.01 {
				t.Errorf("the variance of x is %g, want %g", std*std, d.Variance())
			}
		})
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// drawWords draws a variate as a device does, from the words of a stream.
func drawWords(d dist.Beta, s *rng.Stream) (lnX, ln1mX float64) {
	_, _, drawn := s.State()
	first := (drawn + 1) / 2 // block
	word := func(i uint64) float64 {
		s.SetDrawn(i)
		return (float64(s.Uint64()>>11) + 0.5) / (1 << 53)
	}
	most := uint64(0)
	logGamma := func(shape float64, block uint64) float64 {
		raised := shape
		if shape < 1 {
			raised++
		}
		d := raised - 1./3
		c := 1 / (3 * math.Sqrt(d))
		for tries := uint64(1); ; tries++ {
			at := 2 * block
			x := math.Sqrt(-2*math.Log(word(at))) * math.Cos(2*math.Pi*word(at+1))
			u := word(at + 2)
			v := 1 + c*x
			if v3 := v * v * v; v > 0 && math.Log(u) < 0.5*x*x+d*(1-v3+math.Log(v3)) {
				most = max(most, tries)
				g := math.Log(d * v3)
				if shape < 1 {
					g += math.Log(word(at+3)) / shape
				}
				return g
			}
			block += 4
		}
	}
	a, b := logGamma(d.Alpha, first), logGamma(d.Beta, first+2)
	s.SetDrawn(2 * (first + 4*most))
	_, lnX, ln1mX = dist.FromLogit(a - b)
	return lnX, ln1mX
}

// A device goes on with a stream where the host left it, and the host goes on
// where the device left it.
func TestGPUDrawsContinueStreams(t *testing.T) {
	for _, d := range []dist.Beta{{Alpha: 2.5, Beta: 7}, {Alpha: 0.3, Beta: 40}, {Alpha: 0.05, Beta: 0.3}} {
		g, d := oneBeta(t, d)
		const rows = 200
		req, twins := policytest.RandomRequest(rows, 1, 3), policytest.RandomRequest(rows, 1, 3).Streams
		for i := range rows {
			for range i % 5 {
				req.Streams[i].Uint64()
				twins[i].Uint64()
			}
		}
		for round := range 3 {
			out := policytest.MustSample(t, g, req)
			for i := range rows {
				lnX, ln1mX := drawWords(d, twins[i])
				if !policytest.Near(float64(out.LogX[i]), lnX, 1e-6) || !policytest.Near(float64(out.Log1mX[i]), ln1mX, 1e-6) {
					t.Fatalf("round %d, row %d: ln x, ln(1-x) = %g, %g, want %g, %g", round, i, out.LogX[i], out.Log1mX[i], lnX, ln1mX)
				}
				if got, want := req.Streams[i].Uint64(), twins[i].Uint64(); got != want {
					t.Fatalf("round %d, row %d: the host goes on with %x, want %x", round, i, got, want)
				}
			}
		}
	}
}

// Whole actions of both backends have the same distribution: the entities, sums
// of them with random weights, log-probability and entropy.
func TestGPUActionDistribution(t *testing.T) {
	const n = 4000
	for _, c := range sampleCases(t) {
		if c.name == "clp" || c.name == "one" {
			continue // the portfolio again; always the same
		}
		t.Run(c.name, func(t *testing.T) {
			cpu, g := newTestCPU(t, c.solver, c.obs, 64, nil), newTestGPU(t, c.solver, c.obs, 64, nil)
			push(t, cpu, 10)
			push(t, g, 10)
			one := policytest.RandomRequest(1, c.obs, 4).Obs
			sample := func(b policy.Backend, seed uint64) *policy.Samples {
				req := policytest.RandomRequest(n, c.obs, seed)
				for i := range n {
					copy(req.Obs[i*c.obs:], one)
				}
				return policytest.MustSample(t, b, req)
			}
			x, y := sample(cpu, 11), sample(g, 12)
			dim := c.solver.Polytope().Dim()
			r := rand.New(rng.New(6, "weights"))
			worst := 0.
			compare := func(name string, x, y []float64) {
				d := stats.KolmogorovSmirnov(x, y) * math.Sqrt(n/2)
				worst = max(worst, d)
				// Exceeded once in a hundred thousand.
				if !(d <= 2.47) {
					t.Errorf("%s: KS distance %.4f, %.2f in its unit", name, d/math.Sqrt(n/2), d)
				}
			}
			for k := range dim + 10 {
				w := make([]float64, dim)
				if k < dim {
					w[k] = 1
				} else {
					for i := range w {
						w[i] = r.NormFloat64()
					}
				}
				mix := func(s *policy.Samples) []float64 {
					out := make([]float64, n)
					for i := range out {
						for j, v := range w {
							out[i] += v * s.Actions[i*dim+j]
						}
						// The same up to rounding is the same.
						out[i] = math.Round(out[i]*1e9) / 1e9
					}
					return out
				}
				compare(fmt.Sprint("weights ", w), mix(x), mix(y))
			}
			compare("log-probability", widen(x.LogProb), widen(y.LogProb))
			compare("entropy", widen(x.Entropy), widen(y.Entropy))
			e := stats.EnergyDistance(x.Actions[:1000*dim], y.Actions[:1000*dim], dim)
			if !(e <= 0.004) {
				t.Errorf("the energy distance is %g", e)
			}
			t.Logf("largest KS distance %.2f in its unit, energy distance %.2g", worst, e)
		})
	}
}
