package interval

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// enumerated returns the description with, for every row with terms, one row without terms for every
// choice of sides: above or below From in each term.
func enumerated(d lp.Description, holdings []float64) lp.Description {
	rows := d.Rows
	d.Rows = nil
	for _, r := range rows {
		all := []lp.Row{{Coef: slices.Clone(r.Coef), Min: r.Min, Max: r.Max}}
		for _, t := range r.Terms {
			from := t.From
			if t.Holding && holdings != nil {
				from = holdings[t.Entity]
			}
			var next []lp.Row
			for _, one := range all {
				for _, w := range []float64{t.Above, -t.Below} {
					side := lp.Row{Coef: slices.Clone(one.Coef), Min: one.Min, Max: one.Max + w*from}
					if t.Sum == nil {
						side.Coef[t.Entity] += w
					}
					for j, c := range t.Sum {
						side.Coef[j] += w * c
					}
					next = append(next, side)
				}
			}
			all = next
		}
		// A row of no entity says nothing, up to the rounding of its limit.
		all = slices.DeleteFunc(all, func(one lp.Row) bool {
			return len(r.Terms) > 0 && !slices.ContainsFunc(one.Coef, func(c float64) bool { return c != 0 }) && one.Max > -1e-12
		})
		for k := range all {
			if all[k].Name = r.Name; len(all) > 1 {
				all[k].Name = r.Name + string(rune('A'+k/26)) + string(rune('a'+k%26))
			}
		}
		d.Rows = append(d.Rows, all...)
	}
	return d
}

// randomTerms adds terms to rows without a min, such that a point of the polytope satisfies them.
func randomTerms(d *lp.Description, r *rand.Rand) bool {
	p, err := lp.New(*d)
	if err != nil {
		return false
	}
	n := len(d.Entities)
	c := make([]float64, n)
	for j := range c {
		c[j] = r.NormFloat64()
	}
	x, _, err := p.Minimize(c, nil)
	if err != nil {
		return false
	}
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		return false
	}
	for k := range 1 + r.IntN(2) {
		row := lp.Row{Name: "terms" + string(rune('0'+k)), Coef: make([]float64, n), Min: math.Inf(-1)}
		left := 5
		for j := range n {
			if r.IntN(4) == 0 {
				row.Coef[j] = float64(r.IntN(5) - 2)
			}
			if left == 0 || r.IntN(3) == 0 {
				continue
			}
			left--
			t := lp.Term{Entity: j, Above: float64(r.IntN(3)), Below: float64(r.IntN(3)), Holding: r.IntN(2) == 0}
			t.From = []float64{0, x[j], lo[j], lo[j] + (hi[j]-lo[j])*r.Float64(), hi[j] + 0.5, math.Round(100*x[j]) / 100}[r.IntN(6)]
			if n > 1 && r.IntN(4) == 0 { // of two entities or all
				t.Entity, t.Holding, t.Sum = 0, false, make([]float64, n)
				t.Sum[j], t.Sum[(j+1)%n] = 1, -1
				if r.IntN(3) == 0 {
					for i := range t.Sum {
						t.Sum[i] = float64(1 + i%3)
					}
				}
			}
			row.Terms = append(row.Terms, t)
			row.Max += max(t.Above*(t.Of(x)-t.From), t.Below*(t.From-t.Of(x)))
		}
		for j, v := range row.Coef {
			row.Max += v * x[j]
		}
		row.Max += []float64{0, 0.01, 0.1, 1}[r.IntN(4)]
		d.Rows = append(d.Rows, row)
	}
	return true
}

