package interval

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// matrixStates returns a polytope and others that differ from it in the matrix of
// the inequalities alone.
func matrixStates(t *testing.T, r *rand.Rand, n, m, states int) (*lp.Polytope, []*lp.Polytope) {
	t.Helper()
	inside := make([]float64, n)
	total := 0.
	for j := range inside {
		inside[j] = r.ExpFloat64()
		total += inside[j]
	}
	matrices := make([][][]float64, states+1)
	b := make([]float64, m)
	for s := range matrices {
		for k := range m {
			row, v := make([]float64, n), 0.
			for j := range row {
				if r.IntN(3) > 0 {
					row[j] = math.Round(100*r.Float64()) / 100
				}
				v += row[j] * inside[j] / total
			}
			b[k] = max(b[k], 1.02*v)
			matrices[s] = append(matrices[s], row)
		}
	}
	var all []*lp.Polytope
	for _, a := range matrices {
		d := lp.Description{Total: 1}
		for j := range n {
			d.Entities = append(d.Entities, string(rune('a'+j)))
		}
		for k := range m {
			d.Rows = append(d.Rows, lp.Row{Coef: a[k], Min: math.Inf(-1), Max: b[k]})
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all[0], all[1:]
}

// A state with a matrix of its own has the intervals of a polytope with that
// matrix, whatever the solver, beside rows that have none.
func TestStateMatrix(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	for _, size := range [][2]int{{4, 3}, {7, 5}, {13, 5}} {
		p, states := matrixStates(t, r, size[0], size[1], 3)
		n, batch := p.Dim(), len(states)+1
		for _, method := range []string{"explicit", "lazy", "clp", "auto"} {
			cfg := DefaultConfig()
			cfg.Method, cfg.Workers = method, 2
			s, err := New(p, cfg)
			if err != nil {
				t.Fatal(err)
			}
			c := s.Chain(batch)
			limits := make([]lp.Limits, batch) // the first row has the polytope's own
			for k, q := range states {
				limits[k+1].A = q.Form().A
			}
			for range 3 {
				c.Begin(batch, limits)
				actions := make([][]float64, batch)
				lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
				for i := range n {
					if err := c.Next(lo, hi); err != nil {
						t.Fatal(err)
					}
					for x := range batch {
						q := p
						if x > 0 {
							q = states[x-1]
						}
						// At the end of a chain, rounding of the amounts before may exclude all others.
						l, h, ok := lptest.ExactInterval(q, actions[x], nil, 2e-11)
						if !ok || !(lo[x] >= l-1e-9 && hi[x] <= h+1e-9) {
							t.Fatalf("%s, row %d, entity %d: [%v, %v], not within [%v, %v]", method, x, i, lo[x], hi[x], l, h)
						}
						if l, h, ok := lptest.ExactInterval(q, actions[x], nil, -2e-11); ok && !(lo[x] <= l+1e-9 && hi[x] >= h-1e-9) {
							t.Fatalf("%s, row %d, entity %d: [%v, %v], not all of [%v, %v]", method, x, i, lo[x], hi[x], l, h)
						}
						a[x] = lo[x] + (hi[x]-lo[x])*r.Float64()
						actions[x] = append(actions[x], a[x])
					}
					c.Fix(a)
				}
				for x, action := range actions {
					if res := p.Residual(action, &limits[x]); !(res <= 1e-9) {
						t.Errorf("%s, row %d: residual %g", method, x, res)
					}
					if x > 0 && !(states[x-1].Residual(action, nil) <= 1e-9) {
						t.Errorf("row %d: the residual is not that of its matrix", x)
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Programs under a matrix of a state are those of a polytope with that matrix. The error of one that
// no allocation satisfies names it, and what is no matrix is refused.
func TestStateMatrixErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	p, states := matrixStates(t, r, 5, 3, 1)
	lim := &lp.Limits{A: states[0].Form().A}
	cost := []float64{3, -1, 2, 0, 1}
	_, want, err := states[0].Minimize(cost, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, v, err := p.Minimize(cost, lim); err != nil || math.Abs(v-want) > 1e-9 {
		t.Errorf("least cost %v, %v, not %v", v, err, want)
	}
	s := opened(t, p, DefaultConfig())
	one := make([]float64, 1)
	try := func(a []float64) error {
		c := s.Chain(1)
		c.Begin(1, []lp.Limits{{A: a}})
		return c.Next(one, make([]float64, 1))
	}
	empty := make([]float64, len(p.Form().A))
	for j := range empty {
		empty[j] = 1e3
	}
	var infeasible *lp.InfeasibleError
	if err := try(empty); !errors.As(err, &infeasible) || len(infeasible.Conflict) == 0 {
		t.Errorf("nothing is left: %v", err)
	}
	bad := append([]float64(nil), states[0].Form().A...)
	bad[2] = math.NaN()
	if err := try(bad); err == nil || errors.As(err, &infeasible) {
		t.Errorf("a matrix with a NaN: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a matrix of a bad length is taken")
		}
	}()
	_ = try(bad[1:])
}
