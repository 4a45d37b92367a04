//go:build gpu

package cuda

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
)

// vmNet is a graph of all kinds of ops: a plain net, a masked layer, heads, the
// loss and all gradients.
type vmNet struct {
	g               *G.ExprGraph
	loss, diagnosis *G.Node
	weights, grads  G.Nodes
}

type vmSizes struct{ rows, obs, hidden, latent, heads int }

func newVMNet(t *testing.T, s vmSizes) *vmNet {
	t.Helper()
	g := G.NewGraph()
	r := rand.New(rand.NewPCG(1, uint64(s.rows)))
	n := &vmNet{g: g}
	input := func(name string, draw func() float64, dims ...int) *G.Node {
		size := 1
		for _, d := range dims {
			size *= d
		}
		data := make([]float32, size)
		for i := range data {
			data[i] = float32(draw())
		}
		return G.NewTensor(g, ops.Dtype[float32](), len(dims), G.WithShape(dims...), G.WithName(name), G.WithValue(ops.Tensor(data, dims...)))
	}
	weight := func(name string, dims ...int) *G.Node {
		w := input(name, func() float64 { return 0.4 * r.NormFloat64() }, dims...)
		n.weights = append(n.weights, w)
		return w
	}
	check := func(x *G.Node, err error) *G.Node {
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	constant := func(c float64) func() float64 { return func() float64 { return c } }
	m, h := s.rows, s.heads
	obs := input("obs", r.NormFloat64, m, s.obs)
	prefix := input("prefix", r.Float64, m, h)
	x := check(ops.NewDense[float32](0, true, obs, weight("w0", s.hidden, s.obs), weight("b0", s.hidden)))
	latent := check(ops.NewDense[float32](0, false, x, weight("w1", s.latent, s.hidden), weight("b1", s.latent)))
	y := check(ops.NewMasked[float32](h, true, latent, prefix, weight("w2", h, s.hidden, s.latent+h-1), weight("b2", h, s.hidden)))
	logits := check(ops.NewDense[float32](h, false, y, weight("w3", h, 2, s.hidden), weight("b3", h, 2)))
	v := check(ops.NewDense[float32](0, true, obs, weight("w4", s.hidden, s.obs), weight("b4", s.hidden)))
	value := check(ops.NewDense[float32](0, false, v, weight("w5", 1, s.hidden), weight("b5", 1)))
	in := &ops.LossInputs{Value: value}
	in.Terms = check(ops.NewBetaTerms[float32](ops.Shape{Min: 1e-6, Max: 1e5}, logits,
		input("logX", func() float64 { return math.Log(r.Float64()) }, m, h), input("log1mX", func() float64 { return math.Log(r.Float64()) }, m, h),
		input("logWidth", func() float64 { return math.Log(r.Float64()) }, m, h), input("mask", func() float64 { return float64(r.IntN(4)/3*-1 + 1) }, m, h)))
	in.Old = input("old", func() float64 { return 0.2 * r.NormFloat64() }, m)
	in.Advantage = input("advantage", r.NormFloat64, m)
	in.Target = input("target", r.NormFloat64, m)
	in.Weight = input("weight", constant(1/float64(m)), m)
	coefs := []float64{0.3, 0.5, 0.01}
	in.Coef = input("coef", func() float64 { c := coefs[0]; coefs = coefs[1:]; return c }, 3)
	n.loss = check(ops.NewLoss[float32](in))
	var err error
	if n.grads, err = G.Grad(n.loss, n.weights...); err != nil {
		t.Fatal(err)
	}
	n.diagnosis = check(ops.NewLossDiagnostics[float32](in))
	return n
}

// Wanted returns loss, diagnostics and gradients.
func (n *vmNet) wanted() G.Nodes { return append(G.Nodes{n.loss, n.diagnosis}, n.grads...) }

// ReLU and bias gradients and the parts of the loss are no launches of their own.
func TestVMFuses(t *testing.T) {
	n := newVMNet(t, vmSizes{7, 3, 5, 4, 3})
	p, err := NewPlan(n.g, n.wanted(), PlanConfig{Block: &Block{}})
	if err != nil {
		t.Fatal(err)
	}
	// Forward 6 layers, terms, loss, its gradient by the logits, 6 gradients of
	// weights, 4 by inputs that need one, and the sum of copies.
	if want := 6 + 1 + 1 + 1 + 6 + 4 + 1; p.Len() != want {
		t.Errorf("a run is %d launches, not %d", p.Len(), want)
	}
}

// A value has memory of its own, within the block.
func TestPlanPlacesApart(t *testing.T) {
	n := newVMNet(t, vmSizes{300, 3, 5, 4, 3})
	b := &Block{}
	p, err := NewPlan(n.g, n.wanted(), PlanConfig{Block: b, Control: b.Take(256)})
	if err != nil {
		t.Fatal(err)
	}
	type span struct{ from, to int64 }
	spans := []span{{0, 256}}
	for _, n := range append(p.Inputs(), p.Nodes()...) {
		at, ok := p.Offset(n)
		if !ok {
			t.Fatalf("%q has no place", n.Name())
		}
		spans = append(spans, span{at, at + bytesOf(n)})
	}
	for i, a := range spans {
		if a.to > b.Bytes() {
			t.Errorf("%v is beyond the block of %d bytes", a, b.Bytes())
		}
		for _, c := range spans[:i] {
			if a.from < c.to && c.from < a.to {
				t.Errorf("%v and %v overlap", a, c)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	matrix := func(g *G.ExprGraph, name string) *G.Node {
		return G.NewMatrix(g, ops.Dtype[float32](), G.WithShape(2, 2), G.WithName(name), G.WithValue(ops.Tensor(make([]float32, 4), 2, 2)))
	}
	for _, tc := range []struct {
		name  string
		want  []string
		build func(g *G.ExprGraph) *G.Node
	}{
		{"an op of Gorgonia", []string{"no kernel for", "the sum"}, func(g *G.ExprGraph) *G.Node {
			n := G.Must(G.Add(matrix(g, "a"), matrix(g, "b")))
			G.WithName("the sum")(n)
			return n
		}},
		{"no value", []string{`"x" has no value`}, func(g *G.ExprGraph) *G.Node {
			x := G.NewMatrix(g, ops.Dtype[float32](), G.WithShape(2, 2), G.WithName("x"))
			b := G.NewVector(g, ops.Dtype[float32](), G.WithShape(2), G.WithName("b"), G.WithValue(ops.Tensor(make([]float32, 2), 2)))
			return G.Must(ops.NewDense[float32](0, true, x, matrix(g, "w"), b))
		}},
		{"float64", []string{"float64"}, func(g *G.ExprGraph) *G.Node {
			x := G.NewMatrix(g, ops.Dtype[float64](), G.WithShape(2, 2), G.WithName("x"), G.WithValue(ops.Tensor(make([]float64, 4), 2, 2)))
			b := G.NewVector(g, ops.Dtype[float64](), G.WithShape(2), G.WithName("b"), G.WithValue(ops.Tensor(make([]float64, 2), 2)))
			return G.Must(ops.NewDense[float64](0, true, x, x, b))
		}},
	} {
		g := G.NewGraph()
		n := tc.build(g)
		_, err := NewPlan(g, G.Nodes{n}, PlanConfig{Block: &Block{}})
		if err == nil {
			t.Errorf("%s: planned", tc.name)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error is %q, without %q", tc.name, err, w)
			}
		}
	}

	// Parts of the loss without the loss.
	n := newVMNet(t, vmSizes{4, 3, 5, 4, 3})
	if _, err := NewPlan(n.g, G.Nodes{n.diagnosis}, PlanConfig{Block: &Block{}}); err == nil || !strings.Contains(err.Error(), "LossDiagnostics") {
		t.Errorf("diagnostics alone: %v", err)
	}
	if _, err := NewPlan(n.g, G.Nodes{n.loss, n.grads[1]}, PlanConfig{Block: &Block{}}); err == nil || !strings.Contains(err.Error(), "BiasGrad") {
		t.Errorf("the gradient of a bias alone: %v", err)
	}
}

// On any number of lanes a step comes after those whose results it reads, and all
// of a run lies between what is before and after it on the first lane.
func TestPlanLanes(t *testing.T) {
	n := newVMNet(t, vmSizes{7, 3, 5, 4, 3})
	p, err := NewPlan(n.g, n.wanted(), PlanConfig{Block: &Block{}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Lanes() < 2 {
		t.Errorf("%d lanes: critic and policy do not run side by side", p.Lanes())
	}
	for lanes := 1; lanes <= p.Lanes(); lanes++ {
		// What is known to be done when a lane is where it is.
		start := new(planStep)
		past := make([]map[*planStep]bool, lanes)
		for i := range past {
			past[i] = map[*planStep]bool{}
		}
		past[0][start] = true
		count := 0
		for _, e := range p.events(lanes) {
			if e.step == nil {
				for s := range past[e.waitFor] {
					past[e.lane][s] = true
				}
				continue
			}
			count++
			for _, s := range append(e.step.after, start) {
				if !past[e.lane][s] {
					t.Fatalf("%d lanes: %q does not wait for all it needs", lanes, e.step.node.Name())
				}
			}
			past[e.lane][e.step] = true
		}
		if count != len(p.steps) || len(past[0]) != count+1 {
			t.Errorf("%d lanes: %d steps of %d, of which %d are waited for at the end", lanes, count, len(p.steps), len(past[0])-1)
		}
	}
}

// The work of a net that is counted by hand.
func TestPlanWork(t *testing.T) {
	n := newVMNet(t, vmSizes{rows: 10, obs: 3, hidden: 5, latent: 4, heads: 2})
	p, err := NewPlan(n.g, n.wanted(), PlanConfig{Block: &Block{}})
	if err != nil {
		t.Fatal(err)
	}
	// Weights of the layers: 15, 20, 2 heads x 5 x 4 and 5 more that head 1 sees,
	// 2 x 2 x 5, 15, 5. All have a gradient by the weights, all but the first of
	// each net one by the input, the masked layer one by the latent alone.
	forward := 15 + 20 + 45 + 20 + 15 + 5
	back := forward + 20 + 40 + 20 + 5
	if w := p.Work(); w.Flops != int64(2*10*(forward+back)) || w.Launches != p.Len() {
		t.Errorf("%+v, want %d flops", w, 2*10*(forward+back))
	}
	terms := p.steps[slices.IndexFunc(p.steps, func(s *planStep) bool { return s.kind == ops.DenseGradX && s.attrs.Heads == 2 })]
	if terms.terms() != 10*2*2*5 {
		t.Errorf("%d terms", terms.terms())
	}
}
