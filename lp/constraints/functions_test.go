package constraints

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A constraint with functions holds where it says, and nowhere else.
func TestFunctions(t *testing.T) {
	box := testBox() // a0 in [-1, 1], a1 in [-1, 2], a2 in [0, 1], a3 in [-2, 0]
	for _, c := range []struct {
		expr string
		rows int
		left func(a []float64) float64 // at most 0
	}{
		{"max(a0, a1) <= 0.4", 2, func(a []float64) float64 { return max(a[0], a[1]) - 0.4 }},
		{"min(a0, a1, a2) >= 0.1", 3, func(a []float64) float64 { return 0.1 - min(a[0], a[1], a[2]) }},
		{"0.4 >= max(a0, a1)", 2, func(a []float64) float64 { return max(a[0], a[1]) - 0.4 }},
		{"abs(a0 - a1) <= 0.5", 2, func(a []float64) float64 { return math.Abs(a[0]-a[1]) - 0.5 }},
		{"abs(a2) + abs(a3) <= 1", 1, func(a []float64) float64 { return a[2] - a[3] - 1 }},
		{"a0 + abs(a1) <= 2*a2", 2, func(a []float64) float64 { return a[0] + math.Abs(a[1]) - 2*a[2] }},
		{"abs(a0) + abs(a1) + a2 <= 1", 4, func(a []float64) float64 { return math.Abs(a[0]) + math.Abs(a[1]) + a[2] - 1 }},
		{"max(a0, a1) - min(a2, a3) <= 1", 2, func(a []float64) float64 { return max(a[0], a[1]) - min(a[2], a[3]) - 1 }},
		{"-2*max(a0, a1)/4 >= a3 + 0.5", 2, func(a []float64) float64 { return a[3] + 0.5 + max(a[0], a[1])/2 }},
		{"max(abs(a0), 2*a1 - 1, 0.2) <= 0.5", 3, func(a []float64) float64 { return max(math.Abs(a[0]), 2*a[1]-1, 0.2) - 0.5 }},
		{"max(`a0`, (a1)) <= G", 2, func(a []float64) float64 { return max(a[0], a[1]) - a[0] - a[2] }},
		{"0*max(a0, a1) + a0 <= 0.3", 1, func(a []float64) float64 { return a[0] - 0.3 }},
		{"max(a3, a2) <= 0.3", 1, func(a []float64) float64 { return a[2] - 0.3 }}, // a3 is nowhere above a2
	} {
		p, err := within(t, fmt.Sprintf("groups: {G: [a0, a2]}\nconstraints: [{name: r, expr: %q}]", c.expr), box)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if _, b, names := p.Inequalities(); len(b) != c.rows || c.rows > 1 && names[1] != "r (2)" || c.rows == 1 && names[0] != "r" {
			t.Errorf("%s: rows %q, want %d", c.expr, names, c.rows)
		}
		r := rand.New(rand.NewPCG(1, 2))
		inside := 0
		for range 2000 {
			a := make([]float64, 4)
			for j := range a {
				a[j] = box.Lower[j] + r.Float64()*(box.Upper[j]-box.Lower[j])
			}
			want := c.left(a)
			if math.Abs(want) < 1e-9 {
				continue
			}
			if got := p.Residual(a, nil) <= 0; got != (want <= 0) {
				t.Fatalf("%s: %v is inside: %v, and on its left there is %g", c.expr, a, got, want)
			} else if got {
				inside++
			}
		}
		if inside < 20 || inside > 1980 {
			t.Errorf("%s: %d of 2000 inside", c.expr, inside)
		}
	}
	var sum []string
	for range 6 {
		sum = append(sum, "max(a0, a1, a2)")
	}
	_, err := within(t, "constraints: [\""+strings.Join(sum, " + ")+" <= 1\"]", box)
	if err == nil || !strings.Contains(err.Error(), "with max(...) it is more than 256 rows") {
		t.Errorf("error %v", err)
	}
}
