package cpu

import (
	"fmt"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
	"paspo/policy/internal/policytest"
)

// Gorgonia's tape machine runs the same graph to the same bits.
func TestTapeMachineAgrees(t *testing.T) {
	c := loaded(t, 5, 4, 32, 40)
	for step := range 3 {
		if err := c.Step(policytest.FirstRows(32), policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
		// The step has moved the parameters: run both on what they are now.
		c.graph.Step.RunAll()
		loss, grads := c.graph.Loss[0], slices.Clone(c.grads)
		clear(c.grads)
		tape := G.NewTapeMachine(c.graph.Expr)
		if err := tape.RunAll(); err != nil {
			t.Fatal(err)
		}
		tape.Close()
		if c.graph.Loss[0] != loss || !slices.Equal(c.grads, grads) {
			t.Fatalf("step %d: the loss is %v by the tape machine, %v by ours", step, c.graph.Loss[0], loss)
		}
	}
}

// What another machine needs of the graph is there: kinds of its own alone, no
// gradient of the inputs, and hash codes that are all different.
func TestGraphIsOfOwnOps(t *testing.T) {
	c := loaded(t, 5, 4, 8, 8)
	seen := map[uint32]string{}
	kinds := map[ops.Kind]int{}
	for _, n := range c.graph.Step.Nodes() {
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
