package cpu

import (
	"fmt"
	"math"
	"testing"

	"paspo/internal/blas"
	"paspo/policy"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

// The gradient in C agrees with that of the graph in float64, which its own tests compare with
// differences. Layers are wider than a panel, narrower than a vector, or the last alone;
// minibatches fill less than one block, or several.
func TestGradientAgreesWithGraph(t *testing.T) {
	for _, name := range blas.Levels() {
		if err := blas.Use(name); err != nil {
			t.Logf("SKIPPED: %v", err)
			continue
		}
		defer blas.Use(blas.Auto)
		for _, tc := range []struct {
			entities, obs, rows     int
			encoder, heads, critics []int
			latent                  int
		}{
			{13, 27, 64, []int{32, 32}, []int{32, 32}, []int{32, 32}, 32},
			{5, 3, 20, []int{7}, []int{5, 40}, []int{3}, 9},
			{3, 33, 130, nil, []int{32}, nil, 32},
			{40, 70, 65, []int{64}, []int{33}, []int{65, 2}, 50},
			{2, 1, 1, []int{8, 8, 8}, []int{8, 17, 8}, nil, 3},
		} {
			t.Run(fmt.Sprintf("%s/%d entities", name, tc.entities), func(t *testing.T) {
				c := newTestCPU(t, policytest.Simplex(t, tc.entities), tc.obs, tc.rows, func(c *policy.Config) {
					c.Encoder, c.Heads, c.Critic, c.Latent = tc.encoder, tc.heads, tc.critics, tc.latent
				})
				req, out := policytest.RandomRequest(tc.rows, tc.obs, 2), &policy.Samples{}
				if err := c.Sample(req, out); err != nil {
					t.Fatal(err)
				}
				b := policytest.RandomBatch(req, out, 3)
				if err := c.Load(b); err != nil {
					t.Fatal(err)
				}
				for i := range c.old {
					c.old[i] += 0.4 * float32(math.Sin(float64(i)))
				}
				s, rows := policytest.StepSettings(), policytest.FirstRows(tc.rows)
				w32 := c.plain(c.params)
				w, want := make([]float64, len(w32)), make([]float64, len(w32))
				for i, x := range w32 {
					w[i] = float64(x)
				}
				g, err := network.NewGraph(c.Layout, c.Shape, tc.rows, w, want)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range []struct {
					dst []float64
					src []float32
				}{
					{g.Obs, b.Obs}, {g.Prefix, b.Prefix}, {g.LogX, b.LogX}, {g.Log1mX, b.Log1mX}, {g.LogWidth, b.LogWidth}, {g.Mask, b.Mask},
					{g.Old, c.old}, {g.Advantage, b.Advantage}, {g.Target, b.Return},
				} {
					for i := range f.dst {
						f.dst[i] = float64(f.src[i])
					}
				}
				for i := range g.Weight {
					g.Weight[i] = 1 / float64(tc.rows)
				}
				g.Coef[0], g.Coef[1], g.Coef[2] = s.Clip, s.ValueCoef, s.EntropyCoef
				if err := g.Step.RunAll(); err != nil {
					t.Fatal(err)
				}

				if err := c.Step(rows, s); err != nil {
					t.Fatal(err)
				}
				d, err := c.Diagnostics()
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range []float64{d.PolicyLoss, d.ValueLoss, d.Entropy, d.ApproxKL, d.ClipFraction, d.MaxRatioDeviation} {
					if math.Abs(got-g.Diagnosis[i]) > 1e-4*(0.1+math.Abs(g.Diagnosis[i])) {
						t.Errorf("diagnostic %d is %g, want %g", i, got, g.Diagnosis[i])
					}
				}
				for i, x := range c.Gradient() {
					slot := &c.Layout.Tensors[i]
					norm, off := 0., 0.
					for k, y := range network.Slice(want, slot) {
						norm, off = math.Hypot(norm, y), math.Hypot(off, y-float64(x.Data[k]))
					}
					// Rounding of sums over rows and of the log-probabilities.
					if off > 2e-4*norm+1e-7 {
						t.Errorf("%s: the gradient is %.2g off of %.2g", x.Name, off, norm)
					}
				}
			})
		}
	}
}
