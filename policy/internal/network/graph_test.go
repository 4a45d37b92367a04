package network

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/finite"
	"paspo/internal/ops"
	"paspo/policy"
)

// fill gives a graph a minibatch: points that the distributions may have drawn,
// some entities fixed, ratios on both sides of the clip range, and two rows of
// padding.
func fill[T float32 | float64](g *Graph[T], l *Layout, m int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, x := range [][]T{g.Obs, g.Advantage, g.Target, g.LogWidth} {
		for i := range x {
			x[i] = T(r.NormFloat64())
		}
	}
	for i := range g.Prefix {
		g.Prefix[i] = T(r.Float64() / float64(l.Entities))
	}
	for i := range g.LogX {
		x := r.Float64()
		g.LogX[i], g.Log1mX[i], g.Mask[i] = T(math.Log(x)), T(math.Log1p(-x)), 1
		if r.IntN(4) == 0 {
			g.LogX[i], g.Log1mX[i], g.LogWidth[i], g.Mask[i] = 0, 0, 0, 0
		}
	}
	g.Forward.RunAll()
	for i := range m {
		g.Old[i] = g.Terms[2*i] + T(0.5*r.NormFloat64())
		g.Weight[i] = 1 / T(m-2)
		if i >= m-2 {
			g.Weight[i] = 0
		}
	}
	g.Coef[0], g.Coef[1], g.Coef[2] = 0.3, 0.5, 0.01
}

// The gradient of the whole loss by every parameter against central
// differences, in float64, for plain and for extreme Beta parameters.
func TestLossGradient(t *testing.T) {
	for _, tc := range []struct {
		name        string
		alpha, beta float64
		shape       ops.Shape
	}{
		{"plain", 1, 1, ops.Shape{Min: 1e-6}},
		{"near 0 and 1", 1e-3, 2e-3, ops.Shape{Min: 1e-6}},
		{"narrow", 1e5, 3e4, ops.Shape{Min: 1e-6}},
		{"one-sided", 1e5, 1e-3, ops.Shape{Min: 1e-6}},
		{"ceiling", 50, 99, ops.Shape{Min: 1e-6, Max: 100}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const m = 7
			cfg := policy.Config{Encoder: []int{5}, Latent: 4, Heads: []int{6, 5}, Critic: []int{3}, MinShape: tc.shape.Min, MaxShape: tc.shape.Max, HeadScale: 0.1}
			l := NewLayout(&cfg, 3, 4, 3)
			w32 := make([]float32, l.Size)
			fit := &policy.Fit{Alpha: slices.Repeat([]float64{tc.alpha}, 3), Beta: slices.Repeat([]float64{tc.beta}, 3)}
			if err := initialise(w32, l, &cfg, fit, 1); err != nil {
				t.Fatal(err)
			}
			w, grads := make([]float64, l.Size), make([]float64, l.Size)
			for i, x := range w32 {
				w[i] = float64(x)
			}
			g, err := NewGraph(l, tc.shape, m, w, grads)
			if err != nil {
				t.Fatal(err)
			}
			fill(g, l, m, 2)
			// Points near the mean, where such distributions put them.
			mean := tc.alpha / (tc.alpha + tc.beta)
			sd := math.Sqrt(mean * (1 - mean) / (tc.alpha + tc.beta + 1))
			for i := range g.LogX {
				if g.Mask[i] != 0 {
					x := min(max(mean+sd*math.Sin(float64(i)), 1e-9), 1-1e-9)
					g.LogX[i], g.Log1mX[i] = math.Log(x), math.Log1p(-x)
				}
			}
			g.Forward.RunAll()
			for i := range m {
				g.Old[i] = g.Terms[2*i] + 0.5*math.Cos(3*float64(i))
			}

			g.Step.RunAll()
			got := slices.Clone(grads)
			norm := 0.
			for _, x := range got {
				norm = math.Hypot(norm, x)
			}
			loss := func() float64 {
				g.Step.RunAll()
				return g.Loss[0]
			}
			for i := range l.Tensors {
				s := &l.Tensors[i]
				for k := s.At; k < s.At+s.Size; k++ {
					x := w[k]
					d := func(h float64) float64 {
						w[k] = x + h
						up := loss()
						w[k] = x - h
						down := loss()
						w[k] = x
						return (up - down) / (2 * h)
					}
					const h = 1e-6
					want := (4*d(h) - d(2*h)) / 3
					// The rounding of the loss, over the step, bounds what differences see.
					if floor := 1e-14 * (1 + math.Abs(g.Loss[0])) / h; math.Abs(got[k]-want) > 1e-5*math.Abs(want)+1e-7*norm+floor {
						t.Errorf("%s[%d]: the gradient is %.9g, differences give %.9g", s.Name, k-s.At, got[k], want)
					}
				}
			}
		})
	}
}

// A fixed entity adds exactly nothing, whatever numbers are stored for it.
func TestFixedEntitiesAddNothing(t *testing.T) {
	const m = 5
	g, l, grads := filled(t, 3, 3, m, 3)
	for r := range m {
		g.Mask[3*r+1] = 0
	}
	g.Step.RunAll()
	terms, want := slices.Clone(g.Terms), slices.Clone(grads)
	for r := range m {
		k := 3*r + 1
		g.LogX[k], g.Log1mX[k], g.LogWidth[k] = float32(math.Inf(-1)), float32(math.NaN()), float32(math.Inf(-1))
	}
	g.Step.RunAll()
	if !slices.Equal(terms, g.Terms) || !slices.Equal(want, grads) || !finite.All(grads) {
		t.Error("numbers stored for a fixed entity change the results")
	}
	for _, bias := range []bool{false, true} {
		s := l.Find("heads", 2, bias)
		block := s.Size / 3
		for _, x := range Slice(grads, s)[block : 2*block] {
			if x != 0 {
				t.Fatalf("%s of a head that is always fixed has the gradient %g", s.Name, x)
			}
		}
	}
	for r := range m {
		clear(g.Mask[3*r : 3*r+3])
	}
	g.Step.RunAll()
	for r := range m {
		if g.Terms[2*r] != 0 || g.Terms[2*r+1] != 0 {
			t.Errorf("row %d, all fixed: log-probability %g, entropy %g", r, g.Terms[2*r], g.Terms[2*r+1])
		}
	}
}
