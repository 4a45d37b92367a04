//go:build gpu

package cuda

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
)

func values(t *testing.T, n *G.Node) []float32 {
	t.Helper()
	x, err := ops.Elements[float32](n.Value())
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), x...)
}

// A graph gives on the device what ops.Machine gives on the CPU, run after run.
func TestVMAgainstMachine(t *testing.T) {
	c := openTest(t)
	for _, s := range []vmSizes{{1, 1, 1, 1, 1}, {7, 3, 5, 4, 3}, {64, 27, 32, 32, 12}, {515, 9, 33, 17, 5}} {
		a, b := newVMNet(t, s), newVMNet(t, s)
		vm, err := NewVM(c, a.g, a.wanted()...)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ops.NewMachine(b.g, b.wanted()...)
		if err != nil {
			t.Fatal(err)
		}
		for run := range 2 {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := m.RunAll(); err != nil {
				t.Fatal(err)
			}
			bw := b.wanted()
			for i, n := range a.wanted() {
				got, want := values(t, n), values(t, bw[i])
				var diff, norm float64
				for j := range want {
					d := float64(got[j]) - float64(want[j])
					diff += d * d
					norm += float64(want[j]) * float64(want[j])
				}
				if !(math.Sqrt(diff) <= 1e-5*math.Sqrt(norm)+1e-9) {
					t.Errorf("%+v run %d: %q differs by %g of a norm of %g", s, run, bw[i].Name(), math.Sqrt(diff), math.Sqrt(norm))
				}
			}
			// Other inputs for the second run.
			for _, n := range []*vmNet{a, b} {
				w, _ := ops.Elements[float32](n.weights[2].Value())
				for i := range w {
					w[i] *= 0.5
				}
			}
		}
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	}
}
