package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
)

// fill gives a graph a minibatch: points that the distributions may have drawn,
// some entities fixed, ratios on both sides of the clip range, and two rows of
// padding.
func fill[T float32 | float64](g *graph[T], l *layout, m int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, x := range [][]T{g.obs, g.advantage, g.target, g.logWidth} {
		for i := range x {
			x[i] = T(r.NormFloat64())
		}
	}
	for i := range g.prefix {
		g.prefix[i] = T(r.Float64() / float64(l.entities))
	}
	for i := range g.logX {
		x := r.Float64()
		g.logX[i], g.log1mX[i], g.mask[i] = T(math.Log(x)), T(math.Log1p(-x)), 1
		if r.IntN(4) == 0 {
			g.logX[i], g.log1mX[i], g.logWidth[i], g.mask[i] = 0, 0, 0, 0
		}
	}
	g.forward.RunAll()
	for i := range m {
		g.old[i] = g.terms[2*i] + T(0.5*r.NormFloat64())
		g.weight[i] = 1 / T(m-2)
		if i >= m-2 {
			g.weight[i] = 0
		}
	}
	g.coef[0], g.coef[1], g.coef[2] = 0.3, 0.5, 0.01
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
		{"near the ends", 1e-3, 2e-3, ops.Shape{Min: 1e-6}},
		{"narrow", 1e5, 3e4, ops.Shape{Min: 1e-6}},
		{"one-sided", 1e5, 1e-3, ops.Shape{Min: 1e-6}},
		{"ceiling", 50, 99, ops.Shape{Min: 1e-6, Max: 100}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const m = 7
			cfg := Config{Encoder: []int{5}, Latent: 4, Heads: []int{6, 5}, Critic: []int{3}, MinShape: tc.shape.Min, MaxShape: tc.shape.Max, HeadScale: 0.1}
			l := newLayout(&cfg, 3, 4, 3)
			w32 := make([]float32, l.size)
			fit := &Fit{Alpha: slices.Repeat([]float64{tc.alpha}, 3), Beta: slices.Repeat([]float64{tc.beta}, 3)}
			if err := initialise(w32, l, &cfg, fit, 1); err != nil {
				t.Fatal(err)
			}
			w, grads := make([]float64, l.size), make([]float64, l.size)
			for i, x := range w32 {
				w[i] = float64(x)
			}
			g, err := newGraph(l, tc.shape, m, w, grads)
			if err != nil {
				t.Fatal(err)
			}
			fill(g, l, m, 2)
			// Points near the mean, where such distributions put them.
			mean := tc.alpha / (tc.alpha + tc.beta)
			sd := math.Sqrt(mean * (1 - mean) / (tc.alpha + tc.beta + 1))
			for i := range g.logX {
				if g.mask[i] != 0 {
					x := min(max(mean+sd*math.Sin(float64(i)), 1e-9), 1-1e-9)
					g.logX[i], g.log1mX[i] = math.Log(x), math.Log1p(-x)
				}
			}
			g.forward.RunAll()
			for i := range m {
				g.old[i] = g.terms[2*i] + 0.5*math.Cos(3*float64(i))
			}

			g.step.RunAll()
			got := slices.Clone(grads)
			norm := 0.
			for _, x := range got {
				norm = math.Hypot(norm, x)
			}
			loss := func() float64 {
				g.step.RunAll()
				return g.loss[0]
			}
			for i := range l.tensors {
				s := &l.tensors[i]
				for k := s.at; k < s.at+s.size; k++ {
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
					if floor := 1e-14 * (1 + math.Abs(g.loss[0])) / h; math.Abs(got[k]-want) > 1e-5*math.Abs(want)+1e-7*norm+floor {
						t.Errorf("%s[%d]: the gradient is %.9g, differences give %.9g", s.name, k-s.at, got[k], want)
					}
				}
			}
		})
	}
}

