package relax

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
)

// leastExactly returns the least relaxation of rows that count from h, over all signs, in
// rational arithmetic.
func leastExactly(d lp.Description, h []float64) float64 {
	n := len(d.Entities)
	rat := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	rats := func(v []float64) (out []*big.Rat) {
		for _, x := range v {
			out = append(out, rat(x))
		}
		return out
	}
	q := exact.Problem{C: rats(append(make([]float64, n), 1)), Lower: rats(append(append([]float64(nil), d.Lower...), -10)), Upper: rats(append(append([]float64(nil), d.Upper...), 100))}
	add := func(coef []*big.Rat, b *big.Rat, eq bool) {
		q.A, q.B, q.Eq = append(q.A, coef), append(q.B, b), append(q.Eq, eq)
	}
	ones := make([]float64, n+1)
	for j := range n {
		ones[j] = 1
	}
	add(rats(ones), rat(d.Total), true)
	for _, r := range d.Rows {
		most := 0.
		for _, t := range r.Terms {
			if t.Holding {
				most = max(most, t.Above, t.Below)
			}
		}
		for signs := range 1 << len(r.Terms) {
			coef, b := rats(append(append([]float64(nil), r.Coef...), -most)), rat(r.Max)
			for i, t := range r.Terms {
				w := rat(t.Above)
				if signs>>i&1 == 1 {
					w = rat(-t.Below)
				}
				from := t.From
				if t.Holding {
					from = h[t.Entity]
				}
				coef[t.Entity].Add(coef[t.Entity], w)
				b.Add(b, new(big.Rat).Mul(w, rat(from)))
			}
			add(coef, b, false)
		}
	}
	s, status := exact.Minimize(&q)
	if status != exact.Optimal {
		return math.NaN()
	}
	v, _ := s.Value.Float64()
	return v
}

// TestHeld compares the least relaxation, with holdings anywhere, with rational arithmetic, and the
// allocations within the relaxed rows with linear programs.
func TestHeld(t *testing.T) {
	long.Test(t)
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "held"))
		n, states := 2+r.IntN(4), 4
		if r.IntN(8) == 0 { // with thousands of signs, which take seconds
			n, states = 6+r.IntN(3), 1
		}
		d := lp.Description{Total: 1, Lower: make([]float64, n), Upper: make([]float64, n)}
		short := r.IntN(2) == 0
		for j := range n {
			d.Entities = append(d.Entities, fmt.Sprint("e", j))
			d.Upper[j] = []float64{1, 0.6, 2}[r.IntN(3)]
			if short && j > 0 {
				d.Lower[j] = -[]float64{0, 0.2, 0.5}[r.IntN(3)]
			}
		}
		cap := lp.Row{Name: "cap", Coef: make([]float64, n), Min: math.Inf(-1), Max: 0.75}
		for j := range n {
			cap.Coef[j] = float64(r.IntN(3)) / 2
		}
		d.Rows = append(d.Rows, cap)
		terms := func(name string, above, below, most float64, holding bool) {
			row := lp.Row{Name: name, Coef: make([]float64, n), Min: math.Inf(-1), Max: most}
			for j := range n {
				if r.IntN(4) > 0 {
					row.Terms = append(row.Terms, lp.Term{Entity: j, Above: above, Below: below, Holding: holding})
				}
			}
			if row.Terms != nil {
				d.Rows = append(d.Rows, row)
			}
		}
		if short {
			terms("leverage", 1, 1, 1.5, false)
		}
		base := d
		terms("turnover", 2, 2, 2*[]float64{0, 0.05, 0.2, 1}[r.IntN(4)], true)
		if r.IntN(3) == 0 {
			terms("sold", 0, 1, 0.1, true)
		}
		// The polytope's own holdings keep all limits.
		b, err := lp.New(base)
		if err != nil {
			return
		}
		x, err := lp.Project(b, make([]float64, n))
		if err != nil {
			t.Fatal(err)
		}
		for k := range d.Rows {
			for i := range d.Rows[k].Terms {
				if term := &d.Rows[k].Terms[i]; term.Holding {
					term.From = x[term.Entity]
				}
			}
		}
		p, err := lp.New(d)
		if err != nil {
			t.Fatalf("%v\n%+v", err, d)
		}
		template, err := NewHeld(p)
		if err != nil {
			t.Fatal(err)
		}
		if template == nil {
			kinds["no holdings"]++
			return
		}
		w := template.New()
		h := make([]float64, n)
		for range states {
			sum := 0.
			for j := range h {
				h[j] = r.ExpFloat64()
				if short && r.IntN(3) == 0 {
					h[j] = -h[j] / 2
				}
				sum += h[j]
			}
			for j := range h {
				if h[j] /= sum; math.Abs(sum) < 0.1 {
					h[j] = 1 / float64(n)
				}
			}
			var lim lp.Limits
			by, want := w.Limits(h, &lim), leastExactly(d, h)
			if math.IsNaN(want) {
				kinds["empty by rounding"]++
				continue
			}
			if !(by >= want-1e-12 && by >= 0) || by > max(0, want+Margin)+1e-10 {
				t.Fatalf("%v at %v, the least is %v\n%+v", by, h, want, d)
			}
			if n > 5 {
				kinds["more than 5 entities"]++
			}
			if by > 0 {
				kinds["relaxed"]++
			} else {
				kinds["as stated"]++
			}
			if a, _, err := p.Minimize(h, &lim); err != nil || p.Residual(a, &lim) > 1e-9 {
				t.Fatalf("relaxed by %v at %v: %v\n%+v", by, h, err, d)
			}
			var other lp.Limits
			if v := template.New().Limits(h, &other); v != by {
				t.Fatalf("%v, and %v alone", by, v)
			}
		}
	})
	t.Log(kinds)
	if kinds["relaxed"] == 0 || kinds["as stated"] == 0 || kinds["more than 5 entities"] == 0 {
		t.Error("too little was compared")
	}
}
