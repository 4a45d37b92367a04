package interval

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

var solverMethods = Methods()[1:]

func TestFinalResidual(t *testing.T) {
	long.Test(t)
	for _, p := range lptest.Presets(t) {
		for _, method := range solverMethods {
			s, err := New(p, Config{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rng.New(1, "walk"))
			worst := math.Inf(-1)
			for range 8 {
				_, res := lptest.Walk(t, s, r, 50, nil)
				worst = max(worst, res)
			}
			if !(worst <= 1e-9) {
				t.Errorf("%s/%s: residual %g", p.Name(), method, worst)
			}
			if e, ok := find[*closedform.Solver](s); ok && e.Behind() != nil {
				t.Errorf("%s: the closed form left rows", p.Name())
			}
			t.Logf("%s/%s: largest residual %.2g", p.Name(), method, worst)
			s.Close()
		}
	}
}

func TestWorkerIndependence(t *testing.T) {
	for _, p := range lptest.Presets(t) {
		for _, method := range solverMethods {
			rows := 120
			if method == "clp" { // whose linear programs are nearly all of the work
				rows = 24
			}
			var want [][]float64
			for _, workers := range []int{1, 2, 7} {
				s, err := New(p, Config{Method: method, Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				got, _ := lptest.Walk(t, s, rand.New(rng.New(2, "walk")), rows, nil)
				// Again on workers that have a history.
				again, _ := lptest.Walk(t, s, rand.New(rng.New(2, "walk")), rows, nil)
				s.Close()
				if want == nil {
					want = got
				}
				for r := range want {
					for i := range want[r] {
						if got[r][i] != want[r][i] || again[r][i] != want[r][i] {
							t.Fatalf("%s/%s, %d workers: row %d entity %d is %v, then %v, want %v", p.Name(), method, workers, r, i, got[r][i], again[r][i], want[r][i])
						}
					}
				}
			}
		}
	}
}

func TestInfeasiblePrefix(t *testing.T) {
	p, err := lp.New(lp.Description{
		Entities: []string{"x", "y", "z"}, Total: 1,
		Rows: []lp.Row{{Name: "cap", Coef: []float64{1, 1, 0}, Min: math.Inf(-1), Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range solverMethods {
		s, err := New(p, Config{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Chain(4)
		lo, hi := make([]float64, 4), make([]float64, 4)
		c.Begin(4, nil)
		if err := c.Next(lo, hi); err != nil {
			t.Fatal(err)
		}
		c.Fix([]float64{0.25, 0.5 + 5e-7, 0.6, -0.1})
		err = c.Next(lo, hi)
		var inf *lp.InfeasibleError
		if !errors.As(err, &inf) {
			t.Fatalf("%s: error %v, want an InfeasibleError", method, err)
		}
		if inf.Row != 2 || inf.Entity != 1 || math.Abs(inf.Amount-0.1/1.5) > 1e-12 {
			t.Errorf("%s: %+v", method, inf)
		}
		if len(inf.Conflict) == 0 || inf.Conflict[0] != "cap" {
			t.Errorf("%s: conflict %q, want cap among it", method, inf.Conflict)
		}
		if lo[0] != 0 || hi[0] != 0.25 {
			t.Errorf("%s: [%v, %v], want [0, 0.25]", method, lo[0], hi[0])
		}
		if !(lo[1] <= hi[1] && hi[1] <= 1e-6 && lo[1] >= -1e-6) {
			t.Errorf("%s: relaxed interval [%v, %v]", method, lo[1], hi[1])
		}
		for r := 2; r < 4; r++ {
			if !math.IsNaN(lo[r]) || !math.IsNaN(hi[r]) {
				t.Errorf("%s: [%v, %v] of an infeasible prefix, want NaN", method, lo[r], hi[r])
			}
		}
		s.Close()
	}
}
