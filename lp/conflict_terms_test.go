package lp_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
)

// drawWithTerms draws limits of shares of a whole, most of them with convex terms and many of
// them without an allocation, and what is held.
func drawWithTerms(r *rand.Rand) (d lp.Description, held []float64) {
	pick := func(v ...float64) float64 { return v[r.IntN(len(v))] }
	n := 2 + r.IntN(5)
	d = lp.Description{Entities: lptest.Names(n), Total: 1, Lower: make([]float64, n), Upper: make([]float64, n)}
	if r.IntN(6) == 0 {
		d.Total = math.NaN()
	}
	held = make([]float64, n)
	for j := range n {
		d.Lower[j], d.Upper[j] = pick(0, 0, -0.3, -1, 0.2), pick(1, 1, 2, 0.5, 0.3)
		held[j] = pick(0, 1/float64(n), 0.5, r.Float64(), -0.2)
	}
	for range 1 + r.IntN(4) {
		row := lp.Row{Name: "r" + vec.Text(float64(len(d.Rows))), Coef: make([]float64, n), Min: math.Inf(-1), Max: math.Inf(1)}
		if r.IntN(3) > 0 {
			for j := range n {
				row.Coef[j] = pick(0, 0, 0, 1, -1, 0.5, r.NormFloat64())
			}
		}
		row.Max = pick(0.1, 0.5, 1, r.Float64(), -0.2)
		if r.IntN(4) == 0 && vec.MaxAbs(row.Coef) > 0 {
			row.Min = row.Max - pick(0, 0.2)
		} else {
			above, below, holding := pick(1, 1, 0, 2), pick(1, 1, 0, 0.5), r.IntN(2) == 0
			for j := range n {
				if r.IntN(3) == 0 {
					continue
				}
				t := lp.Term{Entity: j, Above: above, Below: below, Holding: holding}
				if holding {
					t.From = held[j]
				} else if r.IntN(4) == 0 {
					t.From = pick(0.1, 0.7)
				} else if r.IntN(6) == 0 {
					t.Entity, t.Sum = 0, make([]float64, n)
					t.Sum[j], t.Sum[r.IntN(n)] = 1, -1
				}
				row.Terms = append(row.Terms, t)
			}
		}
		if vec.MaxAbs(row.Coef) > 0 || row.Terms != nil {
			d.Rows = append(d.Rows, row)
		}
	}
	return d, held
}

// Nothing satisfies the limits of a conflict, and something does without any one of them, a row
// with its terms being one. This is looked at in rational arithmetic over all signs of the terms.
func TestConflictsWithTermsAreProven(t *testing.T) {
	const rounding = 1e-13 // of limits that terms move
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "conflicts"))
		d, _ := drawWithTerms(r)
		p, err := lp.New(d)
		var empty *lp.EmptyError
		if err == nil {
			kinds["none"]++
			// The same limits in a state in which others are held.
			lim := lp.Limits{Holdings: make([]float64, p.Dim())}
			for j := range lim.Holdings {
				lim.Holdings[j] = 3*r.Float64() - 1
			}
			conflict := p.FindConflict(&lim)
			moved := d
			moved.Rows = slices.Clone(d.Rows)
			for k := range moved.Rows {
				moved.Rows[k].Terms = slices.Clone(moved.Rows[k].Terms)
				for i := range moved.Rows[k].Terms {
					if term := &moved.Rows[k].Terms[i]; term.Holding {
						term.From = lim.Holdings[term.Entity]
					}
				}
			}
			if conflict == nil {
				if exactlyEmpty(loosened(membersOf(&moved), 1e-8)) {
					t.Errorf("no conflict with %v held\n%+v", lim.Holdings, d)
				}
				return
			}
			kinds["held"]++
			if fault := conflictFault(&moved, conflict, rounding); fault != "" {
				t.Errorf("%q: %s with %v held\n%+v", conflict, fault, lim.Holdings, d)
			}
			return
		}
		if !errors.As(err, &empty) {
			if exactlyEmpty(loosened(membersOf(&d), 1e-8)) {
				t.Errorf("%v\n%+v", err, d)
			}
			return
		}
		kinds["empty"]++
		if fault := conflictFault(&d, empty.Conflict, rounding); fault != "" {
			t.Errorf("%q: %s\n%+v", empty.Conflict, fault, d)
		}
	})
	t.Log(kinds)
	if !testing.Short() && (kinds["empty"] < 10 || kinds["held"] < 10) {
		t.Errorf("too few conflicts: %v", kinds)
	}
}
