package walkforward

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

// Shadow prices are the slopes of the optimum that is found anew where one limit is looser or
// tighter by 1e-4, bounds, both sides of rows, convex terms and the budget included. Where
// limits meet so that multipliers are not unique, the slopes of either side differ.
func TestShadowPrices(t *testing.T) {
	none := math.Inf(-1)
	bound := func(name string, j int, upper bool) limit {
		return limit{name, func(d *lp.Description, h float64) {
			if upper {
				d.Upper[j] += h
			} else {
				d.Lower[j] -= h
			}
		}}
	}
	side := func(name string, k int, upper bool) limit {
		return limit{name, func(d *lp.Description, h float64) {
			if upper {
				d.Rows[k].Max += h
			} else {
				d.Rows[k].Min -= h
			}
		}}
	}
	budget := limit{"total = 1", func(d *lp.Description, h float64) { d.Total += h }}
	names := []string{"A", "B", "C", "D"}
	magnitudes := func(from float64, entities ...int) (all []lp.Term) {
		for _, j := range entities {
			all = append(all, lp.Term{Entity: j, Above: 1, Below: 1, From: from})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		d      lp.Description
		limits []limit
		binds  int  // how many limits have a price
		kinks  bool // some have two
	}{
		{"bounds and rows", lp.Description{
			Entities: names, Total: 1, Lower: []float64{0, 0, 0.15, 0.05}, Upper: []float64{0.4, 1, 1, 1},
			Rows: []lp.Row{
				{Name: "pair", Coef: []float64{1, 1, 0, 0}, Min: 0.2, Max: 0.6},
				{Name: "mix", Coef: []float64{0, 1, 0, 2}, Min: 0.45, Max: 1},
			},
		}, []limit{
			bound("A <= 0.4", 0, true), bound("B >= 0", 1, false), bound("C >= 0.15", 2, false), bound("D >= 0.05", 3, false),
			side("pair <= 0.6", 0, true), side("pair >= 0.2", 0, false), side("mix <= 1", 1, true), side("mix >= 0.45", 1, false), budget,
		}, 3, false},
		{"leverage", lp.Description{
			Entities: names, Total: 1, Lower: []float64{-0.3, -0.3, -0.3, -0.3}, Upper: []float64{0.9, 0.9, 0.9, 0.9},
			Rows: []lp.Row{
				{Name: "gross", Coef: make([]float64, 4), Min: none, Max: 1.3, Terms: magnitudes(0, 0, 1, 2, 3)},
				{Name: "near", Coef: make([]float64, 4), Min: none, Max: 0.6, Terms: magnitudes(0.5, 0, 1)},
			},
		}, []limit{bound("A <= 0.9", 0, true), bound("D >= -0.3", 3, false), side("gross", 0, true), side("near", 1, true), budget}, 3, false},
		{"degenerate", lp.Description{
			Entities: names, Total: 1, Lower: make([]float64, 4), Upper: []float64{0.3, 0.3, 1, 1},
			Rows: []lp.Row{{Name: "pair", Coef: []float64{1, 1, 0, 0}, Min: none, Max: 0.6}},
		}, []limit{bound("A <= 0.3", 0, true), bound("B <= 0.3", 1, true), side("pair", 0, true), bound("D >= 0", 3, false), budget}, 2, true},
	} {
		growth := hindsight(60)
		best := func(d lp.Description) (*lp.Polytope, []float64, float64) {
			p := polytope(t, d)
			inside, err := lp.Project(p, []float64{0.25, 0.25, 0.25, 0.25})
			if err != nil {
				t.Fatal(err)
			}
			a, err := bestConstant(unborrowed(p), inside, growth)
			if err != nil {
				t.Fatal(err)
			}
			s := 0.
			for _, row := range growth {
				g := 0.
				for j, v := range row {
					g += v * a[j]
				}
				s += 12 * math.Log(g) / float64(len(growth))
			}
			return p, a, s
		}
		p, a, value := best(c.d)
		prices, residual, err := shadowPrices(p, a, slope(a, growth, 12))
		if err != nil || !(residual < 1e-6) {
			t.Fatalf("%s: residual %v, %v", c.name, residual, err)
		}
		binds, kinks := 0, false
		for _, l := range c.limits {
			got, ok := prices[l.name]
			if !ok {
				t.Errorf("%s: %s has no price", c.name, l.name)
				continue
			}
			moved := func(h float64) float64 {
				d := c.d
				d.Lower, d.Upper, d.Rows = slices.Clone(d.Lower), slices.Clone(d.Upper), slices.Clone(d.Rows)
				l.loosen(&d, h)
				_, _, v := best(d)
				return (v - value) / h
			}
			const h = 1e-4
			off := 2e-5 + h*got.largest // growth is curved
			if loose, tight := moved(h), moved(-h); math.Abs(got.least-loose) > off || math.Abs(got.largest-tight) > off {
				t.Errorf("%s: %s has prices %+v, the optimum's slopes are %v and %v", c.name, l.name, got, loose, tight)
			}
			if got.largest > 1e-3 {
				binds++
			}
			kinks = kinks || got.largest > got.least+1e-3
		}
		if binds < c.binds || kinks != c.kinks {
			t.Errorf("%s: %d limits bind, %v", c.name, binds, prices)
		}
	}
}

type limit struct {
	name   string
	loosen func(*lp.Description, float64)
}

// hindsight is growth of four assets by period, the first of which grow most.
func hindsight(periods int) [][]float64 {
	r := rand.New(rng.New(3, "hindsight"))
	all := make([][]float64, periods)
	for t := range all {
		for j := range 4 {
			all[t] = append(all[t], math.Exp(0.02-0.006*float64(j)+0.06*r.NormFloat64()))
		}
	}
	return all
}
