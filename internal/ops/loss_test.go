package ops

import (
	"fmt"
	"math"
	"testing"
)

func TestLossGradient(t *testing.T) {
	b := newBench(t, 5)
	const m = 40
	terms, value := b.input("terms", b.normal, m, 2), b.input("value", b.normal, m, 1)
	in := &LossInputs{
		Terms: terms, Value: value,
		// Ratios on both sides of the clip range, for advantages of both signs.
		Old: b.input("old", b.normal, m), Advantage: b.input("adv", b.normal, m), Target: b.input("target", b.normal, m),
		Weight: b.input("weight", func() float64 { return float64(b.r.IntN(2)) / 20 }, m), Coef: b.input("coef", b.normal, 3),
	}
	copy(b.inputs["coef"].data, []float64{0.3, 0.5, 0.01})
	cases := map[string]int{}
	for r, old := range b.inputs["old"].data {
		rho, a := ratio(b.inputs["terms"].data[2*r], old), b.inputs["adv"].data[r]
		cases[fmt.Sprint(rho > 1.3, rho < 0.7, a > 0)]++
	}
	if len(cases) != 6 {
		t.Fatalf("the cases %v are not all", cases)
	}
	loss, err := NewLoss[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	b.check(loss, 1e-6, "terms", "value")
}

// The loss and its diagnostics by hand.
func TestLossValue(t *testing.T) {
	b := newBench(t, 6)
	in := &LossInputs{
		Terms: b.input("terms", b.normal, 3, 2), Value: b.input("value", b.normal, 3, 1),
		Old: b.input("old", b.normal, 3), Advantage: b.input("adv", b.normal, 3), Target: b.input("target", b.normal, 3),
		Weight: b.input("weight", b.normal, 3), Coef: b.input("coef", b.normal, 3),
	}
	set := func(name string, x ...float64) { copy(b.inputs[name].data, x) }
	set("terms", math.Log(1.5), 2, math.Log(0.5), 4, 1e4, 1e4)
	set("value", 1, 2, 1e4)
	set("old", 0, 0, 0)
	set("adv", 2, -1, 5)
	set("target", 0, 4, 0)
	set("weight", 0.5, 0.5, 0)
	set("coef", 0.3, 0.5, 0.1)
	loss, err := NewLoss[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	diag, err := NewLossDiagnostics[float64](in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(b.g, loss, diag)
	if err != nil {
		t.Fatal(err)
	}
	m.RunAll()
	// Ratios 1.5 and 0.5: min(3, 2.6) = 2.6 and min(-0.5, -0.7) = -0.7.
	want := [...]float64{-(2.6 - 0.7) / 2, (1. + 4) / 2, 3, (0.5 - math.Log(1.5) - 0.5 - math.Log(0.5)) / 2, 1, 0.5}
	got, _ := Elements[float64](diag.Value())
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-12 {
			t.Errorf("diagnostic %d is %g, want %g", i, got[i], w)
		}
	}
	l, _ := Elements[float64](loss.Value())
	if w := want[0] + 0.5*want[1] - 0.1*want[2]; math.Abs(l[0]-w) > 1e-12 {
		t.Errorf("the loss is %g, want %g", l[0], w)
	}
}

// A ratio far out neither overflows nor loses its pull.
func TestSurrogateOfExtremeRatios(t *testing.T) {
	for _, a := range []float32{-1, 1} {
		rho := ratio[float32](500, 0)
		v, slope := surrogate(rho, float64(a), 0.3)
		if math.IsInf(float64(float32(v)), 0) || math.IsInf(float64(float32(slope)), 0) || math.IsNaN(v) {
			t.Errorf("advantage %g: value %g, slope %g", a, v, slope)
		}
		if a < 0 && slope >= 0 || a > 0 && slope != 0 {
			t.Errorf("advantage %g: the slope is %g", a, slope)
		}
	}
	if rho := ratio[float32](-500, 0); rho != math.Exp(-500) {
		t.Errorf("a ratio of exp(-500) is %g", rho)
	}
}
