package lp_test

import (
	"fmt"
	"math"
	"testing"

	"paspo/lp"
	"paspo/lp/internal/optima"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// heldInOne is the lifted form of n names that add up to 1, all held in the first, with limits
// on turnover and leverage. The limits are decimals that add up but for their rounding, so that
// vertices lie closer to each other than the sweep's dictionary tells apart.
func heldInOne(t *testing.T, n int, low, turnover, leverage float64) program.Form {
	t.Helper()
	d := lp.Description{Total: 1, Rows: []lp.Row{
		{Name: "trade", Coef: make([]float64, n), Min: math.Inf(-1), Max: turnover},
		{Name: "leverage", Coef: make([]float64, n), Min: math.Inf(-1), Max: leverage},
	}}
	for j := range n {
		held := 0.
		if j == 0 {
			held = 1
		}
		d.Entities, d.Lower, d.Upper = append(d.Entities, fmt.Sprint("E", j)), append(d.Lower, low), append(d.Upper, 1)
		d.Rows[0].Terms = append(d.Rows[0].Terms, lp.Term{Entity: j, Above: 0.5, Below: 0.5, From: held, Holding: true})
		d.Rows[1].Terms = append(d.Rows[1].Terms, lp.Term{Entity: j, Above: 1, Below: 1})
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p.Lifted().Canonical().Form()
}

// Every optimum is proved without rational arithmetic, and is the one that rational arithmetic
// finds.
func TestSweepProvesOptimaOfDecimals(t *testing.T) {
	for _, limits := range [...][3]float64{{-0.1, 0.2, 1.2}, {-0.1, 0.2, 1.6}, {-0.2, 0.1, 1.4}, {-0.05, 0.1, 1.1}} {
		f := heldInOne(t, 6, limits[0], limits[1], limits[2])
		exactly := func(c, b []float64) float64 {
			r := program.Rational{A: f.A, B: b, E: f.E, F: f.F, L: f.L, U: f.U}
			v, ok := r.Minimize(c)
			if !ok {
				t.Fatalf("limits %v: nothing satisfies them", limits)
			}
			return -vec.Float(v)
		}
		s := optima.New(f)
		c := make([]float64, len(f.L))
		for j := range f.L {
			for _, sign := range [...]float64{-1, 1} {
				c[j] = -sign
				got, _, ok := s.Endpoint(j, sign)
				if want := sign * exactly(c, f.B); !ok || math.Abs(got-want) > 1e-12 {
					t.Errorf("limits %v: endpoint %g of entity %d is %v, proved %v; want %v", limits, sign, j, got, ok, want)
				}
			}
			c[j] = 0
		}
		s = optima.New(f)
		for k := len(f.B) - 1; k >= 0; k-- {
			row, _ := f.Side(k)
			b := append([]float64(nil), f.B...)
			b[k]++
			for j, v := range row {
				c[j] = -v
			}
			got, ok := s.Beyond(k, 1)
			if want := exactly(c, b); !ok || math.Abs(got-want) > 1e-12 {
				t.Errorf("limits %v: row %d comes to %v, proved %v; want %v", limits, k, got, ok, want)
			}
		}
	}
}
