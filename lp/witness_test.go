package lp_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/internal/vec"
	"paspo/lp/interval"
)

// checkVerdict checks that all who ask whether p is empty get the answer of New,
// which is no.
func checkVerdict(t interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, p *lp.Polytope) {
	if c := p.FindConflict(nil); c != nil {
		t.Errorf("New accepts what %q contradict", c)
	}
	c := make([]float64, p.Dim())
	for j := range c {
		for _, sign := range []float64{1, -1} {
			c[j] = sign
			x, _, err := p.Minimize(c, nil)
			if err != nil {
				t.Fatalf("least %g times %s: %v", sign, p.Entities()[j], err)
			}
			if r := p.Residual(x, nil); r > 1e-9 {
				t.Errorf("least %g times %s: residual %g", sign, p.Entities()[j], r)
			}
		}
		c[j] = 0
	}
	for _, m := range []string{"clp", "explicit", "lazy"} {
		s, err := interval.New(p, interval.Config{Method: m, Workers: 1})
		var budget *lp.BudgetError
		if errors.As(err, &budget) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", m, err)
			continue
		}
		chain := s.Chain(1)
		chain.Begin(1, nil)
		lo, hi := []float64{math.NaN()}, []float64{math.NaN()}
		if err := chain.Next(lo, hi); err != nil || !(lo[0] <= hi[0]) {
			t.Errorf("%s: first interval %v, %v: %v", m, lo, hi, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
}

func TestVerdictNearEmpty(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		d, gap := drawNearEmpty(t)
		p, err := lp.New(d)
		if err == nil {
			accepted++
			checkVerdict(t, p)
			return
		}
		var empty *lp.EmptyError
		if !errors.As(err, &empty) || len(empty.Conflict) == 0 {
			t.Fatalf("refused with %v", err)
		}
		if gap >= 0 {
			t.Fatalf("%v, with a gap of %g", err, gap)
		}
	})
	if accepted == 0 {
		t.Error("none was accepted")
	}
}

// drawNearEmpty draws limits through a point, and a row and its opposite that leave
// a gap of 1e-13 to 1e-6, overlap by as much, or do neither.
func drawNearEmpty(t *rapid.T) (d lp.Description, gap float64) {
	n := rapid.IntRange(2, 4).Draw(t, "entities")
	d = lp.Description{Entities: lptest.Names(n), Total: math.NaN(), Upper: make([]float64, n)}
	coef := rapid.Custom(func(t *rapid.T) float64 {
		return float64(rapid.IntRange(-1000, 1000).Draw(t, "c")) / 1000 * math.Pow(10, float64(rapid.IntRange(-4, 4).Draw(t, "decade")))
	})
	x := make([]float64, n)
	total := 0.
	for j := range x {
		x[j] = rapid.SampledFrom([]float64{0, 0.1, 0.3, 1}).Draw(t, "x")
		d.Upper[j] = x[j] + rapid.SampledFrom([]float64{0, 0.1, 1}).Draw(t, "above")
		total += x[j]
	}
	if rapid.Bool().Draw(t, "budget") {
		d.Total = total
	}
	row := func() lp.Row {
		r := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1)}
		for j := range r.Coef {
			r.Coef[j] = coef.Draw(t, "coefficient")
		}
		if vec.MaxAbs(r.Coef) == 0 {
			r.Coef[0] = 1
		}
		r.Max = vec.Dot(r.Coef, x)
		return r
	}
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		d.Rows = append(d.Rows, row())
	}
	r := row()
	opposite := lp.Row{Coef: negated(r.Coef), Min: math.Inf(-1), Max: -r.Max}
	switch gap = math.Pow(10, -float64(rapid.IntRange(6, 13).Draw(t, "gap"))); rapid.IntRange(0, 2).Draw(t, "side") {
	case 0:
		gap = 0
	case 1:
		gap = -gap
	}
	opposite.Max += gap * max(1, math.Abs(r.Max))
	d.Rows = append(d.Rows, r, opposite)
	return d, gap
}

func negated(v []float64) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = 0 - x
	}
	return w
}
