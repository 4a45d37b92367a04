package program_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"paspo/lp/internal/program"
	"paspo/lp/internal/programtest"
	"paspo/lp/internal/vec"
)

// Conflicts that were hard to find: rows that meet far from where the entities are, at a place that
// rounding decides.
func TestConflictsOfRounding(t *testing.T) {
	x := []float64{0.02, -0.08, 0.01, -0.02, 0.005, 0.012}
	rows := [][]float64{
		{1, 1, 1, 1, 1, 1}, {0.5, 0, -2, 0.2, -6, -7}, {-4, -1, 0.5, 2, -0.2, 1.2}, {0.1, 2.5, 0, 0.5, 0, -0.5}, {1, 0.2, 4, -0.8, 0.2, 3.5},
	}
	var at []float64
	for _, r := range rows {
		ax, _ := vec.DotScale(r, x)
		at = append(at, ax)
	}
	for i, q := range []program.Program{
		{C: make([]float64, 6), E: slices.Concat(rows[:4]...), F: at[:4], A: rows[4], B: []float64{at[4] - 5}, L: x, U: x},
		{
			C: make([]float64, 3), E: []float64{1, 1, 1, -1.5, 1, -4}, F: []float64{-2 + 1 + 0.3, 3 + 1 - 4*0.3},
			A: []float64{1, 0, 1}, B: []float64{-1.95}, L: []float64{-2, 1, -3.7}, U: []float64{-2, 1, 0.3},
		},
	} {
		q.SetScales()
		if !programtest.CheckConflict(t, &q) {
			t.Errorf("program %d is feasible", i)
		}
	}
}

// Optima that are known by hand are found. Programs without one are told to be empty or unbounded.
func TestVerdicts(t *testing.T) {
	inf := math.Inf(1)
	free := []float64{-inf, -inf}
	none := []float64{inf, inf}
	for _, c := range []struct {
		name       string
		c, a, b    []float64
		e, f, l, u []float64
		value      float64
		err        error
	}{
		{name: "no rows", c: []float64{1, -1}, l: []float64{-2, 0}, u: []float64{5, 7}, value: -9},
		{name: "no rows, unbounded", c: []float64{1, 0}, l: free, u: none, err: program.ErrUnbounded},
		{name: "no rows, no cost", c: []float64{0, 0}, l: free, u: none, value: 0},
		{name: "crossed bounds", c: []float64{1, 0}, l: []float64{1, 0}, u: []float64{0, 1}, err: program.ErrInfeasible},
		{name: "free variables", c: []float64{1, 1}, a: []float64{-1, -2, -2, -1}, b: []float64{3, 3}, l: free, u: none, value: -2},
		{name: "unbounded", c: []float64{-1, 0}, a: []float64{1, -1}, b: []float64{0}, l: []float64{0, 0}, u: none, err: program.ErrUnbounded},
		{name: "infeasible", c: []float64{1, 1}, a: []float64{1, 1, -1, -1}, b: []float64{1, -2}, l: free, u: none, err: program.ErrInfeasible},
		{name: "infeasible, no cost", c: []float64{0, 0}, e: []float64{1, 1, 1, 1}, f: []float64{1, 2}, l: free, u: none, err: program.ErrInfeasible},
		{name: "infeasible, given up by CLP's primal", c: []float64{0, 0}, a: []float64{-1, 0, 1.4, 0}, b: []float64{0, -0.25}, l: []float64{-1000, -1000}, u: []float64{1000, 1000}, err: program.ErrInfeasible},
		{name: "dependent equalities", c: []float64{1, 2}, e: []float64{1, 1, 2, 2}, f: []float64{1, 2}, l: []float64{0, 0}, u: none, value: 1},
		{name: "rows without coefficients", c: []float64{1, 2}, a: []float64{0, 0, -1, -1}, b: []float64{0, -1}, l: []float64{0, 0}, u: none, value: 1},
		{name: "a limit that is none", c: []float64{1, 2}, a: []float64{1, 1, -1, -1}, b: []float64{inf, -1}, l: []float64{0, 0}, u: none, value: 1},
		{name: "large numbers", c: []float64{1, 2}, e: []float64{1, 1}, f: []float64{1e12}, l: []float64{0, 3e11}, u: none, value: 1.3e12},
		{name: "small numbers", c: []float64{1, 2}, e: []float64{1, 1}, f: []float64{1e-6}, l: []float64{0, 3e-7}, u: none, value: 1.3e-6},
	} {
		x, value, err := program.Solve(c.c, c.a, c.b, c.e, c.f, c.l, c.u)
		if !errors.Is(err, c.err) || err == nil && math.Abs(value-c.value) > 1e-9*math.Abs(c.value) {
			t.Errorf("%s: %v %g %v, want %g %v", c.name, x, value, err, c.value, c.err)
		}
	}
}

// A program that CLP cannot take is an error.
func TestTooLargeForCLP(t *testing.T) {
	q := program.Program{C: []float64{1, 1}, A: []float64{1e40, 1}, B: []float64{1}, L: []float64{0, 0}, U: []float64{1, 1}, Unit: 1, Cost: 1}
	if _, err := q.Minimize(&q); err != program.ErrTooLarge {
		t.Errorf("a coefficient of 1e40: %v", err)
	}
}