// TestTerms holds intervals under convex terms to rational arithmetic on the polytope of
// all their sides, by every method, and with holdings of a state.
func TestTerms(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "terms"))
		d := lptest.RandomPolytope(r)
		if most := 5 + 3*r.IntN(2); len(d.Entities) > most || !randomTerms(&d, r) {
			return
		}
		p, err := lp.New(d)
		sides, wrong := lp.New(enumerated(d, nil))
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%v, of all sides %v\n%+v", err, wrong, d)
		}
		if err != nil {
			return
		}
		n := p.Dim()
		lo, hi, _ := lp.BoundingBox(p)
		lim := []lp.Limits{{}, {Holdings: make([]float64, n)}}
		for j := range n {
			lim[1].Holdings[j] = lo[j] + (hi[j]-lo[j])*r.Float64()
		}
		states := []*lp.Polytope{sides, nil}
		if states[1], err = lp.New(enumerated(d, lim[1].Holdings)); err != nil {
			var empty *lp.EmptyError
			if errors.As(err, &empty) && empty.Amount > 1e-8 && p.FindConflict(&lim[1]) == nil {
				t.Fatalf("no conflict where all sides have %v\n%+v", err, d)
			}
			lim, states = lim[:1], states[:1]
			kinds["empty"]++
		}
		for _, method := range []string{"auto", "clp", "lazy"} {
			s := opened(t, p, Config{Method: method, Workers: 1})
			if err := lptest.WalkChecked(s, r, lim, len(lim)); err != nil {
				t.Fatalf("%s: %v\n%+v\n%+v", method, err, d, lim)
			}
			kinds[s.Method()]++
		}
		// The exact interval of the rows with terms is that of the rows for all sides.
		for k, q := range states {
			var prefix []float64
			for range n {
				l, h, ok := lptest.ExactInterval(p, prefix, &lim[k], 0)
				sl, sh, sok := lptest.ExactInterval(q, prefix, nil, 0)
				if ok != sok {
					// Within rounding of the limit, the two may differ.
					_, _, ok = lptest.ExactInterval(p, prefix, &lim[k], 1e-12)
					_, _, sok = lptest.ExactInterval(q, prefix, nil, 1e-12)
					if !ok || !sok {
						t.Fatalf("state %d after %v: %v, of all sides %v\n%+v\n%+v", k, prefix, ok, sok, d, lim)
					}
					break
				}
				if ok && (!agree(l, sl) || !agree(h, sh)) {
					t.Fatalf("state %d after %v: [%v, %v] %v, of all sides [%v, %v] %v\n%+v\n%+v", k, prefix, l, h, ok, sl, sh, sok, d, lim)
				}
				if !ok {
					break
				}
				prefix = append(prefix, l+(h-l)*r.Float64())
			}
			if len(prefix) < n {
				continue
			}
			kinds["whole"]++
			// Residuals of the row are at least those of its sides on a scale that is no larger.
			x := slices.Clone(prefix)
			for j := range x {
				x[j] += 0.1 * r.NormFloat64()
			}
			if a, b := p.Residual(x, &lim[k]), q.Residual(x, nil); (a > 1e-12) != (b > 1e-12) {
				t.Fatalf("residual %v of %v, of all sides %v\n%+v", a, x, b, d)
			}
			// Projections.
			y, err := lp.ProjectWithin(p, &lim[k], x)
			z, zerr := lp.ProjectWithin(q, nil, x)
			if err != nil || zerr != nil {
				kinds["no projection"]++
				if err != nil && zerr == nil {
					t.Fatalf("projection of %v: %v\n%+v", x, err, d)
				}
				continue
			}
			for j := range y {
				if math.Abs(y[j]-z[j]) > 1e-6*max(1, math.Abs(z[j])) {
					t.Fatalf("projection of %v is %v, on all sides %v\n%+v", x, y, z, d)
				}
			}
		}
	})
	t.Log(kinds)
	if kinds["whole"] == 0 {
		t.Error("nothing was compared")
	}
}

func agree(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(a), math.Abs(b)) }

// TestTurnoverHasNoMemory compares every row with the bits that it has alone, in other batches and
// among other states, and with linear programs.
func TestTurnoverHasNoMemory(t *testing.T) {
	long.Test(t)
	for _, p := range []*lp.Polytope{
		withTurnover(t, lptest.Presets(t)[0], 0.2), withTurnover(t, lptest.CappedPortfolio(t, 0.2), 0.1),
		withTurnover(t, withLeverage(t, lptest.Presets(t)[0], 1.5), 0.2),
	} {
		const rows = 12
		n := p.Dim()
		r := rand.New(rng.New(3, "turnover memory"))
		place := make([]float64, rows*n)
		for k := range place {
			place[k] = r.Float64()
		}
		limits := heldStates(t, p, rows, r)
		s := opened(t, p, Config{})
		if s.Method() != "simplex" {
			t.Errorf("method %s", s.Method())
		}
		want := lptest.WalkPlaces(t, s, rows, limits, place)
		for _, batch := range []int{1, 7} {
			if err := lptest.SameBits(want, lptest.WalkPlaces(t, s, batch, limits, place)); err != nil {
				t.Errorf("batches of %d: %v", batch, err)
			}
		}
		ref := lptest.WalkPlaces(t, opened(t, p, Config{Method: "clp"}), rows, limits, place)
		for k, v := range want {
			if math.Abs(v-ref[k]) > 1e-9 {
				t.Errorf("endpoint %d is %v, by CLP %v", k, v, ref[k])
			}
		}
	}
}

// TestTurnoverAllocatesNothing begins new states all the time.
func TestTurnoverAllocatesNothing(t *testing.T) {
	p := withTurnover(t, lptest.Presets(t)[0], 0.2)
	const rows = 4
	allocatesNothing(t, opened(t, p, Config{}), rows, heldStates(t, p, 8*rows, rand.New(rng.New(4, "holdings"))))
}

// heldStates returns states with vertices for holdings, every fourth without any.
func heldStates(t *testing.T, p *lp.Polytope, states int, r *rand.Rand) []lp.Limits {
	limits, c := make([]lp.Limits, states), make([]float64, p.Dim())
	for k := range limits {
		for j := range c {
			c[j] = r.NormFloat64()
		}
		x, _, err := p.Minimize(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if k%4 > 0 {
			limits[k].Holdings = x
		}
	}
	return limits
}

// TestTermPrefixes fixes prefixes that are infeasible: what is said is what CLP says, of rows
// that the description has.
func TestTermPrefixes(t *testing.T) {
	p := withTurnover(t, lptest.Presets(t)[0], 0.2)
	for _, method := range []string{"auto", "clp"} {
		c := opened(t, p, Config{Method: method}).Chain(1)
		c.Begin(1, nil)
		lo, hi := make([]float64, 1), make([]float64, 1)
		if err := c.Next(lo, hi); err != nil {
			t.Fatal(err)
		}
		c.Fix([]float64{lo[0] - 0.1})
		var infeasible *lp.InfeasibleError
		if err := c.Next(lo, hi); !errors.As(err, &infeasible) || infeasible.Entity != 1 || !slices.Contains(infeasible.Conflict, "turnover") || slices.Contains(infeasible.Conflict, "") || lo[0] == lo[0] {
			t.Errorf("%s: %v", method, err)
		}
	}
}
