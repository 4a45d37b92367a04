package clp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// elasticOf returns the program whose limits may be relaxed, for a prefix under limits.
func elasticOf(p *lp.Polytope, prefix []float64, lim *lp.Limits) *elastic {
	w := newWorker(newModel(context.Background(), p), 1e-6)
	q := &relay.Action{Entity: len(prefix), Prefix: append(slices.Clone(prefix), make([]float64, p.Dim()-len(prefix))...), Own: lim == nil}
	q.B, q.F, q.L, q.U = p.Resolve(lim)
	if w.m.points != nil && q.Own {
		return w.elasticPoints(q)
	}
	return w.elasticRows(q)
}

// TestFarIsProved holds the bound of multipliers to the least theta in rational
// arithmetic: it never exceeds it, whatever the multipliers are, and where it is
// used it is as large.
func TestFarIsProved(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "far"))
		d := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil || p.Dim() == 1 {
			return
		}
		prefix := make([]float64, 1+r.IntN(p.Dim()-1))
		for j := range prefix {
			prefix[j] = 2 * r.NormFloat64()
		}
		e := elasticOf(p, prefix, nil)
		least, _, _ := e.least()
		theta, conflict, ok := e.far()
		cost := slices.Repeat([]*big.Rat{new(big.Rat)}, len(e.lower))
		cost[len(cost)-1] = big.NewRat(1, 1)
		for _, form := range []func(cost, b []*big.Rat) (*big.Rat, []*big.Rat, exact.Status){e.primal, e.dual} {
			if v, _, status := form(cost, e.b); status != exact.Optimal || v.Cmp(least) != 0 {
				t.Fatalf("the least is %v, by one of two forms %v\n%+v", least, v, d)
			}
		}
		if ok {
			kinds["proved"]++
			if exact := vec.Float(least); math.Abs(theta-exact) > 1e-5*exact || len(conflict) == 0 {
				t.Fatalf("%v by %v, the least is %v\n%+v", theta, conflict, exact, d)
			}
		} else {
			kinds["left to rational arithmetic"]++
		}
		lambda := make([]float64, len(e.b))
		for k := range lambda {
			if r.IntN(2) == 0 {
				lambda[k] = r.ExpFloat64()
			}
		}
		if b := e.bound(lambda); b != nil {
			kinds["bounds of any multipliers"]++
			if b.Cmp(least) > 0 {
				t.Fatalf("bound %v above the least %v\n%+v", vec.Float(b), vec.Float(least), d)
			}
		}
	})
	t.Log(kinds)
	if kinds["proved"] == 0 {
		t.Error("nothing was proved")
	}
}

// TestFarConflict takes the rows of a conflict alone: no allocation satisfies them, and they have
// to be relaxed by as much as all limits together.
func TestFarConflict(t *testing.T) {
	p := lptest.CappedSimplex(t, 50, 10)
	lim := &lp.Limits{Upper: slices.Repeat([]float64{0.01}, 50)}
	s, err := New(t.Context(), p, 1e-6, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := s.Chain(1)
	c.Begin(1, []lp.Limits{*lim})
	var inf *lp.InfeasibleError
	if err := c.Next([]float64{0}, []float64{0}); !errors.As(err, &inf) {
		t.Fatalf("error %v, want an InfeasibleError", err)
	}
	// 50 caps of 0.01 and a total of 1 are relaxed by as much of their sizes.
	sizes := p.Form().EqSize[0]
	for _, s := range p.Form().Size {
		sizes += s
	}
	if want := 0.5 / sizes; math.Abs(inf.Amount-want) > 1e-12 {
		t.Errorf("amount %v, want %v", inf.Amount, want)
	}
	if len(inf.Conflict) != 51 || !slices.Contains(inf.Conflict, "total = 1") {
		t.Errorf("conflict %q", inf.Conflict)
	}
	e := elasticOf(p, nil, lim)
	var part elastic
	part.lower, part.objective = e.lower, e.objective
	for k, name := range e.names {
		if slices.Contains(inf.Conflict, name()) {
			part.a, part.b, part.names, part.single = append(part.a, e.a[k]), append(part.b, e.b[k]), append(part.names, name), append(part.single, e.single[k])
		}
	}
	if theta, _, _ := part.least(); theta.Cmp(big.NewRat(5, 100)) < 0 {
		t.Errorf("the conflict alone is infeasible by %v", theta)
	}
}

// TestLeastOfMany asks of one row a little less than any allocation of many entities has: rational arithmetic finds by how
// much, and what floating point says is near. The rows of the conflict alone take as much.
func TestLeastOfMany(t *testing.T) {
	long.Test(t)
	const n, m = 100, 20
	r := rand.New(rng.New(1, "many"))
	d := lp.Description{Entities: lptest.Names(n), Total: 1, Upper: make([]float64, n)}
	for j := range d.Upper {
		d.Upper[j] = (2 + 8*r.Float64()) / n
	}
	for range m {
		row := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1)}
		for j := range row.Coef {
			row.Coef[j] = r.Float64()
			row.Max += row.Coef[j] / n
		}
		row.Max += 0.002
		d.Rows = append(d.Rows, row)
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	_, least, err := p.Minimize(d.Rows[0].Coef, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []float64{1e-8, 1e-6, 1e-3} {
		lim := &lp.Limits{B: slices.Clone(p.Form().B)}
		lim.B[0] = least - by
		e := elasticOf(p, nil, lim)
		found, likely := e.approximate()
		e.likely = likely
		theta, conflict, ok := e.least()
		if !ok || theta.Sign() <= 0 {
			t.Fatalf("row tighter by %g: %v, %v", by, theta, ok)
		}
		if v := vec.Float(theta); math.Abs(v-found) > 1e-6*v+1e-12 {
			t.Errorf("row tighter by %g: the least is %v, floating point says %v", by, v, found)
		}
		var part elastic
		part.lower, part.objective = e.lower, e.objective
		for k, name := range e.names {
			if slices.Contains(conflict, name()) {
				part.a, part.b, part.names, part.single = append(part.a, e.a[k]), append(part.b, e.b[k]), append(part.names, name), append(part.single, e.single[k])
			}
		}
		if alone, _, ok := part.least(); !ok || alone.Cmp(theta) != 0 {
			t.Errorf("row tighter by %g: the conflict alone takes %v, not %v", by, alone, theta)
		}
		near := vec.Rational(math.Nextafter(vec.Float(theta), 1))
		lo, low := e.endpoint(near, false)
		hi, high := e.endpoint(near, true)
		if low != exact.Optimal || high != exact.Optimal || lo.Cmp(hi) > 0 {
			t.Errorf("row tighter by %g: endpoints %v %v, %v %v", by, lo, low, hi, high)
		}
	}
}

// BenchmarkInfeasible names what conflicts far from feasibility.
func BenchmarkInfeasible(b *testing.B) {
	for _, n := range []int{13, 50} {
		for _, name := range []string{"rational", "proved"} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				p := lptest.CappedSimplex(b, n, 10)
				e := elasticOf(p, nil, &lp.Limits{Upper: slices.Repeat([]float64{0.5 / float64(n)}, n)})
				for b.Loop() {
					if name == "rational" {
						e.least()
					} else if _, _, ok := e.far(); !ok {
						b.Fatal("no proof")
					}
				}
			})
		}
	}
}