// A fixed entity adds exactly nothing, whatever is stored with it.
func TestFixedEntitiesAddNothing(t *testing.T) {
	const m = 5
	cfg := DefaultConfig()
	l := newLayout(&cfg, 3, 4, 3)
	w, grads := make([]float32, l.size), make([]float32, l.size)
	if err := initialise(w, l, &cfg, nil, 1); err != nil {
		t.Fatal(err)
	}
	g, err := newGraph(l, ops.Shape{Min: 1e-6}, m, w, grads)
	if err != nil {
		t.Fatal(err)
	}
	fill(g, l, m, 3)
	for r := range m {
		g.mask[3*r+1] = 0
	}
	g.step.RunAll()
	terms, want := slices.Clone(g.terms), slices.Clone(grads)
	for r := range m {
		k := 3*r + 1
		g.logX[k], g.log1mX[k], g.logWidth[k] = float32(math.Inf(-1)), float32(math.NaN()), float32(math.Inf(-1))
	}
	g.step.RunAll()
	if !slices.Equal(terms, g.terms) || !slices.Equal(want, grads) || !ops.Finite(grads) {
		t.Error("what a fixed entity stores matters")
	}
	for _, bias := range []bool{false, true} {
		s := l.find("heads", 2, bias)
		block := s.size / 3
		for _, x := range slice(grads, s)[block : 2*block] {
			if x != 0 {
				t.Fatalf("%s of a head that is always fixed has the gradient %g", s.name, x)
			}
		}
	}
	for r := range m {
		clear(g.mask[3*r : 3*r+3])
	}
	g.step.RunAll()
	for r := range m {
		if g.terms[2*r] != 0 || g.terms[2*r+1] != 0 {
			t.Errorf("row %d, all fixed: log-probability %g, entropy %g", r, g.terms[2*r], g.terms[2*r+1])
		}
	}
}

// Gorgonia's tape machine runs the same graph to the same bits.
func TestTapeMachineAgrees(t *testing.T) {
	c := loaded(t, 5, 4, 32, 40)
	for step := range 3 {
		if err := c.Step(rowsOf(32), settings()); err != nil {
			t.Fatal(err)
		}
		// The step has moved the parameters: run both on what they are now.
		c.graph.step.RunAll()
		loss, grads := c.graph.loss[0], slices.Clone(c.grads)
		clear(c.grads)
		tape := G.NewTapeMachine(c.graph.expr)
		if err := tape.RunAll(); err != nil {
			t.Fatal(err)
		}
		tape.Close()
		if c.graph.loss[0] != loss || !slices.Equal(c.grads, grads) {
			t.Fatalf("step %d: the loss is %v by the tape machine, %v by ours", step, c.graph.loss[0], loss)
		}
	}
}

// What another machine needs of the graph is there: kinds of its own alone, no
// gradient of the inputs, and hash codes that are all different.
func TestGraphIsOfOwnOps(t *testing.T) {
	c := loaded(t, 5, 4, 8, 8)
	seen := map[uint32]string{}
	kinds := map[ops.Kind]int{}
	for _, n := range c.graph.step.Nodes() {
		k, ok := n.Op().(ops.Kernel)
		if !ok {
			t.Fatalf("%v is no kernel", n.Op())
		}
		if other, ok := seen[k.Hashcode()]; ok {
			t.Errorf("%v and %v have the same hash code", other, k)
		}
		seen[k.Hashcode()] = fmt.Sprint(k)
		kinds[k.Kind()]++
	}
	want := map[ops.Kind]int{
		// Encoder 3, critic 3, later layers of the heads 2.
		ops.Dense: 8, ops.DenseGradW: 8, ops.BiasGrad: 9, ops.Masked: 1, ops.MaskedGradW: 1, ops.MaskedGradLatent: 1,
		// None for the first layers of encoder and critic.
		ops.DenseGradX: 6,
		ops.ReLUGrad:   6, ops.BetaTerms: 1, ops.BetaTermsGrad: 1,
		ops.Loss: 1, ops.LossGradTerms: 1, ops.LossGradValue: 1, ops.LossDiagnostics: 1,
	}
	for k, n := range want {
		if kinds[k] != n {
			t.Errorf("the graph has %d of %v, want %d", kinds[k], k, n)
		}
	}
}
