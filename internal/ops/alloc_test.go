//go:build cgo

package ops

import (
	"testing"

	G "gorgonia.org/gorgonia"
)

func TestRunAllocatesNothing(t *testing.T) {
	b := newBench(t, 7)
	x := b.input("x", b.normal, 4, 3)
	y, err := NewDense[float64](0, true, x, b.input("w", b.normal, 2, 3), b.input("b", b.normal, 2))
	cost := b.scalar(y, err)
	grads, err := G.Grad(cost, b.inputs["w"].node)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(b.g, cost, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	m.RunAll()
	if n := testing.AllocsPerRun(100, func() { m.RunAll() }); n != 0 {
		t.Errorf("a run allocates %v times", n)
	}
	// The layer, the scalar, its gradient, that before the activation and that of
	// w; neither that of x nor that of b.
	if m.Len() != 5 {
		t.Errorf("a run has %d ops: %v", m.Len(), m.Nodes())
	}
}
