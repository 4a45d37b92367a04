package interval

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

func TestSolverConfig(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Method: "simplex"}, `method is "simplex"`},
		{Config{Tolerance: -1}, "tolerance is -1"},
		{Config{Tolerance: math.NaN()}, "tolerance is NaN"},
		{Config{Workers: -2}, "workers is -2"},
		{Config{MaxPieces: -1}, "max_pieces is -1"},
		{Config{MaxEffort: -1}, "max_effort is -1"},
		{Config{MaxBases: -1}, "max_bases is -1"},
	} {
		if _, err := New(p, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q in it", c.cfg, err, c.want)
		}
	}
	s, err := New(p, Config{})
	if err != nil || s.Method() != "explicit" {
		t.Fatalf("auto took %v, %v", s, err)
	}
	s.Close()
}

func TestBudgetDecides(t *testing.T) {
	p := lptest.RandomSimplex(t, rand.New(rng.New(1, "budget")), 20, 5, 0.1)
	tight := Config{Method: "explicit", MaxPieces: 100, MaxEffort: 1}
	_, err := New(p, tight)
	var over *lp.BudgetError
	if !errors.As(err, &over) || over.Entity == "" {
		t.Fatalf("error %v, want a BudgetError", err)
	}
	tight.Method = "auto"
	s := opened(t, p, tight)
	if s.Method() != "lazy" {
		t.Errorf("auto took %s beyond the budget", s.Method())
	}
	if _, res := lptest.Walk(t, s, rand.New(rng.New(2, "budget")), 3, nil); !(res <= 1e-9) {
		t.Errorf("residual %g", res)
	}
}

// TestManyRows has entities whose pieces come from the vertices and others whose
// come from the dual.
func TestManyRows(t *testing.T) {
	long.Test(t)
	r := rand.New(rng.New(3, "rows"))
	for _, c := range []struct{ n, m int }{{8, 24}, {5, 40}} {
		p := lptest.RandomSimplex(t, r, c.n, c.m, 0)
		s, err := New(p, Config{Method: "explicit"})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("n %d, m %d: %v", c.n, c.m, s.(closedform.Describer).Compiled())
		if err := lptest.WalkChecked(s, r, nil, 5); err != nil {
			t.Error(err)
		}
		// Other limits are answered all the same.
		b := append([]float64(nil), p.Form().B...)
		for k := range b {
			b[k] += 0.01
		}
		if err := lptest.WalkChecked(s, r, []lp.Limits{{B: b}, {}}, 2); err != nil {
			t.Error(err)
		}
		s.Close()
	}
}

func TestPointsAgainstRows(t *testing.T) {
	long.Test(t)
	r := rand.New(rng.New(4, "points"))
	for range 5 {
		n := 2 + r.IntN(4)
		d := lp.Description{Total: 1}
		for j := range n {
			d.Entities = append(d.Entities, fmt.Sprintf("x%d", j))
		}
		for range n + r.IntN(12) {
			d.Points = append(d.Points, rng.Simplex(r, n))
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		rows := lptest.RowsOnly(t, p)
		for _, method := range solverMethods {
			for _, q := range []*lp.Polytope{p, rows} {
				s, err := New(q, Config{Method: method, Workers: 1})
				if err != nil {
					t.Fatal(err)
				}
				// Intervals of the points hold against the rows.
				if err := lptest.WalkChecked(s, r, nil, 3); err != nil {
					t.Errorf("%s: %v\n%+v", method, err, d)
				}
				s.Close()
			}
		}
	}
}

func TestBoundingBox(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"x", "y", "z"}, Total: 2, Upper: []float64{0.5, math.Inf(1), math.Inf(1)},
		Rows: []lp.Row{{Name: "r", Coef: []float64{0, 1, 0}, Min: 0.25, Max: math.Inf(1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	wantLo, wantHi := []float64{0, 0.25, 0}, []float64{0.5, 2, 1.75}
	for j := range lo {
		if math.Abs(lo[j]-wantLo[j]) > 1e-12 || math.Abs(hi[j]-wantHi[j]) > 1e-12 {
			t.Errorf("entity %d: [%v, %v], want [%v, %v]", j, lo[j], hi[j], wantLo[j], wantHi[j])
		}
	}
}

func TestRedundantRows(t *testing.T) {
	inf := math.Inf(-1)
	p, err := lp.New(lp.Description{
		Entities: []string{"x", "y", "z"}, Total: 1,
		Rows: []lp.Row{
			{Name: "binds", Coef: []float64{1, 0, 0}, Min: inf, Max: 0.5},
			{Name: "twice", Coef: []float64{2, 0, 0}, Min: inf, Max: 1},
			{Name: "loose", Coef: []float64{1, 1, 0}, Min: inf, Max: 1.5},
			{Name: "touches", Coef: []float64{1, 1, 0}, Min: inf, Max: 1},
			{Name: "sum", Coef: []float64{1, 0, 1}, Min: inf, Max: 0.75},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := lp.RedundantRows(p)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("redundant rows %v, want [1 2 3]", got)
	}
}
