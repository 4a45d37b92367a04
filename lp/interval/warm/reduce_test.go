package warm

import (
	"math"
	"slices"
	"testing"

	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

func TestReduce(t *testing.T) {
	ones := slices.Repeat([]float64{1}, 8)
	red := reduce(tolerance.Noise,
		sized{[][]float64{{1, 1, 1, 1}, {0, 1, 1, 0}, {2, 1, 1, 2}}, []float64{1, 1, 3}},
		sized{[][]float64{
			{1, 0, 0, 0},
			{0, 0, 0, 4},          // 4 x (x4), x1 + x4 being fixed: the other side of the first
			{0.3, 0.3, 0.3, 0.3},  // the budget
			{0, 0.1, 0.1, 0},      // the second equality, in decimals
			{0, 1, 0, 0},          //
			{0, -0.5, 0, 0},       // its other side
			{1, 1, 2, 1},          // the budget and x3, which is a side of the last two
			{0.25, 0.25, 0, 0.25}, // the budget less x3
		}, ones})
	if got, want := red.eqs, []int{0, 1}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("independent equalities %v, want %v", got, want)
	}
	if len(red.checks) != 3 || !red.checks[0].equality || red.checks[0].row != 2 || red.checks[1].row != 2 || red.checks[2].row != 3 {
		t.Fatalf("checks %+v", red.checks)
	}
	// 2 (x1 + ... + x4) - (x2 + x3) = 2 x1 + x2 + x3 + 2 x4
	if c := red.checks[0].along; math.Abs(c[0]-2) > 1e-15 || math.Abs(c[1]+1) > 1e-15 {
		t.Errorf("the third equality is %v of the others", c)
	}
	if len(red.groups) != 2 || len(red.groups[0]) != 2 || len(red.groups[1]) != 4 {
		t.Fatalf("groups %+v", red.groups)
	}
	// Rows of a group agree with its first on allocations that satisfy the equalities.
	rows := [][]float64{{1, 0, 0, 0}, {0, 0, 0, 4}, nil, nil, {0, 1, 0, 0}, {0, -0.5, 0, 0}, {1, 1, 2, 1}, {0.25, 0.25, 0, 0.25}}
	x := []float64{0.3, 0.7, 0.45, 0.11}
	e := []float64{x[0] + x[1] + x[2] + x[3], x[1] + x[2]}
	for _, g := range red.groups {
		first := vec.Dot(rows[g[0].row], x)
		for _, m := range g[1:] {
			v := vec.Dot(rows[m.row], x) - m.along[0]*e[0] - m.along[1]*e[1]
			if math.Abs(m.c) > 1 || math.Abs(v-m.c*first) > 1e-15 {
				t.Errorf("row %d: %v, want %v x %v", m.row, v, m.c, first)
			}
		}
	}
}

// Of two equalities that fix an entity the one that does so to more digits is kept.
func TestSharpestEquality(t *testing.T) {
	red := reduce(tolerance.Noise, sized{[][]float64{{1e-3, 0}, {-953, 0}, {0, 1}}, []float64{1, 1, 1}}, sized{})
	if !slices.Equal(red.eqs, []int{1, 2}) || len(red.checks) != 1 || red.checks[0].row != 0 {
		t.Errorf("kept %v, checks %+v", red.eqs, red.checks)
	}
}
