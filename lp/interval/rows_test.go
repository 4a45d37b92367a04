package interval

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/warm"
)

func TestTooManyRows(t *testing.T) {
	d := lp.Description{Entities: []string{"x", "y", "z"}, Total: 1}
	for k := range warm.MaxRows + 10 {
		s, c := math.Sincos(float64(k) / 400)
		d.Rows = append(d.Rows, lp.Row{Name: fmt.Sprint("r", k), Coef: []float64{c, s, 0}, Min: math.Inf(-1), Max: 0.5})
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(p, Config{Method: "lazy"})
	var over *lp.BudgetError
	if !errors.As(err, &over) {
		t.Fatalf("error %v, want a BudgetError", err)
	}
	s := opened(t, p, Config{MaxPieces: 1})
	if s.Method() != "clp" {
		t.Errorf("auto took %s", s.Method())
	}
}

// The coefficients of one row are tiny beside its limit, so that it limits nothing. No method takes
// it for a multiple of the other row.
func TestGroupTolerance(t *testing.T) {
	for _, tiny := range []float64{1e-8, 1e-14, 1e-20} {
		p, err := lp.New(lp.Description{
			Entities: lptest.Names(3), Total: 1,
			Rows: []lp.Row{
				{Coef: []float64{tiny, tiny, 0}, Min: math.Inf(-1), Max: 0.2},
				{Coef: []float64{1, 0.3, 0}, Min: math.Inf(-1), Max: 0.6},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range solverMethods {
			s, err := New(p, Config{Method: method, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := lptest.WalkChecked(s, rand.New(rng.New(1, "tiny")), nil, 20); err != nil {
				t.Errorf("%s, %g: %v", method, tiny, err)
			}
			s.Close()
		}
	}
}
