package relax

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/lp"
	"paspo/lp/constraints"
)

// always returns a program for bounds that may all be finite.
func always(t *testing.T, p *lp.Polytope) *Program {
	t.Helper()
	known, err := lp.Project(p, make([]float64, p.Dim()))
	if err != nil {
		t.Fatal(err)
	}
	yes := func(int) bool { return true }
	return New(p, known, yes, yes).Program()
}

// On random programs the dictionary finds the relaxations that CLP finds.
func TestRelaxationAgainstLP(t *testing.T) {
	long.Test(t)
	r := rand.New(rand.NewPCG(5, 5))
	for k := range 300 {
		n := 2 + r.IntN(9)
		d := lp.Description{Total: 1, Lower: make([]float64, n), Upper: make([]float64, n)}
		inside := make([]float64, n)
		var sum float64
		for j := range n {
			d.Entities = append(d.Entities, string(rune('a'+j)))
			inside[j] = r.ExpFloat64()
			sum += inside[j]
			d.Upper[j] = math.Inf(1)
		}
		for j := range inside {
			inside[j] /= sum
			if r.IntN(3) == 0 {
				d.Lower[j], d.Upper[j] = inside[j]*r.Float64(), inside[j]+r.Float64()
			}
		}
		for range r.IntN(6) {
			row := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1)}
			scale := math.Pow(10, 4*r.Float64()-2)
			for j := range row.Coef {
				if r.IntN(3) > 0 {
					row.Coef[j] = scale * (r.Float64() - 0.3)
				}
			}
			row.Max = dot(row.Coef, inside)
			if r.IntN(2) == 0 {
				row.Max += scale * r.Float64() / 10
			} else if r.IntN(3) == 0 {
				row.Min = row.Max
			}
			if slices.ContainsFunc(row.Coef, func(c float64) bool { return c != 0 }) {
				d.Rows = append(d.Rows, row)
			}
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		w := always(t, p)
		lo, hi := make([]float64, n), make([]float64, n)
		for range 20 {
			for j := range lo {
				x, half := r.Float64(), r.Float64()/5
				lo[j], hi[j] = x-half, x+half
				if r.IntN(4) == 0 {
					lo[j] = math.Inf(-1)
				}
				if r.IntN(4) == 0 {
					hi[j] = math.Inf(1)
				}
			}
			got, _ := w.Least(lo, hi)
			w.set(lo, hi)
			w.fallback(lo, hi)
			want := max(0, excess(w.a, lo, hi)+Margin)
			if math.Abs(got-want) > 2e-9 {
				t.Fatalf("program %d: relaxation %.12g, CLP finds %.12g", k, got, want)
			}
			if res := p.Residual(w.a, nil); !(res <= 1e-9) {
				t.Fatalf("program %d: the allocation of CLP has a residual of %g", k, res)
			}
		}
		if w.fallbacks > 0 {
			t.Errorf("program %d: the dictionary failed %d times", k, w.fallbacks)
		}
	}
}

// The dictionary over the weights of a hull without facets is compared with CLP. Relaxed by the
// amount that it finds, limits have an allocation; relaxed by a little less, they have none.
func TestRelaxationOfHullWithoutFacets(t *testing.T) {
	long.Test(t)
	p, err := constraints.Parse("hull.yaml", []byte("generate: {method: points, entities: 10, points: 60, seed: 1}\nfacet_effort: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("the facets were found")
	}
	w := always(t, p)
	r := rand.New(rand.NewPCG(6, 6))
	n := p.Dim()
	lo, hi := make([]float64, n), make([]float64, n)
	relaxed := 0
	for range 40 {
		for j := range lo {
			x := 0.1 + 0.1*r.NormFloat64()
			lo[j], hi[j] = x-0.1*r.Float64(), x+0.1*r.Float64()
		}
		got, _ := w.Least(lo, hi)
		if got > 0 {
			relaxed++
		}
		w.set(lo, hi)
		w.fallback(lo, hi)
		if want := max(0, excess(w.a, lo, hi)+Margin); math.Abs(got-want) > 2e-9 {
			t.Fatalf("relaxation %.12g, CLP finds %.12g", got, want)
		}
		l, u := p.Bounds()
		leaves := func(by float64) bool {
			lim := lp.Limits{Lower: make([]float64, n), Upper: make([]float64, n)}
			for j := range lo {
				lim.Lower[j], lim.Upper[j] = max(l[j], lo[j]-by), min(u[j], hi[j]+by)
				if lim.Lower[j] > lim.Upper[j] {
					return false
				}
			}
			_, _, err := p.Minimize(make([]float64, n), &lim)
			var empty *lp.EmptyError
			if err != nil && !errors.As(err, &empty) {
				t.Fatal(err)
			}
			return err == nil
		}
		if !leaves(got) || got > 0 && leaves(got-1e-7) {
			t.Fatalf("a relaxation of %g is not the least", got)
		}
	}
	if relaxed < 20 {
		t.Errorf("only %d of 40 states were relaxed", relaxed)
	}
	if w.fallbacks > 0 {
		t.Errorf("the dictionary failed %d times", w.fallbacks)
	}
}

func dot(a, b []float64) float64 {
	var s float64
	for i, x := range a {
		s += x * b[i]
	}
	return s
}
