package baselines

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

// exact solves CPO's program by geometry. In the plane of H^-1 g and H^-1 b, with an
// orthonormal basis of the metric H whose first axis is along b, it is the best point of a
// disk cut by a line: the one farthest along g, or one of the two where the line cuts
// the circle.
func exact(q, r, s, c, delta float64) (gain, cost float64, feasible bool) {
	radius := math.Sqrt(2 * delta)
	g1 := r / math.Sqrt(s)
	g2 := math.Sqrt(max(0, q-g1*g1))
	border := -c / math.Sqrt(s) // x1 is at most that
	if border < -radius {
		return 0, 0, false
	}
	norm := math.Hypot(g1, g2)
	x1, x2 := radius*g1/norm, radius*g2/norm
	if x1 > border {
		x1, x2 = border, math.Sqrt(max(0, radius*radius-border*border))
	}
	return g1*x1 + g2*x2, math.Sqrt(s) * x1, true
}

// The step is the exact solution for all five kinds, and every kind occurs.
func TestCPOStep(t *testing.T) {
	met := map[int]int{}
	rapid.Check(t, func(t *rapid.T) {
		q := math.Exp(rapid.Float64Range(-6, 6).Draw(t, "ln q"))
		s := math.Exp(rapid.Float64Range(-6, 6).Draw(t, "ln s"))
		r := rapid.Float64Range(-0.999, 0.999).Draw(t, "cosine") * math.Sqrt(q*s)
		const delta = 0.01
		border := rapid.Float64Range(-1.5, 1.5).Draw(t, "border, in radii")
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			border = 0 // feasible to the last bit
		case 1:
			s, r = 0, 0 // costs do not depend on the step
		}
		c := -border * math.Sqrt(2*delta*s)
		if s == 0 {
			c = -border
		}
		got := solveDual(q, r, s, c, delta, false)
		met[got.kind]++
		// g'x, b'x and x'Hx of x = reward H^-1 g - cost H^-1 b.
		gain, cost := got.reward*q-got.cost*r, got.reward*r-got.cost*s
		size := got.reward*got.reward*q - 2*got.reward*got.cost*r + got.cost*got.cost*s
		if size > 2*delta*(1+1e-6) {
			t.Fatalf("the step has x'Hx / 2 = %g, more than %g", size/2, delta)
		}
		unit := math.Sqrt(2 * delta * q)
		if s == 0 {
			if math.Abs(gain-unit) > 1e-6*unit {
				t.Fatalf("costs do not count: the step gains %g, want %g", gain, unit)
			}
			return
		}
		want, wantCost, feasible := exact(q, r, s, c, delta)
		if !feasible {
			if least := -math.Sqrt(2 * delta * s); got.kind != recovers || math.Abs(cost-least) > 1e-6*math.Abs(least) {
				t.Fatalf("no step is feasible: the cost moves by %g, want %g", cost, least)
			}
			return
		}
		if math.Abs(gain-want) > 1e-5*unit || cost+c > 1e-6*math.Sqrt(2*delta*s) {
			t.Fatalf("case %d: the step gains %g, want %g; its cost is %g, that of the exact one %g, %g is allowed", got.kind, gain, want, cost, wantCost, -c)
		}
	})
	for kind := range 5 {
		if met[kind] == 0 && !testing.Short() {
			t.Errorf("case %d was not met: %v", kind, met)
		}
	}
}

// With the published sign, the step of an infeasible policy lowers the cost less.
func TestCPOFlippedSign(t *testing.T) {
	right, flipped := solveDual(1, 0.5, 1, 0.05, 0.01, false), solveDual(1, 0.5, 1, 0.05, 0.01, true)
	cost := func(s solution) float64 { return s.reward*0.5 - s.cost }
	if math.Abs(cost(right)+0.05) > 1e-9 {
		t.Errorf("the cost moves by %g, want -0.05", cost(right))
	}
	if math.Abs(cost(flipped)+0.05) < 1e-3 {
		t.Errorf("the flipped sign moves the cost by %g too", cost(flipped))
	}
}
