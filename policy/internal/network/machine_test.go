package network

import (
	"fmt"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
	"paspo/policy"
)

// filled returns a graph with heads heads, one fewer than entities, and a minibatch of m
// random rows, and the slice that its gradients are written to.
func filled(t *testing.T, obs, heads, m int, seed uint64) (*Graph[float32], *Layout, []float32) {
	t.Helper()
	cfg := policy.DefaultConfig()
	l := NewLayout(&cfg, obs, heads+1, heads)
	w, grads := make([]float32, l.Size), make([]float32, l.Size)
	if err := initialise(w, l, &cfg, nil, 1); err != nil {
		t.Fatal(err)
	}
	g, err := NewGraph(l, ops.Shape{Min: 1e-6}, m, w, grads)
	if err != nil {
		t.Fatal(err)
	}
	fill(g, l, m, seed)
	return g, l, grads
}

// Gorgonia's tape machine runs the same graph to the same bits.
func TestTapeMachineAgrees(t *testing.T) {
	g, l, out := filled(t, 4, 4, 32, 1)
	for step := range 3 {
		fill(g, l, 32, uint64(step))
		g.Step.RunAll()
		loss, grads := g.Loss[0], slices.Clone(out)
		clear(out)
		tape := G.NewTapeMachine(g.Expr)
		if err := tape.RunAll(); err != nil {
			t.Fatal(err)
		}
		tape.Close()
		if g.Loss[0] != loss || !slices.Equal(out, grads) {
			t.Fatalf("step %d: the loss is %v by the tape machine, %v by ours", step, g.Loss[0], loss)
		}
	}
}

// The graph has what another machine needs: ops of this project alone, no gradient of the inputs,
// and hash codes that are all different.
func TestGraphIsOfOwnOps(t *testing.T) {
	g, _, _ := filled(t, 4, 4, 8, 1)
	seen := map[uint32]string{}
	kinds := map[ops.Kind]int{}
	for _, n := range g.Step.Nodes() {
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
